"""Files of training corpora as they may come: as they should be, or with a thing or two changed."""

from __future__ import annotations

import gzip
import io
import json
import zipfile
from collections.abc import Callable, Mapping, Sequence

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

DIRECTORY = "a directory"
Content = bytes | str
"""Of a file, or DIRECTORY where a directory has its name."""

WORDS = [
    "a",
    "the",
    "cat",
    "Dogs",
    "runs.",
    "now",
    "two",
    "blue",
    "Zanthor",
    "p",
    "I'm",
    "3",
    "42,5",
    "sie",
    "是",
    "猫",
]
ODD = [
    *("", " ", "\t", "\r", "\0", "a\0b", "\x0b", "\x1c", "\x1f", "\x7f", "\x85"),
    *("\u2028", "\u2029", "\u3000", "\u200b", "\u2066", "\ufeff", "\ufffd", "\ue000", "\uffff", "\U0010ffff"),
    *("<s>", "</s>", "<pad>", "<unk>", "▁", "▁▁ ▁", "_", "⁇", "<one>", "__eou__", "|", '["', "[]", '["a", "b"]', "[1]"),
    *("e\u0301", "\u0301", "a" + "\u0301" * 40, "각", "가", "İ", "ß", "ﬁ", "ſ", "Ǆ", "\u1e9b\u0323", "क्षि", "ก็"),
    *("\u202eabc\u202c", "עברית", "👩\u200d👩\u200d👧", "🇩🇪", "𝔘", "中文。", "ーかな", "ー", "　全角", "한국어"),
    *("(", "...", "x" * 300, "ab " * 400, "1" * 60, "🙂" * 90, "'", '"', "\\", "{}"),
]
BYTES = b'\xff|\xed\xa0\x80|\xc3|\0|\xef\xbb\xbf|\r|\n|\n\n|\t|\t\t|{|"|\\'.split(b"|")
LINES = [
    *(b"", b"  ", b"\t", b"one", b"a\tb\tc\td", b"src\xe2\x80\xa8\t\x1b[1m" + b"x" * 500),
    *(b"{}", b"[]", b"null", b"3", b'"a"', b"{", b'{"src": 1, "tgt": NaN}'),
    *(b'{"src": "a", "src": "b", "tgt": "c"}', b'{"src": "\\ud800", "tgt": "x"}', b'{"src": null, "tgt": null}'),
    *(b'{"src": {"\\udfff": 1}, "tgt": [1, [2]]}', b'{"turns": "a"}', b'{"turns": ["a", 1]}', b'{"turns": []}'),
    *(b'{"turns": ["a", "\\ud83d"]}', b'{"turns": [{"speaker": 3, "text": "a"}, {"text": "b"}]}', b'{"dialog": [""]}'),
    *(b'{"turns": [{"speaker": {"a": "\\ud800"}, "text": "a"}, {"text": "b"}]}', b'{"turns": ["a"], "first_reply": 9}'),
    *(b'{"turns": ["a", "b"], "first_reply": "\\u00b2"}', b'{"turns": ["a"], "first_reply": "' + b"9" * 5_000 + b'"}'),
    b'{"src": "a", "tgt": "b", "references": ["c", "\\ud800", 3], "further": "[\\"d\\", \\"\\"]"}',
    *(b"[" * 9_000, b'{"src":' * 9_000, b'{"src": ' + b"9" * 5_000 + b', "tgt": "x"}', b'{"src": 1e999, "tgt": -0.0}'),
    *(b'{"fname": "x", "dialogue": "a", "summary": "b"}', b"{'fname': 1}", b"__eou__", b"a __eou__  __eou__ b", b"[(]"),
    *(b"hot  HH AA1 T # x", b"hot(2) HH", b"hot", b"(2) x", b"# only", b"\x00" * 40, b"(" * 400, b"{1: 2}", b"lambda"),
]

plain = st.lists(st.sampled_from(WORDS), min_size=1, max_size=6).map(" ".join)
odd = st.lists(st.sampled_from(ODD) | st.text(st.characters(codec="utf-8"), max_size=5), min_size=1, max_size=3)
texts = st.integers(0, 7).flatmap(lambda n: odd.map(" ".join) if n == 7 else plain)
Row = list[str]
rows = st.lists(st.lists(texts, min_size=2, max_size=4), min_size=1, max_size=8)


def lined(lines: Sequence[str]) -> bytes:
    return "".join(f"{line}\n" for line in lines).encode()


