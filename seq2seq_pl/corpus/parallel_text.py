"""Parallel text: a file for each language, sentence i in line i of both, plain or gzip."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import zip_longest
from pathlib import Path

from seq2seq_pl.corpus.lines import Original, find, folder, lines
from seq2seq_pl.corpus.splits import chosen, ordered, usable
from seq2seq_pl.errors import UserError
from seq2seq_pl.interfaces import Corpus
from seq2seq_pl.values import Record


class ParallelText(Corpus):
    """Line-aligned files <path>/<prefix>.<language> in one folder.

    An empty line is an empty sentence; whoever trains on it decides what to do with it.

    Args:
        path: folder of the files; null = the public original, see `download`.
        files: split -> prefix of its file names.
        source: language that models read, the suffix of its files.
        target: language that models learn to write.
        download: where to get the files when `path` is null.
    """

    def __init__(
        self, *, path: str | None, files: Mapping[str, str], source: str, target: str, download: Original | None = None
    ) -> None:
        if source == target:
            raise UserError(f"corpus.source and corpus.target are both {source}; give two languages.")
        self.path = path
        self.prefixes = ordered(files)
        self.source = source
        self.target = target
        self.download = download

    def splits(self) -> tuple[str, ...]:
        return tuple(self.prefixes)

    def files(self, split: str) -> tuple[Path, ...]:
        prefix = chosen(self.prefixes, split)
        directory = folder(self.path, self.download)
        return find(directory / f"{prefix}.{self.source}"), find(directory / f"{prefix}.{self.target}")

    def records(self, split: str) -> Iterator[Record]:
        source, target = self.files(split)
        return usable(self._pairs(source, target), f"{source} and {target}", self.source, self.target)

    def _pairs(self, source: Path, target: Path) -> Iterator[Record]:
        source_lines, target_lines = 0, 0
        for left, right in zip_longest(lines(source), lines(target)):
            source_lines += left is not None
            target_lines += right is not None
            if source_lines == target_lines:
                yield Record({self.source: left[1], self.target: right[1]}, f"{source}, line {source_lines}")
        if source_lines != target_lines:
            raise UserError(
                f"{source} has {source_lines:,} lines but {target} has {target_lines:,}; line i of both must be the "
                "same sentence. Align the files again."
            )
