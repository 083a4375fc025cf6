"""Translation edit rate, computed by sacreBLEU."""

from __future__ import annotations

from collections.abc import Sequence

from sacrebleu.metrics.ter import TER

from seq2seq_pl.errors import UserError
from seq2seq_pl.interfaces import Metric
from seq2seq_pl.metric.references import need_references
from seq2seq_pl.metric.sacrebleu_corpus import corpus_score, corpus_statistics
from seq2seq_pl.values import Score, Statistics


class Ter(Metric):
    """TER of a corpus, https://aclanthology.org/2006.amta-papers.25: edits per 100 words of reference; lower is better.

    An edit inserts, deletes or replaces a word, or moves a phrase. Of several references the one with the fewest edits
    counts, over their average length. Pure Python: slow on sentences of a hundred words.

    Args:
        normalized: whether punctuation is split from words and XML entities are resolved.
        no_punct: whether punctuation is removed.
        asian_support: whether `normalized` splits Chinese and Japanese into characters too, and `no_punct` removes
            their punctuation.
        case_sensitive: whether case counts.
    Raises:
        UserError: if `asian_support` has nothing to act on.
    """

    names = ("ter",)
    higher_is_better = False

    def __init__(
        self,
        *,
        normalized: bool = False,
        no_punct: bool = False,
        asian_support: bool = False,
        case_sensitive: bool = False,
    ) -> None:
        if asian_support and not (normalized or no_punct):
            raise UserError(
                "metric.ter.asian_support (true) changes nothing on its own; "
                "set metric.ter.normalized=true or metric.ter.no_punct=true too."
            )
        self._ter = TER(normalized, no_punct, asian_support, case_sensitive)

    def compute(self, hypotheses: Sequence[str], references: Sequence[Sequence[str]]) -> dict[str, Score]:
        """The score "ter", from 0; above 100 where outputs are much too long.

        Raises:
            UserError: if there is nothing to score or an item without reference.
        """
        need_references("metric.ter", hypotheses, references)
        return {"ter": corpus_score(self._ter, hypotheses, references)}

    def statistics(self, hypotheses: Sequence[str], references: Sequence[Sequence[str]]) -> Statistics:
        """Edits and reference length of each sentence. Raises UserError as `compute` does."""
        need_references("metric.ter", hypotheses, references)
        return corpus_statistics(self._ter, "ter", hypotheses, references)