def objects(table: Sequence[Mapping[str, object]]) -> bytes:
    return lined([json.dumps(entry, ensure_ascii=False) for entry in table])


def zipped(name: str, content: bytes) -> bytes:
    with io.BytesIO() as made:
        with zipfile.ZipFile(made, "w") as archive:
            archive.writestr(zipfile.ZipInfo(f"EMNLP/{name}"), content)
        return made.getvalue()


def parallel(name: str, table: list[Row]) -> dict[str, bytes]:
    return {f"{name}.src": lined([row[0] for row in table]), f"{name}.tgt": lined([row[1] for row in table])}


def english(name: str, table: list[Row]) -> dict[str, bytes]:
    return {f"{name}.en": lined([row[0] for row in table]), f"{name}.de": lined([row[1] for row in table])}


def tabbed(name: str, table: list[Row]) -> dict[str, bytes]:
    return {f"{name}.tsv": lined(["\t".join(row) for row in table])}


def headed(name: str, table: list[Row]) -> dict[str, bytes]:
    return tabbed(name, [["src", "tgt"], *(row[:2] for row in table)])


def triples(name: str, table: list[Row]) -> dict[str, bytes]:
    return tabbed(name, [[*row, "x"][:3] for row in table])


def one_file(name: str, table: list[Row]) -> dict[str, bytes]:
    """What Tatoeba is published as, before it is split."""
    return {"cmn.txt": triples(name, table)[f"{name}.tsv"]} if name == "train" else {}


def spelled(name: str, table: list[Row]) -> dict[str, bytes]:
    return tabbed(name, [[" ".join(row[0]), *row[1:]] for row in table])


def records(name: str, table: list[Row]) -> dict[str, bytes]:
    return {f"{name}.jsonl": objects([{"src": r[0], "tgt": r[1], "references": r[2:], "turns": r} for r in table])}


def documents(name: str, table: list[Row]) -> dict[str, bytes]:
    found = [{"id": "x", "document": r[0], "summary": r[1], "references": r[1:], "topic": "y"} for r in table]
    return {f"{name}.jsonl": objects(found)}


def turns(name: str, table: list[Row]) -> dict[str, bytes]:
    said = [r if i % 2 else [{"speaker": "A", "text": t} for t in r] for i, r in enumerate(table)]
    before = lined([f"{' __eou__ '.join(row[:-1])}\t{row[-1]}" for row in table])
    return {f"{name}.jsonl": objects([{"turns": r} for r in said]), f"{name}.tsv": before}


def dialogs(name: str, table: list[Row]) -> dict[str, bytes]:
    if name == "test_clean":
        return {"context3.test_clean.tsv": lined([f"{' __eou__ '.join(row[:-1])}\t{row[-1]}" for row in table])}
    return {f"{name}.jsonl": objects([{"dialog": row} for row in table])}


def dictionary(name: str, table: list[Row]) -> dict[str, bytes]:
    """A third of CMUdict: words of which each split gets some."""
    words = {f"{word}{letter}": row[1] for row in table for word in (row[0].split() or ["x"]) for letter in "abcdefgh"}
    return {"original/cmudict.dict": lined([f"{word.lower()} {said}" for word, said in words.items()])}


def archives(name: str, table: list[Row]) -> dict[str, bytes]:
    """DailyDialog as it is published."""
    if name == "test_clean":
        return {}
    own = {"valid": "validation"}.get(name, name)
    content = lined([" __eou__ ".join(row) + " __eou__" for row in table])
    return {f"original/{own}.zip": zipped(f"dialogues_{own}.txt", content)}


def published(name: str, table: list[Row]) -> dict[str, bytes]:
    """DialogSum as it is published."""
    found = [{"fname": "x", "dialogue": row[0], "summary": row[1], "topic": row[-1]} for row in table]
    if name == "train":
        return {"original/DialogSum_Data.zip": zipped("train.jsonl", lined([repr(entry) for entry in found]))}
    if name == "test":
        keys = [f"{key}{i}" for i in (1, 2, 3) for key in ("summary", "topic")]
        found = [{"fname": "x", "dialogue": row[0], **dict.fromkeys(keys, row[1])} for row in table]
    return {f"original/dialogsum.{'dev' if name == 'valid' else name}.jsonl": objects(found)}


