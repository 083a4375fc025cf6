"""Word, phoneme and character error rate."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from seq2seq_pl.errors import UserError
from seq2seq_pl.interfaces import Metric
from seq2seq_pl.metric.edits import edit_rate, edit_signature, fewest_edits
from seq2seq_pl.metric.references import need_references
from seq2seq_pl.values import Score, Statistics

NAMES = {"word": "wer", "phoneme": "per", "character": "cer"}
"""What the rate is called, by the unit that is edited."""


class ErrorRate(Metric):
    """Edits that turn outputs into references, per 100 units of reference, over the whole corpus; lower is better.

    rate = 100 x sum of Levenshtein distances / sum of reference lengths. Of several references the one with the fewest
    edits counts, of those the longest. The "WER" of work on pronunciation is another: metric=[pronunciation].

    Args:
        unit: "word" or "phoneme", what white space separates; or "character", a Unicode code point, where any white
            space is one space and counts. It names the score: "wer", "per" or "cer".
        lowercase: whether case is ignored.
    Raises:
        UserError: if the unit is unknown.
    """

    higher_is_better = False

    def __init__(self, *, unit: str = "word", lowercase: bool = False) -> None:
        if unit not in NAMES:
            raise UserError(f"metric.error_rate.unit ({unit}) must be one of {', '.join(NAMES)}.")
        self.unit = unit
        self.lowercase = lowercase
        self.name = NAMES[unit]
        self.names = (self.name,)

    def compute(self, hypotheses: Sequence[str], references: Sequence[Sequence[str]]) -> dict[str, Score]:
        """The score "wer", "per" or "cer", from 0; above 100 where outputs are much too long.

        Where all references are empty it is 0 if the outputs are too, else 100.

        Raises:
            UserError: if there is nothing to score or an item without reference.
        """
        statistics = self.statistics(hypotheses, references)
        signature = edit_signature(self.name, self.unit, lowercase=self.lowercase)
        return {self.name: Score(statistics.finish(statistics.rows.sum(0))[self.name], signature)}

    def statistics(self, hypotheses: Sequence[str], references: Sequence[Sequence[str]]) -> Statistics:
        """Edits and reference length of each sentence. Raises UserError as `compute` does."""
        need_references("metric.error_rate", hypotheses, references)
        rows = [
            fewest_edits(self._units(hypothesis), map(self._units, item))
            for hypothesis, item in zip(hypotheses, references, strict=True)
        ]
        return Statistics(np.array(rows, dtype=np.float64), self._finish)

    def _units(self, text: str) -> Sequence[str]:
        words = (text.lower() if self.lowercase else text).split()
        return " ".join(words) if self.unit == "character" else words

    def _finish(self, sums: NDArray[np.float64]) -> dict[str, float]:
        edits, length = sums.tolist()
        return {self.name: edit_rate(edits, length)}
