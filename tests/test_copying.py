"""Copying end to end: words that no vocabulary has, from the corpus through batches and a model into the text."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from seq2seq_pl.build import build_data, build_texts, build_tokenizers
from seq2seq_pl.callback.attention_maps import alone, source_labels
from seq2seq_pl.config import TrainConfig, validate
from seq2seq_pl.datamodule import DataModule
from seq2seq_pl.evaluation import evaluate_run
from seq2seq_pl.generation import Generator, generate_lines
from seq2seq_pl.members import Run
from seq2seq_pl.saved import load_tokenizers, read_checkpoint, settings_of
from seq2seq_pl.training import run
from seq2seq_pl.values import EOS, PAD, UNK, Batch

SMALL = (
    "experiment=copy_words",
    "trainer=cpu",
    "trainer.max_epochs=4",
    "corpus.train_pairs=400",
    "corpus.valid_pairs=20",
    "corpus.test_pairs=40",
    "batch_size=16",
    "model.encoder.hidden_size=32",
    "model.decoder.hidden_size=64",
    "optimizer.lr=0.01",
    "decoding=beam",
)


@pytest.fixture(scope="module")
def settings(composed) -> Callable[..., TrainConfig]:
    """Directory of the run and further settings -> the settings of the recipe, made small."""

    def make(directory: Path, *overrides: str) -> TrainConfig:
        places = (f"run_dir={directory}", f"cache_dir={directory.parent / 'cache'}")
        return validate(composed(*SMALL, *places, *overrides))

    return make


@pytest.fixture(scope="module")
def copier(tmp_path_factory, settings) -> Path:
    """The directory of a finished run that copies; no test changes it."""
    directory = tmp_path_factory.mktemp("runs") / "copier"
    run(settings(directory, "callback=[checkpoint,text_samples,attention_maps]", "logger=[tensorboard]"))
    return directory


@pytest.fixture
def data(tmp_path, settings) -> Callable[..., DataModule]:
    def make(*overrides: str) -> DataModule:
        asked = settings(tmp_path / "run", *overrides)
        made = build_data(asked, build_tokenizers(asked))
        made.prepare_data()
        return made

    return make


@pytest.fixture(scope="module")
def records(settings) -> list[tuple[str, str]]:
    """Source and target of each test pair."""
    data = build_data(asked := settings(Path("nowhere")), build_tokenizers(asked))
    return [(example.source, example.references[0]) for example in data.tasks["copy_words"].examples("test")]


def names(text: str) -> set[str]:
    """The invented names of an English sentence."""
    return {word.rstrip(".?") for word in text.split() if word.istitle()} - {"Did", "Where", "Monday", "Friday"}


def named(hypotheses: list[str], records: list[tuple[str, str]]) -> float:
    """Share of the outputs that hold a name of their source."""
    pairs = zip(hypotheses, records, strict=True)
    return float(np.mean([any(name in text for name in names(source)) for text, (source, _) in pairs]))


# -- learning --------------------------------------------------------------------------------------------------------


def test_a_hundred_steps_teach_to_copy_names_that_stand_nowhere_else(copier, records):
    hypotheses = (copier / "test" / "hypotheses.txt").read_text(encoding="utf-8").splitlines()
    assert named(hypotheses, records) >= 0.8
    assert not any("⁇" in text for text in hypotheses)


def test_a_model_that_does_not_copy_cannot_write_them(tmp_path, settings, records):
    run(settings(tmp_path / "plain", "model/output=projection", "callback=[checkpoint]", "logger=[]"))
    hypotheses = (tmp_path / "plain" / "test" / "hypotheses.txt").read_text(encoding="utf-8").splitlines()
    assert named(hypotheses, records) == 0
    assert any("⁇" in text for text in hypotheses)


@pytest.mark.slow
def test_the_recipe_keeps_its_promise_and_the_plain_model_has_nothing_right(composed, tmp_path):
    quiet = ("experiment=copy_words", f"cache_dir={tmp_path / 'cache'}", "callback=[checkpoint]", "logger=[]")
    copying = run(validate(composed(*quiet, f"run_dir={tmp_path / 'copying'}")))
    # By then it has learnt everything but the names; of its exact matches, all 0, the first epoch's would be the best.
    short = ("model/output=projection", "trainer.max_epochs=2", "monitor=loss")
    plain = run(validate(composed(*quiet, f"run_dir={tmp_path / 'plain'}", *short)))
    assert plain.scores["test/copy_words/accuracy"].value > 99
    assert copying.scores["test/copy_words/exact_match"].value >= 95
    assert plain.scores["test/copy_words/exact_match"].value == 0


# -- text out --------------------------------------------------------------------------------------------------------


def test_evaluate_repeats_training_byte_for_byte(copier, composed, tmp_path):
    asked = (f"run={copier}", "trainer=cpu", f"output={tmp_path / 'again'}", "resamples=0")
    evaluate_run(composed(*asked, command="evaluate"))
    for name in ("hypotheses.txt", "references.txt", "scores.json"):
        assert (tmp_path / "again" / name).read_bytes() == (copier / "test" / name).read_bytes()


@pytest.mark.parametrize("batch_size", [64, 1])
def test_generate_repeats_training_byte_for_byte(copier, composed, records, tmp_path, batch_size):
    (tmp_path / "in").write_text("".join(f"{source}\n" for source, _ in records), encoding="utf-8")
    files = (f"run={copier}", f"input={tmp_path / 'in'}", f"output={tmp_path / 'out'}", "device=cpu")
    generate_lines(composed(*files, f"batch_size={batch_size}", command="generate"))
    assert (tmp_path / "out").read_bytes() == (copier / "test" / "hypotheses.txt").read_bytes()


def test_whatever_is_copied_there_is_one_line_for_each(copier):
    texts = [
        "Zürßa\u0308 met 没有 in the park.",
        "x" * 100_000,
        "\u202eabc\u2028 👩‍👩‍👧‍👦 met \x00\x1b[31m",
        "Qqq " * 500,
        "\x85",
        "<s> ⁇",
    ]
    saved = read_checkpoint(copier / "checkpoints" / "best.ckpt")
    answers = []
    for batch_size in (64, 1):
        settings = settings_of(saved, {"batch_size": batch_size})
        generator = Generator([Run(settings, load_tokenizers(saved, settings), saved)], "cpu")
        answers.append(generator.answer(texts))
        assert generator.cut == 2
    assert answers[0] == answers[1]
    assert all(len(answer.splitlines()) <= 1 for answer in answers[0])
    assert "Zürßä" in answers[0][0] or "没" in answers[0][0]


def test_the_samples_in_tensorboard_hold_copied_words(copier):
    texts = set()
    for path in (copier / "tensorboard").glob("events.out.tfevents.*"):
        events = EventAccumulator(str(path), size_guidance={"tensors": 0}).Reload()
        for tag in events.Tags()["tensors"]:
            if tag.startswith("val/copy_words/samples"):
                texts |= {event.tensor_proto.string_val[0].decode() for event in events.Tensors(tag)}
    assert any(
        any(name in row[1] for name in names(row[0].replace("&#46;", ".")))
        for text in texts
        for row in (line.strip("| ").split(" | ") for line in text.splitlines()[2:])
    )


def test_attention_maps_name_the_words_on_both_sides(data, settings, tmp_path):
    made = data()
    texts = build_texts(settings(tmp_path / "run"), made.tokenizers, made.example)
    batch = next(iter(made.loader("test")))
    for row, index in enumerate(batch.index.tolist()):
        example = made.example("test", "copy_words", index)
        copied, one = texts.copied("copy_words", example.source), alone(batch, row)
        assert one.source.shape == one.copies.shape
        assert (one.source != PAD).all()
        labels = source_labels(texts, one, copied)
        assert "".join(labels[:-1]).replace("▁", " ").strip() == example.source
        target = batch.target[row][batch.target_mask[row]].tolist()
        assert "".join(texts.target_tokens(target, copied)[:-1]).replace("▁", " ").strip() == example.references[0]
    assert list((tmp_path / "cache").rglob("*.arrow"))


def test_a_model_that_does_not_copy_has_nothing_to_put_into_the_text(data, settings, tmp_path):
    made = data("model/output=projection")
    texts = build_texts(settings(tmp_path / "run", "model/output=projection"), made.tokenizers, made.example)
    assert texts.copied("copy_words", "Zanthor met Qux in the park.") == ()
    batch = next(iter(made.loader("test")))
    assert batch.copies is None
    assert "<unk>" in source_labels(texts, alone(batch, 0), ())


# -- batches ---------------------------------------------------------------------------------------------------------


def spelt(data: DataModule, batch: Batch, row: int, source_text: str, texts) -> tuple[str, str]:
    """What a row's copies and its target spell."""
    words = texts.copied("copy_words", source_text)
    sides = (side[row][side[row] != PAD].tolist() for side in (batch.copies, batch.target))
    source, target = (data.tokenizers.target.decode(ids, words) for ids in sides)
    return source, target


