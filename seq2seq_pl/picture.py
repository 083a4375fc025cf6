"""Pictures: figure <- data. Drawn on Agg canvases of their own, so nothing needs a display and nothing stays open."""

from __future__ import annotations

import unicodedata
import warnings
from collections.abc import Iterable, Sequence
from functools import lru_cache

import numpy as np
from matplotlib import font_manager
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ft2font import FT2Font
from matplotlib.text import Text
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

SPACE = "▁"
DOTS_PER_INCH = 120
LONGEST_LABEL = 24  # characters
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
    _literally(figure, families)
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
    _literally(figure, font_families([x, y, title]))
    return figure


def _literally(figure: Figure, families: Sequence[str]) -> None:
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
