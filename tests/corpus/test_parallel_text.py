import gzip

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seq2seq_pl.corpus.parallel_text import ParallelText
from seq2seq_pl.errors import UserError

LINE = st.text(st.characters(exclude_characters="\n\r\ufeff", exclude_categories=["Cs"]), min_size=1).filter(str.strip)


def corpus(path, en, de, **options):
    (path / "small.en").write_bytes(en.encode())
    (path / "small.de.gz").write_bytes(gzip.compress(de.encode()))
    return ParallelText(path=str(path), files={"train": "small"}, source="en", target="de", **options)


@settings(deadline=None)
@given(pairs=st.lists(st.tuples(LINE, LINE), min_size=1, max_size=4))
def test_line_i_of_both_files_is_record_i(tmp_path_factory, pairs):
    en, de = ("\n".join(side) + "\n" for side in zip(*pairs, strict=True))
    records = list(corpus(tmp_path_factory.mktemp("parallel"), en, de).records("train"))
    assert [(record.fields["en"], record.fields["de"]) for record in records] == pairs
    assert records[-1].origin.endswith(f"small.en, line {len(pairs)}")


def test_an_empty_line_is_an_empty_sentence(tmp_path):
    records = list(corpus(tmp_path, "a\n\nc\n", "d\ne\nf\n").records("train"))
    assert [tuple(record.fields.values()) for record in records] == [("a", "d"), ("", "e"), ("c", "f")]


def test_the_direction_is_a_choice(tmp_path):
    there = corpus(tmp_path, "a\n", "b\n")
    back = ParallelText(path=str(tmp_path), files={"train": "small"}, source="de", target="en")
    assert there.files("train") == back.files("train")[::-1]
    assert dict(next(back.records("train")).fields) == {"de": "b", "en": "a"}
    assert back.splits() == ("train",)


@pytest.mark.parametrize(
    ("en", "de", "counts"), [("a\nb\nc\n", "d\n", (3, 1)), ("a\n", "b\nc\n\n", (1, 3)), ("", "b\n", (0, 1))]
)
def test_files_of_different_length_are_refused_with_both_counts(tmp_path, en, de, counts):
    message = rf"small\.en has {counts[0]} lines but .*small\.de\.gz has {counts[1]}; line i of both must be the same"
    with pytest.raises(UserError, match=message):
        list(corpus(tmp_path, en, de).records("train"))


def test_nothing_usable_is_refused(tmp_path):
    with pytest.raises(UserError, match=r"small\.en and .*small\.de\.gz: the split holds no record"):
        list(corpus(tmp_path, "", "").records("train"))
    with pytest.raises(UserError, match=r"none of the 2 records has text in both en and de"):
        list(corpus(tmp_path, "\n\n", "a\nb\n").records("train"))


def test_two_languages_are_needed(tmp_path):
    with pytest.raises(UserError, match=r"corpus\.source and corpus\.target are both en; give two languages"):
        ParallelText(path=str(tmp_path), files={"train": "small"}, source="en", target="en")


def test_a_missing_language_is_named(tmp_path):
    (tmp_path / "small.en").touch()
    text = ParallelText(path=str(tmp_path), files={"train": "small"}, source="en", target="de")
    with pytest.raises(UserError, match=r"small\.de: no such file \(.* holds small\.en\)"):
        text.files("train")
