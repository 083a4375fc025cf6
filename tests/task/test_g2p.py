import json
import unicodedata

import pytest

from seq2seq_pl.errors import UserError
from seq2seq_pl.task.g2p import G2P
from seq2seq_pl.values import Example, Record

TASK = G2P(spelling="word", pronunciation="phonemes", further="further")


def one(task: G2P = TASK, **fields: str) -> Example:
    """What the task makes of a record."""
    (example,) = task.examples(Record(fields, "words.tsv, line 9"))
    return example


def test_a_spelling_is_read_and_its_phonemes_learnt():
    assert one(word="tomato", phonemes="t ə m eɪ t oʊ") == Example("tomato", ("t ə m eɪ t oʊ",), "words.tsv, line 9")


@pytest.mark.parametrize(
    ("further", "expected"),
    [
        (json.dumps(["t ə m ɑː t oʊ", "", "t ə m eɪ t oʊ"]), ("t ə m eɪ t oʊ", "t ə m ɑː t oʊ")),
        ("t ə m ɑː t oʊ", ("t ə m eɪ t oʊ", "t ə m ɑː t oʊ")),
        ("[]", ("t ə m eɪ t oʊ",)),
        (" ", ("t ə m eɪ t oʊ",)),
    ],
)
def test_further_pronunciations_follow_the_one_that_is_learnt(further, expected):
    assert one(word="tomato", phonemes="t ə m eɪ t oʊ", further=further).references == expected


def test_further_pronunciations_may_be_left_unread():
    task = G2P(spelling="word", pronunciation="phonemes", further=None)
    assert one(task, word="a", phonemes="ə", further="eɪ").references == ("ə",)


def test_the_same_sounds_are_the_same_text_however_they_are_encoded():
    whole, parts = unicodedata.normalize("NFC", "ã ç"), unicodedata.normalize("NFD", "ã ç")
    assert whole != parts
    example = one(
        word=" e\u0301t\u00e9\n", phonemes=f"{parts.replace(' ', '  ')}\t", further=json.dumps([whole, parts])
    )
    assert example == Example("été", (whole,), "words.tsv, line 9")
    assert TASK.prompt("  e\u0301t\u00e9 ") == "été"


@pytest.mark.parametrize(("argument", "name"), [("spelling", "word"), ("pronunciation", "phonemes")])
def test_a_missing_field_is_named(argument, name):
    fields = {"word": "a", "phonemes": "ə"}
    del fields[name]
    with pytest.raises(UserError, match=rf"^words\.tsv, line 9: no field {name} \(task\.{argument}\); it has "):
        one(**fields)
