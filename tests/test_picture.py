from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen
from matplotlib import font_manager
from matplotlib.patches import FancyBboxPatch, PathPatch

from seq2seq_pl import picture

TARGET = ["▁Die", "▁Hunde", "</s>"]
SOURCE = ["▁the", "▁dog", "s", ".", "</s>"]


def weights(rows: int, columns: int) -> np.ndarray:
    return np.random.default_rng(1).dirichlet(np.ones(columns), size=rows)


@pytest.fixture
def chinese_font(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A font with two characters, which the system has but matplotlib's cache does not know yet."""
    pen = TTGlyphPen(None)
    for move, point in (("moveTo", (100, 0)), ("lineTo", (100, 700)), ("lineTo", (800, 700)), ("lineTo", (800, 0))):
        getattr(pen, move)(point)
    pen.closePath()
    glyph = pen.glyph()
    builder = FontBuilder(1000, isTTF=True)
    builder.setupGlyphOrder([".notdef", "cat", "dog"])
    builder.setupCharacterMap({ord("猫"): "cat", ord("狗"): "dog"})
    builder.setupGlyf(dict.fromkeys((".notdef", "cat", "dog"), glyph))
    builder.setupHorizontalMetrics(dict.fromkeys((".notdef", "cat", "dog"), (900, 100)))
    builder.setupHorizontalHeader(ascent=800, descent=-200)
    builder.setupNameTable({"familyName": "Noto Sans CJK AAA", "styleName": "Regular"})
    builder.setupOS2()
    builder.setupPost()
    path = tmp_path / "tiny.ttf"
    builder.save(path)
    (tmp_path / "broken.ttf").write_bytes(b"no font")
    before = list(font_manager.fontManager.ttflist)
    monkeypatch.setattr(font_manager, "findSystemFonts", lambda: [str(path), str(tmp_path / "broken.ttf")])
    picture._candidates.cache_clear()
    picture._search.cache_clear()
    yield "Noto Sans CJK AAA"
    font_manager.fontManager.ttflist[:] = before
    picture._candidates.cache_clear()
    picture._search.cache_clear()


def test_an_attention_map_has_a_row_a_target_token_and_a_column_a_source_token() -> None:
    drawn = weights(3, 5)
    axes = picture.attention_map(drawn, TARGET, SOURCE, "val/translation").axes[0]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["the", "dog", "s", ".", "</s>"]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["Die", "Hunde", "</s>"]
    np.testing.assert_array_equal(axes.images[0].get_array(), drawn)
    assert axes.images[0].get_clim() == (0, 1)  # the same colours in every picture


def test_the_darkest_pixel_column_is_where_the_weight_is() -> None:
    one_hot = np.eye(4)[[2, 0, 3, 1]]
    figure = picture.attention_map(one_hot, list("abcd"), list("wxyz"), "")
    image = picture.pixels(figure)
    places = figure.axes[0].transData.transform([(x, y) for y, x in enumerate((2, 0, 3, 1))])
    for x, y in places.round().astype(int):
        assert image[len(image) - 1 - y, x].tolist() == [8, 48, 107]  # the dark end of "Blues"


@pytest.mark.parametrize(("rows", "columns"), [(1, 1), (2, 70), (60, 2)])
def test_any_size_can_be_drawn(rows: int, columns: int) -> None:
    image = picture.pixels(picture.attention_map(weights(rows, columns), ["x"] * rows, ["▁word"] * columns, "a title"))
    assert image.dtype == np.uint8
    assert image.ndim == 3
    assert image.shape[2] == 3
    assert max(image.shape) <= 30 * picture.DOTS_PER_INCH


def test_dollar_signs_and_unknown_scripts_draw_without_complaint() -> None:
    picture.pixels(picture.attention_map(weights(2, 2), ["$x^{$", "\\frac$"], ["\U000f0000", "a\tb"], "$_$"))


@pytest.mark.parametrize(
    ("token", "label"),
    [
        ("▁dog", "dog"),
        ("dog", "dog"),
        ("▁", "␣"),
        ("", "␣"),
        ("a▁b", "a b"),
        ("</s>", "</s>"),
        ("猫", "猫"),
        ("\t", "␣"),
        ("x" * 30, "x" * 23 + "…"),
    ],
)
def test_labels_are_readable(token: str, label: str) -> None:
    assert picture.readable(token) == label


def test_latin_greek_and_cyrillic_need_no_other_font() -> None:
    assert picture.font_families(["dog", "σκύλος", "собака", "Größe…␣"]) == ["DejaVu Sans"]


def test_a_newly_installed_font_is_found_by_the_characters_it_has(chinese_font: str) -> None:
    assert picture.font_families(["a猫", "狗"]) == ["DejaVu Sans", chinese_font]
    assert picture.undrawable(["a猫", "狗"]) == ""
    assert picture.undrawable(["猫\U000f0000狗"]) == ""  # private use: not printable, nothing to advise
    axes = picture.attention_map(weights(1, 2), ["猫"], ["狗", "x"], "").axes[0]
    assert axes.get_yticklabels()[0].get_fontfamily() == ["DejaVu Sans", chinese_font]


def test_a_character_of_the_found_font_is_drawn_from_it(chinese_font: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with_font = picture.pixels(picture.attention_map(np.zeros((1, 1)), ["猫"], ["x"], ""))
    picture._search.cache_clear()
    picture._candidates.cache_clear()
    font_manager.fontManager.ttflist[:] = [e for e in font_manager.fontManager.ttflist if e.name != chinese_font]
    monkeypatch.setattr(font_manager, "findSystemFonts", list)
    without = picture.pixels(picture.attention_map(np.zeros((1, 1)), ["猫"], ["x"], ""))
    assert with_font.shape != without.shape or (with_font != without).any()


def test_characters_that_no_font_has_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(picture, "_candidates", lambda: ())
    picture._search.cache_clear()
    assert picture.undrawable(["狗 a 猫"]) == "狗猫"
    assert picture.font_families(["狗 a 猫"]) == ["DejaVu Sans"]
    picture._search.cache_clear()


def test_bars_show_value_label_and_count() -> None:
    figure = picture.bars(["1-5", "6+"], [40.06, 12.0], [1200, 3], x="source length (words)", y="bleu", title="t")
    axes = figure.axes[0]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["1-5\n(n=1,200)", "6+\n(n=3)"]
    assert [bar.get_height() for bar in axes.patches] == [40.06, 12.0]
    assert {"40.1", "12.0"} <= {text.get_text() for text in axes.texts}
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("source length (words)", "bleu")
    assert picture.pixels(figure).any()


@pytest.mark.parametrize("values", [[0.0], [float("nan")], [-1.0]])
def test_bars_without_height_can_be_drawn(values: list[float]) -> None:
    picture.pixels(picture.bars(["1-5"], values, [1], x="x", y="y", title=""))


def spot(text: str, x: float, y: float, fate: str, parent: int, best: bool = False) -> picture.Spot:
    return picture.Spot(x, y, 60, text, "42%", "", fate, best, 3.0, parent)


TREE = [
    spot("<s>", 8, 45, "start", -1, best=True),
    spot("Hunde", 108, 45, "live", 0, best=True),
    spot("$x^{$", 108, 75, "pruned", 0),
    spot("</s>", 208, 45, "kept", 1, best=True),
    spot("+2 pruned", 208, 75, "folded", 1),
]


def test_a_tree_has_a_box_a_spot_a_line_a_parent_and_a_ring_where_something_was_kept() -> None:
    axes = picture.tree_picture(TREE, "val/translation").axes[0]
    frames = [patch for patch in axes.patches if isinstance(patch, FancyBboxPatch)]
    lines = [patch for patch in axes.patches if isinstance(patch, PathPatch)]
    assert {(frame.get_x(), frame.get_y(), frame.get_width(), frame.get_height()) for frame in frames} == {
        *((spot.x, spot.y - 11, 60, 22) for spot in TREE),
        (205, 31, 66, 28),
    }
    ends = {(tuple(line.get_path().vertices[0]), tuple(line.get_path().vertices[-1])) for line in lines}
    assert ends == {((68, 45), (108, 45)), ((68, 45), (108, 75)), ((168, 45), (208, 45)), ((168, 45), (208, 75))}
    dashed = [tuple(line.get_path().vertices[-1]) for line in lines if line.get_linestyle() not in ("-", "solid")]
    assert dashed == [(108, 75)]
    assert [text.get_text() for text in axes.texts if text.get_weight() == "bold"] == ["<s>", "Hunde", "</s>"]


def test_dashes_are_as_long_in_a_wide_line_as_around_a_box() -> None:
    wide = replace(TREE[2], y=105, line=6.0)
    patches = picture.tree_picture([*TREE, wide], "").axes[0].patches
    dashed = [patch for patch in patches if patch.get_linestyle() not in ("-", "solid")]
    assert {type(patch) for patch in dashed} == {FancyBboxPatch, PathPatch}
    lengths = [patch.get_linestyle()[1][0] * patch.get_linewidth() for patch in dashed]
    assert lengths == pytest.approx([lengths[0]] * 4)


def test_the_line_of_the_result_is_seen() -> None:
    figure = picture.tree_picture(TREE, "")
    image = picture.pixels(figure)
    x, y = figure.axes[0].transData.transform((90, 45)).round().astype(int)
    assert image[len(image) - 1 - y, x].tolist() == [0x0B, 0x57, 0xB0]


def test_trees_of_any_size_can_be_drawn() -> None:
    chain = [spot("▁word", 8 + 100 * place, 45 + 7 * place, "live", place - 1) for place in range(200)]
    for spots in (TREE[:1], chain):
        image = picture.pixels(picture.tree_picture(spots, "a title"))
        assert max(image.shape) <= (30 + 0.35) * picture.DOTS_PER_INCH


def test_the_tokens_of_a_tree_are_drawn_in_a_font_that_has_them(chinese_font: str) -> None:
    axes = picture.tree_picture([spot("猫", 8, 45, "live", -1)], "").axes[0]
    assert axes.texts[0].get_fontfamily() == ["DejaVu Sans", chinese_font]
