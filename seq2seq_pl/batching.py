"""Planned batches: shared out among ranks, mixed from tasks, resumed where they were left, and padded.

Everything here is a pure function of the lengths, the seed, the epoch, the rank and the number of ranks.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.data import Sampler

from seq2seq_pl.errors import UserError
from seq2seq_pl.planning import Counts, Ints, plan, shares, split_to
from seq2seq_pl.values import PAD, Batch


@dataclass(frozen=True)
class Lengths:
    """What the sampler has to know of a task.

    Attributes:
        source: tokens of each source, as they will stand in a batch (EOS counted), (sentences,).
        target: tokens of each target, (sentences,).
        weight: how often the task is drawn, beside its size.
    """

    source: Counts
    target: Counts
    weight: float = 1.0


class PlannedBatch(NamedTuple):
    """One batch to be; a tuple, because an epoch of a large corpus has many.

    Attributes:
        task: name of the task.
        indices: positions of its sentences in the task's split, (B,).
        epoch: how often the task has been gone through before; with a position, the seed of what is drawn per sentence.
    """

    task: str
    indices: Ints
    epoch: int


class BatchSampler(Sampler[PlannedBatch]):
    """Yields the planned batches of one rank, epoch by epoch.

    Meant for `DataLoader(dataset, sampler=..., batch_size=None)`, where the dataset turns a `PlannedBatch` into a
    `Batch`; Lightning then calls `dataloader.sampler.set_epoch` by itself.

    Mixing (shuffle, several tasks): each task has a fixed share of every epoch (see `shares`) in a random order, and
    goes through its own plans one after the other, so that all its sentences have their turn before one comes again.
    Without shuffle, the tasks follow one another.

    Ranks: batch i of the plan goes to rank i mod world_size, so that one step of all ranks sees what one process sees
    in world_size batches. For the ranks to be equally long, the largest batches are halved: in training those of the
    last step, in evaluation any. Where no batch has two rows any more, training repeats some from the start of the
    epoch, and in evaluation, where nothing may be seen twice, some ranks are one batch shorter.

    Position: `position` is the number of batches of the current epoch that the trainer has got. The sampler cannot know
    it, because worker processes ask for batches ahead: whoever hands the batches out has to count. Iteration starts at
    `position`; a new epoch starts at 0.

    Args:
        tasks: lengths by task name.
        max_tokens: see `plan`.
        max_sentences: see `plan`.
        seed: of the run.
        shuffle: True for training.
        temperature: 1 draws tasks by their number of batches, larger values more evenly.
        rank: of this process.
        world_size: number of processes.
    Raises:
        UserError: a value is out of range.
    """

    def __init__(
        self,
        tasks: Mapping[str, Lengths],
        *,
        max_tokens: int,
        max_sentences: int | None,
        seed: int,
        shuffle: bool,
        temperature: float = 1.0,
        rank: int = 0,
        world_size: int = 1,
    ) -> None:
        if max_tokens < 1:
            raise UserError(f"max_tokens ({max_tokens}) must be at least 1; try 4096.")
        if max_sentences is not None and max_sentences < 1:
            raise UserError(f"max_sentences ({max_sentences}) must be at least 1; null sets no limit.")
        if not temperature > 0:
            raise UserError(f"temperature ({temperature}) must be greater than 0; 1 draws tasks by size.")
        for name, task in tasks.items():
            if not task.weight > 0:
                raise UserError(f"the weight of task {name} ({task.weight}) must be greater than 0; or leave it out.")
            if not len(task.source):
                raise UserError(f"task {name} has no sentences; check its corpus.")
        self.tasks, self.max_tokens, self.max_sentences, self.seed = dict(tasks), max_tokens, max_sentences, seed
        self.shuffle, self.temperature, self.rank, self.world_size = shuffle, temperature, rank, world_size
        self.epoch, self.position = 0, 0
        self._planned: tuple[int, list[PlannedBatch]] | None = None

    def set_epoch(self, epoch: int) -> None:
        """Makes `epoch` the current one. A new epoch starts at position 0; the current one keeps its position."""
        if epoch != self.epoch:
            self.epoch, self.position = epoch, 0

    def state_dict(self) -> dict[str, int]:
        """Epoch and position, for a checkpoint."""
        return {"epoch": self.epoch, "position": self.position}

    def load_state_dict(self, state: Mapping[str, int]) -> None:
        """The counterpart of `state_dict`: the next iteration starts with the batch at that position."""
        self.epoch, self.position = state["epoch"], state["position"]

    def __len__(self) -> int:
        """Batches of this rank in the whole current epoch, wherever the position is."""
        return len(self._batches())

    def __iter__(self) -> Iterator[PlannedBatch]:
        yield from self._batches()[self.position :]

    def cells(self, batches: Sequence[PlannedBatch]) -> Ints:
        """Rows x tokens of the longer side of each batch, padding counted, (batches,)."""
        sizes = np.array([len(batch.indices) for batch in batches], dtype=np.int64)
        tasks = np.array([batch.task for batch in batches])
        longest = np.empty_like(sizes)
        for name, task in self.tasks.items():
            own = tasks == name
            if own.any():
                rows = np.concatenate([batch.indices for batch in batches if batch.task == name])
                lengths = np.maximum(task.source, task.target)[rows]
                longest[own] = np.maximum.reduceat(lengths, np.cumsum(sizes[own]) - sizes[own])
        return sizes * longest

    def _batches(self) -> list[PlannedBatch]:
        epoch = self.epoch if self.shuffle else 0
        if self._planned is None or self._planned[0] != epoch:
            everything = self._training(epoch) if self.shuffle else self._evaluation()
            self._planned = epoch, everything[self.rank :: self.world_size]
        return self._planned[1]

    def _plan(self, name: str, epoch: int) -> list[Ints]:
        task = self.tasks[name]
        return plan(
            task.source,
            task.target,
            max_tokens=self.max_tokens,
            max_sentences=self.max_sentences,
            seed=self.seed,
            epoch=epoch,
            shuffle=self.shuffle,
        )

    def _evaluation(self) -> list[PlannedBatch]:
        batches: list[PlannedBatch] = []
        for name in self.tasks:
            batches += [PlannedBatch(name, indices, 0) for indices in self._plan(name, 0)]
        return self._shared_out(batches)

    def _shared_out(self, batches: list[PlannedBatch]) -> list[PlannedBatch]:
        """The same with the largest halved until each rank gets as many as the others, or until each has one row."""
        while len(batches) % self.world_size:
            largest = max(range(len(batches)), key=lambda at: len(batches[at].indices))
            halves = split_to([batches[largest].indices], 2)
            if len(halves) == 1:
                break
            batches[largest : largest + 1] = [batches[largest]._replace(indices=half) for half in halves]
        return batches

    def _training(self, epoch: int) -> list[PlannedBatch]:
        names = list(self.tasks)
        if len(names) == 1:
            batches = [PlannedBatch(names[0], indices, epoch) for indices in self._plan(names[0], epoch)]
        else:
            batches = self._mixture(names, epoch)
        last_step = len(batches) - len(batches) % self.world_size
        batches[last_step:] = self._shared_out(batches[last_step:])
        missing = -len(batches) % self.world_size
        return batches + (batches * self.world_size)[:missing]

    def _mixture(self, names: list[str], epoch: int) -> list[PlannedBatch]:
        counts = [len(self._plan(name, 0)) for name in names]
        numbers = shares(counts, [self.tasks[name].weight for name in names], self.temperature)
        queues: list[Iterator[PlannedBatch]] = []
        for name, count, number in zip(names, counts, numbers, strict=True):
            first, last = epoch * number, (epoch + 1) * number  # in the endless row of the task's plans
            plans = {own: self._plan(name, own) for own in range(first // count, (last - 1) // count + 1)}
            drawn = [PlannedBatch(name, plans[at // count][at % count], at // count) for at in range(first, last)]
            queues.append(iter(drawn))
        turns = np.random.default_rng([self.seed, epoch]).permutation(np.repeat(np.arange(len(names)), numbers))
        return [next(queues[turn]) for turn in turns.tolist()]


def collate(
    sources: Sequence[NDArray[np.integer]],
    targets: Sequence[NDArray[np.integer]],
    index: Ints,
    task: str,
    copies: Sequence[NDArray[np.integer]] | None = None,
) -> Batch:
    """A batch of sentences, padded on the right.

    Args:
        sources: token ids of each source, EOS included.
        targets: token ids of each target, EOS included; all empty, or none at all, where there is no target.
        index: position of each sentence in its split, (B,).
        task: name of the task.
        copies: the id that each source token has in the target, EOS included; None where nothing is copied.
    """
    rows = len(sources)
    places = torch.from_numpy(index.astype(np.int64))
    return Batch(pad(sources, rows), pad(targets, rows), places, task, None if copies is None else pad(copies, rows))


def pad(rows: Sequence[NDArray[np.integer]], count: int) -> torch.Tensor:
    """`count` rows as one int64 tensor, as wide as the longest."""
    width = max(map(len, rows), default=0)
    padded = np.full((count, width), PAD, dtype=np.int64)
    for line, row in zip(padded, rows, strict=False):
        line[: len(row)] = row
    return torch.from_numpy(padded)


def padding_share(batch: Batch) -> float:
    """Share of the cells of source and target that hold no token."""
    cells = batch.source.numel() + batch.target.numel()
    return 1.0 - int(batch.source_mask.sum() + batch.target_mask.sum()) / cells