Form = Callable[[str, list[Row]], dict[str, bytes]]
NAMED = (("corpus.source", "src"), ("corpus.target", "tgt"))
KINDS: Mapping[tuple[str, bool], tuple[Form, tuple[tuple[str, object], ...]]] = {
    ("parallel_text", False): (parallel, NAMED),
    ("multi30k", True): (english, ()),
    ("tsv", False): (headed, NAMED),
    ("tatoeba_en_zh", False): (triples, ()),
    ("tatoeba_en_zh", True): (one_file, (("corpus.download.valid_share", 0.3), ("corpus.download.test_share", 0.3))),
    ("cmudict", False): (spelled, ()),
    ("cmudict", True): (dictionary, ()),
    ("sigmorphon2020", False): (tabbed, ()),
    ("sigmorphon2021", True): (tabbed, ()),
    ("jsonl", False): (records, NAMED),
    ("dialogsum", False): (documents, ()),
    ("dialogsum", True): (published, ()),
    ("conversations", False): (turns, ()),
    ("dailydialog", False): (dialogs, ()),
    ("dailydialog", True): (archives, ()),
}
"""Corpus, and whether it is made from what was downloaded -> how its files are written, and its settings."""
PREFIXES: Mapping[str, Mapping[str, str]] = {
    "multi30k": {"train": "train", "valid": "val", "test": "test_2016_flickr"},
    "sigmorphon2020": {"train": "ice_train", "valid": "ice_dev", "test": "ice_test"},
    "sigmorphon2021": {"train": "eng_us_train", "valid": "eng_us_dev", "test": "eng_us_test"},
}


@st.composite
def files(draw: DrawFn, form: Form, prefixes: Mapping[str, str], *, several: bool) -> dict[str, Content]:
    made: dict[str, Content] = {}
    for split in ("train", "valid", "test", *(["test_clean"] if several else [])):
        table = draw(rows)
        times = draw(st.sampled_from([1, 1, 2, 9])) if split == "train" else 1
        made |= form(prefixes.get(split, split), table * times)
    for name in draw(st.lists(st.sampled_from(sorted(made)), max_size=2, unique=True)) if draw(st.booleans()) else []:
        if name not in made:
            continue
        content = made[name]
        assert isinstance(content, bytes)
        change = draw(st.sampled_from(CHANGES))
        if change is None:
            del made[name]
        elif change == DIRECTORY:
            made[name] = DIRECTORY
        elif change == "gz":
            packed = draw(st.sampled_from([gzip.compress(content, mtime=0), content, gzip.compress(content)[:-9], b""]))
            made[f"{name}.gz"] = packed
            if draw(st.booleans()):
                del made[name]
        elif name.endswith(".zip") and draw(st.booleans()):
            inside = zipfile.ZipFile(io.BytesIO(content)).namelist()[0].removeprefix("EMNLP/")
            made[name] = zipped(inside, draw(changed(b"".join(read_zip(content)))))
        else:
            made[name] = draw(changed(content))
    return made


CHANGES = [None, DIRECTORY, "gz", "bytes", "bytes", "bytes", "bytes", "bytes", "bytes"]


def read_zip(content: bytes) -> list[bytes]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return [archive.read(name) for name in archive.namelist()]


@st.composite
def changed(draw: DrawFn, content: bytes) -> bytes:
    """The same with one thing changed."""
    lines = content.split(b"\n")
    at = draw(st.integers(0, len(lines) - 1))
    where = draw(st.integers(0, len(content)))
    how = draw(st.integers(0, 9))
    if how <= 2:
        return b"\n".join([*lines[:at], draw(st.sampled_from(LINES)), *lines[at:]])
    if how == 3:
        return b"\n".join([*lines[:at], *lines[at + 1 :]])
    if how <= 5:
        return content[:where] + draw(st.sampled_from(BYTES) | st.binary(max_size=4)) + content[where:]
    if how == 6:
        return content[:where]
    whole = [b"", b"\n", b" \n \n", b"\xef\xbb\xbf" + content, content.replace(b"\n", b"\r\n"), content + b"\n\n"]
    whole += [content.replace(b"\n", b"\r"), content.replace(b"\t", b" "), draw(st.binary(max_size=30)), content * 30]
    whole += [content.decode("utf-8", "replace").encode("utf-16"), "\n".join(WORDS).encode("latin-1", "replace")]
    whole += [content.replace(b" ", b""), content.replace(b" ", b"x" * 20_000, 1), content.replace(b'"', b"'")]
    return draw(st.sampled_from(whole))
