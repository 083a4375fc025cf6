import gzip
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seq2seq_pl.corpus.conversations import Conversations
from seq2seq_pl.errors import UserError

TURN = st.text(st.characters(exclude_categories=["Cs"]), max_size=5)
CELL = st.text("abä .?", min_size=1, max_size=5).filter(str.strip).map(str.strip)
GOOD = '{"turns": ["Hello.", "Hi!"]}\n'


def corpus(path, content=None, name="train.jsonl", **options):
    if content is not None:
        data = content.encode()
        (path / name).write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
    arguments = {"turns": "turns", "separator": "__eou__", "source": "en", "target": "en", **options}
    return Conversations(path=str(path), files={"train": name}, **arguments)


def read(*arguments, **options):
    return [dict(record.fields) for record in corpus(*arguments, **options).records("train")]


@settings(deadline=None)
@given(conversations=st.lists(st.lists(TURN, min_size=1, max_size=4), min_size=1, max_size=3), zipped=st.booleans())
def test_turns_come_back_as_they_were_written(tmp_path_factory, conversations, zipped):
    content = "".join(json.dumps({"id": 7, "dialog": turns}) + "\n" for turns in conversations)
    name = "train.jsonl.gz" if zipped else "train.jsonl"
    found = read(tmp_path_factory.mktemp("conversations"), content, name, turns="dialog")
    assert [json.loads(fields.pop("turns")) for fields in found] == conversations
    assert not any(found)


@settings(deadline=None)
@given(conversations=st.lists(st.lists(CELL, min_size=2, max_size=4), min_size=1, max_size=3), zipped=st.booleans())
def test_a_reply_is_the_last_turn_after_those_before_it(tmp_path_factory, conversations, zipped):
    content = "".join(f"{' | '.join(before)}\t{reply}\n" for *before, reply in conversations)
    name = "train.tsv.gz" if zipped else "train.tsv"
    found = read(tmp_path_factory.mktemp("conversations"), content, name, separator="|")
    assert [json.loads(fields["turns"]) for fields in found] == conversations
    assert [fields["first_reply"] for fields in found] == [str(len(turns) - 1) for turns in conversations]


def test_a_turn_may_say_who_speaks(tmp_path):
    turns = [{"speaker": "Ann", "text": "Hello."}, {"speaker": None, "text": "(noise)"}, {"text": "Hi!"}, "Bye."]
    assert read(tmp_path, json.dumps({"turns": turns})) == [{"turns": '["Ann: Hello.", "(noise)", "Hi!", "Bye."]'}]


def test_a_record_says_where_it_was_read_and_a_file_is_found_with_gz(tmp_path):
    (tmp_path / "train.jsonl.gz").write_bytes(gzip.compress(GOOD.encode()))
    conversations = corpus(tmp_path)
    assert conversations.splits() == ("train",)
    assert conversations.files("train") == (tmp_path / "train.jsonl.gz",)
    (record,) = conversations.records("train")
    assert record.origin == f"{tmp_path}/train.jsonl.gz, line 1"
    assert (conversations.source, conversations.target) == ("en", "en")


@pytest.mark.parametrize(
    "turns", ['"Hello."', "3", "[]", '["Hello.", 3]', '[["Hello."]]', '[{"speaker": "Ann"}]', '{"a": 1}']
)
def test_a_line_that_is_no_conversation_is_named_or_skipped(tmp_path, turns):
    content = f'{GOOD}{{"turns": {turns}}}\n{GOOD}{{"trns": []}}\n'
    message = (
        r'train\.jsonl, line 2: turns must be a list of texts, or of objects \{"speaker": \.\.\., "text": \.\.\.\}\.'
    )
    with pytest.raises(UserError, match=message):
        read(tmp_path, content)
    conversations = corpus(tmp_path, content, on_bad_line="skip")
    assert len(list(conversations.records("train"))) == 2
    assert conversations.skipped == {"train": 2}


def test_a_bad_line_of_the_file_itself_is_named_or_skipped(tmp_path):
    with pytest.raises(UserError, match=r"train\.jsonl, line 1: the object has no field turns; did you mean turn\?"):
        read(tmp_path, '{"turn": ["a"]}\n')
    with pytest.raises(UserError, match=r"train\.tsv, line 2: expected 2 tab-separated columns, found 1\."):
        read(tmp_path, "a\tb\nc\n", "train.tsv")
    conversations = corpus(tmp_path, "a\tb\nc\n", "train.tsv", on_bad_line="skip")
    assert len(list(conversations.records("train"))) == 1
    assert conversations.skipped == {"train": 1}


def test_nothing_usable_is_refused(tmp_path):
    with pytest.raises(UserError, match=r"train\.jsonl: the split holds no record"):
        read(tmp_path, '{"turns": []}\n', on_bad_line="skip")


def test_settings_that_cannot_be_are_refused(tmp_path):
    with pytest.raises(
        UserError, match=r"corpus\.files\.train \(train\.txt\) must be a file \.jsonl or \.tsv, plain or \.gz\."
    ):
        corpus(tmp_path, name="train.txt")
    with pytest.raises(UserError, match=r"corpus\.separator is empty; name what stands between two turns"):
        corpus(tmp_path, separator=" ")
