"""A split made here of a corpus that is published as one file, so that no sentence is in two splits."""

from __future__ import annotations

import hashlib
import os
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path

from seq2seq_pl.corpus.download import cache, check_place, fetch_file
from seq2seq_pl.corpus.lines import lines
from seq2seq_pl.corpus.splits import check_name
from seq2seq_pl.errors import UserError


class ComponentSplit:
    """Splits a file of source TAB target [TAB ...] by connected component.

    Sentences are nodes and pairs are edges, so two pairs that share a sentence are in the same component and thus in
    the same split. With h = first 8 hex digits of the SHA-1 of the component's smallest source sentence (by code
    point), as a fraction of 16^8, the component is valid if h < valid_share, test if h < valid_share + test_share, else
    train. Of pairs that occur twice the first row is kept; rows keep their order. The file is held in memory once.

    Args:
        url: address of the file.
        folder: name of its folder in the cache.
        file: its name there.
        pairs_sha256: what `pairs_sha256` of the file must be.
        files: split -> name of the file that is written; train, valid and test.
        valid_share: part of the components that goes to valid, 0 to 1.
        test_share: part of the components that goes to test, 0 to 1.
    Raises:
        UserError: the files are other splits, the shares leave nothing to train on, or a name leads out of the cache.
    """

    def __init__(
        self,
        *,
        url: str,
        folder: str,
        file: str,
        pairs_sha256: str,
        files: Mapping[str, str],
        valid_share: float,
        test_share: float,
    ) -> None:
        if set(files) != {"train", "valid", "test"}:
            raise UserError(f"corpus.download.files must name train, valid and test, not {', '.join(files)}.")
        if min(valid_share, test_share) < 0 or valid_share + test_share >= 1:
            raise UserError(
                f"corpus.download: valid_share ({valid_share}) and test_share ({test_share}) must be 0 or more "
                "and leave something to train on (their sum below 1)."
            )
        check_place(folder, [])
        made = {f"files.{split}": name for split, name in files.items()}
        for setting, name in {"file": file, "pairs_sha256": pairs_sha256, **made}.items():
            check_name(f"corpus.download.{setting} ({name})", name)
        self.url = url
        self.folder = folder
        self.file = file
        self.expected = pairs_sha256
        self.files = dict(files)
        self.valid_share = valid_share
        self.test_share = test_share

    def fetch(self) -> Path:
        """The folder with the three splits in it. Raises UserError if the file cannot be had."""
        original = cache() / self.folder / self.file
        directory = original.parent / f"split-{self.expected[:8]}-{self.valid_share}-{self.test_share}"
        if all((directory / name).is_file() for name in self.files.values()):
            return directory
        fetch_file(self.url, original, self.expected, pairs_sha256)
        rows = list(distinct(original))
        components = smallest_sources(rows)
        directory.mkdir(exist_ok=True)
        for split, name in self.files.items():
            kept = [row for row, smallest in zip(rows, components, strict=True) if self._split(smallest) == split]
            temporary = directory / f"{name}.{uuid.uuid4().hex}.part"
            temporary.write_bytes("".join("\t".join(row) + "\n" for row in kept).encode())
            os.replace(temporary, directory / name)
        return directory

    def _split(self, smallest: str) -> str:
        place = int(hashlib.sha1(smallest.encode()).hexdigest()[:8], 16) / 16**8
        if place < self.valid_share:
            return "valid"
        return "test" if place < self.valid_share + self.test_share else "train"


def distinct(path: Path) -> Iterator[tuple[str, ...]]:
    """The rows with at least two columns, each pair once."""
    seen: set[tuple[str, ...]] = set()
    for _, text in lines(path):
        row = tuple(text.split("\t"))
        if len(row) >= 2 and row[:2] not in seen:
            seen.add(row[:2])
            yield row


def pairs_sha256(path: Path) -> str:
    """SHA-256 of the distinct pairs in byte order, "source TAB target NEWLINE" each; the rows' order does not count."""
    pairs = sorted("\t".join(row[:2]).encode() + b"\n" for row in distinct(path))
    return hashlib.sha256(b"".join(pairs)).hexdigest()


def smallest_sources(rows: list[tuple[str, ...]]) -> list[str]:
    """For each row the smallest source sentence of its component, by union-find."""
    parent: dict[tuple[int, str], tuple[int, str]] = {}

    def root(node: tuple[int, str]) -> tuple[int, str]:
        parent.setdefault(node, node)
        while parent[node] != node:
            parent[node] = parent[parent[node]]
            node = parent[node]
        return node

    for source, target, *_ in rows:
        parent[root((1, target))] = root((0, source))
    smallest: dict[tuple[int, str], str] = {}
    for source, *_ in rows:
        top = root((0, source))
        smallest[top] = min(source, smallest.get(top, source))
    return [smallest[root((0, source))] for source, *_ in rows]
