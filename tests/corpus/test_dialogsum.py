import hashlib
import io
import json
import zipfile

import pytest

from seq2seq_pl.corpus.dialogsum import DialogSum
from seq2seq_pl.corpus.jsonl import Jsonl
from seq2seq_pl.errors import UserError

TRAIN = {
    "fname": "train_0",
    "dialogue": '#Person1#: "Größe"?\n#Person2#: It\'s 1.\u2028',
    "summary": "s",
    "topic": " t",
}
VALID = {"fname": "dev_0", "dialogue": "a", "summary": "b", "topic": "c"}
TEST = {"fname": "test_0", "dialogue": "a"} | {
    f"{key}{i}": f"{key} {i}" for i in (1, 2, 3) for key in ("summary", "topic")
}
MADE = {
    "train.jsonl": {"id": "train_0", "document": TRAIN["dialogue"], "summary": "s", "topic": " t"},
    "valid.jsonl": {"id": "dev_0", "document": "a", "summary": "b", "topic": "c"},
    "test.jsonl": {
        "id": "test_0",
        "document": "a",
        "summary": "summary 1",
        "references": ["summary 1", "summary 2", "summary 3"],
        "topics": ["topic 1", "topic 2", "topic 3"],
    },
}


def corpus(server, train):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("DialogSum_Data/dialogsum.train.jsonl", f"{train}\n\n")
        archive.writestr("__MACOSX/DialogSum_Data/._dialogsum.train.jsonl", "\0")
    server.content |= {
        "/data/old/DialogSum_Data.zip": file.getvalue(),
        "/data/new/dialogsum.dev.jsonl": f"{json.dumps(VALID)}\n".encode(),
        "/data/new/dialogsum.test.jsonl": f"{json.dumps(TEST)}\n".encode(),
    }
    made = {name: json.dumps(value, ensure_ascii=False) + "\n" for name, value in MADE.items()}
    return DialogSum(
        url=server.address,
        folder="dialogsum",
        originals={
            "DialogSum_Data.zip": {"url": "old/DialogSum_Data.zip", "sha256": None},
            "dialogsum.dev.jsonl": {"url": "new/dialogsum.dev.jsonl", "sha256": None},
            "dialogsum.test.jsonl": {"url": "new/dialogsum.test.jsonl", "sha256": None},
        },
        files={name: hashlib.sha256(text.encode()).hexdigest() for name, text in made.items()},
    )


@pytest.mark.parametrize("train", [repr(TRAIN), json.dumps(TRAIN)])
def test_dialogues_are_those_of_the_originals_whether_python_or_json(server, train):
    files = {name.partition(".")[0]: name for name in MADE}
    jsonl = Jsonl(path=None, files=files, source="document", target="summary", download=corpus(server, train))
    found = {split: [dict(record.fields) for record in jsonl.records(split)] for split in jsonl.splits()}
    texts = [[{k: v if isinstance(v, str) else json.dumps(v) for k, v in value.items()}] for value in MADE.values()]
    assert list(found.values()) == texts


@pytest.mark.parametrize(
    ("train", "message"),
    [
        ("{'fname': 'a', 'summary': 'b'}", r"no key dialogue\. Set corpus\.path=DIR\."),
        ("{'fname': 'a', 'dialogue': 'b', 'summary': 'c'}", r"no key topic\."),
        ("{'fname': 'a', 'dialogue': 'b'}", r"no key summary1\."),
        ("[1]", r"neither JSON nor a Python literal of a dialogue \(found \[1\]\)\. Set corpus\.path=DIR\."),
        ("<html>", r"neither JSON nor a Python literal of a dialogue \(found <html>\)"),
        ("open('a')", r"neither JSON nor a Python literal of a dialogue \(found open\('a'\)\)"),
        ("-" * 9_000 + "1", r"neither JSON nor a Python literal of a dialogue \(found -{40}\)"),
    ],
)
def test_a_line_in_another_form_is_named(server, train, message):
    with pytest.raises(UserError, match=r"DialogSum_Data\.zip, train\.jsonl, line 1: " + message):
        corpus(server, train).fetch()
