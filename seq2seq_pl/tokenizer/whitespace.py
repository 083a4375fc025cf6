"""Whatever white space separates: phonemes, or the tokens of text that is tokenized already."""

from __future__ import annotations

import tokenizers
from tokenizers import Regex, models, normalizers, pre_tokenizers

from seq2seq_pl.tokenizer.trained import SPACE, UNKNOWN, isolate
from seq2seq_pl.tokenizer.word_level import WordLevelTokenizer


class Whitespace(WordLevelTokenizer):
    """A token for whatever stands between spaces, in every script; punctuation is not split off.

    Every token starts with the ▁ of the space before it, so that "<s>" in a text is never the special token.
    """

    kind = "whitespace"
    units = "tokens"
    unknown = SPACE + UNKNOWN

    def pre_tokenizer(self) -> pre_tokenizers.PreTokenizer:
        """Cuts before each space."""
        return isolate(rf"{SPACE}[^{SPACE}]*")

    def assemble(self, model: models.Model) -> tokenizers.Tokenizer:
        """As for every tokenizer, but with a ▁ before a first token in Chinese or Japanese too: here it means a cut."""
        library = super().assemble(model)
        first = normalizers.Replace(Regex(rf"^(?=[^{SPACE}])"), SPACE)
        library.normalizer = normalizers.Sequence([library.normalizer, first])
        return library
