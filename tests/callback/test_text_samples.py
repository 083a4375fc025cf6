from __future__ import annotations

import html
import re
import warnings
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seq2seq_pl.callback.text_samples import TextSamples, escaped, spaced, table
from seq2seq_pl.errors import UserError
from seq2seq_pl.scoring import Item
from seq2seq_pl.values import Example

with warnings.catch_warnings():  # from the sanitizer that TensorBoard uses
    warnings.simplefilter("ignore", DeprecationWarning)
    from tensorboard.plugin_util import markdown_to_safe_html

TEXTS = (
    "a | b",
    "<pad> </s> &lt;",
    "*bold* _x_ `code`",
    "[link](http://x.org)",
    "他有一只猫。",
    "one\ntwo\r\nthree",
    "~~x~~",
    "1. x",
)


def items(count: int) -> list[Item]:
    return [Item(i, f"hypothesis {i}", Example(f"source {i}", (f"reference {i}",))) for i in range(count)]


def cells(text: str) -> list[list[str]]:
    """The table's cells as TensorBoard shows them."""
    shown = markdown_to_safe_html(text)
    rows = re.findall(r"<tr>(.*?)</tr>", shown, flags=re.DOTALL)
    return [[html.unescape(cell) for cell in re.findall(r"<t[hd]>(.*?)</t[hd]>", row, flags=re.DOTALL)] for row in rows]


def test_the_table_reaches_tensorboard_after_each_validation(fit: Callable) -> None:
    run = fit(TextSamples(samples=3))
    found = run.events().Tensors("val/translation/samples/text_summary")
    assert [event.step for event in found] == [3, 6]
    shown = cells(found[-1].tensor_proto.string_val[0].decode())
    scored = run.module.scored["valid", "translation"].items
    assert shown[0] == ["source", "hypothesis", "reference"]
    assert shown[1:] == [
        [" ".join(scored[i].example.source.split()), scored[i].hypothesis, scored[i].example.references[0]]
        for i in (0, 2, 4)
    ]


def test_every_task_has_its_own_table(fit: Callable, tiny: Callable, make_batch: Callable) -> None:
    batches = [make_batch([(2, 3), (4, 2)], task=task) for task in ("g2p", "translation")]
    events = fit(TextSamples(), module=tiny(tasks=("translation", "g2p")), validation=batches).events()
    assert {"val/g2p/samples/text_summary", "val/translation/samples/text_summary"} <= set(events.Tags()["tensors"])


def test_needs_no_logger(fit: Callable) -> None:
    fit(TextSamples(), loggers=False)


@pytest.mark.parametrize("text", TEXTS)
def test_tensorboard_shows_every_text_as_it_is(text: str) -> None:
    found = cells(table([Item(0, text, Example(text, (text,)))]))
    assert found[1] == [" ".join(text.split())] * 3


@settings(max_examples=100, deadline=None)
@given(st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=20))
def test_no_text_can_break_the_table(text: str) -> None:
    assert cells(table([Item(0, text, Example(text, (text,)))]))[1] == [text] * 3


def test_control_characters_and_line_ends_become_spaces() -> None:
    assert escaped("a\x00b\tc\nd") == "a b c d"


def test_sentences_are_evenly_spaced_and_never_more_than_there_are() -> None:
    assert [item.index for item in spaced(items(10), 5)] == [0, 2, 4, 6, 8]
    assert [item.index for item in spaced(items(10), 3)] == [0, 3, 6]
    assert [item.index for item in spaced(items(2), 5)] == [0, 1]
    assert spaced([], 5) == []


def test_a_sample_count_below_one_is_refused() -> None:
    with pytest.raises(UserError, match=r"callback\.text_samples\.samples \(0\) must be at least 1\."):
        TextSamples(samples=0)
