"""`max_tokens=auto` and `step_tokens`: what fits into memory, and how many batches make a step."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch

from seq2seq_pl.batching import BatchSampler
from seq2seq_pl.budget import COPIES, LOWER, PASSING, TAKEN, _works, decided
from seq2seq_pl.build import build_data, build_module, build_tokenizers, build_trainer
from seq2seq_pl.config import TrainConfig
from seq2seq_pl.datamodule import DataModule
from seq2seq_pl.errors import UserError
from seq2seq_pl.memory import counting_kept
from seq2seq_pl.module import Seq2SeqModule
from seq2seq_pl.record import read_record
from seq2seq_pl.training import run

AUTO = ("max_tokens=auto", "batch_size=60")
MEBIBYTE = 2**20


@pytest.fixture
def settings(tiny, corpus_folder, tmp_path):
    """Settings of a tiny run of 60 training sentences, with a budget that is found unless another one is given."""

    def make(*overrides: str) -> TrainConfig:
        return tiny(corpus_folder, tmp_path / "run", *AUTO, *overrides)

    return make


@pytest.fixture
def free(monkeypatch):
    """Sets how many bytes are free."""

    def say(count: int) -> None:
        monkeypatch.setattr("seq2seq_pl.budget.free_memory", lambda: count)

    return say


def built(settings: TrainConfig) -> tuple[Seq2SeqModule, DataModule]:
    tokenizers = build_tokenizers(settings)
    data = build_data(settings, tokenizers)
    data.prepare_data()
    module = build_module(settings, tokenizers, data.example)
    module.trainer = build_trainer(settings)
    return module, data


def cells(settings: TrainConfig) -> list[int]:
    """Tokens of the longer side of each batch of an epoch, padding counted."""
    _, data = built(settings)
    return [len(batch.index) * max(batch.source.shape[1], batch.target.shape[1]) for batch in data.loader("train")]


def needs(settings: TrainConfig) -> int:
    """Bytes that the most demanding batch of an epoch is reckoned to take."""
    module, data = built(settings)
    most = 0
    for batch in data.loader("train"):
        with counting_kept() as kept:
            module.forced(batch, module.teacher_forcing(0))
        most = max(most, sum(kept.values()))
    return int(PASSING * most) + COPIES * sum(value.nbytes for value in module.parameters())


TRANSFORMER = (
    "model=transformer",
    "model.embedding.size=8",
    "model.encoder.hidden_size=8",
    "model.encoder.heads=2",
    "model.decoder.hidden_size=8",
    "model.decoder.heads=2",
    "model.attention.size=8",
    "model.attention.heads=2",
)
FEEDING = ("model/decoder=input_feeding", "teacher_forcing.value=0.5")


@pytest.mark.parametrize("model", [(), TRANSFORMER, FEEDING], ids=["RNN", "Transformer", "input feeding"])
def test_the_batches_of_the_budget_fit_and_no_larger_ones_would(settings, free, model):
    whole = needs(settings(*model, "max_tokens=100000"))
    free(int(whole / TAKEN / 3))
    found, (said,) = decided(settings(*model))
    assert f"max_tokens=auto: {found.max_tokens:,} tokens a batch at most (0.0 GiB are free)" in said
    assert needs(found) <= 1.05 * whole / 3
    assert needs(settings(*model, f"max_tokens={int(found.token_budget * 1.6)}")) > whole / 3
    assert 1 < len(cells(found)) < 60


def test_more_memory_makes_larger_batches_until_all_sentences_are_in_one(settings, free):
    budgets = []
    for count in (1, 2, 4, 1000):
        free(count * MEBIBYTE // 2)
        found, said = decided(settings())
        budgets.append(found.token_budget)
    assert budgets == sorted(budgets)
    assert len(set(budgets)) == 3
    assert "(batch_size (60) allows no more)" in said[0]
    assert len(cells(found)) == 1


def test_a_budget_is_never_below_the_longest_sentence(settings, free):
    free(1)
    found, _ = decided(settings())
    assert found.token_budget == max(cells(settings("max_tokens=1")))


def test_everything_else_stays_as_it_is(settings, free):
    free(MEBIBYTE)
    before = settings("+trainer.accumulate_grad_batches=3")
    after, _ = decided(before)
    assert after == TrainConfig(**{**before.__dict__, "max_tokens": after.max_tokens})
    assert decided(after) == (after, [])


@pytest.mark.parametrize("step", [50, 200, 400])
def test_so_many_batches_are_accumulated_as_a_step_is_to_have_tokens(settings, step):
    asked = settings("max_tokens=40", f"step_tokens={step}")
    found, (said,) = decided(asked)
    count = found.trainer["accumulate_grad_batches"]
    mean = sum(sizes := cells(found)) / len(sizes)
    assert count == max(1, round(step / mean))
    assert said == f"step_tokens={step}: batches accumulated for an optimizer step: {count}"
    assert (found.max_tokens, found.step_tokens) == (40, None)


def test_a_step_is_split_evenly_into_batches_that_fit(settings, free):
    free(MEBIBYTE // 2)
    alone = decided(settings())[0].token_budget
    step = int(3.5 * alone)
    found, said = decided(settings(f"step_tokens={step}"))
    assert found.max_tokens == math.ceil(step / 4)
    mean = sum(sizes := cells(found)) / len(sizes)  # in a small corpus, batches are smaller than their budget
    assert found.trainer["accumulate_grad_batches"] == round(step / mean) >= 4
    assert len(said) == 2


def test_a_step_that_fits_is_one_batch(settings, free):
    free(1000 * MEBIBYTE)
    (whole,) = cells(settings("max_tokens=100000"))
    found, said = decided(settings(f"step_tokens={whole}"))
    assert (found.max_tokens, found.trainer["accumulate_grad_batches"]) == (whole, 1)
    assert "(a step has no more)" in said[0]


def test_what_cannot_be_is_told(settings, free):
    free(0)
    with pytest.raises(UserError, match="how much memory is free is not known here; set a number, such as 4096"):
        decided(settings())
    both = r"step_tokens \(9\) and trainer.accumulate_grad_batches \(2\) both say how many batches make a step"
    with pytest.raises(UserError, match=both):
        decided(settings("step_tokens=9", "+trainer.accumulate_grad_batches=2"))
    with pytest.raises(UserError, match="looks at one device, not at 2; set the number that a run with"):
        decided(settings("trainer=ddp", "trainer.accelerator=cpu"))
    with pytest.raises(UserError, match=r"max_tokens \(most\) must be a whole number or one of auto"):
        settings("max_tokens=most")


def test_a_budget_that_turns_out_not_to_fit_is_lowered(settings, free, monkeypatch):
    free(MEBIBYTE)
    first = decided(settings())[0].token_budget
    tried = []

    def works(module, data):
        tried.append(data.max_tokens)
        return len(tried) == 3

    monkeypatch.setattr("seq2seq_pl.budget._works", works)
    found, (said,) = decided(settings())
    assert tried == [first, int(LOWER * first), int(LOWER * int(LOWER * first))]
    assert found.max_tokens == tried[-1]
    assert "(more do not fit)" in said


@pytest.mark.parametrize("error", [torch.OutOfMemoryError("CUDA out of memory"), MemoryError(), None])
def test_trying_the_largest_batch_tells_whether_it_fits(settings, monkeypatch, error):
    module, data = built(settings("max_tokens=40"))
    largest = []

    def tried(module, loss, batch, whole):
        assert whole
        assert float(loss(batch).detach()) > 0
        largest.append(len(batch.index) * max(batch.source.shape[1], batch.target.shape[1]))
        if error:
            raise error

    monkeypatch.setattr("seq2seq_pl.budget.tried", tried)
    assert _works(module, data)
    assert largest == [], "a CPU is not asked"
    monkeypatch.setattr(Seq2SeqModule, "device", torch.device("meta"))
    monkeypatch.setattr("seq2seq_pl.values.Batch.to", lambda batch, device: batch)
    assert _works(module, data) == (error is None)
    assert largest == [max(cells(settings("max_tokens=40")))]


def test_other_errors_of_a_trial_are_not_taken_for_too_little_memory(settings, monkeypatch):
    def tried(module, loss, batch, whole):
        raise RuntimeError("shapes differ")

    module, data = built(settings("max_tokens=40"))
    monkeypatch.setattr("seq2seq_pl.budget.tried", tried)
    monkeypatch.setattr(Seq2SeqModule, "device", torch.device("meta"))
    monkeypatch.setattr("seq2seq_pl.values.Batch.to", lambda batch, device: batch)
    with pytest.raises(RuntimeError, match="shapes differ"):
        _works(module, data)


@pytest.mark.parametrize("more", [(), ("+trainer.accumulate_grad_batches=1",)], ids=["plain", "one batch a step said"])
def test_a_run_records_what_was_found_and_goes_on_with_it(settings, free, capsys, more):
    free(MEBIBYTE)
    asked = settings("step_tokens=400", "trainer.max_epochs=1", *more)
    run(asked)
    kept = read_record(Path(asked.run_dir))["config"]
    count = kept["trainer"]["accumulate_grad_batches"]
    assert f"max_tokens=auto: {kept['max_tokens']:,} tokens" in capsys.readouterr().out
    assert count > 1
    free(1000 * MEBIBYTE)
    longer = settings("step_tokens=400", "trainer.max_epochs=2", *more)
    run(longer, resume=True, changed=["trainer.max_epochs"])
    record = read_record(Path(asked.run_dir))
    assert record["config"] == {**kept, "trainer": {**kept["trainer"], "max_epochs": 2}}
    assert "max_tokens=auto" not in capsys.readouterr().out
    batches = len(cells(settings(f"max_tokens={kept['max_tokens']}")))
    assert record["steps"] == 2 * math.ceil(batches / count)


def test_the_cells_of_planned_batches_are_those_of_their_tensors(settings):
    _, data = built(settings("max_tokens=40"))
    loader = data.loader("train")
    assert isinstance(loader.sampler, BatchSampler)
    assert loader.sampler.cells(list(loader.sampler)).tolist() == cells(settings("max_tokens=40"))
    assert loader.sampler.cells([]).tolist() == []
