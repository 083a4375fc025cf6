"""Batches of like lengths under a token budget, in an order that can be repeated and resumed.

Everything here is a pure function of the lengths, the seed, the epoch, the rank and the number of ranks.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.data import Sampler

from seq2seq_pl.errors import UserError
from seq2seq_pl.values import PAD, Batch

Ints = NDArray[np.int64]
Counts = NDArray[np.integer]

RADIX = 2**16
"""numpy sorts 16-bit keys by radix, several times as fast as others; longer sentences are sorted as if this long."""


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


@dataclass(frozen=True)
class PlannedBatch:
    """One batch to be.

    Attributes:
        task: name of the task.
        indices: positions of its sentences in the task's split, (B,).
        epoch: how often the task has been gone through before; with a position, the seed of what is drawn per sentence.
    """

    task: str
    indices: Ints
    epoch: int


def by_length(source: Counts, target: Counts) -> Ints:
    """Positions from short to long, those of equal lengths in the order given.

    The first key is the longer side, which the budget counts. Within it, the other side runs up and down in turn, so
    that neighbours are alike on both sides where one group ends and the next begins.
    """
    longest = np.minimum(np.maximum(source, target), RADIX // 2 - 1).astype(np.int32)
    difference = np.clip(source.astype(np.int64) - target, -RADIX // 2 + 1, RADIX // 2 - 1).astype(np.int32)
    snake = np.where(longest % 2 == 1, difference, -difference) + RADIX // 2
    order = np.argsort(snake.astype(np.uint16), kind="stable")
    return order[np.argsort(longest[order].astype(np.uint16), kind="stable")]


def cut(lengths: Counts, *, max_tokens: int, max_sentences: int | None, phase: float = 1.0) -> list[slice]:
    """Runs of neighbours with rows x longest <= max_tokens and rows <= max_sentences, but at least one row.

    Args:
        lengths: longer side of each sentence, (sentences,).
        max_tokens: budget of a batch on its longer side, padding counted.
        max_sentences: rows of a batch; None for no limit.
        phase: share of the first batch that is taken, which moves all later cuts.
    """
    max_tokens = min(max_tokens, len(lengths) * int(lengths.max(initial=1)))  # which everything in one batch has
    counter = np.arange(1, min(max_tokens, len(lengths)) + 1)
    short = 0 if max_sentences is None else _leading(lengths <= max_tokens // max_sentences)
    slices: list[slice] = []
    start = 0
    while start < len(lengths):
        if max_sentences is not None and start + max_sentences <= short:  # whatever is among them fits
            rows = max_sentences
        else:
            limit = max(1, max_tokens // max(1, int(lengths[start])))
            window = lengths[start : start + min(limit, max_sentences or limit)]
            cells = np.maximum.accumulate(window) * counter[: len(window)]
            rows = max(1, int(np.searchsorted(cells, max_tokens, side="right")))
        if start == 0:
            rows = max(1, int(rows * phase))
        slices.append(slice(start, start + rows))
        start += rows
    return slices


def _leading(true: NDArray[np.bool_]) -> int:
    """How many are true before the first that is not."""
    return len(true) if true.all() else int(true.argmin())


def split_to(batches: list[Ints], count: int) -> list[Ints]:
    """The same batches, those with most rows halved until there are `count`, or until each has one row."""
    heap = [(-len(batch), position) for position, batch in enumerate(batches)]
    heapq.heapify(heap)
    batches = list(batches)
    while heap and len(batches) < count and len(batches[heap[0][1]]) > 1:
        _, position = heapq.heappop(heap)
        middle = len(batches[position]) // 2
        batches.append(batches[position][middle:])
        batches[position] = batches[position][:middle]
        for half in (position, len(batches) - 1):
            heapq.heappush(heap, (-len(batches[half]), half))
    return batches


def plan(
    source_lengths: Counts,
    target_lengths: Counts,
    *,
    max_tokens: int,
    max_sentences: int | None,
    seed: int,
    epoch: int,
    shuffle: bool,
) -> list[Ints]:
    """The batches of an epoch: every sentence exactly once.

    With `shuffle`, sentences of equal lengths change places, the cuts between batches move, and the order of the
    batches is random, all drawn from (seed, epoch). The number of batches is the same in every epoch: moving the first
    cut adds one batch at most, and where it adds none the largest batch is halved. Without `shuffle`, longest first.

    Args:
        source_lengths: tokens of each source, (sentences,).
        target_lengths: tokens of each target, (sentences,).
        max_tokens: rows x (tokens of the longest source or target) of a batch; a longer sentence has its own batch.
        max_sentences: rows of a batch; None for no limit.
        seed: of the run.
        epoch: counted from 0.
        shuffle: False for evaluation.
    Returns: positions of the sentences of each batch.
    """
    longest = np.maximum(source_lengths, target_lengths)
    if not shuffle:
        order = by_length(source_lengths, target_lengths)[::-1]
        slices = cut(longest[order], max_tokens=max_tokens, max_sentences=max_sentences)
        return [order[rows] for rows in slices]
    rng = np.random.default_rng([seed, epoch])
    order = rng.permutation(len(longest))
    order = order[by_length(source_lengths[order], target_lengths[order])]
    lengths = longest[order]
    count = 1 + len(cut(lengths, max_tokens=max_tokens, max_sentences=max_sentences))
    if count == 2:  # a single batch has no cut to move
        return [order]
    slices = cut(lengths, max_tokens=max_tokens, max_sentences=max_sentences, phase=float(rng.random()))
    batches = split_to([order[rows] for rows in slices], count)
    return [batches[position] for position in rng.permutation(len(batches))]


def shares(counts: Sequence[int], weights: Sequence[float], temperature: float) -> list[int]:
    """How many batches of an epoch each task gets: p proportional to weight x count^(1 / temperature).

    An epoch holds as many batches as all tasks together; the largest remainders are rounded up, and no task gets none.
    """
    exponents = np.log(weights) + np.log(counts) / temperature
    rates = np.exp(exponents - exponents.max())  # low temperatures make large numbers
    exact = rates / rates.sum() * sum(counts)
    whole = np.floor(exact).astype(np.int64)
    missing = sum(counts) - int(whole.sum())
    whole[np.argsort(whole - exact, kind="stable")[:missing]] += 1
    return [max(1, int(number)) for number in whole]


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
            batches[largest : largest + 1] = [replace(batches[largest], indices=half) for half in halves]
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
