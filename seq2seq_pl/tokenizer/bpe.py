"""Byte-pair encoding, https://arxiv.org/abs/1508.07909, with BPE-dropout, https://arxiv.org/abs/1910.13267."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import tokenizers
from tokenizers import models, pre_tokenizers, trainers

from seq2seq_pl.errors import UserError
from seq2seq_pl.tokenizer.trained import (
    SPACE,
    SUBWORD_VOCABULARY,
    TrainedTokenizer,
    check_range,
    check_subword_vocabulary,
    overfull,
    subwords,
    too_small,
)
from seq2seq_pl.values import SPECIAL_TOKENS, UNK

DRAWS = 256
"""Random numbers fetched at a time; one by one they would cost more than the merging."""


class Bpe(TrainedTokenizer):
    """Frequent neighbours merged, most frequent first, until the vocabulary is full.

    Args:
        vocab_size: number of tokens, special tokens counted; None = 8000, or as many as the training text fills.
        min_frequency: pairs of symbols seen less often are not merged.
        lowercase: whether text is lower-cased first.
        dropout: probability of skipping a merge where `encode` is given an `rng` (0.1 in the paper).
    Raises:
        UserError: a value is out of range.
    """

    kind = "bpe"

    def __init__(
        self, *, vocab_size: int | None, min_frequency: int, lowercase: bool = False, dropout: float = 0.0
    ) -> None:
        check_subword_vocabulary(vocab_size)
        check_range("min_frequency", min_frequency, 1, "try 2")
        if not 0.0 <= dropout <= 1.0:
            raise UserError(f"tokenizer.dropout ({dropout}) must be a probability from 0 to 1; try 0.1.")
        super().__init__(
            {"vocab_size": vocab_size, "min_frequency": min_frequency, "lowercase": lowercase, "dropout": dropout}
        )
        self._merges: Merges | None = None

    def pre_tokenizer(self) -> pre_tokenizers.PreTokenizer:
        """Cuts into words and marks, which no merge crosses."""
        return subwords()

    def fit(self, texts: Iterator[str]) -> models.Model:
        """Merges until the vocabulary is full; every character of the text has a place in it."""
        asked, min_frequency = self.settings["vocab_size"], int(self.settings["min_frequency"] or 0)
        vocab_size = SUBWORD_VOCABULARY if asked is None else int(asked)
        library = self.assemble(models.BPE(unk_token=SPECIAL_TOKENS[UNK]))
        trainer = trainers.BpeTrainer(
            vocab_size=vocab_size,
            min_frequency=min_frequency,
            special_tokens=list(SPECIAL_TOKENS),
            initial_alphabet=[SPACE],
            show_progress=False,
        )
        library.train_from_iterator(texts, trainer)
        attained = library.get_vocab_size()
        if attained > vocab_size:
            raise too_small(vocab_size, sum(len(token) == 1 for token in library.get_vocab()))
        if attained < vocab_size and asked is not None:
            raise overfull(vocab_size, attained)
        model: models.Model = library.model
        return model

    @property
    def stochastic(self) -> bool:
        """Whether `encode` draws from its `rng`."""
        return bool(self.settings["dropout"])

    def encode(self, texts: Sequence[str], rng: np.random.Generator | None = None) -> list[list[int]]:
        """Ids of each text; with `rng`, by BPE-dropout.

        The library has a dropout of its own, but its random numbers cannot be seeded, and a run could not be repeated.
        So the merging is done here: the same `rng` state gives the same ids.
        """
        dropout = float(self.settings["dropout"] or 0.0)
        if rng is None or not self.stochastic:
            return super().encode(texts)
        merges = self._merges = self._merges or Merges(json.loads(self.trained.to_str())["model"])
        draws = uniform(rng)
        return [self._encode_dropping(text, merges, dropout, draws) for text in texts]

    def pieces(self, texts: Sequence[str], rng: np.random.Generator | None = None) -> list[list[str]]:
        """The text behind each id of `encode`; an unknown character is a piece of its own."""
        if rng is None or not self.stochastic:
            return super().pieces(texts)
        return [
            list(cut(self.normal(text), [1 if i == UNK else len(self._tokens[i]) for i in ids]))
            for text, ids in zip(texts, self.encode(texts, rng), strict=True)
        ]

    def _encode_dropping(self, text: str, merges: Merges, dropout: float, draws: Iterator[float]) -> list[int]:
        words = self.trained.pre_tokenizer.pre_tokenize_str(self.normal(text))
        return [symbol for word, _ in words for symbol in merges.apply(word, dropout, draws)]

    def _adopt(self, library: tokenizers.Tokenizer, tags: Sequence[str]) -> None:
        super()._adopt(library, tags)
        self._merges = None


class Merges:
    """The merges of a trained model, as its serialisation lists them."""

    def __init__(self, model: dict[str, dict[str, int] | list[list[str]]]) -> None:
        vocabulary, pairs = model["vocab"], model["merges"]
        assert isinstance(vocabulary, dict)
        assert isinstance(pairs, list)
        self.ids = vocabulary
        self.ranks = {(vocabulary[left], vocabulary[right]): rank for rank, (left, right) in enumerate(pairs)}
        self.merged = [vocabulary[left + right] for left, right in pairs]

    def apply(self, word: str, dropout: float, draws: Iterator[float]) -> list[int]:
        """Algorithm 1 of BPE-dropout: at each step the best-ranked applicable merge that is not dropped, until none is.

        Merges are tried in order of rank, so those behind the first survivor need no draw: they could not win.

        Args:
            word: one pre-token.
            dropout: probability that a merge is dropped at a step.
            draws: uniform random numbers in [0, 1).
        """
        never = len(self.merged)
        symbols = [self.ids.get(character, UNK) for character in word]
        ranks = [self.ranks.get(pair, never) for pair in itertools.pairwise(symbols)]
        candidates = ranks.copy()
        while candidates and (rank := min(candidates)) < never:
            at = candidates.index(rank)
            if next(draws) < dropout:
                candidates[at] = never
                continue
            symbols[at : at + 2] = [self.merged[rank]]
            del ranks[at]
            for left in range(max(at - 1, 0), min(at + 1, len(ranks))):
                ranks[left] = self.ranks.get((symbols[left], symbols[left + 1]), never)
            candidates = ranks.copy()
        return symbols


def cut(text: str, lengths: Iterable[int]) -> Iterator[str]:
    """Neighbouring pieces of a text, so many characters each."""
    for start, end in itertools.pairwise(itertools.accumulate(lengths, initial=0)):
        yield text[start:end]


def uniform(rng: np.random.Generator) -> Iterator[float]:
    """Random numbers in [0, 1), without end."""
    while True:
        yield from rng.random(DRAWS).tolist()
