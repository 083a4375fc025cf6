"""Token ids on disk: one memory-mapped Arrow file per split, keyed by a fingerprint of its inputs.

Rows are written as they come and read back as views of the mapped file, so nothing in memory grows with the corpus but
two lengths (8 bytes) a row. A report beside them has their size and checksum, so that a damaged file is made again.
"""

from __future__ import annotations

import hashlib
import json
import logging
import zlib
from array import array
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from filelock import FileLock, Timeout

from seq2seq_pl.errors import UserError
from seq2seq_pl.files import complete, remove_unfinished, write_text

FORMAT_VERSION = 1
"""Of what is in the file. It is in every fingerprint, and with another one no run that began before can go on."""
ROWS_PER_BATCH = 65_536
BATCH_UNITS = 1 << 25
"""A record batch is closed early at this many tokens and characters together; bounds the memory of long texts."""

CHECKED_BYTES = 1 << 20  # read at a time
PATIENCE = 1.0
"""Seconds that another process is waited for in silence."""

ID_COLUMNS = ("source", "target", "copies")

Ids = npt.NDArray[np.int32]
T = TypeVar("T")

log = logging.getLogger(__name__)


class Row(NamedTuple):
    """What the store keeps of an example; source, target and copies end with EOS already."""

    source: Sequence[int]
    target: Sequence[int]
    source_text: str
    references: tuple[str, ...]
    copies: Sequence[int] = ()


@dataclass
class Report:
    """What became of the examples of a split.

    Attributes:
        split: its name, for messages.
        kept: examples that were written.
        empty: training pairs left out because a side is empty.
        too_long: training pairs left out because a side is longer than its maximum.
        cut: examples whose source was cut to its maximum.
        cut_targets: evaluation examples whose target ids were cut (their references were not).
        source_tokens: tokens of what was kept, EOS not counted; `target_tokens` likewise.
        source_unknown: how many of them are UNK; `target_unknown` likewise, where a word that can be copied is none.
    """

    split: str
    kept: int = 0
    empty: int = 0
    too_long: int = 0
    cut: int = 0
    cut_targets: int = 0
    source_tokens: int = 0
    target_tokens: int = 0
    source_unknown: int = 0
    target_unknown: int = 0


def fingerprint(inputs: Mapping[str, object]) -> str:
    """16 hex digits that change when any input changes.

    Args:
        inputs: JSON values (strings, numbers, lists, mappings); everything that decides what is in the file.
    """
    canonical = json.dumps(
        {"format": FORMAT_VERSION, "inputs": dict(inputs)}, sort_keys=True, separators=(",", ":"), allow_nan=False
    )
    return hashlib.sha256(canonical.encode()).hexdigest()[:16]


def write(
    path: Path, rows: Iterable[Row], *, keep_text: bool, copying: bool = False, rows_per_batch: int = ROWS_PER_BATCH
) -> None:
    """Writes rows to a file that appears under its name only when it is complete; the last of several writers wins.

    `write_report` comes after it.

    Args:
        path: of the file; its folder is made.
        rows: source and target end with EOS already.
        keep_text: also keep source_text and references.
        copying: also keep copies.
        rows_per_batch: most rows of one record batch.
    """
    schema = _schema(keep_text, copying)
    with complete(path) as file, pa.ipc.new_file(file, schema) as writer:
        for batch in _batches(rows, schema, rows_per_batch):
            writer.write_batch(batch)


def write_report(path: Path, report: Report) -> None:
    """Writes a split's report beside its rows, with their size in bytes and their CRC-32, by which they are known."""
    found = {"bytes": path.stat().st_size, "crc32": crc32(path)}
    write_text(path.with_suffix(".json"), json.dumps({**asdict(report), **found}))


