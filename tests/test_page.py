from __future__ import annotations

import base64
import hashlib
import io
import re
from html.parser import HTMLParser

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markupsafe import Markup
from matplotlib.image import imread

from seq2seq_pl import page
from seq2seq_pl.page import Number, Section, difference, heatmap, image, table

VOID = {"meta", "img", "br"}
HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(1)",
    "</title></style></td></table><!--",
    "a & b &lt; c &#60;",
    "{{ 7 * 7 }}{% raw %}{}%s",
    "one\u2028two\u2029three",
    "\x00\x1b[31m\x07\x7f\x85\ufffe",
    "\u202egnp.exe\u2067",
    "\ud800 lone surrogate",
    "لا <b>كتاب</b> 猫",
]


class Tags(HTMLParser):
    """What a browser would make of a document: its tags with their attributes, and the text of each element."""

    def __init__(self, document: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.texts: dict[str, list[str]] = {}
        self.open: list[str] = []
        self.feed(document)
        self.close()

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attributes}))
        if tag not in VOID:
            self.open.append(tag)
            self.texts.setdefault(tag, []).append("")

    def handle_startendtag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attributes)
        self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        for tag in set(self.open):
            self.texts[tag][-1] += data

    def attributes(self, name: str) -> list[str]:
        return [attributes[name] for _, attributes in self.tags if name in attributes]


def everything(text: str) -> str:
    """A page with this text wherever a text can be."""
    rows = [[text, Number(1.5, note=text, best=True), difference(text, "other")[0]], [text, Number(2), text]]
    body = Markup().join(
        [
            table([text, text, text], rows, caption=text),
            heatmap(np.eye(2), [text, text], [text, text], text),
            image(np.zeros((2, 3, 3), np.uint8), text),
        ]
    )
    return page.page(text, [Section(text, body)] * 3, text)


# -- the page --------------------------------------------------------------------------------------------------------


def test_every_tag_that_opens_closes_and_the_basics_are_there() -> None:
    document = everything("harmless text")
    parsed = Tags(document)
    assert parsed.open == []
    assert document.startswith("<!DOCTYPE html>")
    assert parsed.tags[0] == ("html", {"lang": "en"})
    assert parsed.tags[2] == ("meta", {"charset": "utf-8"})
    assert {"name": "viewport", "content": "width=device-width, initial-scale=1"} in [given for _, given in parsed.tags]
    assert parsed.texts["title"] == parsed.texts["h1"] == ["harmless text"]
    assert "prefers-color-scheme: dark" in document
    assert "@media print" in document


@pytest.mark.parametrize("text", HOSTILE, ids=ascii)
def test_no_text_changes_what_a_page_is_made_of(text: str) -> None:
    def structure(document: str) -> list[tuple[str, list[str]]]:
        return [(tag, sorted(set(attributes) - {"class"})) for tag, attributes in Tags(document).tags]

    assert structure(everything(text)) == structure(everything("harmless text"))


@pytest.mark.parametrize("text", HOSTILE, ids=ascii)
def test_every_text_is_shown_as_it_is_but_for_characters_that_a_page_cannot_hold(text: str) -> None:
    document = everything(text)
    document.encode("utf-8")
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufffe\uffff]", document)
    shown = re.sub("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufffe\uffff]", "\ufffd", text)
    parsed = Tags(document)
    assert parsed.texts["title"] == parsed.texts["h1"] == [shown]
    assert parsed.texts["h2"] == [shown] * 3
    assert parsed.attributes("alt") == [shown] * 3
    assert all(row.endswith(shown) for row in parsed.texts["td"] if "other" in row)


def test_a_page_loads_nothing_from_anywhere() -> None:
    document = everything("harmless text")
    parsed = Tags(document)
    assert not re.search(r"https?:|@import|url\(", document)
    assert all(link.startswith("#") for link in parsed.attributes("href"))
    assert all(source.startswith("data:image/png;base64,") for source in parsed.attributes("src"))
    assert {tag for tag, _ in parsed.tags}.isdisjoint({"link", "iframe", "object", "embed", "base", "form"})


