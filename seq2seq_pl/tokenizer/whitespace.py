"""Whatever white space separates: phonemes, or the tokens of text that is tokenized already."""

from __future__ import annotations

from collections.abc import Iterator

import tokenizers
from tokenizers import Regex, models, normalizers, pre_tokenizers

from seq2seq_pl.tokenizer.trained import (
    SPACE,
    UNKNOWN,
    TrainedTokenizer,
    check_minimum,
    fit_word_level,
    isolate,
)
from seq2seq_pl.values import SPECIAL_TOKENS, UNK


class Whitespace(TrainedTokenizer):
    """A token for whatever stands between spaces, in every script; punctuation is not split off.

    Every token starts with the ▁ of the space before it, so that "<s>" in a text is never the special token.

    Args:
        vocab_size: at most this many tokens, special tokens counted; None keeps all.
        min_frequency: rarer tokens become `<unk>`.
        lowercase: whether text is lower-cased first.
    Raises:
        UserError: a value is out of range.
    """

    kind = "whitespace"
    unknown = SPACE + UNKNOWN

    def __init__(self, *, vocab_size: int | None, min_frequency: int, lowercase: bool = False) -> None:
        if vocab_size is not None:
            check_minimum("vocab_size", vocab_size, len(SPECIAL_TOKENS) + 2, "null keeps all tokens")
        check_minimum("min_frequency", min_frequency, 1, "1 keeps all tokens")
        super().__init__({"vocab_size": vocab_size, "min_frequency": min_frequency, "lowercase": lowercase})

    def pre_tokenizer(self) -> pre_tokenizers.PreTokenizer:
        """Cuts before each space."""
        return isolate(rf"{SPACE}[^{SPACE}]*")

    def assemble(self, model: models.Model) -> tokenizers.Tokenizer:
        """As for every tokenizer, but with a ▁ before a first token in Chinese or Japanese too: here it means a cut."""
        library = super().assemble(model)
        first = normalizers.Replace(Regex(rf"^(?=[^{SPACE}])"), SPACE)
        library.normalizer = normalizers.Sequence([library.normalizer, first])
        return library

    def fit(self, texts: Iterator[str]) -> models.Model:
        """The most frequent tokens."""
        library = self.assemble(models.WordLevel(unk_token=SPECIAL_TOKENS[UNK]))
        return fit_word_level(library, texts, self.settings)
