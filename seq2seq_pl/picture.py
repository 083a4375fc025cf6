"""Pictures: figure <- data. Drawn on Agg canvases of their own, so nothing needs a display and nothing stays open."""

from __future__ import annotations

import unicodedata
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from matplotlib import font_manager
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ft2font import FT2Font
from matplotlib.patches import FancyBboxPatch, Patch, PathPatch
from matplotlib.path import Path
from matplotlib.text import Text
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

SPACE = "▁"
DOTS_PER_INCH = 120
LONGEST_LABEL = 24  # characters
BEST, KEPT, FADED = "#0b57b0", "#14713a", ("pruned", "folded")  # colours of a tree, and who has none
BASE_FONT = "DejaVu Sans"  # comes with matplotlib
PLACEHOLDER_FONT = "Last Resort"  # comes with matplotlib; has every character, as a box
PREFERRED_FONTS = (
    "Noto Sans CJK",
    "Source Han Sans",
    "WenQuanYi",
    "PingFang",
    "Hiragino",
    "Microsoft YaHei",
    "SimHei",
    "Yu Gothic",
    "Noto Sans",
    "Arial Unicode",
)
"""Beginnings of family names, best first; any other installed font is tried after these."""

# -- figures ---------------------------------------------------------------------------------------------------------


def attention_map(
    weights: NDArray[np.floating], target_tokens: Sequence[str], source_tokens: Sequence[str], title: str
) -> Figure:
    """Where the decoder looked: a row for each target token, a column for each source token.

    Args:
        weights: (T, S), each in [0, 1].
        target_tokens: T tokens as the tokenizer writes them.
        source_tokens: S tokens.
    """
    rows, columns = [readable(token) for token in target_tokens], [readable(token) for token in source_tokens]
    families = font_families([*rows, *columns, title])
    width = min(max(2.6 + 0.34 * len(columns), 1 + 0.085 * len(title), 4.5), 30)  # inches
    height = min(1.8 + 0.30 * len(rows), 30)
    figure = Figure(figsize=(width, max(height, 3.0)), dpi=DOTS_PER_INCH, layout="constrained")
    axes = figure.add_subplot()
    image = axes.imshow(weights, cmap="Blues", vmin=0, vmax=1, aspect="auto", interpolation="nearest")
    axes.xaxis.tick_top()
    axes.xaxis.set_label_position("bottom")
    axes.set_xticks(range(len(columns)), labels=columns)
    for label in axes.get_xticklabels():
        if len(label.get_text()) > 2:
            label.set(rotation=50, horizontalalignment="left", rotation_mode="anchor")
    axes.set_yticks(range(len(rows)), labels=rows)
    axes.tick_params(length=0)
    axes.set_xticks(np.arange(len(columns) + 1) - 0.5, minor=True)
    axes.set_yticks(np.arange(len(rows) + 1) - 0.5, minor=True)
    axes.grid(which="minor", color="0.9", linewidth=0.6)
    axes.tick_params(which="minor", length=0)
    axes.spines[:].set_visible(False)
    axes.set_xlabel("source", color="0.4")
    axes.set_ylabel("target", color="0.4")
    bar = figure.colorbar(image, ax=axes, pad=0.15 / width, fraction=0.35 / width, aspect=40)
    bar.set_label("attention weight")
    bar.outline.set_visible(False)
    figure.suptitle(title, fontsize=10)
    literally(figure, families)
    return figure


def bars(
    labels: Sequence[str], values: Sequence[float], counts: Sequence[int], *, x: str, y: str, title: str
) -> Figure:
    """A bar for each label, with its value above and how many sentences stand behind it below."""
    figure = Figure(figsize=(max(5.0, 1.6 + 0.95 * len(labels)), 4.0), dpi=DOTS_PER_INCH, layout="constrained")
    axes = figure.add_subplot()
    places = range(len(labels))
    heights = [value if np.isfinite(value) else 0.0 for value in values]
    drawn = axes.bar(places, heights, width=0.72, color="#4878a8")
    axes.bar_label(drawn, labels=[f"{value:.1f}" for value in values], padding=2, fontsize=9)
    ticks = [f"{label}\n(n={count:,})" for label, count in zip(labels, counts, strict=True)]
    axes.set_xticks(places, labels=ticks)
    axes.set_ylim(bottom=min([0.0, *heights]), top=max([*heights, 0.0]) * 1.12 or 1.0)
    axes.yaxis.set_major_locator(MaxNLocator(6))
    axes.grid(axis="y", color="0.9")
    axes.set_axisbelow(True)
    axes.tick_params(axis="x", length=0)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    axes.set_title(title, fontsize=11)
    literally(figure, font_families([x, y, title]))
    return figure


