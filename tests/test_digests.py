"""Digests of files, and that one remembered is never that of other bytes."""

from __future__ import annotations

import hashlib
import os

import pytest

from seq2seq_pl.digests import file_digest, remembered_digest

pytestmark = pytest.mark.skipif(os.name != "posix", reason="only POSIX says when a file was last touched")


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


@pytest.fixture
def reading(monkeypatch) -> list[str]:
    """Names of the files read; all are large, and all are settled at once."""
    read: list[str] = []

    def noted(path):
        read.append(path.name)
        return file_digest(path)

    monkeypatch.setattr("seq2seq_pl.digests.LARGE", 1)
    monkeypatch.setattr("seq2seq_pl.digests.SETTLED", -60)
    monkeypatch.setattr("seq2seq_pl.digests.file_digest", noted)
    return read


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "corpus.txt"
    path.write_bytes(b"one")
    return path


def test_a_file_digest_is_its_sha256(tmp_path):
    (tmp_path / "a").write_bytes(b"x" * 3_000_000)
    assert file_digest(tmp_path / "a") == sha256(b"x" * 3_000_000)


def test_a_large_file_is_read_once(file, tmp_path, reading):
    for _ in range(3):
        assert remembered_digest(file, tmp_path / "digests") == sha256(b"one")
    assert reading == ["corpus.txt"]


def test_other_bytes_of_the_same_size_and_time_are_seen(file, tmp_path, reading):
    remembered_digest(file, tmp_path / "digests")
    times = file.stat()
    file.write_bytes(b"two")
    os.utime(file, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert file.stat().st_mtime_ns == times.st_mtime_ns
    assert remembered_digest(file, tmp_path / "digests") == sha256(b"two")


def test_another_file_of_that_name_is_seen(file, tmp_path, reading):
    remembered_digest(file, tmp_path / "digests")
    other = tmp_path / "other"
    other.write_bytes(b"two")
    other.replace(file)
    assert remembered_digest(file, tmp_path / "digests") == sha256(b"two")


def test_files_are_told_apart(file, tmp_path, reading):
    other = tmp_path / "other"
    other.write_bytes(b"two")
    for path, content in ((file, b"one"), (other, b"two")) * 2:
        assert remembered_digest(path, tmp_path / "digests") == sha256(content)
    assert reading == ["corpus.txt", "other"]


def test_a_file_that_was_just_written_is_not_remembered(file, tmp_path, reading, monkeypatch):
    monkeypatch.setattr("seq2seq_pl.digests.SETTLED", 3600)
    for _ in range(2):
        assert remembered_digest(file, tmp_path / "digests") == sha256(b"one")
    assert reading == ["corpus.txt"] * 2
    assert not (tmp_path / "digests").exists()


def test_a_small_file_is_not_remembered(file, tmp_path, reading, monkeypatch):
    monkeypatch.setattr("seq2seq_pl.digests.LARGE", 4)
    assert remembered_digest(file, tmp_path / "digests") == sha256(b"one")
    assert not (tmp_path / "digests").exists()


@pytest.mark.parametrize("damage", ["", "{", "[]", "{}", '{"identity": 1, "sha256": 2}', "null"])
def test_a_note_that_is_none_is_made_again(file, tmp_path, reading, damage):
    remembered_digest(file, tmp_path / "digests")
    (note,) = (tmp_path / "digests").iterdir()
    note.write_text(damage, encoding="utf-8")
    for _ in range(2):
        assert remembered_digest(file, tmp_path / "digests") == sha256(b"one")
    assert len(reading) == 2


def test_a_folder_that_cannot_be_written_is_done_without(file, tmp_path, reading):
    (tmp_path / "digests").write_text("a file", encoding="utf-8")
    for _ in range(2):
        assert remembered_digest(file, tmp_path / "digests") == sha256(b"one")
    assert reading == ["corpus.txt"] * 2
