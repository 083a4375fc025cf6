"""Token vectors that begin as those of a file."""

from __future__ import annotations

import gzip
import math
import zlib
from collections.abc import Container, Iterator, Sequence
from pathlib import Path

import torch
from torch import Tensor

from seq2seq_pl.errors import UserError
from seq2seq_pl.model.embedding.token import TokenEmbedding
from seq2seq_pl.values import PAD

SPACE = "▁"


class PretrainedEmbedding(TokenEmbedding):
    """Token embeddings of which those found in a word2vec or GloVe text file begin as the file's vectors.

    word2vec: https://arxiv.org/abs/1301.3781; GloVe: https://aclanthology.org/D14-1162. A token takes the vector of its
    own spelling, else of the spelling without the ▁ of its space, else of that in lower case. Tokens without one keep
    their drawn vector. With `scale`, a file's vector is divided by what looking up multiplies it by.

    With `freeze`, the file's vectors get no gradient, neither as embedding nor as rows of a tied output; an optimizer
    with weight decay would still shrink them.
    """

    frozen: Tensor

    def __init__(
        self, vocab_size: int, *, size: int, scale: bool, source: str | None, target: str | None, freeze: bool
    ) -> None:
        """Args: vocab_size V, size E; the file of each side (gzip by the suffix .gz), read when a training begins.

        Raises:
            UserError: size is below 1.
        """
        super().__init__(vocab_size, size, scale=scale)
        self.paths = {"source": source, "target": target}
        self.freeze = freeze
        if freeze:  # in checkpoints, because a resumed training reads no file
            self.register_buffer("frozen", torch.zeros(vocab_size, 1, dtype=torch.bool))
            hook = self.weight.register_hook
            hook(lambda gradient: gradient.masked_fill(self.frozen, 0))  # type: ignore[no-untyped-call]

    def begin(self, vocabulary: Sequence[str], side: str) -> str | None:
        """Copies the file's vectors; returns how many of the tokens have one. Raises UserError for an unusable file."""
        shown = self.paths[side]
        if shown is None:
            return None
        path = Path(shown).expanduser()
        if not path.is_file():
            raise UserError(
                f"model.embedding.{side} ({shown}): no such file, seen from {Path.cwd()}; give a word2vec or GloVe "
                f"text file, or model.embedding.{side}=null."
            )
        wanted = spellings(vocabulary)
        rank = [len(wanted)] * len(vocabulary)
        for word, vector in read_vectors(path, self.embedding_dim, wanted):
            for row, preference in wanted[word]:
                if preference < rank[row]:  # of a word that the file has twice, the first counts
                    rank[row] = preference
                    self._set(row, vector)
        found = sum(preference < len(wanted) for preference in rank)
        share = 100 * found / len(vocabulary)
        return f"{side} embedding: {found:,} of {len(vocabulary):,} tokens have a vector in {shown} ({share:.0f} %)."

    @torch.no_grad()
    def _set(self, row: int, vector: Tensor) -> None:
        self.weight[row] = vector / self.factor
        if self.freeze:
            self.frozen[row] = True


def spellings(vocabulary: Sequence[str]) -> dict[str, list[tuple[int, int]]]:
    """Word of a file -> rows that can take its vector, each with how it matches: 0 best, 2 worst. PAD takes none."""
    wanted: dict[str, list[tuple[int, int]]] = {}
    for row, token in enumerate(vocabulary):
        bare = token.removeprefix(SPACE)
        for preference, word in enumerate((token, bare, bare.lower())):
            if row != PAD and word:
                wanted.setdefault(word, []).append((row, preference))
    return wanted


def read_vectors(path: Path, size: int, wanted: Container[str]) -> Iterator[tuple[str, Tensor]]:
    """Words of a text file of vectors that are wanted, with their vectors (E,), in the order of the file.

    A line is a word and `size` numbers, apart by spaces; a first line "count size", as word2vec writes it, is passed
    over. Bytes that are not UTF-8 become U+FFFD. A word with spaces in it, of which GloVe has a few, is no token.

    Raises:
        UserError: a damaged gzip file, vectors of another size, a line with too few or too many columns, or, in a line
            that is wanted, a column that is not a number.
    """
    number = 0
    with gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb") as file:
        try:
            for number, line in enumerate(file, start=1):
                text = line.decode("utf-8", "replace").strip(" \r\n")
                if text.count(" ") == size and text.partition(" ")[0] not in wanted:
                    continue  # nearly every line of a large file
                columns = text.split(" ")
                if number == 1:
                    header = len(columns) == 2 and all(column.isdecimal() for column in columns)
                    _check_size(path, int(columns[1]) if header else len(columns) - 1, size)
                    if header:
                        continue
                if len(columns) != size + 1:
                    _check_columns(path, number, columns, size)
                elif columns[0] in wanted:
                    yield columns[0], torch.tensor(_numbers(path, number, columns[1:]))
        except (gzip.BadGzipFile, zlib.error, EOFError) as error:
            raise UserError(
                f"{path}: the gzip file is damaged after line {number} ({error}). Fetch or compress it again."
            ) from error


def _check_size(path: Path, found: int, size: int) -> None:
    if found != size:
        way_out = f"set model.embedding.size={found}." if found > 0 else "is it a word2vec or GloVe text file?"
        raise UserError(f"{path}: its vectors have {found} numbers and model.embedding.size is {size}; {way_out}")


def _check_columns(path: Path, number: int, columns: Sequence[str], size: int) -> None:
    """Passes an empty line and a word with spaces in it."""
    spaced = len(columns) > size + 1 and not _is_number(columns[-size - 1])
    if columns != [""] and not spaced:
        raise UserError(
            f"{path}, line {number}: expected {size + 1} columns, a word and {size} numbers, found {len(columns)}. "
            "Fix the line or take it out."
        )


def _numbers(path: Path, number: int, columns: Sequence[str]) -> list[float]:
    try:
        numbers = [float(column) for column in columns]
    except ValueError:
        numbers = [math.nan]
    if not all(map(math.isfinite, numbers)):
        odd = next(column for column in columns if not _is_number(column))
        raise UserError(f"{path}, line {number}: {odd!r} is not a number. Fix the line or take it out.")
    return numbers


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False
