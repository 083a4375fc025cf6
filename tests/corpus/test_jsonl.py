import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seq2seq_pl.corpus.jsonl import Jsonl
from seq2seq_pl.errors import UserError

TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1).filter(str.strip)


def corpus(path, content, **options):
    (path / "train.jsonl").write_bytes(content.encode())
    arguments = {"source": "en", "target": "de", **options}
    return Jsonl(path=str(path), files={"train": "train.jsonl"}, **arguments)


def read(*arguments, **options):
    return [dict(record.fields) for record in corpus(*arguments, **options).records("train")]


@settings(deadline=None)
@given(
    objects=st.lists(st.fixed_dictionaries({"en": TEXT, "de": TEXT}), min_size=1, max_size=4), ascii_only=st.booleans()
)
def test_texts_come_back_as_they_were_written(tmp_path_factory, objects, ascii_only):
    content = "\n".join(json.dumps(value, ensure_ascii=ascii_only) for value in objects)
    assert read(tmp_path_factory.mktemp("jsonl"), content) == objects


def test_other_values_are_kept_as_json_text_and_null_as_empty(tmp_path):
    line = '{"en": "a", "de": 3, "x": 1.5, "y": true, "z": null, "l": ["ä", 2], "d": {"k": 0}}'
    kept = {"en": "a", "de": "3", "x": "1.5", "y": "true", "z": "", "l": '["ä", 2]', "d": '{"k": 0}'}
    assert read(tmp_path, line) == [kept]


def test_only_the_fields_named_are_kept(tmp_path):
    jsonl = corpus(tmp_path, '{"id": 7, "de": "b", "en": "a"}\n', fields=["en", "de"])
    (record,) = jsonl.records("train")
    assert record.fields == {"en": "a", "de": "b"}
    assert record.origin.endswith("train.jsonl, line 1")
    assert jsonl.splits() == ("train",)


def test_an_object_may_have_fields_that_another_lacks(tmp_path):
    content = '{"en": "a", "de": "b", "more": ["b", "c"]}\n{"en": "d", "de": "e"}\n'
    assert read(tmp_path, content) == [{"en": "a", "de": "b", "more": '["b", "c"]'}, {"en": "d", "de": "e"}]


GOOD = '{"en": "a", "de": "b"}\n'


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{en: 1}", r"not JSON \(Expecting property name"),
        ("[" * 100_000, r"not JSON \("),
        ("[1, 2]", r"expected a JSON object, found \[1, 2\]\."),
        ('"\u2028"', r'expected a JSON object, found "\\u2028"\.'),
        ('{"en": "a", "dee": "b"}', r"the object has no field de; did you mean dee\?"),
        ('{"en": "a", "de": "\\ud800"}', r"half of a surrogate pair is not text\."),
        ("", r"the line is empty\."),
    ],
)
def test_a_bad_line_is_named_or_skipped(tmp_path, line, message):
    content = GOOD + line + "\n" + GOOD
    with pytest.raises(
        UserError, match=r"train\.jsonl, line 2: " + message + ".*Fix the line or set corpus.on_bad_line=skip"
    ):
        read(tmp_path, content)
    jsonl = corpus(tmp_path, content, on_bad_line="skip")
    assert len(list(jsonl.records("train"))) == 2
    assert jsonl.skipped == {"train": 1}


def test_empty_lines_at_the_end_are_fine(tmp_path):
    assert len(read(tmp_path, GOOD + "\n\n")) == 1


def test_nothing_usable_is_refused(tmp_path):
    with pytest.raises(UserError, match=r"train\.jsonl: the split holds no record"):
        read(tmp_path, "\n\n")
    with pytest.raises(UserError, match=r"none of the 1 records has text in both en and de"):
        read(tmp_path, '{"en": "", "de": "b"}')


def test_source_and_target_must_be_among_the_fields(tmp_path):
    with pytest.raises(
        UserError,
        match=r"corpus\.source \(en\) is not a column of corpus\.fields, which has eng, de; did you mean eng\?",
    ):
        corpus(tmp_path, GOOD, fields=["eng", "de"])
    with pytest.raises(UserError, match=r"corpus\.target \(fr\) is not a column of corpus\.fields"):
        corpus(tmp_path, GOOD, fields=["en", "de"], target="fr")