def read(path: Path) -> tuple[Split, Report] | None:
    """What `write` and `write_report` left, checked; None where one of both is not there or has no checksum.

    Raises:
        UserError: it is torn or was altered.
    """
    beside = path.with_suffix(".json")
    if not (path.is_file() and beside.is_file()):
        return None
    try:
        content = json.loads(beside.read_text(encoding="utf-8"))
        if "crc32" not in content:
            return None  # written before there were checksums
        size, expected = content.pop("bytes"), content.pop("crc32")
        report = Report(**content)
    except (OSError, ValueError, TypeError, LookupError, AttributeError) as error:
        raise UserError(f"{beside} is damaged: it is no report of a token store ({error}).") from error
    if path.stat().st_size != size:
        raise UserError(f"{path} is damaged: it has {path.stat().st_size:,} bytes instead of {size}.")
    if crc32(path) != expected:
        raise UserError(f"{path} is damaged: it has another checksum than when it was written.")
    return Split(path), report


def crc32(path: Path) -> str:
    """CRC-32 of a file's bytes, in hex. It finds what broke, not what somebody forged."""
    found, piece = 0, memoryview(bytearray(CHECKED_BYTES))
    with path.open("rb", buffering=0) as file:
        while count := file.readinto(piece):
            found = zlib.crc32(piece[:count], found)
    return f"{found:08x}"


