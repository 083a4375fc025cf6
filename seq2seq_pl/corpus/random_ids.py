"""Random sequences of numbers: nothing to learn but by heart, and no file needed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from seq2seq_pl.errors import UserError
from seq2seq_pl.interfaces import Corpus
from seq2seq_pl.values import Record

SPLITS = ("train", "valid", "test")


class RandomIds(Corpus):
    """Pairs of unrelated sequences of numbers, the same pairs in every split.

    Numbers are dealt like cards: none comes a second time before all have come once, so a corpus with room for all of
    them holds all of them, and its vocabulary has a known size.

    Args:
        sequences: number of pairs.
        source_length: numbers in each source.
        target_length: numbers in each target.
        numbers: how many different numbers there are, 0 counted.
        seed: of the dealing.
        source: name of the source.
        target: name of the target.
    """

    def __init__(
        self,
        *,
        sequences: int,
        source_length: int,
        target_length: int,
        numbers: int,
        seed: int,
        source: str,
        target: str,
    ) -> None:
        sizes = {"sequences": sequences, "source_length": source_length, "target_length": target_length}
        for name, value in {**sizes, "numbers": numbers}.items():
            if value < 1:
                raise UserError(f"corpus.{name} ({value}) must be at least 1.")
        self.sequences = sequences
        self.source_length = source_length
        self.target_length = target_length
        self.numbers = numbers
        self.seed = seed
        self.source = source
        self.target = target

    def splits(self) -> tuple[str, ...]:
        return SPLITS

    def files(self, split: str) -> tuple[Path, ...]:
        return ()

    def records(self, split: str) -> Iterator[Record]:
        rng = np.random.default_rng(self.seed)
        width = self.source_length + self.target_length
        deals = -(-self.sequences * width // self.numbers)
        dealt = np.concatenate([rng.permutation(self.numbers) for _ in range(deals)])
        for number, row in enumerate(dealt[: self.sequences * width].reshape(self.sequences, width).tolist(), start=1):
            words = [str(value) for value in row]
            fields = {
                self.source: " ".join(words[: self.source_length]),
                self.target: " ".join(words[self.source_length :]),
            }
            yield Record(fields, f"random sequence {number}")
