"""The sampler that hands out planned batches and resumes, and padding."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader, Dataset

from seq2seq_pl.batching import BatchSampler, Lengths, PlannedBatch, collate, padding_share
from seq2seq_pl.errors import UserError
from seq2seq_pl.planning import plan
from seq2seq_pl.values import Batch


def lengths_of(count: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Correlated log-normal lengths, like those of Multi30k with subwords: about 16 tokens a side, both with EOS."""
    rng = np.random.default_rng(seed)
    source = np.exp(2.7 + 0.35 * rng.normal(size=count))
    target = source * np.exp(0.05 + 0.15 * rng.normal(size=count))
    return np.round(source).astype(np.int32) + 1, np.round(target).astype(np.int32) + 1


def sampler(*counts: int, world_size: int = 1, rank: int = 0, shuffle: bool = True, **more: float) -> BatchSampler:
    tasks = {f"task{count}": Lengths(*lengths_of(count, seed=count)) for count in counts}
    return BatchSampler(
        tasks, max_tokens=200, max_sentences=None, seed=3, shuffle=shuffle, rank=rank, world_size=world_size, **more
    )


def rows(batches) -> list[tuple[str, tuple[int, ...], int]]:
    return [(batch.task, tuple(batch.indices.tolist()), batch.epoch) for batch in batches]


@pytest.mark.parametrize("counts", [(400,), (400, 150)])
@pytest.mark.parametrize("world_size", [2, 3, 7])
def test_ranks_take_turns_through_the_plan_of_one_process(counts, world_size):
    alone = rows(sampler(*counts))
    ranks = [sampler(*counts, world_size=world_size, rank=rank) for rank in range(world_size)]
    assert len({len(rank) for rank in ranks}) == 1
    merged = [batch for turn in zip(*map(rows, ranks), strict=True) for batch in turn]
    whole = len(alone) - len(alone) % world_size
    assert merged[:whole] == alone[:whole]
    assert 0 <= len(merged) - whole <= world_size
    last = [Counter((task, i, epoch) for task, batch, epoch in some[whole:] for i in batch) for some in (merged, alone)]
    assert set(last[0]) >= set(last[1])  # one step of all ranks, in smaller batches
    assert last[0] == last[1] or sum(last[1].values()) < world_size


def test_with_fewer_sentences_than_ranks_training_repeats_some():
    ranks = [rows(sampler(2, world_size=3, rank=rank)) for rank in range(3)]
    assert {len(rank) for rank in ranks} == {1}
    assert {i for rank in ranks for _, batch, _ in rank for i in batch} == {0, 1}


@pytest.mark.parametrize("world_size", [1, 2, 3, 7])
def test_in_evaluation_ranks_are_equally_long_and_see_every_sentence_once(world_size):
    ranks = [sampler(400, 150, world_size=world_size, rank=rank, shuffle=False) for rank in range(world_size)]
    assert len({len(rank) for rank in ranks}) == 1
    seen = Counter((batch.task, i) for rank in ranks for batch in rank for i in batch.indices.tolist())
    assert seen == Counter({(f"task{count}", i): 1 for count in (400, 150) for i in range(count)})


def test_with_fewer_sentences_than_ranks_evaluation_still_sees_each_once():
    ranks = [sampler(2, world_size=3, rank=rank, shuffle=False) for rank in range(3)]
    assert sorted(i for rank in ranks for batch in rank for i in batch.indices.tolist()) == [0, 1]


@pytest.mark.parametrize("counts", [(400,), (400, 150)])
def test_iteration_resumes_at_every_position(counts):
    whole = sampler(*counts, world_size=2, rank=1)
    whole.set_epoch(2)
    expected = rows(whole)
    for position in range(len(expected) + 1):
        whole.position = position
        resumed = sampler(*counts, world_size=2, rank=1)
        resumed.load_state_dict(whole.state_dict())
        resumed.set_epoch(2)
        assert rows(resumed) == expected[position:]
        assert len(resumed) == len(expected)


def test_a_new_epoch_starts_at_its_first_batch():
    one, other = sampler(400), sampler(400)
    one.load_state_dict({"epoch": 2, "position": 5})
    one.set_epoch(3)
    other.set_epoch(3)
    assert rows(one) == rows(other)
    assert one.state_dict() == {"epoch": 3, "position": 0}


def test_one_task_is_its_own_plan():
    source, target = lengths_of(400, seed=400)
    one = sampler(400)
    one.set_epoch(4)
    batches = plan(source, target, max_tokens=200, max_sentences=None, seed=3, epoch=4, shuffle=True)
    assert [indices for _, indices, _ in rows(one)] == [tuple(batch.tolist()) for batch in batches]


