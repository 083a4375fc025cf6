import hashlib
import io
import zipfile

from seq2seq_pl.corpus.conversations import Conversations
from seq2seq_pl.corpus.dailydialog import DailyDialog, unseen

TRAIN = "Hi , Jim ! __eou__ Hello . __eou__ How are you ? __eou__ Fine . __eou__\n\nWho ? __eou__ Me . __eou__\n"
TEST = "hi Jim __eou__ hello __eou__ How old ? __eou__ Über 90 . __eou__\nWho ? __eou__ Me ! __eou__ You ? __eou__\n"
MADE = {
    "train.jsonl": '{"dialog": ["Hi , Jim !", "Hello .", "How are you ?", "Fine ."]}\n{"dialog": ["Who ?", "Me ."]}\n',
    "valid.jsonl": '{"dialog": ["Ja ?", "Nein ."]}\n',
    "test.jsonl": '{"dialog": ["hi Jim", "hello", "How old ?", "Über 90 ."]}\n{"dialog": ["Who ?", "Me !", "You ?"]}\n',
    # a third of the first conversation's pairs is in train, and half of the second's
    "context3.test_clean.tsv": "hi Jim __eou__ hello\tHow old ?\nhi Jim __eou__ hello __eou__ How old ?\tÜber 90 .\n",
}


def archive(name, text):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as zipped:
        zipped.writestr(f"{name}/dialogues_act_{name}.txt", "1 2\n")
        zipped.writestr(f"{name}/dialogues_{name}.txt", text)
    return file.getvalue()


def corpus(server):
    originals = {"train": TRAIN, "validation": "Ja ? __eou__ Nein . __eou__\n", "test": TEST}
    server.content |= {f"/data/{name}.zip": archive(name, text) for name, text in originals.items()}
    download = DailyDialog(
        url=server.address,
        folder="dailydialog",
        originals={f"{name}.zip": {"url": f"{name}.zip", "sha256": None} for name in originals},
        files={name: hashlib.sha256(text.encode()).hexdigest() for name, text in MADE.items()},
    )
    files = {
        "train": "train.jsonl",
        "valid": "valid.jsonl",
        "test": "test.jsonl",
        "test_clean": "context3.test_clean.tsv",
    }
    return Conversations(
        path=None, files=files, turns="dialog", separator="__eou__", source="en", target="en", download=download
    )


def test_conversations_are_those_of_the_archives(server):
    conversations = corpus(server)
    for split, (name, text) in zip(conversations.splits(), MADE.items(), strict=True):
        (file,) = conversations.files(split)
        assert (file.name, file.read_text()) == (name, text)
    assert [dict(record.fields) for record in conversations.records("test_clean")] == [
        {"turns": '["hi Jim", "hello", "How old ?"]', "first_reply": "2"},
        {"turns": '["hi Jim", "hello", "How old ?", "Über 90 ."]', "first_reply": "3"},
    ]


def test_up_to_three_turns_stand_before_a_reply_that_training_does_not_show():
    assert list(unseen([], [["a", "b", "c", "d", "e"]])) == [
        "a\tb\n",
        "a __eou__ b\tc\n",
        "a __eou__ b __eou__ c\td\n",
        "b __eou__ c __eou__ d\te\n",
    ]


def test_a_pair_counts_as_seen_whatever_its_case_and_punctuation_but_only_in_its_order():
    train = [["It's here .", "OK !", "Bye"]]
    assert list(unseen(train, [["IT S HERE", "ok"]])) == []
    assert list(unseen(train, [["its here", "ok"], ["ok", "it's here"]])) == ["its here\tok\n", "ok\tit's here\n"]
