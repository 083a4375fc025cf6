"""Text to batches: what is learnt from which split, what is kept between runs, what every epoch draws."""

import gzip
import hashlib
import json
import logging
import multiprocessing
from pathlib import Path

import numpy as np
import pytest
import torch

from seq2seq_pl.build import build_data, build_tokenizers
from seq2seq_pl.datamodule import DataModule
from seq2seq_pl.errors import UserError
from seq2seq_pl.values import EOS, PAD, UNK, Batch


@pytest.fixture
def corpus(tmp_path, write_corpus) -> Path:
    return write_corpus(tmp_path / "corpus")


@pytest.fixture
def data(tmp_path, corpus, tiny):
    """Further settings -> the datamodule on `corpus`, prepared."""

    def make(*overrides: str) -> DataModule:
        settings = tiny(corpus, tmp_path / "run", *overrides)
        made = build_data(settings, build_tokenizers(settings))
        made.prepare_data()
        return made

    return make


def files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file() and path.name != ".lock")


def stamps(folder: Path) -> dict[str, int]:
    return {str(path): path.stat().st_mtime_ns for path in files(folder)}


def rows(batch: Batch) -> list[list[int]]:
    return [[token for token in row if token != PAD] for row in batch.source.tolist()]


def test_only_the_training_split_teaches_the_tokenizer(data, corpus):
    (corpus / "valid.src").write_text("a zebra\n" * 7)
    module = data()
    tokens = module.open("translation", "valid").source(0).tolist()
    assert tokens[1:] == [UNK, EOS]
    assert module.reports["translation", "valid"].source_unknown == 7


def test_the_digests_of_a_split_are_those_of_its_files_in_their_order(data, corpus):
    (corpus / "train.src").write_bytes((corpus / "train.src").read_bytes() + b"a b\n" * 9)
    (corpus / "train.rev").write_bytes((corpus / "train.rev").read_bytes() + b"b a\n" * 9)
    task = data().tasks["translation"]
    expected = [hashlib.sha256((corpus / f"train.{side}").read_bytes()).hexdigest() for side in ("src", "rev")]
    assert task.digests("train") == expected


def test_what_is_remembered_of_files_can_be_left_aside(data, corpus, monkeypatch):
    monkeypatch.setattr("seq2seq_pl.datamodule.remembered_digest", lambda path, folder: f"{folder.name} {path.name}")
    task = data().tasks["translation"]
    assert task.digests("train") == ["digests train.src", "digests train.rev"]
    expected = [hashlib.sha256((corpus / f"train.{side}").read_bytes()).hexdigest() for side in ("src", "rev")]
    assert task.digests("train", anew=True) == expected


def test_each_side_has_its_own_vocabulary_unless_it_is_shared(data, corpus):
    (corpus / "train.rev").write_text((corpus / "train.rev").read_text().upper())
    apart, shared = data().tokenizers, data("shared_vocabulary=true").tokenizers
    assert apart.source.encode(["a A"])[0][1] == UNK == apart.target.encode(["A a"])[0][1]
    assert UNK not in shared.source.encode(["a A"])[0]
    assert shared.target is shared.source
    assert shared.source.vocab_size > apart.source.vocab_size


@pytest.mark.parametrize("shared", ["true", "false"])
def test_tokenizers_survive_their_json(data, tmp_path, corpus, tiny, shared):
    trained = data(f"shared_vocabulary={shared}").tokenizers
    again = build_tokenizers(tiny(corpus, tmp_path / "run", f"shared_vocabulary={shared}"))
    again.load(trained.to_json())
    assert again.to_json() == trained.to_json()
    assert again.target.encode(["h g a"]) == trained.target.encode(["h g a"])


def test_the_second_start_reuses_tokenizer_and_stores(data, tmp_path):
    first = data()
    before = stamps(tmp_path / "cache")
    second = data()
    assert stamps(tmp_path / "cache") == before
    assert len(before) == 1 + 2 * 3  # a tokenizer; rows and a report of each split
    assert second.reports == first.reports
    assert second.fingerprints == first.fingerprints


