"""Files that appear under their name only when they are complete."""

import pytest

from seq2seq_pl.files import write_text


def test_a_file_and_its_folder_are_made(tmp_path):
    write_text(tmp_path / "a" / "b.txt", "ä\r\n\u2028\n")
    assert (tmp_path / "a" / "b.txt").read_bytes() == "ä\r\n\u2028\n".encode()


def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path):
    write_text(tmp_path / "b.txt", "old")
    with pytest.raises(UnicodeEncodeError):
        write_text(tmp_path / "b.txt", "new \ud800")
    assert [path.name for path in tmp_path.iterdir()] == ["b.txt"]
    assert (tmp_path / "b.txt").read_text() == "old"