def made_once(folder: Path, look: Callable[[], T | None], make: Callable[[], None]) -> T:
    """What is in a folder of the cache, made first if it is not; of several processes one makes it, the others wait.

    Args:
        look: reads it; None where it is not there, UserError where it is damaged and has to be made again.
        make: writes it there.
    """
    found = None
    with suppress(UserError):  # told below, when nobody is writing there
        found = look()
    if found is not None:
        return found
    with alone(folder):
        try:
            found = look()
        except UserError as error:
            log.warning("%s It is made again.", error)
        if found is None:
            make()
            found = look()
    assert found is not None, f"{folder} lacks what was made there"
    return found


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Keeps all other processes from writing to a folder of the cache, which is made; a killed one keeps nobody.

    What killed writers left there is removed.

    Raises:
        UserError: one cannot write there.
    """
    lock = FileLock(folder / ".lock")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        try:
            lock.acquire(timeout=PATIENCE)
        except Timeout:
            log.info("another process is making what is needed in %s; waiting for it", folder)
            lock.acquire()
    except OSError as error:
        reason = error.strerror or error
        raise UserError(f"cache_dir: {folder} cannot be written to ({reason}); set cache_dir=DIR.") from error
    try:
        remove_unfinished(folder)
        yield
    finally:
        lock.release()


def _schema(keep_text: bool, copying: bool) -> pa.Schema:
    ids = pa.list_(pa.field("item", pa.int32(), nullable=False))
    fields = [pa.field(name, ids, nullable=False) for name in ID_COLUMNS if copying or name != "copies"]
    if keep_text:
        texts = pa.list_(pa.field("item", pa.utf8(), nullable=False))
        fields += [pa.field("source_text", pa.utf8(), nullable=False), pa.field("references", texts, nullable=False)]
    return pa.schema(fields, metadata={"seq2seq_pl.store": str(FORMAT_VERSION)})


def _batches(rows: Iterable[Row], schema: pa.Schema, rows_per_batch: int) -> Iterator[pa.RecordBatch]:
    stream, waiting = iter(rows), True
    while waiting:
        ids = {name: _Lists() for name in ID_COLUMNS if name in schema.names}
        texts: dict[str, list[object]] = {name: [] for name in schema.names if name not in ids}
        count, units, waiting = 0, 0, False
        for row in stream:
            count += 1
            for name, lists in ids.items():
                lists.append(getattr(row, name))
                units += len(getattr(row, name))
            for name, column in texts.items():
                column.append(getattr(row, name))
            if texts:
                units += len(row.source_text) + sum(map(len, row.references))
            if count == rows_per_batch or units > BATCH_UNITS:
                waiting = True
                break
        if count:
            columns = [
                ids[field.name].column(field.type) if field.name in ids else pa.array(texts[field.name], field.type)
                for field in schema
            ]
            yield pa.RecordBatch.from_arrays(columns, schema=schema)


class _Lists:
    """Lists of ids under construction, 4 bytes an id."""

    def __init__(self) -> None:
        self.offsets = array("i", [0])
        self.values = array("i")

    def append(self, ids: Sequence[int]) -> None:
        self.values.extend(ids)
        self.offsets.append(len(self.values))

    def column(self, kind: pa.DataType) -> pa.Array:
        offsets = pa.array(np.frombuffer(self.offsets, dtype=np.int32))
        values = np.frombuffer(self.values, dtype=np.int32) if self.values else np.empty(0, dtype=np.int32)
        return pa.ListArray.from_arrays(offsets, pa.array(values), type=kind)


class Split:
    """A file made by `write`, memory-mapped: what it returns are read-only views of the file.

    It is pickled as its path, so that a worker process maps the file again.

    Raises:
        UserError: the file is truncated, or not one of these files.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            reader = pa.ipc.open_file(pa.memory_map(str(path)))
            version = (reader.schema.metadata or {}).get(b"seq2seq_pl.store")
            known = (_schema(keep_text, copying) for keep_text in (True, False) for copying in (True, False))
            if version != str(FORMAT_VERSION).encode() or reader.schema not in known:
                raise pa.ArrowInvalid("it was written by something else")
            batches = [reader.get_batch(number) for number in range(reader.num_record_batches)]
        except (pa.ArrowException, OSError) as error:
            raise UserError(f"{path} is not a complete token store ({error}); start again to remake it.") from error
        self.has_text = "source_text" in reader.schema.names
        self._batches = batches
        self._starts = np.cumsum([0] + [batch.num_rows for batch in batches]).tolist()
        self._ids = {
            name: [_views(batch.column(name)) for batch in batches]
            for name in ID_COLUMNS
            if name in reader.schema.names
        }
        self.source_lengths = _lengths(self._ids["source"])
        self.target_lengths = _lengths(self._ids["target"])

    def __reduce__(self) -> tuple[type[Split], tuple[Path]]:
        return Split, (self.path,)

    def __len__(self) -> int:
        return int(self._starts[-1])

    def source(self, i: int) -> Ids:
        """Source ids of row i, EOS at the end, (S,)."""
        return self._row("source", i)

    def target(self, i: int) -> Ids:
        """Target ids of row i, EOS at the end, (T,)."""
        return self._row("target", i)

    def copies(self, i: int) -> Ids | None:
        """The id that each source token of row i has in the target, (S,); None where nothing is copied."""
        return self._row("copies", i) if "copies" in self._ids else None

    def source_text(self, i: int) -> str:
        """The source as it was read; only with `has_text`."""
        assert self.has_text, f"{self.path} was written without text"
        batch, row = self._locate(i)
        return str(self._batches[batch].column("source_text")[row].as_py())

    def references(self, i: int) -> tuple[str, ...]:
        """All references of row i, the first is the one training learns; only with `has_text`."""
        assert self.has_text, f"{self.path} was written without text"
        batch, row = self._locate(i)
        return tuple(self._batches[batch].column("references")[row].as_py())

    def _row(self, name: str, i: int) -> Ids:
        batch, row = self._locate(i)
        offsets, values = self._ids[name][batch]
        return values[offsets[row] : offsets[row + 1]]

    def _locate(self, i: int) -> tuple[int, int]:
        """The batch that holds row i, and its place there."""
        if not 0 <= i < len(self):
            raise IndexError(f"row {i} of {len(self)}")
        batch = bisect_right(self._starts, i) - 1
        return batch, i - self._starts[batch]


def _views(column: pa.ListArray) -> tuple[Ids, Ids]:
    """Offsets (rows + 1,) and values of a column, without a copy; Arrow's own `to_numpy` would import pandas."""
    offsets, values = (np.asarray(np.from_dlpack(part), dtype=np.int32) for part in (column.offsets, column.values))
    return offsets, values


def _lengths(views: list[tuple[Ids, Ids]]) -> Ids:
    parts = [np.diff(offsets) for offsets, _ in views]
    return np.concatenate(parts) if parts else np.empty(0, dtype=np.int32)
