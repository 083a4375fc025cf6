"""Whole words, numbers and punctuation marks; Chinese and Japanese character by character."""

from __future__ import annotations

import re
from collections.abc import Sequence

from tokenizers import pre_tokenizers

from seq2seq_pl.tokenizer.trained import SPACE, SYMBOL, UNKNOWN, UNSPACED, isolate
from seq2seq_pl.tokenizer.word_level import WordLevelTokenizer

WORD = rf"{SPACE}?[^{SPACE}\p{{P}}\p{{S}}\p{{N}}{UNSPACED}]+"
UNKNOWN_AFTER_UNSPACED = re.compile(rf"(?<=[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff])(?: {UNKNOWN})+")


class Word(WordLevelTokenizer):
    """A token for each word, number, punctuation mark, or Chinese or Japanese character."""

    kind = "word"
    units = "words"
    unknown = SPACE + UNKNOWN

    def pre_tokenizer(self) -> pre_tokenizers.PreTokenizer:
        """Cuts into words, numbers, marks, and characters of scripts without spaces."""
        return isolate(rf"[{UNSPACED}]|{SYMBOL}|{SPACE}?\p{{N}}+|{WORD}|{SPACE}")

    def decode(self, ids: Sequence[int], copied: Sequence[str] = ()) -> str:
        """The text; an unknown word is "⁇" after a space, but after a Chinese or Japanese character without one."""
        return UNKNOWN_AFTER_UNSPACED.sub(lambda match: match[0].replace(" ", ""), super().decode(ids, copied))
