"""What a comparison finds: scores, tests against the first system, intervals over seeds, lengths, changed sentences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import stdev

import numpy as np

from seq2seq_pl.by_length import binned, unit_of
from seq2seq_pl.interfaces import Metric
from seq2seq_pl.metric.chrf import Chrf
from seq2seq_pl.scoring import Item
from seq2seq_pl.significance import (
    Floats,
    Interval,
    Paired,
    approximate_randomization,
    interval,
    paired_bootstrap,
    seed_interval,
)
from seq2seq_pl.systems import Systems
from seq2seq_pl.values import Example, Score, Statistics

SEED = 12345
"""Of the tests; sacreBLEU's own."""

LEVEL = 0.05
"""Of the tests: how often they may be wrong where there is no difference."""


@dataclass(frozen=True)
class Column:
    """One score of all systems.

    Attributes:
        name: of the score.
        higher_is_better: which values are good.
        scores: one a system.
        intervals: one a system, over sentences; None where the score is not made of sums over sentences.
    """

    name: str
    higher_is_better: bool
    scores: tuple[Score, ...]
    intervals: tuple[Interval, ...] | None

    def best(self) -> frozenset[int]:
        """The systems with the best value; none where all are the same."""
        values = [score.value for score in self.scores]
        best = (max if self.higher_is_better else min)(values)
        return frozenset(i for i, value in enumerate(values) if value == best) if len(set(values)) > 1 else frozenset()


@dataclass(frozen=True)
class Contrast:
    """A system against the first one in one score.

    Attributes:
        system: its place.
        score: name of the score.
        difference: its value minus the first system's.
        p_values: by name of the test.
        corrected: the same after the correction of Holm over the systems that were tested.
        interval: of the difference, 95 %; None without bootstrap.
        verdict: "better" or "worse" where every test finds a difference at the level of 5 % after correction, or "".
    """

    system: int
    score: str
    difference: float
    p_values: Mapping[str, float]
    corrected: Mapping[str, float]
    interval: Interval | None
    verdict: str


@dataclass(frozen=True)
class Spread:
    """A score of a group of systems with the same settings.

    Attributes:
        group: its place.
        score: name of the score.
        mean: over its members.
        deviation: of its members, n - 1 in the denominator; None for one member.
        interval: Student's over the seeds; for one member the bootstrap's over sentences, None where there is none.
    """

    group: int
    score: str
    mean: float
    deviation: float | None
    interval: Interval | None


@dataclass(frozen=True)
class Lengths:
    """Scores by source length.

    Attributes:
        unit: what lengths are counted in.
        labels: of the bins.
        sentences: in each bin.
        scores: score name -> for each system its value in each bin.
    """

    unit: str
    labels: tuple[str, ...]
    sentences: tuple[int, ...]
    scores: Mapping[str, tuple[tuple[float, ...], ...]]


@dataclass(frozen=True)
class Findings:
    """Everything that a comparison finds; `sentence_scores` is (systems, I), by sentence chrF."""

    columns: tuple[Column, ...]
    contrasts: tuple[Contrast, ...]
    spreads: tuple[Spread, ...]
    lengths: Lengths | None
    sentence_scores: Floats


def compare(
    systems: Systems, metrics: Sequence[Metric], bins: Sequence[int], *, resamples: int, trials: int
) -> Findings:
    """Scores all systems, and each against the first.

    Args:
        systems: what is compared.
        metrics: what by.
        bins: largest source length of each bin but the last.
        resamples: of the bootstrap; 0 leaves it out.
        trials: of approximate randomization; 0 leaves it out.
    """
    columns: list[Column] = []
    contrasts: list[Contrast] = []
    for metric in metrics:
        statistics = [metric.statistics(system.hypotheses, systems.references) for system in systems.systems]
        made_of_sums = [one for one in statistics if one is not None]
        columns += _columns(systems, metric, made_of_sums, resamples)
        if made_of_sums:
            contrasts += _contrasts(made_of_sums, metric, resamples, trials)
    spreads = [_spread(place, systems, column) for column in columns for place in range(len(systems.groups))]
    return Findings(
        tuple(columns), tuple(contrasts), tuple(spreads), _lengths(systems, metrics, bins), sentence_scores(systems)
    )


