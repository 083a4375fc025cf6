"""Whole words, numbers and punctuation marks; Chinese and Japanese character by character."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from tokenizers import models, pre_tokenizers

from seq2seq_pl.tokenizer.trained import (
    SPACE,
    SYMBOL,
    UNKNOWN,
    UNSPACED,
    TrainedTokenizer,
    check_minimum,
    fit_word_level,
    isolate,
)
from seq2seq_pl.values import SPECIAL_TOKENS, UNK

WORD = rf"{SPACE}?[^{SPACE}\p{{P}}\p{{S}}\p{{N}}{UNSPACED}]+"
UNKNOWN_AFTER_UNSPACED = re.compile(rf"(?<=[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff])(?: {UNKNOWN})+")


class Word(TrainedTokenizer):
    """A token for each word, number, punctuation mark, or Chinese or Japanese character.

    Args:
        vocab_size: at most this many tokens, special tokens counted; None keeps all.
        min_frequency: rarer tokens become `<unk>`.
        lowercase: whether text is lower-cased first.
    Raises:
        UserError: a value is out of range.
    """

    kind = "word"
    unknown = SPACE + UNKNOWN

    def __init__(self, *, vocab_size: int | None, min_frequency: int, lowercase: bool = False) -> None:
        if vocab_size is not None:
            check_minimum("vocab_size", vocab_size, len(SPECIAL_TOKENS) + 2, "null keeps all words")
        check_minimum("min_frequency", min_frequency, 1, "1 keeps all words")
        super().__init__({"vocab_size": vocab_size, "min_frequency": min_frequency, "lowercase": lowercase})

    def pre_tokenizer(self) -> pre_tokenizers.PreTokenizer:
        """Cuts into words, numbers, marks, and characters of scripts without spaces."""
        return isolate(rf"[{UNSPACED}]|{SYMBOL}|{SPACE}?\p{{N}}+|{WORD}|{SPACE}")

    def fit(self, texts: Iterator[str]) -> models.Model:
        """The most frequent words."""
        library = self.assemble(models.WordLevel(unk_token=SPECIAL_TOKENS[UNK]))
        return fit_word_level(library, texts, self.settings)

    def decode(self, ids: Sequence[int], copied: Sequence[str] = ()) -> str:
        """The text; an unknown word is "⁇" after a space, but after a Chinese or Japanese character without one."""
        return UNKNOWN_AFTER_UNSPACED.sub(lambda match: match[0].replace(" ", ""), super().decode(ids, copied))
