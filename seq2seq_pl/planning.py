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

LONGEST = 2**15 - 1
"""Longer sentences are sorted as if this long, so that a key and a position fit into 64 bits."""
PIECE = 2**14
"""Sentences whose keys are made at once: what is in the nearest caches is quick."""


def by_length(source: Counts, target: Counts, order: Ints) -> Ints:
    """The positions of `order` from short to long, those of equal lengths as they stand there.

    The first key is the longer side, which the budget counts. Within it, the other side runs up and down in turn, so
    that neighbours are alike on both sides where one group ends and the next begins.

    Args:
        source: tokens of each source, (sentences,).
        target: tokens of each target, (sentences,).
        order: every position once, (sentences,).
    """
    starts = range(0, len(order), PIECE)
    keys = np.concatenate([_keys(source[i : i + PIECE], target[i : i + PIECE]) for i in starts])
    places = (keys[order].astype(np.uint64) << 32) | np.arange(len(order), dtype=np.uint64)
    places.sort()  # all are distinct, so that any sort is stable
    return order[(places & (2**32 - 1)).astype(np.int64)]


def _keys(source: Counts, target: Counts) -> NDArray[np.uint32]:
    """Both keys in one: of a longest side L, those from L^2 to L^2 + 2L; under 2^30, (sentences,)."""
    longest = np.minimum(np.maximum(source, target), LONGEST).astype(np.int64)
    difference = np.clip(source.astype(np.int64) - target, -LONGEST, LONGEST)
    keys = longest * (longest + 1) + np.where(longest & 1, difference, -difference)
    return np.asarray(keys, dtype=np.uint32)


def cut(lengths: Counts, *, max_tokens: int, max_sentences: int | None, phase: float = 1.0) -> list[slice]:
    """Runs of neighbours with rows x longest <= max_tokens and rows <= max_sentences, but at least one row.

    Args:
        lengths: longer side of each sentence, (sentences,).
        max_tokens: budget of a batch on its longer side, padding counted.
        max_sentences: rows of a batch; None for no limit.
        phase: share of the first batch that is taken, which moves all later cuts.
    """
    if not len(lengths):
        return []
    max_sentences = min(max_sentences or len(lengths), len(lengths))
    longest = int(lengths.max())
    max_tokens = min(max_tokens, len(lengths) * longest)  # which everything in one batch has
    lengths = np.maximum(lengths, min(max(1, max_tokens // max_sentences), longest))  # as many rows of shorter ones fit
    counter = np.arange(1, min(max_tokens, max_sentences) + 1)
    ends = np.append(np.flatnonzero(np.diff(lengths)) + 1, len(lengths))  # of the runs of equal lengths
    slices: list[slice] = []
    start = 0
    while start < len(lengths):
        window = lengths[start : start + _rows(lengths[start], max_tokens, max_sentences)]
        cells = np.maximum.accumulate(window) * counter[: len(window)]
        rows = max(1, int(np.searchsorted(cells, max_tokens, side="right")))
        if start == 0:
            rows = max(1, int(rows * phase))
        slices.append(slice(start, start + rows))
        start += rows
        if start < len(lengths):  # what follows in the same run, without a look at each
            rows = _rows(lengths[start], max_tokens, max_sentences)
            end = int(ends[np.searchsorted(ends, start, side="right")])
            slices += [slice(first, first + rows) for first in range(start, end - rows + 1, rows)]
            start = slices[-1].stop
    return slices


def _rows(length: np.integer, max_tokens: int, max_sentences: int) -> int:
    """Rows of a batch of sentences of this length, at least 1."""
    return min(max(1, max_tokens // max(1, int(length))), max_sentences)


def split_to(batches: list[Ints], count: int) -> list[Ints]:
    """The same batches, those with most rows halved until there are `count`, or until each has one row."""
    sizes = ((-len(batch), position) for position, batch in enumerate(batches))
    heap = heapq.nsmallest(count - len(batches), sizes)  # no other can be among those halved
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
        order = by_length(source_lengths, target_lengths, np.arange(len(longest)))[::-1]
        slices = cut(longest[order], max_tokens=max_tokens, max_sentences=max_sentences)
        return [order[rows] for rows in slices]
    rng = np.random.default_rng([seed, epoch])
    order = by_length(source_lengths, target_lengths, rng.permutation(len(longest)))
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