def test_an_epoch_mixes_the_tasks_evenly_over_its_length():
    """Chi-square of the tasks' batches in ten parts of an epoch, 9 degrees of freedom: 27.9 is the 0.1 % point."""
    mixture = sampler(4000, 1000, temperature=2.0)
    tasks = np.array([batch.task == "task1000" for batch in mixture])
    parts = [part.sum() for part in np.array_split(tasks, 10)]
    expected = tasks.mean() * len(tasks) / 10
    assert tasks.mean() == pytest.approx(1 / 3, abs=0.01)
    assert sum((part - expected) ** 2 / expected for part in parts) < 27.9


def test_a_task_goes_through_all_its_sentences_before_one_comes_again():
    mixture = sampler(900, 300, temperature=3.0)
    for name, count in (("task900", 900), ("task300", 300)):
        seen: list[tuple[int, int]] = []
        for epoch in range(4):
            mixture.set_epoch(epoch)
            seen += [(batch.epoch, i) for batch in mixture for i in batch.indices.tolist() if batch.task == name]
        assert max(Counter(seen).values()) == 1
        for own in range(max(epoch for epoch, _ in seen)):
            assert sum(epoch == own for epoch, _ in seen) == count


class Gather(Dataset[Batch]):
    def __getitem__(self, planned: PlannedBatch) -> Batch:
        source = [np.full(3, 5) for _ in planned.indices]
        return collate(source, source, planned.indices, planned.task)


def test_a_data_loader_gathers_planned_batches_and_lightning_sets_its_epoch():
    from lightning.fabric.utilities.data import _set_sampler_epoch

    loader = DataLoader(Gather(), sampler=sampler(100), batch_size=None)
    _set_sampler_epoch(loader, 3)
    expected = sampler(100)
    expected.set_epoch(3)
    assert [tuple(batch.index.tolist()) for batch in loader] == [indices for _, indices, _ in rows(expected)]


def test_collate_pads_on_the_right():
    batch = collate(
        [np.array([5, 6, 3], dtype=np.int32), np.array([3], dtype=np.int32)],
        [np.array([7, 3], dtype=np.int32), np.array([8, 9, 4, 3], dtype=np.int32)],
        np.array([11, 4]),
        "translation",
    )
    assert batch.source.tolist() == [[5, 6, 3], [3, 0, 0]]
    assert batch.target.tolist() == [[7, 3, 0, 0], [8, 9, 4, 3]]
    assert batch.index.tolist() == [11, 4]
    assert batch.task == "translation"
    assert {batch.source.dtype, batch.target.dtype, batch.index.dtype} == {torch.int64}
    assert padding_share(batch) == pytest.approx(4 / 14)


def test_collate_pads_copies_like_the_source():
    rows = [np.array([5, 1, 3], dtype=np.int32), np.array([3], dtype=np.int32)]
    copies = [np.array([7, 20, 3], dtype=np.int32), np.array([3], dtype=np.int32)]
    batch = collate(rows, rows, np.array([0, 1]), "translation", copies)
    assert batch.copies.tolist() == [[7, 20, 3], [3, 0, 0]]
    assert batch.copies.dtype == torch.int64
    assert collate(rows, rows, np.array([0, 1]), "translation").copies is None


@pytest.mark.parametrize("targets", [[], [np.array([], dtype=np.int32)] * 2])
def test_collate_without_targets_gives_no_columns(targets):
    batch = collate([np.array([5, 3]), np.array([3])], targets, np.array([0, 1]), "generation")
    assert batch.target.shape == (2, 0)
    assert batch.target.dtype == torch.int64


def test_values_out_of_range_are_refused():
    tasks = {"summarization": Lengths(*lengths_of(3))}

    def refused(message: str, tasks: dict[str, Lengths] = tasks, **changes: float) -> None:
        values = {"max_tokens": 9, "max_sentences": 2, "seed": 0, "shuffle": True} | changes
        with pytest.raises(UserError, match=message):
            BatchSampler(tasks, **values)

    empty = np.zeros(0, dtype=np.int32)
    refused(r"max_tokens \(0\) must be at least 1; try 4096\.", max_tokens=0)
    refused(r"max_sentences \(0\) must be at least 1; null sets no limit\.", max_sentences=0)
    refused(r"temperature \(0\) must be greater than 0; 1 draws tasks by size\.", temperature=0)
    refused(r"the weight of task tiny \(-1\) must be greater than 0", {"tiny": Lengths(*lengths_of(3), weight=-1)})
    refused(r"task tiny has no sentences; check its corpus\.", {"tiny": Lengths(empty, empty)})
