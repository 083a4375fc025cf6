import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seq2seq_pl.errors import UserError
from seq2seq_pl.task.dialogue import Dialogue
from seq2seq_pl.values import Example, Record

TURNS = ["Hello.", "A table?", "Yes,  please.", "For how\nmany?", "Four."]
ORIGIN = "talks.jsonl, line 2"


def task(**changes: object) -> Dialogue:
    settings = {"turns": "turns", "first_reply": "first_reply", "context_turns": 3, "separator": "|"}
    return Dialogue(**{**settings, **changes})


def examples(turns: list[str], first_reply: str | None = None, **changes: object) -> list[Example]:
    fields = {"turns": json.dumps(turns)} | ({} if first_reply is None else {"first_reply": first_reply})
    return list(task(**changes).examples(Record(fields, ORIGIN)))


def test_every_turn_but_the_first_is_a_reply_to_the_last_turns_before_it():
    assert examples(TURNS) == [
        Example("Hello.", ("A table?",), ORIGIN),
        Example("Hello. | A table?", ("Yes, please.",), ORIGIN),
        Example("Hello. | A table? | Yes, please.", ("For how many?",), ORIGIN),
        Example("A table? | Yes, please. | For how many?", ("Four.",), ORIGIN),
    ]


def test_speakers_take_turns_and_the_second_is_the_one_who_replies():
    assert [one.source for one in examples(TURNS, speakers=["A", "B"])] == [
        "A: Hello.",
        "B: Hello. | A: A table?",
        "A: Hello. | B: A table? | A: Yes, please.",
        "A: A table? | B: Yes, please. | A: For how many?",
    ]


def test_how_many_turns_are_read_and_what_is_between_them_can_be_chosen():
    sources = [one.source for one in examples(TURNS, context_turns=2, separator="  <next>\n turn ")]
    assert sources[1:3] == ["Hello. <next> turn A table?", "A table? <next> turn Yes, please."]
    assert [one.source for one in examples(TURNS, context_turns=1)][2] == "Yes, please."


@pytest.mark.parametrize(
    ("first_reply", "replies"),
    [(None, 4), ("", 4), ("1", 4), ("3", 2), ("4", 1), ("5", 0), ("9", 0)],
)
def test_a_record_can_say_which_turn_is_the_first_reply(first_reply, replies):
    found = examples(TURNS, first_reply)
    assert len(found) == replies
    assert found == examples(TURNS)[4 - replies :]


def test_a_conversation_of_one_turn_or_none_has_no_reply():
    assert examples(["Hello."]) == examples([]) == []


@pytest.mark.parametrize("first_reply", ["0", "-1", "1.0", "two", "²", "9" * 10, "9" * 50])
def test_a_first_reply_that_is_no_place_is_refused(first_reply):
    with pytest.raises(UserError) as caught:
        examples(TURNS, first_reply)
    assert str(caught.value) == f"{ORIGIN}: first_reply ({first_reply}) must be the place of a turn, from 1."


def test_a_first_reply_of_thousands_of_digits_is_refused():
    with pytest.raises(UserError, match=r"first_reply \(9{60}\.\.\.\) must be the place of a turn, from 1\.$"):
        examples(TURNS, "9" * 5_000)


@pytest.mark.parametrize("text", ["Hello. __eou__ Hi!", "", '[{"speaker": "A", "text": "Hello."}]', '["Hello.", null]'])
def test_turns_that_are_no_list_of_texts_are_refused(text):
    with pytest.raises(UserError) as caught:
        list(task().examples(Record({"turns": text}, ORIGIN)))
    assert str(caught.value) == (
        f'{ORIGIN}: turns must be a JSON list of texts, such as ["Hello.", "Hi!"]; '
        "corpus=conversations reads other forms."
    )


def test_a_missing_field_is_named():
    with pytest.raises(UserError, match=r"no field turns \(task\.turns\); it has turn; did you mean turn\?$"):
        list(task().examples(Record({"turn": "[]"}, ORIGIN)))


# -- at a prompt -----------------------------------------------------------------------------------------------------


def test_what_is_typed_follows_the_turns_so_far():
    assert task().converses
    assert task().prompt(" Four.\n", TURNS[:4]) == "Yes, please. | For how many? | Four."
    assert task().prompt("Four.", TURNS[:1]) == "Hello. | Four."
    assert task().prompt("Four.") == "Four."
    named = task(speakers=["A", "B"])
    assert named.prompt("Four.", TURNS[1:4]) == "A: Yes, please. | B: For how many? | A: Four."
    assert named.prompt("Four.") == "A: Four."


def test_a_conversation_that_is_typed_reads_as_one_that_is_learnt():
    for speakers in (None, ["You", "Me"]):
        learnt = [one.source for one in examples(TURNS, speakers=speakers)]
        typed = [task(speakers=speakers).prompt(TURNS[i], TURNS[:i]) for i in range(4)]
        assert typed == learnt


def test_a_whole_context_can_be_given_in_one_line():
    assert task().prompt("Hello. | A table?  | Yes.") == "Hello. | A table? | Yes."
    named = task(speakers=["A", "B"])
    assert named.prompt("B: Hello. | A: A table?") == "B: Hello. | A: A table?"
    assert named.prompt("C: Hello.") == "A: C: Hello."


@pytest.mark.parametrize("speakers", [None, ["A", "B"]])
def test_nothing_said_is_nothing_to_read(speakers):
    assert task(speakers=speakers).prompt(" \n") == task(speakers=speakers).prompt("", TURNS) == ""


@given(
    turns=st.lists(
        st.sampled_from(["", " ", "A", "A:", "B: b", "a|", "| a", "\u3000x\ny", "|"]) | st.text(), max_size=5
    ),
    context_turns=st.integers(1, 4),
    separator=st.sampled_from(["|", " | ", "<a \t b>", "A: "]),
    speakers=st.sampled_from([None, ["A", "B"], [" One \n man", "Other"], ["|", ":"]]),
)
def test_a_prompt_leaves_a_source_as_it_is_whatever_the_settings(turns, context_turns, separator, speakers):
    made = {"context_turns": context_turns, "separator": separator, "speakers": speakers}
    for example in examples(turns, **made):
        assert task(**made).prompt(example.source) == example.source


# -- settings --------------------------------------------------------------------------------------------------------


def test_a_context_of_no_turns_is_refused():
    with pytest.raises(UserError, match=r"^task\.context_turns \(0\) must be at least 1; try 3\.$"):
        task(context_turns=0)


@pytest.mark.parametrize("separator", ["", " \t"])
def test_a_blank_separator_is_refused(separator):
    message = r"^task\.separator must not be blank; a sign that no turn has is best, such as '\|'\.$"
    with pytest.raises(UserError, match=message):
        task(separator=separator)


@pytest.mark.parametrize(
    ("speakers", "shown"),
    [([], ""), (["A"], "A"), (["A", "A"], "A, A"), (["A", "B", "A"], "A, B, A"), (["A", " "], "A, "), ([1, 1], "1, 1")],
)
def test_speakers_that_are_not_two_are_refused(speakers, shown):
    with pytest.raises(UserError) as caught:
        task(speakers=speakers)
    assert str(caught.value) == (
        f"task.speakers ({shown}) must be two names, such as [A,B]: who is answered, and who replies; null for none."
    )


def test_speakers_may_be_numbers():
    assert task(speakers=[1, 2]).prompt("Four.") == "1: Four."
