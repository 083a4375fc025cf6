import json
import sys
from datetime import datetime

import pytest

from seq2seq_pl.corpus.hub import Hub
from seq2seq_pl.errors import UserError

datasets = pytest.importorskip("datasets")
hub = pytest.importorskip("huggingface_hub")

SPLITS = {"train": "train", "valid": "validation", "test": "test"}
FIELDS = {"en": "translation.en", "de": "translation.de"}


def rows(name):
    return [{"translation": {"en": f"{name} {i}", "de": f"die {i}"}, "more": ["a", "ä"], "n": i} for i in range(4)]


@pytest.fixture(autouse=True)
def offline(tmp_path_factory, monkeypatch):
    """No network, and a cache of the test's own."""
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path_factory.mktemp("cache"))
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(hub.constants, "HF_HUB_OFFLINE", True)


def write(path, form):
    parts = datasets.DatasetDict({name: datasets.Dataset.from_list(rows(name)) for name in SPLITS.values()})
    if form == "save_to_disk":
        parts.save_to_disk(path)
        return
    for name, part in parts.items():
        if form == "parquet":
            part.to_parquet(path / f"{name}.parquet")
        else:
            part.to_json(path / f"{name}.jsonl")


def corpus(path, **options):
    arguments = {"config": None, "revision": None, "splits": SPLITS, "fields": FIELDS, "source": "en", "target": "de"}
    return Hub(name=str(path), **{**arguments, **options})


@pytest.mark.parametrize("form", ["json", "parquet", "save_to_disk"])
def test_a_folder_is_read_in_every_form(tmp_path, form):
    write(tmp_path, form)
    found = corpus(tmp_path)
    assert found.splits() == ("train", "valid", "test")
    for split, name in SPLITS.items():
        records = list(found.records(split))
        assert [dict(record.fields) for record in records] == [row["translation"] for row in rows(name)]
        assert records[1].origin == f"{tmp_path}, {name}, row 1"


def test_a_split_whose_name_leads_out_of_a_folder_is_refused(tmp_path):
    with pytest.raises(UserError, match=r"^corpus\.splits\.test_\.\./x: a name is made of letters"):
        corpus(tmp_path, splits={**SPLITS, "test_../x": "test"})


def test_a_table_in_csv_is_read(tmp_path):
    (tmp_path / "test.csv").write_text('en,de\n"a, b",c\n,d\n')
    records = corpus(tmp_path, fields={"en": "en", "de": "de"}).records("test")
    assert [dict(record.fields) for record in records] == [{"en": "a, b", "de": "c"}, {"en": "", "de": "d"}]


def test_every_column_is_kept_where_no_fields_are_named(tmp_path):
    write(tmp_path, "json")
    found = corpus(tmp_path, fields=None, source="n", target="more", splits={"test": "test"})
    assert [dict(record.fields) for record in found.records("test")] == [
        {"translation": json.dumps(row["translation"]), "more": '["a", "ä"]', "n": str(row["n"])}
        for row in rows("test")
    ]


def test_a_split_may_be_a_slice_of_another(tmp_path):
    write(tmp_path, "parquet")
    found = corpus(tmp_path, splits={"train": "train[:75%]", "valid": "train[75%:]"})
    texts = [[record.fields["en"] for record in found.records(split)] for split in ("train", "valid")]
    assert texts == [["train 0", "train 1", "train 2"], ["train 3"]]


def test_a_single_split_that_was_saved_is_train(tmp_path):
    datasets.Dataset.from_list(rows("a")).save_to_disk(tmp_path)
    found = corpus(tmp_path)
    assert len(list(found.records("train"))) == 4
    with pytest.raises(
        UserError, match=r"split validation: It has only train\. Check corpus\.name, .* corpus\.splits\."
    ):
        found.records("valid")


