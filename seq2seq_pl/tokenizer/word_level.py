"""Tokenizers whose tokens are the pieces that text is cut into: what words, characters and phonemes share."""

from __future__ import annotations

from collections.abc import Iterator

from tokenizers import models, trainers

from seq2seq_pl.tokenizer.trained import NO_LIMIT, SPACE, TrainedTokenizer, check_range
from seq2seq_pl.values import SPECIAL_TOKENS, UNK


class WordLevelTokenizer(TrainedTokenizer):
    """A token for each piece that the pre-tokenizer cuts, the most frequent ones first.

    A subclass says what its tokens are called (`units`).

    Args:
        vocab_size: at most this many tokens, special tokens counted; None keeps all.
        min_frequency: rarer tokens become `<unk>`.
        lowercase: whether text is lower-cased first.
    Raises:
        UserError: a value is out of range.
    """

    units: str

    def __init__(self, *, vocab_size: int | None, min_frequency: int, lowercase: bool = False) -> None:
        if vocab_size is not None:
            check_range("vocab_size", vocab_size, len(SPECIAL_TOKENS) + 2, f"null keeps all {self.units}")
        check_range("min_frequency", min_frequency, 1, f"1 keeps all {self.units}")
        super().__init__({"vocab_size": vocab_size, "min_frequency": min_frequency, "lowercase": lowercase})
        self.vocabulary_limit, self.min_frequency = vocab_size, min_frequency

    def fit(self, texts: Iterator[str]) -> models.Model:
        """The most frequent pieces, ties in alphabetical order; ▁ always is one of them."""
        library = self.assemble(models.WordLevel(unk_token=SPECIAL_TOKENS[UNK]))
        trainer = trainers.WordLevelTrainer(
            vocab_size=NO_LIMIT if self.vocabulary_limit is None else self.vocabulary_limit,
            min_frequency=self.min_frequency,
            special_tokens=list(SPECIAL_TOKENS),
            show_progress=False,
        )
        library.train_from_iterator(texts, trainer)
        vocabulary = library.get_vocab()
        ranked = [token for token in sorted(vocabulary, key=vocabulary.__getitem__) if token != SPACE]
        ranked.insert(len(SPECIAL_TOKENS), SPACE)
        kept = ranked[: self.vocabulary_limit]
        return models.WordLevel({token: i for i, token in enumerate(kept)}, SPECIAL_TOKENS[UNK])