@dataclass(frozen=True)
class Spot:
    """A box of a tree; lengths in pixels, 96 to the inch.

    Attributes:
        x: its left edge.
        y: its middle, counted downwards.
        width: of the box.
        text: what it says.
        note: what it says small at its right end.
        hint: what it says when pointed at.
        fate: of the candidate in it; "folded" for many of them, "start" for none.
        best: whether the result goes through it.
        line: width of the line from its parent.
        parent: index of its parent; -1 for the root.
    """

    x: float
    y: float
    width: float
    text: str
    note: str
    hint: str
    fate: str
    best: bool
    line: float
    parent: int


def tree_picture(spots: Sequence[Spot], title: str) -> Figure:
    """A tree from left to right; bold is the result, ringed what was kept, dashed what was pruned."""
    right = max(*(spot.x + spot.width + 8 for spot in spots), 40 + 8.2 * len(title))
    bottom = max(spot.y for spot in spots) + 20
    inch = max(96.0, right / 30, bottom / 30)  # pixels; more of them where the figure would not fit 30 inches
    height = bottom / inch + 0.35
    figure = Figure(figsize=(right / inch, height), dpi=DOTS_PER_INCH)
    axes = figure.add_axes((0, 0, 1, 1 - 0.35 / height), xlim=(0, right), ylim=(bottom, 0))
    axes.axis("off")
    points = 72 / inch  # in a pixel
    for spot in sorted(spots, key=lambda spot: spot.best):  # the result over the others
        for patch in (*_line(spot, spots, points), *_frame(spot, points)):
            axes.add_patch(patch)
        ink, weight = "0.45" if spot.fate in FADED else "0.1", "bold" if spot.best else "normal"
        axes.text(spot.x + 8, spot.y, spot.text, size=12 * points, va="center", color=ink, weight=weight)
        end = spot.x + spot.width - 8
        axes.text(end, spot.y, spot.note, size=9 * points, va="center", ha="right", color="0.4")
    figure.suptitle(title, fontsize=10)
    literally(figure, font_families([title, *(spot.text for spot in spots)]))
    return figure


def _line(spot: Spot, spots: Sequence[Spot], points: float) -> list[Patch]:
    """From the parent's right edge to the left edge."""
    if spot.parent < 0:
        return []
    parent = spots[spot.parent]
    start = parent.x + parent.width
    bend = (start + spot.x) / 2
    curve = Path(
        [(start, parent.y), (bend, parent.y), (bend, spot.y), (spot.x, spot.y)],
        [Path.MOVETO, Path.CURVE4, Path.CURVE4, Path.CURVE4],
    )
    color, style = _stroke(spot, spot.line)
    width = spot.line * points
    return [PathPatch(curve, fill=False, edgecolor=color, linestyle=style, linewidth=width, zorder=0.5)]


def _frame(spot: Spot, points: float) -> list[Patch]:
    """The box, within a ring if it was kept."""
    color, style = _stroke(spot)
    return [
        FancyBboxPatch(
            (spot.x - beyond, spot.y - 11 - beyond),
            spot.width + 2 * beyond,
            22 + 2 * beyond,
            boxstyle="round,pad=0,rounding_size=6",
            facecolor="#e2edfa" if spot.best else "white",
            edgecolor=KEPT if beyond else "none" if spot.fate == "folded" else color,
            linestyle=style,
            linewidth=(2 if spot.best else 1) * points,
        )
        for beyond in ((3, 0) if spot.fate == "kept" else (0,))
    ]


def _stroke(spot: Spot, width: float = 1.0) -> tuple[str, str | tuple[int, tuple[float, float]]]:
    """Colour and style; dashes are as long in a wide line, though matplotlib counts them in widths."""
    color = BEST if spot.best else KEPT if spot.fate == "kept" else "0.55" if spot.fate in FADED else "0.4"
    return color, (0, (3 / width, 3 / width)) if spot.fate == "pruned" else "solid"


