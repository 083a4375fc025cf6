"""Whole outputs that are right to the last character."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from seq2seq_pl.interfaces import Metric
from seq2seq_pl.metric.references import need_references
from seq2seq_pl.values import Score, Statistics


class ExactMatch(Metric):
    """Percentage of outputs that equal one of their references, where any white space is as good as one space.

    Args:
        lowercase: whether case is ignored.
    """

    names = ("exact_match",)
    higher_is_better = True

    def __init__(self, *, lowercase: bool = False) -> None:
        self.lowercase = lowercase

    def compute(self, hypotheses: Sequence[str], references: Sequence[Sequence[str]]) -> dict[str, Score]:
        """The score "exact_match", 0 to 100.

        Raises:
            UserError: if there is nothing to score or an item without reference.
        """
        statistics = self.statistics(hypotheses, references)
        signature = f"exact match|case:{'lc' if self.lowercase else 'mixed'}|space:normalized"
        return {"exact_match": Score(statistics.finish(statistics.rows.sum(0))["exact_match"], signature)}

    def statistics(self, hypotheses: Sequence[str], references: Sequence[Sequence[str]]) -> Statistics:
        """Of each sentence, 1 if it is right, and 1. Raises UserError as `compute` does."""
        need_references("metric.exact_match", hypotheses, references)
        rows = [
            (float(self._plain(hypothesis) in map(self._plain, item)), 1.0)
            for hypothesis, item in zip(hypotheses, references, strict=True)
        ]
        return Statistics(np.array(rows), _percentage)

    def _plain(self, text: str) -> str:
        joined = " ".join(text.split())
        return joined.lower() if self.lowercase else joined


def _percentage(sums: NDArray[np.float64]) -> dict[str, float]:
    right, sentences = sums.tolist()
    return {"exact_match": 100 * right / sentences}