@pytest.mark.parametrize(
    "change",
    ["tokenizer.lowercase=true", "max_source_length=5", "max_target_length=5", "shared_vocabulary=true"],
)
def test_a_changed_setting_changes_every_fingerprint(data, change):
    first, second = data().fingerprints, data(change).fingerprints
    assert not set(first.values()) & set(second.values())


def test_a_changed_test_file_changes_only_its_own_fingerprint(data, corpus):
    first = data().fingerprints
    (corpus / "test.src").write_text((corpus / "test.src").read_text().replace("a", "b"))
    second = data().fingerprints
    assert {split for (_, split), value in first.items() if second["translation", split] != value} == {"test"}


def test_a_changed_training_file_changes_the_vocabulary_and_everything_after(data, corpus):
    first = data().fingerprints
    with (corpus / "train.src").open("a") as source, (corpus / "train.rev").open("a") as target:
        source.write("new\n")
        target.write("new\n")
    assert not set(first.values()) & set(data().fingerprints.values())


def test_another_path_with_the_same_text_is_the_same_store(data, tmp_path, corpus):
    first = data().fingerprints
    moved = corpus.rename(tmp_path / "moved")
    assert data(f"corpus.path={moved}").fingerprints == first


def warnings(caplog) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]


def altered(whole: bytes) -> bytes:
    middle = len(whole) // 2
    return whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :]


@pytest.mark.parametrize("name", ["train.arrow", "valid.arrow", "test.json", "tokenizer.json"])
@pytest.mark.parametrize("change", [lambda whole: b"", lambda whole: whole[:100], altered])
def test_a_damaged_file_of_the_cache_is_made_again_with_a_warning(data, tmp_path, caplog, name, change):
    before = data()
    (path,) = (tmp_path / "cache").rglob(name)
    whole, stamp = path.read_bytes(), stamps(tmp_path / "cache")
    if change is altered and path.suffix == ".json":
        change = lambda whole: whole.replace(b":", b";", 1)  # noqa: E731 (a bit in the middle may be one of a number)
    path.write_bytes(change(whole))
    caplog.clear()
    again = data()
    (told,) = warnings(caplog)
    assert str(path) in told
    assert told.endswith(" It is made again.")
    assert path.read_bytes() == whole
    assert again.reports == before.reports
    unchanged = {str(path.with_suffix(ending)) for ending in (".arrow", ".json")}
    assert {name for name, time in stamps(tmp_path / "cache").items() if stamp[name] != time} <= unchanged
    caplog.clear()
    data()
    assert warnings(caplog) == []


@pytest.mark.parametrize("content", ["{}", "[]", "null", '"x"', '{"source": {}}', '{"source": {"kind": "bpe"}}'])
def test_what_is_no_tokenizer_is_trained_again(data, tmp_path, caplog, content):
    before = data("shared_vocabulary=false").tokenizers.to_json()
    (path,) = (tmp_path / "cache").rglob("tokenizer.json")
    path.write_text(content)
    assert data("shared_vocabulary=false").tokenizers.to_json() == before
    (told,) = warnings(caplog)
    assert told.startswith(f"{path} does not hold the tokenizers of these settings (")


def test_a_tokenizer_whose_other_half_is_broken_leaves_no_trace_of_its_settings(data, tmp_path):
    before = data("shared_vocabulary=false").tokenizers.to_json()
    (path,) = (tmp_path / "cache").rglob("tokenizer.json")
    content = json.loads(before)
    content["source"]["settings"]["lowercase"] = True
    path.write_text(json.dumps({**content, "target": {}}))
    assert data("shared_vocabulary=false").tokenizers.to_json() == before


def test_a_store_from_before_there_were_checksums_is_made_again(data, tmp_path, caplog):
    before = data()
    for path in (tmp_path / "cache").rglob("*.json"):
        if path.name != "tokenizer.json":
            report = json.loads(path.read_text())
            path.write_text(json.dumps({key: report[key] for key in report if key not in ("bytes", "crc32")}))
    again = data()
    assert (again.reports, again.fingerprints) == (before.reports, before.fingerprints)
    assert "crc32" in json.loads(path.read_text())
    assert warnings(caplog) == []