def test_the_policy_lets_only_the_pages_own_script_run() -> None:
    document = page.page("t", [Section("one", table(["a"], [[1], [2]])), Section("two", table(["a"], [[1], [2]]))])
    (script,) = re.findall(r"<script>(.*?)</script>", document, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    (policy,) = (given["content"] for _, given in Tags(document).tags if "http-equiv" in given)
    assert policy.startswith("default-src 'none'; ")
    assert f"script-src 'sha256-{digest}';" in policy


@pytest.mark.parametrize(("sections", "listed"), [(2, 0), (3, 3)])
def test_more_than_two_sections_are_listed_with_links_to_them(sections: int, listed: int) -> None:
    parsed = Tags(page.page("t", [Section(f"s{number}", Markup("<p>x</p>")) for number in range(sections)]))
    assert parsed.texts.get("a", []) == [f"s{number}" for number in range(listed)]
    assert {link[1:] for link in parsed.attributes("href")} <= set(parsed.attributes("id"))
    assert set(parsed.attributes("aria-labelledby")) <= set(parsed.attributes("id"))


def test_a_section_can_bring_its_style() -> None:
    assert ".mine > p { color: red; }\n</style>" in page.page("t", [], style=".mine > p { color: red; }\n")


# -- tables ----------------------------------------------------------------------------------------------------------


def test_a_table_has_headings_captions_and_row_names() -> None:
    parsed = Tags(table(["run", "bleu"], [["a", 31.257], ["b", 1234]], caption="Scores"))
    assert parsed.texts["caption"] == ["Scores"]
    assert [attributes["scope"] for tag, attributes in parsed.tags if tag == "th"] == ["col", "col", "row", "row"]
    assert parsed.texts["th"] == ["run", "bleu", "a", "b"]
    assert parsed.texts["td"] == ["31.26", "1,234"]
    assert parsed.attributes("data-value") == ["31.257", "1234.0"]
    assert ("table", {"class": "data sortable"}) in parsed.tags


def test_a_column_is_one_of_numbers_if_all_its_cells_are_numbers_or_missing() -> None:
    rows = [["a", 1, 1, "", "x"], ["b", 2.5, "none", Number(3), "2"], ["c", Number(float("nan")), 4, "", ""]]
    parsed = Tags(table(list("vwxyz"), rows))
    heads = [attributes for tag, attributes in parsed.tags if attributes.get("scope") == "col"]
    assert [attributes.get("class") for attributes in heads] == [None, "number", None, "number", None]


@pytest.mark.parametrize(
    ("cell", "shown", "key"),
    [
        (Number(12.345), "12.35", "12.345"),
        (Number(-0.5, "+.1f"), "-0.5", "-0.5"),
        (Number(0.25, ".0%"), "25%", "0.25"),
        (Number(float("inf")), "inf", "Infinity"),
        (Number(float("-inf")), "-inf", "-Infinity"),
        (Number(float("nan")), "–", "nan"),
        (1e-9, "0.00", "1e-09"),
        (4_210_000, "4,210,000", "4210000.0"),
    ],
)
def test_a_number_is_shown_in_its_format_and_sorted_by_its_value(cell: page.Cell, shown: str, key: str) -> None:
    parsed = Tags(table(["a", "b"], [["x", cell]]))
    assert parsed.texts["td"] == [shown]
    assert parsed.attributes("data-value") == [key]  # as JavaScript's parseFloat reads it; "nan" is its NaN


def test_the_best_value_is_marked_by_more_than_a_colour_and_a_note_stands_below() -> None:
    parsed = Tags(table(["a", "b"], [["x", Number(3, note="p = 0.01", best=True)], ["y", 2]]))
    assert parsed.texts["td"] == ["3.00 (best)p = 0.01", "2"]
    assert [attributes["class"] for tag, attributes in parsed.tags if tag == "td"] == ["number best", "number"]
    assert "font-weight: 700" in re.findall(r"\.data \.best \{.*\}", page.STYLE)[0]


def test_only_a_long_table_scrolls_and_one_row_is_not_sorted() -> None:
    long, short = (table(["a"], [[str(number)] for number in range(rows)]) for rows in (page.TALL + 1, page.TALL))
    assert ("scroll tall" in long, "scroll tall" in short) == (True, False)
    assert "sortable" not in table(["a"], [["x"]])
    assert Tags(table(["a", "b"], [])).texts["th"] == ["a", "b"]


def test_markup_stays_markup_in_a_cell() -> None:
    assert Tags(table(["a", "b"], [["x", Markup("<em>y</em>")]])).texts["em"] == ["y"]


# -- pictures --------------------------------------------------------------------------------------------------------


def test_a_picture_is_in_the_page_pixel_by_pixel() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (4, 7, 3), np.uint8)
    ((tag, attributes),) = Tags(image(pixels, 'a "b"')).tags
    data = base64.b64decode(attributes["src"].removeprefix("data:image/png;base64,"))
    assert (tag, attributes["width"], attributes["height"], attributes["alt"]) == ("img", "7", "4", 'a "b"')
    np.testing.assert_array_equal((imread(io.BytesIO(data))[..., :3] * 255).round(), pixels)


