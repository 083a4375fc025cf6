"""Word and phoneme error rate of pronunciations, as grapheme-to-phoneme conversion counts them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from seq2seq_pl.interfaces import Metric
from seq2seq_pl.metric.edits import edit_rate, edit_signature, fewest_edits
from seq2seq_pl.metric.references import need_references
from seq2seq_pl.values import Score, Statistics


class Pronunciation(Metric):
    """How often pronunciations are wrong, https://aclanthology.org/2020.sigmorphon-1.2; lower is better.

    wer = 100 x words whose output is none of their accepted pronunciations / words
    per = 100 x sum of Levenshtein distances, in phonemes / sum of the phonemes of the pronunciations

    An output and a reference are one word, its phonemes separated by white space. A word with several accepted
    pronunciations, as in CMUdict, counts with the nearest one; of equally near ones with the longest. Stress is part of
    a phoneme ("AE1") unless the corpus leaves it out.
    """

    names = ("wer", "per")
    higher_is_better = False

    def compute(self, hypotheses: Sequence[str], references: Sequence[Sequence[str]]) -> dict[str, Score]:
        """The scores "wer", 0 to 100, and "per", above 100 where outputs are much too long.

        Raises:
            UserError: if there is nothing to score or a word without pronunciation.
        """
        statistics = self.statistics(hypotheses, references)
        rates = statistics.finish(statistics.rows.sum(0))
        signatures = {
            "wer": "wer|unit:pronunciation|case:mixed|refs:any",
            "per": edit_signature("per", "phoneme", lowercase=False),
        }
        return {name: Score(rates[name], signatures[name]) for name in self.names}

    def statistics(self, hypotheses: Sequence[str], references: Sequence[Sequence[str]]) -> Statistics:
        """Of each word: 1 if it is wrong, 1, edits, phonemes. Raises UserError as `compute` does."""
        need_references("metric.pronunciation", hypotheses, references)
        edited = [
            fewest_edits(hypothesis.split(), map(str.split, item))
            for hypothesis, item in zip(hypotheses, references, strict=True)
        ]
        rows = [(edits > 0, 1, edits, phonemes) for edits, phonemes in edited]
        return Statistics(np.array(rows, dtype=np.float64), _rates)


def _rates(sums: NDArray[np.float64]) -> dict[str, float]:
    wrong, words, edits, phonemes = sums.tolist()
    return {"wer": 100 * wrong / words, "per": edit_rate(edits, phonemes)}
