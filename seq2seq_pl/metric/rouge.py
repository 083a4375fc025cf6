"""ROUGE, computed by the package rouge-score."""

from __future__ import annotations

import re
from collections.abc import Sequence
from importlib.metadata import version
from statistics import fmean

import numpy as np
from numpy.typing import NDArray
from rouge_score.rouge_scorer import RougeScorer
from rouge_score.tokenizers import DefaultTokenizer

from seq2seq_pl.errors import UserError
from seq2seq_pl.interfaces import Metric
from seq2seq_pl.metric.references import need_references
from seq2seq_pl.values import Score, Statistics

KINDS = ("rouge1", "rouge2", "rougeL", "rougeLsum")
"""What rouge-score calls the four."""

SENTENCE_END = re.compile(r"(?<=[.!?])\s+")


class Rouge(Metric):
    """ROUGE-1, -2, -L and -Lsum, https://aclanthology.org/W04-1013: mean F-measure of the items x 100.

    Of several references the one with the best F counts, or the mean of their F, for each of the four on its own.
    ROUGE-Lsum (section 3.2) compares sentence by sentence, ROUGE-L (section 3.1) the whole text as one sentence; they
    are equal where neither text is divided.

    Args:
        tokenizer: "english" lowercases and keeps only a-z and 0-9, as the original ROUGE does, and so drops every other
            letter, even accented ones; "words" lowercases and splits at white space.
        stemmer: whether Porter's stemmer removes the endings of English words.
        sentences: what ROUGE-Lsum takes for a sentence: "newline", a line of the text; "punctuation", also what ends in
            `.`, `!` or `?` before white space, which is wrong after most abbreviations.
        references: what counts of several references: "best"; or "mean", where the scores are named rouge1_mean and so
            on, so that both can be had at once, and errors speak of metric.rouge_mean.
    Raises:
        UserError: if a name is unknown, or English endings are to be removed from other words.
    """

    higher_is_better = True

    def __init__(
        self,
        *,
        tokenizer: str = "english",
        stemmer: bool = False,
        sentences: str = "newline",
        references: str = "best",
    ) -> None:
        if references not in ("best", "mean"):
            raise UserError(f"metric.rouge.references ({references}) must be best or mean.")
        self.path = "metric.rouge_mean" if references == "mean" else "metric.rouge"
        self.names = tuple(f"{kind}_mean" if references == "mean" else kind for kind in KINDS)
        self.references = references
        if tokenizer not in ("english", "words"):
            raise UserError(f"{self.path}.tokenizer ({tokenizer}) must be english or words.")
        if sentences not in ("newline", "punctuation"):
            raise UserError(f"{self.path}.sentences ({sentences}) must be newline or punctuation.")
        if stemmer and tokenizer != "english":
            raise UserError(
                f"{self.path}.stemmer (true) knows English alone; "
                f"set {self.path}.tokenizer=english or {self.path}.stemmer=false."
            )
        self.sentences = sentences
        self.signature = (
            f"stat:F|mean:items|tok:{tokenizer}|stem:{'porter' if stemmer else 'no'}|refs:{references}"
            f"|rouge-score:{version('rouge-score')}"
        )
        # Left to choose its default tokenizer, rouge-score would log that to the root logger.
        chosen = DefaultTokenizer(stemmer) if tokenizer == "english" else _Words()
        self._scorer = RougeScorer(KINDS, tokenizer=chosen)

    def compute(self, hypotheses: Sequence[str], references: Sequence[Sequence[str]]) -> dict[str, Score]:
        """The scores "rouge1", "rouge2", "rougeL" and "rougeLsum", or "rouge1_mean" and so on, 0 to 100.

        Raises:
            UserError: if there is nothing to score or an item without reference.
        """
        statistics = self.statistics(hypotheses, references)
        scores = statistics.finish(statistics.rows.sum(0))
        return {name: Score(value, self._signature(name)) for name, value in scores.items()}

    def statistics(self, hypotheses: Sequence[str], references: Sequence[Sequence[str]]) -> Statistics:
        """The four F-measures of each sentence, and 1. Raises UserError as `compute` does."""
        need_references(self.path, hypotheses, references)
        over_references = fmean if self.references == "mean" else max
        rows = []
        for hypothesis, item in zip(hypotheses, references, strict=True):
            scores = [self._scorer.score(self._lines(text), self._lines(hypothesis)) for text in item]
            rows.append([*(over_references([score[kind].fmeasure for score in scores]) for kind in KINDS), 1.0])
        return Statistics(np.array(rows, dtype=np.float64), self._finish)

    def _lines(self, text: str) -> str:
        return SENTENCE_END.sub("\n", text) if self.sentences == "punctuation" else text

    def _signature(self, name: str) -> str:
        return f"{name}|{self.signature}" + (f"|sent:{self.sentences}" if name.startswith("rougeLsum") else "")

    def _finish(self, sums: NDArray[np.float64]) -> dict[str, float]:
        *totals, items = sums.tolist()
        return {name: 100 * total / items for name, total in zip(self.names, totals, strict=True)}


class _Words:
    """A tokenizer for rouge-score that works on every language written with spaces."""

    def tokenize(self, text: str) -> list[str]:
        return text.lower().split()
