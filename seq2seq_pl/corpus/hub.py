"""Datasets of the Hugging Face hub, or of that library's formats in a folder."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from seq2seq_pl.corpus.jsonl import plain
from seq2seq_pl.corpus.lines import did_you_mean
from seq2seq_pl.corpus.splits import check_column, chosen, ordered, usable
from seq2seq_pl.errors import UserError, listing, printable
from seq2seq_pl.interfaces import Corpus
from seq2seq_pl.values import Record

if TYPE_CHECKING:
    from datasets import Dataset

ON_DISK = ("dataset_dict.json", "state.json")  # what save_to_disk leaves: several splits, or one


class Hub(Corpus):
    """A dataset by its name on the hub, or a folder of files (parquet, json, csv, ...) or of `save_to_disk`.

    The library keeps what it has loaded in its own cache as Arrow files, so that a second start needs no network.
    Texts are kept as they are, null becomes the empty text, every other value becomes JSON text.

    Args:
        name: the dataset's name ("wmt/wmt14"), or a folder.
        config: its subset, where it has several ("de-en"); null = the only one.
        revision: commit, tag or branch on the hub; null = the newest.
        splits: split -> the dataset's own name of it, or a slice such as "train[:95%]" (not with `save_to_disk`).
        fields: field -> column, a nested one by its path ("translation.en"); null = every column under its own name.
        source: field that models read.
        target: field that models learn to write.
    """

    def __init__(
        self,
        *,
        name: str,
        config: str | None,
        revision: str | None,
        splits: Mapping[str, str],
        fields: Mapping[str, str] | None,
        source: str,
        target: str,
    ) -> None:
        self.name = name
        self.config = config
        self.revision = revision
        self.names = ordered(splits, "corpus.splits")
        self.fields = None if fields is None else dict(fields)
        self.source = source
        self.target = target
        self._loaded: dict[str, Dataset] = {}
        if self.fields is not None:
            self._check_columns(tuple(self.fields), "corpus.fields")

    def splits(self) -> tuple[str, ...]:
        return tuple(self.names)

    def files(self, split: str) -> tuple[Path, ...]:
        """The Arrow files behind a split; splits that are slices of one share them."""
        return tuple(sorted({Path(file["filename"]) for file in self._dataset(split).cache_files}))

    def records(self, split: str) -> Iterator[Record]:
        dataset = self._dataset(split)
        where = f"{self.name}, {self.names[split]}"
        if self.fields is None:
            self._check_columns(tuple(dataset.column_names), where)
        return usable(self._rows(dataset, where), where, self.source, self.target)

    def _rows(self, dataset: Dataset, where: str) -> Iterator[Record]:
        columns = self.fields or {name: name for name in dataset.column_names}
        for number, row in enumerate(dataset):
            origin = f"{where}, row {number}"
            cells = flat(row)
            for field, column in columns.items():
                if column not in cells:
                    raise UserError(
                        f"{origin}: no column {column} (corpus.fields.{field}); "
                        f"it has {listing(cells)}{did_you_mean(column, cells)}"
                    )
            yield Record({field: text(cells[column], column, origin) for field, column in columns.items()}, origin)

    def _check_columns(self, columns: tuple[str, ...], where: str) -> None:
        check_column("source", self.source, columns, where)
        check_column("target", self.target, columns, where)

    def _dataset(self, split: str) -> Dataset:
        if split not in self._loaded:
            own_name = chosen(self.names, split, "corpus.splits")
            self._loaded[split] = load(self.name, self.config, self.revision, own_name)
        return self._loaded[split]


def load(name: str, config: str | None, revision: str | None, split: str) -> Dataset:
    """A split of a dataset, memory-mapped. Raises UserError if it cannot be had."""
    try:
        import datasets  # an optional package, and slow to import
    except ImportError as error:
        raise UserError("corpus=hub needs the package datasets; run: pip install 'datasets>=3'") from error
    folder = Path(name).expanduser()
    try:
        if any((folder / file).is_file() for file in ON_DISK):
            saved = datasets.load_from_disk(str(folder))
            parts = saved if isinstance(saved, datasets.DatasetDict) else {"train": saved}
            if split not in parts:
                raise ValueError(f"It has only {', '.join(parts)}.")
            return parts[split]
        place = str(folder) if folder.is_dir() else name
        return datasets.load_dataset(place, config, revision=revision, split=split, keep_in_memory=False)
    except ConnectionError as error:
        raise UserError(
            f"corpus.name ({name}) is no folder, was not loaded on this machine before, and the hub cannot be reached. "
            "Load it once with a network, or give a folder (corpus.name=DIR)."
        ) from error
    except (OSError, ValueError, RuntimeError, datasets.exceptions.DatasetsError) as error:
        is_shell = isinstance(error, datasets.exceptions.DatasetGenerationError)  # around what went wrong in a file
        reason = " ".join(str(error.__cause__ if is_shell else error).split())[:400].rstrip(".")
        raise UserError(
            f"corpus.name ({name}), split {split}: {reason}. "
            "Check corpus.name, corpus.config, corpus.revision and corpus.splits."
        ) from error


def text(value: object, column: str, origin: str) -> str:
    """A value as text. Raises UserError for bytes, times, images and whatever else JSON has no form of."""
    try:
        return plain(value)
    except TypeError as error:
        raise UserError(
            f"{origin}: column {printable(column)} holds what is no text ({type(value).__name__}); "
            "choose the columns with corpus.fields."
        ) from error


def flat(row: Mapping[str, object]) -> dict[str, object]:
    """A row with each nested value under its path, too: {"a": {"b": 1}} -> {"a": {"b": 1}, "a.b": 1}."""
    cells: dict[str, object] = {}
    for name, value in row.items():
        cells[name] = value
        if isinstance(value, dict):
            cells.update({f"{name}.{path}": cell for path, cell in flat(value).items()})
    return cells