@pytest.mark.parametrize("split", ["valid", "test"])
def test_the_copies_of_a_batch_spell_its_sources_and_its_targets_hold_no_unknown_word(data, settings, tmp_path, split):
    made = data()
    texts = build_texts(settings(tmp_path / "run"), made.tokenizers, made.example)
    for batch in made.loader(split):
        assert batch.copies.shape == batch.source.shape
        assert ((batch.source == PAD) == (batch.copies == PAD)).all()
        assert ((batch.source == EOS) == (batch.copies == EOS)).all()
        assert UNK not in batch.target
        for row, index in enumerate(batch.index.tolist()):
            example = made.example(split, "copy_words", index)
            assert spelt(made, batch, row, example.source, texts) == (example.source, example.references[0])


def test_a_batch_keeps_its_copies_on_the_way_to_a_device(data):
    batch = next(iter(data().loader("valid")))
    assert torch.equal(batch.to("cpu").copies, batch.copies)


def test_the_report_counts_no_word_as_unknown_that_can_be_copied(data):
    copying, plain = (data(*change).reports["copy_words", "train"] for change in ([], ["model/output=projection"]))
    assert copying.target_unknown == 0 < plain.target_unknown
    assert copying.source_unknown == plain.source_unknown > 0
    assert copying.target_tokens == plain.target_tokens


