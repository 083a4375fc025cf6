"""Corpus chrF, computed by sacreBLEU."""

from __future__ import annotations

from collections.abc import Sequence

from sacrebleu.metrics.chrf import CHRF

from seq2seq_pl.errors import UserError
from seq2seq_pl.interfaces import Metric
from seq2seq_pl.metric.references import need_references
from seq2seq_pl.metric.sacrebleu_corpus import corpus_score, corpus_statistics
from seq2seq_pl.values import Score, Statistics


class Chrf(Metric):
    """Character n-gram F-score of a corpus, https://aclanthology.org/W15-3049, orders 1 to 6 and beta 2.

    Args:
        word_order: highest order of word n-grams that count too; 2 is chrF++ (https://aclanthology.org/W17-4770).
        lowercase: whether case is ignored.
    Raises:
        UserError: if the order is negative.
    """

    names = ("chrf",)
    higher_is_better = True

    def __init__(self, *, word_order: int = 0, lowercase: bool = False) -> None:
        if word_order < 0:
            raise UserError(f"metric.chrf.word_order ({word_order}) must be at least 0.")
        self._chrf = CHRF(word_order=word_order, lowercase=lowercase)

    def compute(self, hypotheses: Sequence[str], references: Sequence[Sequence[str]]) -> dict[str, Score]:
        """The score "chrf", 0 to 100; of several references the best one counts.

        Raises:
            UserError: if there is nothing to score or an item without reference.
        """
        need_references("metric.chrf", hypotheses, references)
        return {"chrf": corpus_score(self._chrf, hypotheses, references)}

    def statistics(self, hypotheses: Sequence[str], references: Sequence[Sequence[str]]) -> Statistics:
        """Counts of each sentence. Raises UserError as `compute` does."""
        need_references("metric.chrf", hypotheses, references)
        return corpus_statistics(self._chrf, "chrf", hypotheses, references)
