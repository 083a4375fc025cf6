"""How sure a score is, and whether two systems differ: sacreBLEU's tests, for every metric that is made of sums.

Resampling, intervals and p-values are defined as in sacreBLEU's significance.py; for the same seed they are the same.
Two things differ: sums are float64, not float32; and p is 1, not 1 / (samples + 1), where no sample tells the systems
apart, as when they are one and the same.

Legend: I sentences, D statistics of each, R samples.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from statistics import fmean, stdev

import numpy as np
from numpy.typing import NDArray

from seq2seq_pl.errors import UserError
from seq2seq_pl.values import Statistics

Floats = NDArray[np.float64]

BLOCK = 2**20
"""Random numbers that are drawn, and held in memory, at once."""

WORD = 32
"""numpy draws so many bools at once; blocks of whole words are the same stream as all drawn in one call."""


@dataclass(frozen=True)
class Interval:
    """A 95 % interval and the mean of what it was made from."""

    low: float
    high: float
    mean: float


@dataclass(frozen=True)
class Paired:
    """Two systems, a and b, on the same sentences.

    Attributes:
        difference: b - a.
        p_value: of a difference as large as this, either way, where there is none but chance.
        low: of the 95 % interval of the difference; None where a test makes none.
        high: of the same.
    """

    difference: float
    p_value: float
    low: float | None = None
    high: float | None = None


ROUNDING = 1e-9
"""Differences of scores (0 to 100) that are this close are the same."""


def interval(statistics: Statistics, *, resamples: int = 1000, seed: int = 12345) -> dict[str, Interval]:
    """Percentile bootstrap interval of each score, section 3 of https://aclanthology.org/W04-3250."""
    samples = [
        statistics.finish(sums)
        for counts in _resampled(len(statistics.rows), resamples, seed)
        for sums in counts @ statistics.rows  # (r, I) @ (I, D) -> (r, D)
    ]
    return {name: _percentiles(np.array([sample[name] for sample in samples])) for name in samples[0]}


def paired_bootstrap(a: Statistics, b: Statistics, *, resamples: int = 1000, seed: int = 12345) -> dict[str, Paired]:
    """Paired bootstrap: scores both systems on the same samples of the sentences, drawn with replacement.

    With d the difference b - a and d_r that of sample r, p = (1 + |{r: |d_r| - mean |d_r| > |d|}|) / (1 + R).

    Raises:
        UserError: if the systems differ in the number of sentences.
    """
    change = _change(a, b)

    def pairs() -> Iterator[tuple[Floats, Floats]]:
        for counts in _resampled(len(change), resamples, seed):
            sums = counts @ a.rows  # (r, I) @ (I, D) -> (r, D)
            yield sums, sums + counts @ change

    tested = {}
    for name, (difference, sampled) in _differences(a, b, pairs()).items():
        sizes = np.abs(sampled)
        found = _percentiles(sampled)
        p_value = _p_value(sizes, sizes - sizes.mean() > abs(difference))
        tested[name] = Paired(difference, p_value, found.low, found.high)
    return tested


def approximate_randomization(
    a: Statistics, b: Statistics, *, trials: int = 10000, seed: int = 12345
) -> dict[str, Paired]:
    """Approximate randomization: in each trial the systems exchange outputs of sentences drawn by a fair coin.

    With d the difference b - a and d_r that of trial r, p = (1 + |{r: |d_r| >= |d|}|) / (1 + R), as in
    https://aclanthology.org/W05-0908. sacreBLEU counts |d_r| > |d|, which is the same where no trial ties; but if one
    system is better in one sentence and all else is equal, every trial ties, and its p is 1 / (1 + R) instead of 1.

    Args:
        a: the one system.
        b: the other.
        trials: R.
        seed: of the coin.
    Raises:
        UserError: if the systems differ in the number of sentences.
    """
    change = _change(a, b)
    sums_a, sums_b = a.rows.sum(0), b.rows.sum(0)  # (D,)

    def pairs() -> Iterator[tuple[Floats, Floats]]:
        for exchanged in _flipped(len(change), trials, seed):
            moved = exchanged @ change  # (r, I) @ (I, D) -> (r, D)
            yield sums_a + moved, sums_b - moved

    tested = {}
    for name, (difference, sampled) in _differences(a, b, pairs()).items():
        sizes = np.abs(sampled)
        tested[name] = Paired(difference, _p_value(sizes, sizes > abs(difference) - ROUNDING))
    return tested


