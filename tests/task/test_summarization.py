import json

import pytest

from seq2seq_pl.errors import UserError
from seq2seq_pl.task.summarization import Summarization
from seq2seq_pl.values import Example, Record

SENTENCE = r"(?<=[.!?])\s+"
STORY = "A dog ran. Did it bark? Yes, it barked at a cat! The cat left."


def task(**changes: object) -> Summarization:
    names = {"document": "document", "summary": "summary", "references": "references"}
    return Summarization(**{**names, "sentence_break": SENTENCE, **changes})


def one(fields: dict[str, str], **changes: object) -> Example:
    """What the task makes of a record."""
    (example,) = task(**changes).examples(Record(fields, "reports.tsv, line 3"))
    return example


def test_a_document_is_read_and_its_summary_learnt_each_as_one_line():
    fields = {"document": " It rained.\nThen it\t stopped. ", "summary": "Rain,\u2028then none.\n"}
    assert one(fields) == Example("It rained. Then it stopped.", ("Rain, then none.",), "reports.tsv, line 3")


@pytest.mark.parametrize(
    ("references", "expected"),
    [
        (json.dumps(["Rain.", "A short  shower.", " ", "Rain.\n"]), ("Rain.", "A short shower.")),
        (json.dumps(["A wet day.", "Rain."]), ("Rain.", "A wet day.")),
        ("A wet day.", ("Rain.", "A wet day.")),
        ("[sic] A wet day.", ("Rain.", "[sic] A wet day.")),
        ("[]", ("Rain.",)),
        ("", ("Rain.",)),
    ],
)
def test_the_summary_comes_first_and_no_reference_twice(references, expected):
    assert one({"document": "d", "summary": "Rain.", "references": references}).references == expected


def test_further_references_may_be_left_unread():
    fields = {"document": "d", "summary": "Rain.", "references": "Sun."}
    assert one(fields, references=None).references == ("Rain.",)


def test_a_document_without_a_summary_still_has_a_reference():
    assert one({"document": "d", "summary": " "}).references == ("",)


def test_the_baselines_are_the_first_sentences_and_the_longest():
    assert task().baselines(STORY) == {
        "lead-3": "A dog ran. Did it bark? Yes, it barked at a cat!",
        "longest sentence": "Yes, it barked at a cat!",
    }
    assert task(lead=1).baselines(STORY)["lead-1"] == "A dog ran."
    assert task().baselines("No full stop") == {"lead-3": "No full stop", "longest sentence": "No full stop"}
    assert task().baselines("") == {"lead-3": "", "longest sentence": ""}


def test_of_sentences_of_one_length_the_first_is_the_longest():
    assert task().baselines("I run. We ran. I ran.")["longest sentence"] == "We ran."
    assert task().baselines("He ran. We ran.")["longest sentence"] == "He ran."


@pytest.mark.parametrize("sentence_break", [r"(?<=[.!?])(\s+)", r"(?<=[.!?])", r"(?<=([.!?]))(?:\s|(x))+"])
def test_neither_groups_nor_spaces_of_the_break_are_sentences(sentence_break):
    assert task(sentence_break=sentence_break).baselines(STORY) == task().baselines(STORY)


def test_the_turns_of_a_talk_can_be_the_sentences():
    talk = "#Person1#: Hi. How are you? #Person2#: Fine. #Person1#: Good. #Person2#: Bye."
    found = task(sentence_break=r"\s+(?=#Person\d+#:)", lead=2).baselines(talk)
    first = "#Person1#: Hi. How are you?"
    assert found == {"lead-2": f"{first} #Person2#: Fine.", "longest sentence": first}


@pytest.mark.parametrize("argument", ["document", "summary"])
def test_a_missing_field_is_named(argument):
    fields = {"document": "d", "summary": "s"}
    del fields[argument]
    with pytest.raises(UserError, match=rf"^reports\.tsv, line 3: no field {argument} \(task\.{argument}\); it has "):
        one(fields)


def test_lead_0_is_refused():
    with pytest.raises(UserError, match=r"^task\.lead \(0\) must be at least 1; 3 is what papers compare with\.$"):
        task(lead=0)


@pytest.mark.parametrize("sentence_break", ["([.!?]", "a{99999999999999999999}"])
def test_a_break_that_is_no_regular_expression_is_refused(sentence_break):
    with pytest.raises(UserError) as caught:
        task(sentence_break=sentence_break)
    said = str(caught.value)
    assert said.startswith(f"task.sentence_break ({sentence_break}) is no regular expression (")
    assert said.endswith(r"); '(?<=[.!?])\s+' breaks after a full stop.")
