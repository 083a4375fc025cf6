"""JSON lines: one object a line, plain or gzip."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from seq2seq_pl.corpus.lines import Original, did_you_mean, find, folder, lines
from seq2seq_pl.corpus.splits import check_column, check_policy, chosen, ordered, refuse, usable
from seq2seq_pl.errors import printable
from seq2seq_pl.interfaces import Corpus
from seq2seq_pl.values import Record


class Jsonl(Corpus):
    """JSON-lines files in one folder.

    Strings are kept as they are; null becomes the empty text; every other value is kept as JSON text (3, true, ["a"]).
    Empty lines at the end of a file are fine.

    Args:
        path: folder of the files; null = the public original, see `download`.
        files: split -> file name in the folder, with or without .gz.
        fields: keys to keep, which every object must have; null = all keys of each object.
        source: key that models read.
        target: key that models learn to write.
        on_bad_line: "error", or "skip" a line that is no such object and count it in `skipped`.
        download: where to get the files when `path` is null.

    Attributes:
        skipped: split -> bad lines left out so far, filled as a split is read.
    """

    def __init__(
        self,
        *,
        path: str | None,
        files: Mapping[str, str],
        source: str,
        target: str,
        fields: Sequence[str] | None = None,
        on_bad_line: str = "error",
        download: Original | None = None,
    ) -> None:
        check_policy(on_bad_line)
        self.path = path
        self.names = ordered(files)
        self.fields = None if fields is None else tuple(fields)
        self.source = source
        self.target = target
        self.on_bad_line = on_bad_line
        self.download = download
        self.skipped: dict[str, int] = {}
        if self.fields is not None:
            check_column("source", source, self.fields, "corpus.fields")
            check_column("target", target, self.fields, "corpus.fields")

    def splits(self) -> tuple[str, ...]:
        return tuple(self.names)

    def files(self, split: str) -> tuple[Path, ...]:
        name = chosen(self.names, split)
        return (find(folder(self.path, self.download) / name),)

    def records(self, split: str) -> Iterator[Record]:
        (file,) = self.files(split)
        return usable(self._rows(split, file), str(file), self.source, self.target)

    def _rows(self, split: str, file: Path) -> Iterator[Record]:
        self.skipped[split] = 0
        blank: int | None = None
        for number, text in lines(file):
            if not text.strip():
                blank = blank or number
                continue
            if blank is not None:
                self._bad(split, file, range(blank, number), "the line is empty.")
                blank = None
            fields, problem = self._read(text)
            if problem:
                self._bad(split, file, range(number, number + 1), problem)
            else:
                yield Record(fields, f"{file}, line {number}")

    def _read(self, text: str) -> tuple[dict[str, str], str]:
        """The fields of a line, or what is wrong with it."""
        try:
            value = json.loads(text)
        except (ValueError, RecursionError) as error:  # ValueError also for a number of thousands of digits
            return {}, f"not JSON ({error})."
        if not isinstance(value, dict):
            return {}, f"expected a JSON object, found {printable(text[:40])}."
        for name in self.fields or (self.source, self.target):
            if name not in value:
                return {}, f"the object has no field {printable(name)}{did_you_mean(name, value)}"
        fields = {name: plain(value[name]) for name in (self.fields or value)}
        try:
            "".join(fields.values()).encode()
        except UnicodeEncodeError:
            return {}, "half of a surrogate pair is not text."
        return fields, ""

    def _bad(self, split: str, file: Path, numbers: range, problem: str) -> None:
        refuse(f"{file}, line {numbers[0]}", problem, self.on_bad_line)
        self.skipped[split] += len(numbers)


def plain(value: object) -> str:
    """A JSON value as text."""
    if isinstance(value, str):
        return value
    return "" if value is None else json.dumps(value, ensure_ascii=False)