def _columns(systems: Systems, metric: Metric, statistics: Sequence[Statistics], resamples: int) -> list[Column]:
    scores = [metric.compute(system.hypotheses, systems.references) for system in systems.systems]
    found = [interval(one, resamples=resamples, seed=SEED) for one in statistics] if resamples else []
    return [
        Column(
            name,
            metric.higher_is_better,
            tuple(score[name] for score in scores),
            tuple(one[name] for one in found) or None,
        )
        for name in metric.names
    ]


def _contrasts(statistics: Sequence[Statistics], metric: Metric, resamples: int, trials: int) -> list[Contrast]:
    """Every system but the first against it, score by score."""
    first, *others = statistics
    made: dict[str, list[dict[str, Paired]]] = {}
    if resamples:
        made["bootstrap"] = [paired_bootstrap(first, other, resamples=resamples, seed=SEED) for other in others]
    if trials:
        made["randomization"] = [approximate_randomization(first, other, trials=trials, seed=SEED) for other in others]
    values = [one.finish(one.rows.sum(0)) for one in statistics]
    found = []
    for name in metric.names:
        corrected = {test: holm([one[name].p_value for one in results]) for test, results in made.items()}
        for place in range(len(others)):
            difference = values[place + 1][name] - values[0][name]
            certain = bool(made) and all(p_values[place] < LEVEL for p_values in corrected.values())
            improved = (difference > 0) == metric.higher_is_better
            found.append(
                Contrast(
                    place + 1,
                    name,
                    difference,
                    {test: results[place][name].p_value for test, results in made.items()},
                    {test: p_values[place] for test, p_values in corrected.items()},
                    _interval(made["bootstrap"][place][name]) if resamples else None,
                    ("better" if improved else "worse") if certain else "",
                )
            )
    return found


def _interval(pair: Paired) -> Interval | None:
    return None if pair.low is None or pair.high is None else Interval(pair.low, pair.high, pair.difference)


def holm(p_values: Sequence[float]) -> list[float]:
    """p-values of m tests, corrected so that any false alarm among all of them is as rare as in one, Holm 1979.

    The i-th smallest becomes the largest of (m - j + 1) p_j over j <= i, https://www.jstor.org/stable/4615733.
    """
    corrected, least = [0.0] * len(p_values), 0.0
    for rank, place in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        least = max(least, min(1.0, (len(p_values) - rank) * p_values[place]))
        corrected[place] = least
    return corrected


def _spread(place: int, systems: Systems, column: Column) -> Spread:
    members = systems.groups[place].members
    values = [column.scores[member].value for member in members]
    if len(members) > 1:
        over = seed_interval(values)
        return Spread(place, column.name, over.mean, stdev(values), over)
    return Spread(place, column.name, values[0], None, column.intervals[members[0]] if column.intervals else None)


def _lengths(systems: Systems, metrics: Sequence[Metric], bins: Sequence[int]) -> Lengths | None:
    """The first score of each metric by source length; None where the sources are not known."""
    if systems.sources is None:
        return None
    examples = [Example(*pair) for pair in zip(systems.sources, systems.references, strict=True)]
    scores: dict[str, tuple[tuple[float, ...], ...]] = {}
    for metric in metrics:
        by_system = []
        for system in systems.systems:
            pairs = enumerate(zip(system.hypotheses, examples, strict=True))
            items = [Item(i, hypothesis, example) for i, (hypothesis, example) in pairs]
            found = binned(items, bins, unit_of(items), metric)
            by_system.append(tuple(one.scores[metric.names[0]].value for one in found))
        scores[metric.names[0]] = tuple(by_system)
    return Lengths(unit_of(items), tuple(one.label for one in found), tuple(one.sentences for one in found), scores)


def sentence_scores(systems: Systems) -> Floats:
    """Sentence chrF of every system, (systems, I): sacreBLEU's, n-grams of up to 6 characters, beta 2."""
    chrf = Chrf()
    found = [chrf.statistics(system.hypotheses, systems.references) for system in systems.systems]
    return np.array([[one.finish(row)["chrf"] for row in one.rows] for one in found])


def changed(scores: Floats, system: int, count: int) -> tuple[list[int], list[int]]:
    """Where a system gained most over the first one, and where it lost most; at most `count` sentences each."""
    change = scores[system] - scores[0]
    order = sorted(range(len(change)), key=lambda place: (-change[place], place))
    gained = [place for place in order[:count] if change[place] > 0]
    lost = [place for place in sorted(order, key=lambda place: (change[place], place))[:count] if change[place] < 0]
    return gained, lost