def literally(figure: Figure, families: Sequence[str]) -> None:
    """Every text in fonts that have its letters, and "$" as a dollar sign."""
    for text in figure.findobj(Text):
        assert isinstance(text, Text)
        text.set(parse_math=False, family=families)


def pixels(figure: Figure) -> NDArray[np.uint8]:
    """The figure as an image, (height, width, 3)."""
    canvas = FigureCanvasAgg(figure)
    with warnings.catch_warnings():
        # Who draws says once which characters no font has; matplotlib would say it for each of them, each time.
        warnings.filterwarnings("ignore", message=r"Glyph .* missing from (current )?font")
        canvas.draw()  # type: ignore[no-untyped-call]
    image: NDArray[np.uint8] = np.asarray(canvas.buffer_rgba())[..., :3].copy()  # type: ignore[no-untyped-call]
    return image


# -- text ------------------------------------------------------------------------------------------------------------


def readable(token: str) -> str:
    """A token as a label: without the mark of its space, "▁" alone as "␣", cut where it is very long."""
    bare = token.removeprefix(SPACE).replace(SPACE, " ")
    shown = "".join(" " if unicodedata.category(character) == "Cc" else character for character in bare)
    if not shown.strip():
        return "␣"
    return shown if len(shown) <= LONGEST_LABEL else f"{shown[: LONGEST_LABEL - 1]}…"


def font_families(texts: Iterable[str]) -> list[str]:
    """Families that together draw these texts as far as the installed fonts can; first the one for Latin script."""
    return [BASE_FONT, *_search(_beyond_base(texts))[0]]


def undrawable(texts: Iterable[str]) -> str:
    """The characters of these texts that no installed font has, in code order."""
    return "".join(sorted(_search(_beyond_base(texts))[1]))


def _beyond_base(texts: Iterable[str]) -> frozenset[str]:
    characters = {character for text in texts for character in text if character.isprintable()}
    return frozenset(characters - _covered(_base_font(), frozenset(characters)))


@lru_cache(maxsize=1)
def _base_font() -> tuple[str, int]:
    return str(font_manager.findfont(BASE_FONT)), 0


@lru_cache(maxsize=64)
def _search(missing: frozenset[str]) -> tuple[tuple[str, ...], frozenset[str]]:
    """Families that have the missing characters, taken greedily in order of preference, and what then is left."""
    families: list[str] = []
    for path, index, family in _candidates() if missing else ():
        covered = _covered((path, index), missing)
        if covered and family not in families:
            families.append(family)
            missing -= covered
        if not missing:
            break
    return tuple(families), missing


@lru_cache(maxsize=1)
def _candidates() -> tuple[tuple[str, int, str], ...]:
    """Path, face and family of all upright fonts of normal weight, preferred families first."""
    _add_new_fonts()
    upright = [
        (str(entry.fname), int(getattr(entry, "index", 0)), str(entry.name))
        for entry in font_manager.fontManager.ttflist
        if entry.style == "normal"
        and entry.weight in (400, "normal", "regular", "book")
        and not entry.name.startswith(PLACEHOLDER_FONT)
    ]

    def preference(font: tuple[str, int, str]) -> tuple[int, str]:
        ranks = (rank for rank, start in enumerate(PREFERRED_FONTS) if font[2].startswith(start))
        return next(ranks, len(PREFERRED_FONTS)), font[2]

    return tuple(sorted(upright, key=preference))


def _add_new_fonts() -> None:
    """Fonts installed since matplotlib wrote its cache; without this, following our own advice would not help."""
    known = {str(entry.fname) for entry in font_manager.fontManager.ttflist}
    for path in sorted(set(font_manager.findSystemFonts()) - known):
        try:
            font_manager.fontManager.addfont(path)
        except (OSError, RuntimeError, ValueError):  # a font that FreeType cannot read is of no use to us either
            continue


def _covered(font: tuple[str, int], characters: frozenset[str]) -> set[str]:
    path, index = font
    try:
        face = FT2Font(path, face_index=index) if index else FT2Font(path)
    except (OSError, RuntimeError):
        return set()
    return {character for character in characters if face.get_char_index(ord(character))}
