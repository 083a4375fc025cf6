import gzip
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seq2seq_pl.corpus.tsv import Tsv
from seq2seq_pl.errors import UserError

CELL = st.text(st.characters(exclude_characters="\n\t\r\ufeff", exclude_categories=["Cs"]), min_size=1).filter(
    str.strip
)


def corpus(path, content=None, columns=("en", "de"), **options):
    if content is not None:
        (path / "train.tsv").write_bytes(content.encode())
    arguments = {"source": "en", "target": "de", **options}
    return Tsv(path=str(path), files={"train": "train.tsv"}, columns=columns, **arguments)


def read(*arguments, **options):
    return [tuple(record.fields.items()) for record in corpus(*arguments, **options).records("train")]


@settings(deadline=None)
@given(rows=st.lists(st.tuples(CELL, CELL, CELL), min_size=1, max_size=4), zipped=st.booleans(), header=st.booleans())
def test_rows_come_back_as_they_were_written(tmp_path_factory, rows, zipped, header):
    path = tmp_path_factory.mktemp("tsv")
    names = ("en", "de", "zh")
    content = "".join("\t".join(row) + "\n" for row in ([names] if header else []) + rows).encode()
    (path / ("train.tsv.gz" if zipped else "train.tsv")).write_bytes(gzip.compress(content) if zipped else content)
    found = read(path, columns=None if header else names)
    assert found == [tuple(zip(names, row, strict=True)) for row in rows]


def test_a_record_says_where_it_was_read(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "corpus").mkdir()
    (tmp_path / "corpus/train.tsv").write_text("en\tde\na\tb\n")
    tsv = Tsv(path="corpus", files={"train": "train.tsv"}, columns=None, source="en", target="de")
    assert [record.origin for record in tsv.records("train")] == ["corpus/train.tsv, line 2"]
    assert tsv.splits() == ("train",)
    assert [str(file) for file in tsv.files("train")] == ["corpus/train.tsv"]


def test_columns_that_are_not_named_are_ignored(tmp_path):
    assert read(tmp_path, "a\tb\tc\td\ne\tf\n") == [(("en", "a"), ("de", "b")), (("en", "e"), ("de", "f"))]


@settings(deadline=None)
@given(rows=st.lists(st.lists(CELL, min_size=2, max_size=5), min_size=1, max_size=4), header=st.booleans())
def test_all_further_columns_of_a_ragged_line_are_one_field_if_it_has_a_name(tmp_path_factory, rows, header):
    content = "".join("\t".join(row) + "\n" for row in ([["en", "de"]] if header else []) + rows)
    columns = None if header else ("en", "de")
    records = corpus(tmp_path_factory.mktemp("tsv"), content, columns, rest="further").records("train")
    found = [dict(record.fields) for record in records]
    assert found == [{"en": a, "de": b, "further": json.dumps(rest, ensure_ascii=False)} for a, b, *rest in rows]


def test_empty_cells_that_make_all_lines_equally_long_are_not_kept(tmp_path):
    assert [dict(row)["further"] for row in read(tmp_path, "a\tb\tc\t\nd\te\t\t\n", rest="further")] == ['["c"]', "[]"]


def test_a_word_written_letter_by_letter_is_read_as_a_word(tmp_path):
    assert read(tmp_path, "c a t\tK AE T\n", unspaced=["en"]) == [(("en", "cat"), ("de", "K AE T"))]


def test_further_columns_need_a_name_of_their_own_and_spaces_a_column(tmp_path):
    with pytest.raises(
        UserError, match=r"corpus\.rest \(de\) is a column of corpus\.columns; give the further columns another name\."
    ):
        corpus(tmp_path, "a\tb\n", rest="de")
    with pytest.raises(
        UserError, match=r"corpus\.unspaced \(fr\) is not a column of corpus\.columns, which has en, de\."
    ):
        corpus(tmp_path, "a\tb\n", unspaced=["fr"])


def test_a_header_asks_for_exactly_its_columns(tmp_path):
    with pytest.raises(UserError, match=r"train\.tsv, line 2: expected 2 tab-separated columns, found 3\."):
        read(tmp_path, "en\tde\na\tb\tc\n", columns=None)


def test_a_short_line_is_named_with_the_way_out(tmp_path):
    message = r"train\.tsv, line 2: expected 2 tab-separated columns, found 1\. Fix .* corpus\.on_bad_line=skip\."
    with pytest.raises(UserError, match=message):
        read(tmp_path, "a\tb\nc\nd\te\n")
    with pytest.raises(UserError, match=message):
        read(tmp_path, "a\tb\n\nd\te\n")


def test_skipped_lines_are_counted_anew_each_time(tmp_path):
    tsv = corpus(tmp_path, "a\tb\nc\n\n\nd\te\n\n\n", on_bad_line="skip")
    for _ in range(2):
        assert [record.fields["en"] for record in tsv.records("train")] == ["a", "d"]
        assert tsv.skipped == {"train": 3}


@pytest.mark.parametrize("content", ["", "\n\n\n"])
def test_a_file_without_any_record_is_refused(tmp_path, content):
    with pytest.raises(UserError, match=r"train\.tsv: the split holds no record; it needs at least one"):
        read(tmp_path, content)


@pytest.mark.parametrize("content", ["", "en\tde\n"])
def test_a_header_alone_is_no_corpus(tmp_path, content):
    with pytest.raises(UserError, match=r"train\.tsv: the split holds no record"):
        read(tmp_path, content, columns=None)


def test_a_split_without_one_full_record_is_refused(tmp_path):
    with pytest.raises(UserError, match=r"none of the 2 records has text in both en and de\. Check corpus\.source"):
        read(tmp_path, "a\t \n\tb\n")


def test_an_unknown_column_is_answered_with_the_nearest(tmp_path):
    with pytest.raises(
        UserError,
        match=r"corpus\.target \(dee\) is not a column of corpus\.columns, which has en, de; did you mean de\?",
    ):
        corpus(tmp_path, "a\tb\n", target="dee")
    with pytest.raises(
        UserError, match=r"corpus\.source \(fr\) is not a column of .*train\.tsv, line 1, which has en, de\."
    ):
        read(tmp_path, "en\tde\na\tb\n", columns=None, source="fr")


def test_a_column_name_may_not_occur_twice(tmp_path):
    with pytest.raises(UserError, match=r"train\.tsv, line 1: the column en occurs twice; give every column a name"):
        read(tmp_path, "en\tde\ten\na\tb\tc\n", columns=None)


def test_a_missing_file_is_known_when_records_are_asked_for(tmp_path):
    with pytest.raises(UserError, match=r"train\.tsv: no such file"):
        corpus(tmp_path).records("train")