def test_a_complete_cache_is_used_where_nothing_can_be_locked(data, tmp_path):
    first = data()
    for path in (tmp_path / "cache").rglob(".lock"):
        path.unlink()
        path.mkdir()
    before = stamps(tmp_path / "cache")
    assert data().fingerprints == first.fingerprints
    assert stamps(tmp_path / "cache") == before


def test_a_cache_that_cannot_be_written_to_is_told(data, tmp_path):
    (tmp_path / "cache").touch()
    with pytest.raises(UserError, match=r"^cache_dir: .* cannot be written to \(.*\); set cache_dir=DIR\.$"):
        data()


def test_a_split_whose_name_leads_out_of_the_cache_is_refused(data):
    with pytest.raises(UserError, match=r"^the split \.\./x of translation: a name is made of letters, digits"):
        data().open("translation", "../x")


def _prepares(settings, barrier, queue):
    said = []
    handler = logging.Handler()
    handler.emit = lambda record: said.append(record.getMessage())
    logging.getLogger("seq2seq_pl").setLevel(logging.INFO)
    logging.getLogger("seq2seq_pl").addHandler(handler)
    made = build_data(settings, build_tokenizers(settings))
    barrier.wait(60)
    made.prepare_data()
    queue.put((made.fingerprints, made.reports, made.tokenizers.to_json(), said))


@pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="else it would import for long")
@pytest.mark.filterwarnings("ignore:.*use of fork.* may lead to deadlocks:DeprecationWarning")  # Python 3.12 and later
def test_two_processes_that_start_at_once_make_everything_once(tmp_path, corpus, tiny, data):
    fork = multiprocessing.get_context("fork")
    barrier, queue, settings = fork.Barrier(2), fork.SimpleQueue(), tiny(corpus, tmp_path / "run")
    processes = [fork.Process(target=_prepares, args=(settings, barrier, queue)) for _ in range(2)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(120)
    assert [process.exitcode for process in processes] == [0, 0]
    (*first, said), (*second, also_said) = queue.get(), queue.get()
    assert first == second
    work = sorted(message for message in said + also_said if not message.startswith("another process"))
    assert work == [
        *(f"tokenizing the {split} split" for split in ("test", "train", "valid")),
        "training the tokenizer",
    ]
    there = files(tmp_path / "cache")
    assert len(there) == 1 + 2 * 3
    before = stamps(tmp_path / "cache")
    alone = data()
    assert [alone.fingerprints, alone.reports, alone.tokenizers.to_json()] == first
    assert stamps(tmp_path / "cache") == before


def test_reports_count_what_is_left_out_and_what_is_cut(data, corpus):
    for split in ("train", "valid"):
        for side in ("src", "rev"):
            with (corpus / f"{split}.{side}").open("a") as file:
                file.write("\n" if side == "src" else "a\n")  # empty source
                file.write("a b c d e f g h a b\n")  # 10 tokens
                file.write("x" * 100_000 + "\n")
    made = data("max_source_length=8", "max_target_length=8")
    train, valid = made.reports["translation", "train"], made.reports["translation", "valid"]
    assert (train.kept, train.empty, train.too_long, train.cut) == (60, 1, 2, 0)
    assert (valid.kept, valid.empty, valid.too_long, valid.cut, valid.cut_targets) == (10, 0, 0, 2, 2)
    assert len(made.open("translation", "valid").references(9)[0]) == 100_000


def test_a_split_of_empty_lines_is_refused(data, corpus):
    for side in ("src", "rev"):
        (corpus / f"train.{side}").write_text("\n \n")
    with pytest.raises(UserError, match="none of the 2 records has text in both src and rev"):
        data()


@pytest.mark.parametrize("missing", ["train", "valid"])
def test_a_corpus_without_a_split_that_training_needs_is_refused(data, missing):
    there = {"train": "train", "valid": "valid", "test": "test"}
    del there[missing]
    module = data()
    module.tasks["translation"].corpus.prefixes = there
    only = ", ".join(there)
    with pytest.raises(UserError, match=rf"^the corpus of translation has no split {missing}, only {only}; training "):
        module.prepare_data()


@pytest.mark.skipif(not Path("/proc/self/mem").is_file(), reason="no file here that even root cannot read")
def test_a_file_that_cannot_be_read_is_named(data, corpus):
    (corpus / "train.src").unlink()
    (corpus / "train.src").symlink_to("/proc/self/mem")
    with pytest.raises(UserError, match=r"train\.src cannot be read \(.*\); check its permissions\.$"):
        data()


def test_every_training_sentence_comes_once_an_epoch(data):
    loader = data().train_dataloader()
    indices = sorted(index for batch in loader for index in batch.index.tolist())
    assert indices == list(range(60))


@pytest.mark.parametrize("split", ["valid", "test"])
def test_evaluation_sees_every_sentence_once_whatever_the_batch_size(data, split):
    for size in (1, 4, 100):
        batches = list(data(f"batch_size={size}").loader(split))
        assert all(len(batch.index) <= size for batch in batches)
        assert sorted(index for batch in batches for index in batch.index.tolist()) == list(
            range({"valid": 7, "test": 9}[split])
        )


def test_a_batch_holds_the_text_it_says(data, corpus):
    made = data()
    texts = (corpus / "test.src").read_text().splitlines()
    for batch in made.loader("test"):
        for index, row in zip(batch.index.tolist(), rows(batch), strict=True):
            assert made.tokenizers.source.decode(row) == texts[index]
            assert made.example("test", "translation", index).source == texts[index]


def test_test_splits_are_all_that_is_neither_trained_nor_chosen_on(data, corpus):
    for side in ("src", "rev"):
        (corpus / f"hard.{side}").write_bytes(gzip.compress(b"a b\n"))
        (corpus / f"hard.{side}").rename(corpus / f"hard.{side}.gz")
    assert data("++corpus.files.test_hard=hard").test_splits() == ("test", "test_hard")


BPE = ("tokenizer=bpe", "tokenizer.vocab_size=26", "tokenizer.min_frequency=1", "tokenizer.dropout=0.5")


@pytest.fixture
def words(corpus):
    """A corpus of words instead of single letters, so that there is something to merge."""
    for path in corpus.iterdir():
        path.write_text(path.read_text().replace(" ", ""))


def epoch_of(module: DataModule, epoch: int) -> dict[int, list[int]]:
    loader = module.train_dataloader()
    loader.sampler.set_epoch(epoch)
    return {index: row for batch in loader for index, row in zip(batch.index.tolist(), rows(batch), strict=True)}


@pytest.mark.usefixtures("words")
def test_drawn_segmentations_depend_on_seed_epoch_and_sentence_alone(data):
    first = epoch_of(data(*BPE), 0)
    assert epoch_of(data(*BPE, "batch_size=3"), 0) == first
    assert epoch_of(data(*BPE), 1) != first
    assert epoch_of(data(*BPE, "seed=2"), 0) != first


@pytest.mark.usefixtures("words")
def test_every_drawn_segmentation_is_the_same_text(data, corpus):
    made = data(*BPE)
    texts = (corpus / "train.src").read_text().splitlines()
    assert all(made.tokenizers.source.decode(row) == texts[index] for index, row in epoch_of(made, 3).items())


@pytest.mark.usefixtures("words")
def test_evaluation_draws_nothing(data):
    made = data(*BPE)
    first, second = ([batch.source for batch in made.loader("valid")] for _ in range(2))
    assert all(map(torch.equal, first, second))
    assert np.concatenate([batch.flatten() for batch in first]).max() > EOS


def test_the_cached_report_is_plain_json(data, tmp_path):
    made = data()
    path = tmp_path / "cache" / made.fingerprints["translation", "train"] / "train.json"
    assert json.loads(path.read_text())["kept"] == 60
