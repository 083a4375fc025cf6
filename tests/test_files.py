"""Files that appear under their name only when they are complete."""

import errno
import os

import pytest

from seq2seq_pl.errors import UserError
from seq2seq_pl.files import complete, keep_as, remove_unfinished, typed_path, write_text


def test_a_file_and_its_folder_are_made(tmp_path):
    write_text(tmp_path / "a" / "b.txt", "ä\r\n\u2028\n")
    assert (tmp_path / "a" / "b.txt").read_bytes() == "ä\r\n\u2028\n".encode()


def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path):
    write_text(tmp_path / "b.txt", "old")
    with pytest.raises(UnicodeEncodeError):
        write_text(tmp_path / "b.txt", "new \ud800")
    assert [path.name for path in tmp_path.iterdir()] == ["b.txt"]
    assert (tmp_path / "b.txt").read_text() == "old"


def test_a_second_name_takes_the_place_of_what_had_it(tmp_path):
    write_text(tmp_path / "last", "1")
    keep_as(tmp_path / "last", "previous")
    write_text(tmp_path / "last", "2")
    assert (tmp_path / "previous").read_text() == "1"
    keep_as(tmp_path / "last", "previous")
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"last": "2", "previous": "2"}


def test_a_second_name_is_a_copy_where_there_are_no_links(tmp_path, monkeypatch):
    def refuse(*names):
        raise OSError

    monkeypatch.setattr(os, "link", refuse)
    write_text(tmp_path / "last", "1")
    keep_as(tmp_path / "last", "previous")
    assert (tmp_path / "previous").read_text() == "1"


def test_what_is_not_there_gets_no_second_name(tmp_path):
    keep_as(tmp_path / "last", "previous")
    assert not list(tmp_path.iterdir())


def test_only_unfinished_files_are_removed(tmp_path):
    for name in ("a.txt", ".hidden", f".a.txt.{'0f' * 16}", f".a.txt.{'0f' * 15}"):
        (tmp_path / name).touch()
    remove_unfinished(tmp_path)
    remove_unfinished(tmp_path / "nowhere")
    assert {path.name for path in tmp_path.iterdir()} == {"a.txt", ".hidden", f".a.txt.{'0f' * 15}"}


def test_a_full_disk_is_told_with_the_name_of_the_file(tmp_path):
    with pytest.raises(OSError, match="No space") as caught, complete(tmp_path / "a.txt"):
        raise OSError(errno.ENOSPC, "No space left on device")
    assert caught.value.filename == str(tmp_path / "a.txt")
    assert not list(tmp_path.iterdir())


def test_a_path_that_could_be_is_taken_as_typed(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "file").touch()
    for text in ("file", "nothing", "file/below"):
        assert typed_path("input", f"~/{text}") == tmp_path / text


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("~no.such.user/x", r"^input=~no\.such\.user/x: there is no home directory of that name\.$"),
        ("x" * 300, r"^input=x{60}\.\.\.: File name too long\.$"),
        ("a\x00b", r"^input=a\\x00b: a path has no NUL character and no half of one\.$"),
    ],
)
def test_a_path_that_cannot_be_is_a_mistake(text, sentence):
    with pytest.raises(UserError, match=sentence):
        typed_path("input", text)
