"""The unigram language model tokenizer, https://arxiv.org/abs/1804.10959."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from tokenizers import models, pre_tokenizers

from seq2seq_pl.tokenizer.trained import (
    SPACE,
    SUBWORD_VOCABULARY,
    TrainedTokenizer,
    check_subword_vocabulary,
    overfull,
    subwords,
    too_small,
)
from seq2seq_pl.tokenizer.unigram_training import candidates, learn
from seq2seq_pl.values import SPECIAL_TOKENS, UNK


class Unigram(TrainedTokenizer):
    """Cuts each word into its most probable pieces, given a probability for each piece.

    The library encodes, but does not train: its trainer walks through a hash table in random order, so that two runs on
    the same text end with different vocabularies. `learn` is the same algorithm in a fixed order.

    Args:
        vocab_size: number of tokens, special tokens counted; None = 8000, or as many as the training text fills.
        lowercase: whether text is lower-cased first.
    Raises:
        UserError: vocab_size is too small.
    """

    kind = "unigram"

    def __init__(self, *, vocab_size: int | None, lowercase: bool = False) -> None:
        check_subword_vocabulary(vocab_size)
        super().__init__({"vocab_size": vocab_size, "lowercase": lowercase})

    def pre_tokenizer(self) -> pre_tokenizers.PreTokenizer:
        """Cuts into words and marks, which no piece crosses."""
        return subwords()

    def fit(self, texts: Iterator[str]) -> models.Model:
        """Pieces that make the text most probable; every character of the text is one of them."""
        asked = self.settings["vocab_size"]
        vocab_size = SUBWORD_VOCABULARY if asked is None else int(asked)
        library = self.assemble(models.Unigram())
        normalize, cut = library.normalizer.normalize_str, library.pre_tokenizer.pre_tokenize_str
        counts = Counter(word for text in texts for word, _ in cut(normalize(text)))
        characters = {SPACE}.union(*counts)
        seeds = candidates(counts, limit=10 * vocab_size)
        room = vocab_size - len(SPECIAL_TOKENS) - len(characters)
        if room < 0:
            raise too_small(vocab_size, len(characters))
        if room > len(seeds) and asked is not None:
            raise overfull(vocab_size, vocab_size - room + len(seeds))
        scores = learn(counts, sorted(characters), seeds, keep=min(room, len(seeds)))
        ranked = sorted(scores.items(), key=lambda item: (-item[1], item[0]))
        return models.Unigram([*((token, 0.0) for token in SPECIAL_TOKENS), *ranked], unk_id=UNK)
