"""Logged numbers as one CSV file, which can go on where it was."""

from __future__ import annotations

import csv
import io
from argparse import Namespace
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lightning.fabric.loggers.logger import rank_zero_experiment
from lightning.pytorch.loggers import Logger
from lightning.pytorch.utilities import rank_zero_only
from torch import Tensor

from seq2seq_pl.errors import UserError
from seq2seq_pl.files import write_text


class CsvLogger(Logger):
    """Every logged number in one file, one row a call, one column a name.

    Rows are appended as they come. A name that is new rewrites the file with one more column.

    Args:
        path: of the file.
        flush_every_n_rows: rows that are held back at most.
    Raises:
        UserError: if the latter is below 1, or a directory has the file's name.
    """

    def __init__(self, *, path: str, flush_every_n_rows: int = 20) -> None:
        super().__init__()
        if flush_every_n_rows < 1:
            raise UserError(f"logger.csv.flush_every_n_rows ({flush_every_n_rows}) must be at least 1.")
        if Path(path).is_dir():
            raise UserError(f"logger.csv.path ({path}) is a directory; it must be the name of a file.")
        self.path = Path(path)
        self.flush_every_n_rows = flush_every_n_rows
        self.waiting: list[dict[str, float]] = []
        self.columns: list[str] | None = None  # those of the file; None before it was looked at
        self.rows = 0  # likewise

    @property
    def name(self) -> str:
        """Of the kind of logger."""
        return "csv"

    @property
    def version(self) -> str:
        """There is one."""
        return ""

    @property
    @rank_zero_experiment
    def experiment(self) -> CsvLogger:
        """Lightning asks for it."""
        return self

    def log_hyperparams(self, params: dict[str, Any] | Namespace) -> None:
        """A run's settings are in its record."""

    @rank_zero_only
    def log_metrics(self, metrics: Mapping[str, float | Tensor], step: int | None = None) -> None:
        """Adds a row."""
        row = {name: float(value) for name, value in metrics.items()}
        self.waiting.append({**row, **({} if step is None else {"step": step})})
        if len(self.waiting) >= self.flush_every_n_rows:
            self.save()

    @rank_zero_only
    def save(self) -> None:
        """Writes what is held back; `rows` is then what the file has."""
        if self.columns is None:
            self.columns, self.rows = read_columns(self.path), len(read_rows(self.path))
        if not self.waiting:
            return
        names = sorted({name for row in self.waiting for name in row} - set(self.columns))
        if names:
            rows = read_rows(self.path) if self.columns else []
            self.columns = sorted({*self.columns, *names})
            write_text(self.path, table(self.columns, [*rows, *self.waiting], header=True))
        else:
            with self.path.open("a", encoding="utf-8", newline="") as file:
                file.write(table(self.columns, self.waiting))
        self.rows += len(self.waiting)
        self.waiting = []

    @rank_zero_only
    def finalize(self, status: str) -> None:
        """Writes what is held back."""
        self.save()


def table(columns: list[str], rows: list[Any], *, header: bool = False) -> str:
    """Rows as CSV."""
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    if header:
        writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def read_columns(path: Path) -> list[str]:
    """The header of a file; none where there is no file."""
    if not path.is_file():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        return next(csv.reader(file), [])


def read_rows(path: Path) -> list[dict[str, str]]:
    """All rows of a file; none where there is no file."""
    if not path.is_file():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def keep_rows(path: Path, rows: int) -> None:
    """Takes back all but the first `rows` rows of a file, be its last line torn or not."""
    if path.is_file():
        write_text(path, table(read_columns(path), read_rows(path)[:rows], header=True))
