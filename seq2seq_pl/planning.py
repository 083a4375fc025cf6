"""The plan of an epoch: batches of like lengths under a token budget, in an order that can be repeated.

Everything here is a pure function of the lengths, the seed and the epoch.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Counts = NDArray[np.integer]

RADIX = 2**16
"""numpy sorts 16-bit keys by radix, several times as fast as others; longer sentences are sorted as if this long."""


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
