"""Tab-separated text: one record a line, plain or gzip."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from seq2seq_pl.corpus.lines import Original, find, folder, lines
from seq2seq_pl.corpus.splits import check_column, check_policy, chosen, ordered, refuse, usable
from seq2seq_pl.errors import UserError, printable
from seq2seq_pl.interfaces import Corpus
from seq2seq_pl.values import Record


class Tsv(Corpus):
    """Tab-separated files in one folder.

    There is no quoting: a tab always ends a column, "\\n" always ends a line. Empty lines at the end are fine.

    Args:
        path: folder of the files; null = the public original, see `download`.
        files: split -> file name in the folder, with or without .gz.
        columns: names of the first columns, further ones are ignored; null = the first line is a header.
        source: column that models read.
        target: column that models learn to write.
        rest: field for all further columns of a line, as a JSON list without its empty cells; null = see `columns`.
        unspaced: columns without their spaces, for words that are written letter by letter ("c a t").
        on_bad_line: "error", or "skip" a line with the wrong number of columns and count it in `skipped`.
        download: where to get the files when `path` is null.

    Attributes:
        skipped: split -> bad lines left out so far, filled as a split is read.
    """

    def __init__(
        self,
        *,
        path: str | None,
        files: Mapping[str, str],
        columns: Sequence[str] | None,
        source: str,
        target: str,
        rest: str | None = None,
        unspaced: Sequence[str] = (),
        on_bad_line: str = "error",
        download: Original | None = None,
    ) -> None:
        check_policy(on_bad_line)
        self.path = path
        self.names = ordered(files)
        self.columns = None if columns is None else tuple(columns)
        self.source = source
        self.target = target
        self.rest = rest
        self.unspaced = tuple(unspaced)
        self.on_bad_line = on_bad_line
        self.download = download
        self.skipped: dict[str, int] = {}
        if self.columns is not None:
            self._check_columns(self.columns, "corpus.columns")

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
        numbered = lines(file)
        columns, extra_allowed = self.columns, True
        if columns is None:
            header = next(numbered, None)
            if header is None:
                return
            columns, extra_allowed = tuple(header[1].split("\t")), self.rest is not None
            self._check_columns(columns, f"{file}, line 1")
        blank: int | None = None
        for number, text in numbered:
            if not text:
                blank = blank or number
                continue
            if blank is not None:
                self._bad(split, file, range(blank, number), len(columns), 1)
                blank = None
            cells = text.split("\t")
            if len(cells) < len(columns) or (len(cells) > len(columns) and not extra_allowed):
                self._bad(split, file, range(number, number + 1), len(columns), len(cells))
                continue
            yield Record(self._fields(columns, cells), f"{file}, line {number}")

    def _fields(self, columns: tuple[str, ...], cells: list[str]) -> dict[str, str]:
        fields = dict(zip(columns, cells, strict=False))
        for name in self.unspaced:
            fields[name] = fields[name].replace(" ", "")
        if self.rest is not None:
            further = [cell for cell in cells[len(columns) :] if cell.strip()]
            fields[self.rest] = json.dumps(further, ensure_ascii=False)
        return fields

    def _check_columns(self, columns: tuple[str, ...], where: str) -> None:
        for name in columns:
            if columns.count(name) > 1:
                raise UserError(
                    f"{where}: the column {printable(name)} occurs twice; give every column a name of its own."
                )
        if self.rest in columns:
            raise UserError(f"corpus.rest ({self.rest}) is a column of {where}; give the further columns another name.")
        check_column("source", self.source, columns, where)
        check_column("target", self.target, columns, where)
        for name in self.unspaced:
            check_column("unspaced", name, columns, where)

    def _bad(self, split: str, file: Path, numbers: range, expected: int, found: int) -> None:
        problem = f"expected {expected} tab-separated columns, found {found}."
        refuse(f"{file}, line {numbers[0]}", problem, self.on_bad_line)
        self.skipped[split] += len(numbers)
