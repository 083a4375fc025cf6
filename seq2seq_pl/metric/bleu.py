"""Corpus BLEU, computed by sacreBLEU."""

from __future__ import annotations

import difflib
from collections.abc import Sequence

from sacrebleu.metrics.bleu import BLEU

from seq2seq_pl.errors import UserError
from seq2seq_pl.interfaces import Metric
from seq2seq_pl.metric.references import need_references
from seq2seq_pl.metric.sacrebleu_corpus import corpus_score, corpus_statistics
from seq2seq_pl.values import Score, Statistics

TOKENIZE_BY_LANGUAGE = {"zh": "zh", "ja": "ja-mecab", "ko": "ko-mecab", "th": "char"}
"""Languages written without spaces, or without such as 13a needs; all others get 13a."""


class Bleu(Metric):
    """BLEU of a corpus, https://aclanthology.org/P02-1040, as standardised by https://aclanthology.org/W18-6319.

    Args:
        language: target language as a code ("de", "zh-CN"); chooses the tokenizer where `tokenize` is None.
        tokenize: sacreBLEU's name of a tokenizer.
        lowercase: whether case is ignored.
    Raises:
        UserError: if the tokenizer is unknown or not installed.
    """

    names = ("bleu",)
    higher_is_better = True

    def __init__(self, *, language: str | None = None, tokenize: str | None = None, lowercase: bool = False) -> None:
        if tokenize is None:
            code = (language or "").replace("_", "-").split("-")[0].lower()
            tokenize = TOKENIZE_BY_LANGUAGE.get(code, BLEU.TOKENIZER_DEFAULT)
        if tokenize not in BLEU.TOKENIZERS:
            near = difflib.get_close_matches(tokenize, BLEU.TOKENIZERS, n=1)
            hint = f"did you mean {near[0]}?" if near else f"choose one of {', '.join(BLEU.TOKENIZERS)}."
            raise UserError(f"metric.bleu.tokenize ({tokenize}) is not a tokenizer of sacreBLEU; {hint}")
        try:
            self._bleu = BLEU(tokenize=tokenize, lowercase=lowercase)
        except (RuntimeError, ImportError) as error:  # how sacreBLEU says that MeCab or sentencepiece is missing
            extra = {"ja-mecab": "sacrebleu[ja]", "ko-mecab": "sacrebleu[ko]"}.get(tokenize, "sentencepiece")
            raise UserError(
                f'metric.bleu.tokenize ({tokenize}) is not installed; pip install "{extra}" '
                "or set metric.bleu.tokenize=char."
            ) from error

    def compute(self, hypotheses: Sequence[str], references: Sequence[Sequence[str]]) -> dict[str, Score]:
        """The score "bleu", 0 to 100.

        Raises:
            UserError: if there is nothing to score or an item without reference.
        """
        need_references("metric.bleu", hypotheses, references)
        return {"bleu": corpus_score(self._bleu, hypotheses, references)}

    def statistics(self, hypotheses: Sequence[str], references: Sequence[Sequence[str]]) -> Statistics:
        """Counts of each sentence. Raises UserError as `compute` does."""
        need_references("metric.bleu", hypotheses, references)
        return corpus_statistics(self._bleu, "bleu", hypotheses, references)
