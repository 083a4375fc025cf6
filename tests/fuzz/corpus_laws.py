"""What holds of the data of a run, however strange its corpus."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch

from seq2seq_pl.build import build_data, build_tokenizers
from seq2seq_pl.config import TrainConfig
from seq2seq_pl.datamodule import DataModule
from seq2seq_pl.training import check_targets
from seq2seq_pl.values import BOS, EOS, PAD, UNK, Batch

Drawn = Mapping[str, list[Batch]]


def prepared(settings: TrainConfig) -> tuple[DataModule, Drawn]:
    """What `training.run` does with data, and all batches."""
    data = build_data(settings, build_tokenizers(settings))
    data.prepare_data()
    check_targets(settings, data.reports)
    drawn = {"train": list(data.train_dataloader()), "valid": list(data.val_dataloader())}
    return data, drawn | {split: list(data.loader(split)) for split in data.test_splits()}


def check_same(first: tuple[DataModule, Drawn], again: tuple[DataModule, Drawn]) -> None:
    """What comes out of the cache is what was put there."""
    (made, drawn), (read, redrawn) = first, again
    assert made.fingerprints == read.fingerprints, "another fingerprint the second time"
    assert made.reports == read.reports, "another report the second time"
    assert made.tokenizers.to_json() == read.tokenizers.to_json(), "other tokenizers the second time"
    assert drawn.keys() == redrawn.keys()
    for split in drawn:
        for left, right in zip(drawn[split], redrawn[split], strict=True):
            for one, other in ((left.source, right.source), (left.target, right.target), (left.index, right.index)):
                assert torch.equal(one, other), f"another batch of {split} the second time"


def check(settings: TrainConfig, data: DataModule, drawn: Drawn) -> None:
    """What holds of every batch, and of the splits as a whole."""
    for split, batches in drawn.items():
        for batch in batches:
            check_batch(settings, data, batch, f"{split}, {batch.task}", split)
        for task in data.tasks:
            if (task, split) in data.reports:
                check_split(data, task, split, [batch for batch in batches if batch.task == task])


def check_batch(settings: TrainConfig, data: DataModule, batch: Batch, where: str, split: str) -> None:
    count, longest = len(batch.source), max(batch.source.shape[1], batch.target.shape[1])
    drawn_anew = split == "train" and data.tokenizers.source.stochastic
    assert 1 <= count <= settings.batch_size, f"{where}: {count} sentences"
    assert count == len(batch.target) == len(batch.index), where
    assert drawn_anew or count == 1 or count * longest <= settings.max_tokens, f"{where}: {count} x {longest} tokens"
    source, target = data.tokenizers.source, data.tokenizers.target
    extra = 0
    if batch.copies is not None:
        assert batch.copies.shape == batch.source.shape, where
        extra = batch.source.shape[1]
    for tokens, size in ((batch.source, source.vocab_size), (batch.target, target.vocab_size + extra)):
        ends = (tokens == EOS).int().argmax(1)
        assert ((tokens == EOS).sum(1) == 1).all(), f"{where}: not one end of each sentence"
        assert ((tokens != PAD).sum(1) == ends + 1).all(), f"{where}: padding is not on the right"
        assert int(tokens.max()) < size, f"{where}: an id outside the vocabulary"
        assert not ((tokens == BOS).any()), f"{where}: a begin inside a sentence"
    if batch.copies is not None:
        assert int(batch.copies.max()) < target.vocab_size + extra, f"{where}: a copy outside the source"
        own = [set(row.tolist()) for row in batch.copies]
        wanted = [{i for i in row.tolist() if i >= target.vocab_size} for row in batch.target]
        assert all(ids <= known for ids, known in zip(wanted, own, strict=True)), f"{where}: a copy of nothing"
    for row in batch.target:
        text = target.decode([i for i in row.tolist() if i < target.vocab_size])
        assert len(text.splitlines()) <= 1, f"{where}: {text!r} is not one line"


def check_split(data: DataModule, task: str, split: str, batches: Sequence[Batch]) -> None:
    where = f"{split}, {task}"
    report, store, examples = data.reports[task, split], data.open(task, split), list(data.tasks[task].examples(split))
    places = sorted(i for batch in batches for i in batch.index.tolist())
    assert places == list(range(report.kept)) == list(range(len(store))), f"{where}: not each sentence once"
    assert report.kept + report.empty + report.too_long == len(examples), f"{where}: {report} of {len(examples)}"
    if split == "train":
        return
    unknown = sum(int((batch.source == UNK).sum()) for batch in batches)
    tokens = sum(int(batch.source_mask.sum()) for batch in batches) - report.kept
    assert (report.source_tokens, report.source_unknown) == (tokens, unknown), f"{where}: {report}, found {tokens}"
    for i, example in enumerate(examples):
        assert store.source_text(i) == example.source, f"{where}: {store.source_text(i)!r} is not {example.source!r}"
        assert store.references(i) == example.references, f"{where}: {store.references(i)} of {example.references}"
        for name, text in data.tasks[task].task.baselines(example.source).items():
            assert "\n" not in text, f"{where}: {name} is not one line"