def test_only_a_model_that_copies_has_copies_in_its_stores_and_the_fingerprints_know(data):
    copying, plain = data(), data("model/output=projection")
    assert not set(copying.fingerprints.values()) & set(plain.fingerprints.values())
    assert copying.open("copy_words", "train").copies(0) is not None
    assert plain.open("copy_words", "train").copies(0) is None


BPE = ("tokenizer=bpe", "tokenizer.vocab_size=120", "tokenizer.min_frequency=1", "tokenizer.dropout=0.5")


@pytest.mark.parametrize("shared", ["true", "false"])
def test_drawn_segmentations_are_copied_too(data, shared):
    copying, plain = (
        data(*BPE, f"shared_vocabulary={shared}", f"model/output={output}")
        for output in ("pointer_generator", "projection")
    )
    store, tokenizers = copying.open("copy_words", "train"), copying.tokenizers
    seen = 0
    for batch, without in zip(copying.train_dataloader(), plain.train_dataloader(), strict=True):
        assert torch.equal(batch.source, without.source)  # cut as without copying
        for row, index in enumerate(batch.index.tolist()):
            ids, copies = (side[row][side[row] != PAD].tolist() for side in (batch.source, batch.copies))
            known = [i if i < tokenizers.target.vocab_size else UNK for i in copies]
            assert known == [*tokenizers.target.piece_ids(tokenizers.source.tokens(ids[:-1])), EOS]
            seen += tokenizers.source.decode(ids) == store.source_text(index)
    assert seen == 400