def seed_interval(values: Sequence[float]) -> Interval:
    """Mean and 95 % interval of a score over runs that differ in their seed alone: mean +- t s / sqrt(n).

    Raises:
        UserError: if there are fewer than two runs.
    """
    if len(values) < 2:
        raise UserError(f"an interval over seeds needs at least 2 runs, not {len(values)}; train with more seeds.")
    mean = fmean(values)
    half = student_t(len(values) - 1) * stdev(values) / math.sqrt(len(values))
    return Interval(mean - half, mean + half, mean)


def student_t(freedom: int) -> float:
    """The t with P(|T| < t) = 0.95 for Student's T of whole degrees of freedom, by bisection of the angle."""
    low, high = 0.0, math.pi / 2
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if _within(middle, freedom) < 0.95 else (low, middle)
    return math.sqrt(freedom) * math.tan((low + high) / 2)


def _within(angle: float, freedom: int) -> float:
    """P(|T| < sqrt(freedom) tan(angle)), the finite series 26.7.3 and 26.7.4 of Abramowitz and Stegun."""
    odd = freedom % 2
    term, total = math.cos(angle) if odd else 1.0, 0.0
    for power in range(odd, freedom - 1, 2):  # the power of the cosine in `term`
        total += term
        term *= math.cos(angle) ** 2 * (power + 1) / (power + 2)
    total *= math.sin(angle)
    return (angle + total) * 2 / math.pi if odd else total


def _change(a: Statistics, b: Statistics) -> Floats:
    """What b has more than a, (I, D). Its zeros are exact, so that equal sentences cannot differ by rounding."""
    if len(a.rows) != len(b.rows):
        raise UserError(
            f"a paired test needs both systems' outputs for the same sentences; "
            f"the first has {len(a.rows)}, the second {len(b.rows)}."
        )
    return b.rows - a.rows


def _resampled(sentences: int, resamples: int, seed: int) -> Iterator[Floats]:
    """How often each sample has each sentence, block by block, (r, I)."""
    rng = np.random.default_rng(seed)
    for size in _blocks(resamples, max(1, BLOCK // sentences)):
        drawn = rng.choice(sentences, size=(size, sentences), replace=True)
        drawn += sentences * np.arange(size)[:, None]  # so that one count does for all rows
        counts = np.bincount(drawn.ravel(), minlength=size * sentences)
        yield counts.reshape(size, sentences).astype(np.float64)


def _flipped(sentences: int, trials: int, seed: int) -> Iterator[Floats]:
    """1 where a trial exchanges the outputs of a sentence, else 0, block by block, (r, I)."""
    rng = np.random.default_rng(seed)
    for size in _blocks(trials, max(1, BLOCK // sentences // WORD) * WORD):
        # The bits that say in sacreBLEU which outputs stay say here which move: the same trials, named the other way.
        yield rng.integers(2, size=(size, sentences), dtype=bool).astype(np.float64)


def _blocks(total: int, size: int) -> Iterator[int]:
    for start in range(0, total, size):
        yield min(size, total - start)


def _differences(
    a: Statistics, b: Statistics, pairs: Iterable[tuple[Floats, Floats]]
) -> dict[str, tuple[float, Floats]]:
    """By name b - a, and that of each sample, (R,); `pairs` are sums of both systems in some samples, (r, D) each."""
    whole_a, whole_b = a.finish(a.rows.sum(0)), b.finish(b.rows.sum(0))
    samples = [(a.finish(sums_a), b.finish(sums_b)) for pair in pairs for sums_a, sums_b in zip(*pair, strict=True)]
    return {
        name: (whole_b[name] - whole_a[name], np.array([right[name] - left[name] for left, right in samples]))
        for name in whole_a
    }


def _p_value(sizes: Floats, beyond: NDArray[np.bool_]) -> float:
    """The share of samples beyond the difference found, which itself counts as one; 1 if none differs at all."""
    return (int(beyond.sum()) + 1) / (len(beyond) + 1) if sizes.any() else 1.0


def _percentiles(values: Floats) -> Interval:
    """The 95 % interval by sacreBLEU's rule: as many values as fit into 1/40 are left out at each end."""
    ordered = np.sort(values)
    cut = len(ordered) // 40
    return Interval(float(ordered[cut]), float(ordered[-1 - cut]), float(ordered.mean()))
