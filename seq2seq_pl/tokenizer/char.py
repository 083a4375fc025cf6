"""Single characters."""

from __future__ import annotations

from collections.abc import Iterator

from tokenizers import models, pre_tokenizers

from seq2seq_pl.tokenizer.trained import TrainedTokenizer, check_minimum, fit_word_level, isolate
from seq2seq_pl.values import SPECIAL_TOKENS, UNK


class Char(TrainedTokenizer):
    """A token for each character (Unicode code point after NFC); ▁ is the space.

    Args:
        vocab_size: at most this many tokens, special tokens counted; None keeps all.
        min_frequency: rarer characters become `<unk>`.
        lowercase: whether text is lower-cased first.
    Raises:
        UserError: a value is out of range.
    """

    kind = "char"

    def __init__(self, *, vocab_size: int | None, min_frequency: int, lowercase: bool = False) -> None:
        if vocab_size is not None:
            check_minimum("vocab_size", vocab_size, len(SPECIAL_TOKENS) + 2, "null keeps all characters")
        check_minimum("min_frequency", min_frequency, 1, "1 keeps all characters")
        super().__init__({"vocab_size": vocab_size, "min_frequency": min_frequency, "lowercase": lowercase})

    def pre_tokenizer(self) -> pre_tokenizers.PreTokenizer:
        """Cuts into characters."""
        return isolate(r"(?m).")

    def fit(self, texts: Iterator[str]) -> models.Model:
        """The most frequent characters."""
        library = self.assemble(models.WordLevel(unk_token=SPECIAL_TOKENS[UNK]))
        return fit_word_level(library, texts, self.settings)
