"""Single characters."""

from __future__ import annotations

from tokenizers import pre_tokenizers

from seq2seq_pl.tokenizer.trained import isolate
from seq2seq_pl.tokenizer.word_level import WordLevelTokenizer


class Char(WordLevelTokenizer):
    """A token for each character (Unicode code point after NFC); ▁ is the space."""

    kind = "char"
    units = "characters"

    def pre_tokenizer(self) -> pre_tokenizers.PreTokenizer:
        """Cuts into characters."""
        return isolate(r"(?m).")
