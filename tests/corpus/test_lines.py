import gzip

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seq2seq_pl.corpus.lines import find, folder, lines
from seq2seq_pl.errors import UserError

LINE = st.text(st.characters(exclude_characters="\n", exclude_categories=["Cs"])).filter(
    lambda text: not text.endswith("\r") and not text.startswith("\ufeff")
)


@settings(deadline=None)
@given(texts=st.lists(LINE, max_size=5), end=st.sampled_from(["\n", "\r\n"]), zipped=st.booleans())
def test_every_line_comes_back_with_its_number_whatever_is_inside(tmp_path_factory, texts, end, zipped):
    content = "".join(text + end for text in texts).encode()
    path = tmp_path_factory.mktemp("lines") / ("a.txt.gz" if zipped else "a.txt")
    path.write_bytes(gzip.compress(content) if zipped else content)
    assert list(lines(path)) == list(enumerate(texts, start=1))


def test_other_line_separators_stay_inside_their_line(tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes("one\rtwo\u2028three\x85four\x0bfive\nlast".encode())
    assert list(lines(path)) == [(1, "one\rtwo\u2028three\x85four\x0bfive"), (2, "last")]


def test_a_byte_order_mark_is_dropped(tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes(b"\xef\xbb\xbfen\nde\n")
    assert list(lines(path)) == [(1, "en"), (2, "de")]


def test_bytes_that_are_not_utf8_are_named_with_file_line_and_way_out(tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes(b"gut\nsch\xf6n\n")
    with pytest.raises(UserError, match=r"a\.txt, line 2: byte 4 is not UTF-8\. Convert the file \(iconv"):
        list(lines(path))


@pytest.mark.parametrize(
    "damage", [lambda data: data[:-9], lambda data: b"no" + data[2:], lambda data: data[:-6] + b"\0" * 6]
)
def test_a_damaged_gzip_file_is_named(tmp_path, damage):
    path = tmp_path / "a.txt.gz"
    path.write_bytes(damage(gzip.compress(b"one\ntwo\n" * 50)))
    with pytest.raises(
        UserError, match=r"a\.txt\.gz: the gzip file is damaged after line \d+ .*Fetch or compress it again"
    ):
        list(lines(path))


def test_a_file_is_found_with_and_without_gz(tmp_path):
    (tmp_path / "plain.tsv").touch()
    (tmp_path / "zipped.tsv.gz").touch()
    assert find(tmp_path / "plain.tsv.gz").name == "plain.tsv"
    assert find(tmp_path / "zipped.tsv").name == "zipped.tsv.gz"
    (tmp_path / "zipped.tsv").touch()
    assert find(tmp_path / "zipped.tsv").name == "zipped.tsv"


def test_a_missing_file_is_answered_with_what_is_there(tmp_path):
    with pytest.raises(
        UserError, match=r"train\.tsv: no such file \(.* holds no file\)\. Set corpus\.files or corpus\.path"
    ):
        find(tmp_path / "train.tsv")
    with pytest.raises(UserError, match=r"holds no file"):
        find(tmp_path / "absent" / "train.tsv")
    (tmp_path / "trian.tsv").touch()
    with pytest.raises(UserError, match=r"holds trian\.tsv\); did you mean trian\.tsv\? Set corpus\.files"):
        find(tmp_path / "train.tsv")
    for number in range(12):
        (tmp_path / f"b{number:02}").touch()
    with pytest.raises(UserError, match=r"holds b00, .*, b09, \.\.\.\)"):
        find(tmp_path / "train.tsv")


def test_a_path_is_a_folder_from_here_or_from_home(tmp_path, monkeypatch):
    (tmp_path / "corpus").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert str(folder("corpus", None)) == "corpus"
    assert folder("~/corpus", None) == tmp_path / "corpus"


def test_a_path_that_is_no_folder_is_refused(tmp_path):
    (tmp_path / "a.tsv").touch()
    with pytest.raises(UserError, match=r"corpus\.path \(.*a\.tsv\) is a file, not a directory; give its folder"):
        folder(str(tmp_path / "a.tsv"), None)
    with pytest.raises(
        UserError, match=r"corpus\.path \(.*absent\): no such directory, seen from .*; set corpus\.path=DIR"
    ):
        folder(str(tmp_path / "absent"), None)
    with pytest.raises(UserError, match=r"corpus\.path is null and this corpus has no download; set corpus\.path=DIR"):
        folder(None, None)


def test_a_name_that_no_file_can_have_is_a_missing_file(tmp_path):
    (tmp_path / "train.tsv").touch()
    for name in ("n" * 300, "a\0b", "/"):
        with pytest.raises(UserError, match=r"no such file"):
            find(tmp_path / name)
    with pytest.raises(UserError, match=r"no such directory"):
        folder("n" * 300, None)


def test_the_home_of_nobody_is_no_folder():
    with pytest.raises(UserError, match=r"^corpus\.path \(~nobody_has_this/x\): there is no such home directory; set"):
        folder("~nobody_has_this/x", None)


def test_a_file_that_cannot_be_read_is_named(tmp_path):
    with pytest.raises(UserError, match=rf"^{tmp_path} cannot be read \(Is a directory\); check its permissions\.$"):
        list(lines(tmp_path))
