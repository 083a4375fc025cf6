import hashlib
import re
import zipfile

import pytest

from seq2seq_pl.corpus.converted import Converted, zipped_text
from seq2seq_pl.corpus.tsv import Tsv
from seq2seq_pl.errors import UserError

ORIGINAL, MADE = "one eins\ntwo zwei\n", "one\teins\ntwo\tzwei\n"


def sha256(text):
    return hashlib.sha256(text.encode()).hexdigest()


class Spaces(Converted):
    """Columns that are separated by a space in the original."""

    def convert(self, originals):
        yield "train.tsv", (originals / "pairs.txt").read_text().replace(" ", "\t")


def corpus(server, original=ORIGINAL, made=MADE):
    server.content["/data/old/pairs.txt"] = ORIGINAL.encode()
    return Spaces(
        url=server.address,
        folder="spaces",
        originals={"pairs.txt": {"url": "old/pairs.txt", "sha256": original and sha256(original)}},
        files={"train.tsv": sha256(made)},
    )


@pytest.mark.parametrize("original", [ORIGINAL, None])
def test_a_corpus_without_a_path_is_made_from_its_original_once(server, original):
    for _ in range(2):
        download = corpus(server, original)
        tsv = Tsv(
            path=None, files={"train": "train.tsv"}, columns=["en", "de"], source="en", target="de", download=download
        )
        assert [record.fields["de"] for record in tsv.records("train")] == ["eins", "zwei"]
    assert server.asked == ["/data/old/pairs.txt"]
    assert sorted(path.name for path in (server.cache / "spaces").iterdir()) == ["original", "train.tsv"]


def test_another_original_is_refused(server):
    with pytest.raises(UserError, match=r"/data/old/pairs\.txt is not the file that was expected \(wrong checksum\)"):
        corpus(server, original="one un\n").fetch()


def test_an_original_that_nobody_has_checked_cannot_make_another_file(server):
    originals = f"{server.cache}/spaces/original"
    with pytest.raises(
        UserError,
        match=rf"train\.tsv, made from {originals}, is not the file that was expected \(wrong checksum\)\. "
        rf"Delete {originals} to download it again, or set corpus\.path=DIR\.",
    ):
        corpus(server, original=None, made="one\tun\n").fetch()
    assert [path.name for path in (server.cache / "spaces").iterdir()] == ["original"]


def test_another_file_of_that_name_is_refused(server):
    (corpus(server).fetch() / "train.tsv").write_text("one\tun\n")
    with pytest.raises(
        UserError, match=r"spaces/train\.tsv is not what http.*/data is converted to .*Delete it, or set"
    ):
        corpus(server).fetch()


@pytest.mark.parametrize(
    ("setting", "changes"),
    [
        ("folder (../x)", {"folder": "../x"}),
        ("originals.../x", {"originals": {"../x": {"url": "x", "sha256": None}}}),
        ("files.../x", {"files": {"../x": "0"}}),
    ],
)
def test_a_name_that_leads_out_of_the_cache_is_refused(setting, changes):
    arguments = {"folder": "spaces", "originals": {}, "files": {}, **changes}
    with pytest.raises(UserError, match="^" + re.escape(f"corpus.download.{setting}: a name is made of letters")):
        Spaces(url="http://127.0.0.1", **arguments)


def zipped(path, **members):
    with zipfile.ZipFile(path / "a.zip", "w") as archive:
        for name, text in members.items():
            archive.writestr(name.replace("__", "/"), text)
    return path / "a.zip"


def test_a_file_is_found_in_any_folder_of_a_zip_but_not_its_shadow(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("__MACOSX/data/._train.txt", "\0")
        archive.writestr("data/train.txt", "größer\n")
        archive.writestr("data/test.txt", "kleiner\n")
    assert zipped_text(tmp_path / "a.zip", "train.txt") == "größer\n"


def test_a_zip_needs_exactly_one_such_file(tmp_path):
    path = zipped(tmp_path, old__a="1", new__a="2")
    with pytest.raises(
        UserError, match=r"a\.zip: expected one file a, found 2 \(it holds old/a, new/a\)\. Set corpus\.path"
    ):
        zipped_text(path, "a")
    with pytest.raises(UserError, match=r"a\.zip: expected one file b, found 0"):
        zipped_text(path, "b")


def test_a_damaged_zip_is_named(tmp_path):
    (tmp_path / "a.zip").write_bytes(b"<html>")
    with pytest.raises(UserError, match=r"a\.zip: a cannot be read \(File is not a zip file\)\. Delete it, or set"):
        zipped_text(tmp_path / "a.zip", "a")
    with pytest.raises(UserError, match=r"a\.zip: a cannot be read \('utf-8' codec"):
        zipped_text(zipped(tmp_path, a=b"gr\xf6\xdfer"), "a")