def test_a_heatmap_has_a_row_a_target_token_and_a_column_a_source_token() -> None:
    weights = np.array([[0.1234, 0.8, 0.0766], [1.0, 0.0, 0.0]])
    parsed = Tags(heatmap(weights, ["▁Die", "</s>"], ["▁the", "▁", "猫"], "Weights"))
    assert parsed.texts["th"] == ["the", "␣", "猫", "Die", "</s>"]
    assert parsed.texts["td"] == ["target \\ source", ".12", ".80", ".08", "1.00", "", ""]
    cells = [attributes for _, attributes in parsed.tags if "style" in attributes]
    assert [cell["style"] for cell in cells[:3]] == ["--weight:0.123", "--weight:0.800", "--weight:0.077"]
    assert [cell.get("class") for cell in cells] == [None, "full", None, "full", None, None]
    assert cells[2]["title"] == "\u2068Die\u2069 ← \u2068猫\u2069: 0.0766"
    assert parsed.texts["caption"] == ["Weights"]


def test_weights_that_are_no_numbers_can_be_drawn() -> None:
    assert "nan" in heatmap(np.full((1, 1), np.nan), ["a"], ["b"])
    assert Tags(heatmap(np.zeros((0, 2)), [], ["a", "b"])).texts["th"] == ["a", "b"]


# -- text ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("a", "b", "first", "second"),
    [
        ("the dog runs .", "the dog runs .", "the dog runs .", "the dog runs ."),
        ("a big dog runs", "a dog  ran", "a [big] dog [runs]", "a dog  [ran]"),
        ("one two three", "four", "[one two three]", "[four]"),
        ("", "new words", "", "[new words]"),
        ("两只狗在跑。", "两只猫在跑。", "两只[狗]在跑。", "两只[猫]在跑。"),
        ("PyTorch很好", "PyTorch不好", "PyTorch[很]好", "PyTorch[不]好"),
        ("กินข้าว", "กินน้ำ", "กิน[ข้าว]", "กิน[น้ำ]"),
        ("القطة تنام", "القطة تأكل", "القطة [تنام]", "القطة [تأكل]"),
        ("가다 오다", "가다 보다", "가다 [오다]", "가다 [보다]"),
        (" x  y ", "y", " [x]  y", "y"),
    ],
)
def test_what_the_other_text_has_not_is_marked(a: str, b: str, first: str, second: str) -> None:
    marked = [re.sub("</mark>", "]", re.sub(r'<mark class="(gone|new)">', "[", text)) for text in difference(a, b)]
    assert marked == [first, second]


def test_marks_differ_by_more_than_colour() -> None:
    gone, new = difference("<a>", "<b>")
    assert (gone, new) == ('<mark class="gone">&lt;a&gt;</mark>', '<mark class="new">&lt;b&gt;</mark>')
    assert "text-decoration-style: dotted" in re.findall(r"mark\.gone \{.*\}", page.STYLE)[0]


@given(st.text(), st.text())
@example("\u0e34 \u3000猫\u3000", "&lt;\u0301")
def test_marking_leaves_the_texts_as_they_are(a: str, b: str) -> None:
    for text, marked in zip((a, b), difference(a, b), strict=True):
        bare = Markup(re.sub(r'<mark class="(gone|new)">|</mark>', "", marked))
        assert bare == Markup.escape(text.rstrip())


@given(st.text())
def test_a_text_does_not_differ_from_itself(text: str) -> None:
    assert not any("<mark" in marked for marked in difference(text, text))
