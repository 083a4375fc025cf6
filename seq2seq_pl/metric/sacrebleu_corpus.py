"""Corpus scores of sacreBLEU's metrics, and the sentence statistics that they are made of."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import zip_longest

import numpy as np
from numpy.typing import NDArray
from sacrebleu.metrics.base import Metric as SacrebleuMetric

from seq2seq_pl.values import Score, Statistics


def corpus_score(metric: SacrebleuMetric, hypotheses: Sequence[str], references: Sequence[Sequence[str]]) -> Score:
    """The score of a corpus; references[i] holds all references of hypotheses[i]."""
    score = metric.corpus_score(hypotheses, _streams(references))
    return Score(float(score.score), str(metric.get_signature()))


def corpus_statistics(
    metric: SacrebleuMetric, name: str, hypotheses: Sequence[str], references: Sequence[Sequence[str]]
) -> Statistics:
    """What `corpus_score` sums up; the calls are those of sacreBLEU's own tests of significance."""

    def finish(sums: NDArray[np.float64]) -> dict[str, float]:
        return {name: float(metric._compute_score_from_stats(sums.tolist()).score)}

    rows = metric._extract_corpus_statistics(hypotheses, _streams(references))
    return Statistics(np.array(rows, dtype=np.float64), finish)


def _streams(references: Sequence[Sequence[str]]) -> list[tuple[str, ...]]:
    """One stream per reference number; None stands for a reference that an item does not have."""
    return list(zip_longest(*references))
