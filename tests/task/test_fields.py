"""Fields of a record."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seq2seq_pl.errors import UserError
from seq2seq_pl.task.fields import field, listed, one_line, several
from seq2seq_pl.values import Record

RECORD = Record({"document": "Long.", "summary": "", "id": "7"}, "corpus/train.tsv, line 7")

NO_LISTS = [
    "",
    "a",
    "[sic] Go.",
    '["a", 1]',
    '["a", ["b"]]',
    '["a"] b',
    '{"a": "b"}',
    '"a"',
    "null",
    r'["\ud800"]',  # half of a surrogate pair
    "[" * 100_000,
    f"[{'1' * 5_000}]",  # more digits than Python makes a number of
]


def test_a_field_is_given_as_it_is():
    assert field(RECORD, "document", "document") == "Long."
    assert field(RECORD, "summary", "summary") == ""


def test_a_missing_field_is_named_with_origin_setting_and_nearest():
    with pytest.raises(UserError) as caught:
        field(RECORD, "sumary", "references")
    assert str(caught.value) == (
        "corpus/train.tsv, line 7: no field sumary (task.references); it has document, summary, id; "
        "did you mean summary?"
    )


def test_a_name_like_no_field_gets_no_suggestion():
    with pytest.raises(UserError, match=r"no field zzz \(task\.document\); it has document, summary, id\.$"):
        field(RECORD, "zzz", "document")


@given(st.lists(st.text()))
def test_the_texts_of_a_json_list_come_back(texts):
    for written in (json.dumps(texts), json.dumps(texts, ensure_ascii=False)):
        assert listed(written) == several(written) == texts


@pytest.mark.parametrize("text", NO_LISTS, ids=range(len(NO_LISTS)))
def test_what_is_no_list_of_texts_is_one_text(text):
    assert listed(text) is None
    assert several(text) == [text]


@given(st.text())
def test_any_text_at_all_is_several_texts(text):
    assert all(isinstance(one, str) for one in several(text))


def test_one_line_has_single_spaces_and_none_at_its_ends():
    assert one_line("\u3000a\r\n\tb\u2028c\x85 d ") == "a b c d"
    assert one_line(" \n ") == ""


def test_of_the_fields_that_are_there_a_sentence_names_ten():
    record = Record({f"c{i}\u2028": "" for i in range(300)}, "a.jsonl, line 1")
    with pytest.raises(UserError, match=r"it has c0\\u2028, .*, c9\\u2028, \.\.\.\.$"):
        field(record, "document", "document")