def test_the_files_stay_the_same_until_the_data_change(tmp_path):
    write(tmp_path, "json")
    first = corpus(tmp_path).files("train")
    assert first == corpus(tmp_path).files("train")
    before = [path.read_bytes() for path in first]
    (tmp_path / "train.jsonl").write_text(json.dumps(rows("other")[0]) + "\n")
    assert [path.read_bytes() for path in corpus(tmp_path).files("train")] != before
    assert [record.fields["en"] for record in corpus(tmp_path).records("train")] == ["other 0"]


def test_nothing_is_loaded_before_it_is_asked_for(tmp_path):
    found = corpus(tmp_path / "absent")
    with pytest.raises(UserError, match=r"split tset: the corpus has only train, valid, test; did you mean test\?"):
        found.records("tset")


def test_an_unknown_column_is_answered_with_those_there_are(tmp_path):
    write(tmp_path, "json")
    with pytest.raises(
        UserError,
        match=r"train, row 0: no column translation\.eng \(corpus\.fields\.en\); "
        r"it has translation, translation\.en, translation\.de, more, n; did you mean translation\.en\?",
    ):
        list(corpus(tmp_path, fields={**FIELDS, "en": "translation.eng"}).records("train"))
    with pytest.raises(UserError, match=r"corpus\.source \(fr\) is not a column of corpus\.fields, which has en, de\."):
        corpus(tmp_path, source="fr")
    with pytest.raises(
        UserError, match=r"corpus\.source \(en\) is not a column of .*, train, which has translation, more"
    ):
        corpus(tmp_path, fields=None).records("train")


def test_a_column_of_what_is_no_text_is_refused(tmp_path):
    times = datasets.Dataset.from_dict({"en": ["a"], "de": ["b"], "said": [datetime(2020, 1, 1)], "raw": [b"\xff"]})
    times.to_parquet(tmp_path / "train.parquet")
    splits = {"train": "train"}
    (record,) = corpus(tmp_path, splits=splits, fields={"en": "en", "de": "de"}).records("train")
    assert record.fields == {"en": "a", "de": "b"}
    for column, kind in {"said": "datetime", "raw": "bytes"}.items():
        with pytest.raises(
            UserError,
            match=rf"train, row 0: column {column} holds what is no text \({kind}\); choose the columns with",
        ):
            list(corpus(tmp_path, splits=splits, fields={"en": "en", "de": column}).records("train"))


def test_a_name_without_network_or_cache_is_one_sentence():
    with pytest.raises(
        UserError,
        match=r"corpus\.name \(some/corpus\) is no folder, was not loaded on this machine before, and the hub "
        r"cannot be reached\. Load it once with a network, or give a folder \(corpus\.name=DIR\)\.",
    ):
        corpus("some/corpus").files("train")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"splits": {"train": "dev"}}, r"split dev: Unknown split"),
        ({"splits": {"train": "train[a]"}}, r"split train\[a\]: Unrecognized instruction format"),
        ({"config": "de-en"}, r"split train: BuilderConfig 'de-en' not found"),
    ],
)
def test_what_the_library_refuses_is_told_with_the_settings_to_check(tmp_path, options, message):
    write(tmp_path, "json")
    way_out = r"Check corpus\.name, corpus\.config, corpus\.revision and corpus\.splits\."
    with pytest.raises(UserError, match=rf"corpus\.name \(.*\), {message}.*\. {way_out}"):
        corpus(tmp_path, **options).files("train")


def test_a_damaged_file_is_told_with_its_cause(tmp_path):
    (tmp_path / "train.jsonl").write_text('{"en": "a", "de"\n')
    with pytest.raises(UserError, match=r"split train: .*JSON.*Check corpus\.name"):
        corpus(tmp_path).files("train")


def test_the_package_is_asked_for_by_the_command_that_installs_it(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(UserError, match=r"corpus=hub needs the package datasets; run: pip install 'datasets>=3'$"):
        corpus(tmp_path).files("train")
