"""Whole outputs that are right to the last character."""

from __future__ import annotations

from collections.abc import Sequence

from seq2seq_pl.errors import UserError
from seq2seq_pl.interfaces import Metric
from seq2seq_pl.values import Score


class ExactMatch(Metric):
    """Percentage of outputs that equal one of their references, where any white space is as good as one space.

    Args:
        lowercase: whether case is ignored.
    """

    higher_is_better = True

    def __init__(self, *, lowercase: bool = False) -> None:
        self.lowercase = lowercase

    def compute(self, hypotheses: Sequence[str], references: Sequence[Sequence[str]]) -> dict[str, Score]:
        """The score "exact_match", 0 to 100.

        Raises:
            UserError: if there is nothing to score or an item without reference.
        """
        if not hypotheses:
            raise UserError("metric.exact_match: there are no hypotheses to score; is the split empty?")
        assert len(hypotheses) == len(references)
        for number, item in enumerate(references, start=1):
            if not item:
                raise UserError(f"metric.exact_match: item {number} has no reference; every item needs at least one.")
        right = sum(
            self._plain(hypothesis) in map(self._plain, item)
            for hypothesis, item in zip(hypotheses, references, strict=True)
        )
        signature = f"exact match|case:{'lc' if self.lowercase else 'mixed'}|space:normalized"
        return {"exact_match": Score(100 * right / len(hypotheses), signature)}

    def _plain(self, text: str) -> str:
        joined = " ".join(text.split())
        return joined.lower() if self.lowercase else joined
