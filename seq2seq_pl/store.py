"""Token ids on disk: one memory-mapped Arrow file per split, keyed by a fingerprint of its inputs.

Rows are written as they come and read back as views of the mapped file, so nothing in memory grows with the corpus but
two lengths (8 bytes) a row.
"""

from __future__ import annotations

import hashlib
import json
import os
import uuid
from array import array
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from seq2seq_pl.errors import UserError
from seq2seq_pl.interfaces import Tokenizer
from seq2seq_pl.values import EOS, UNK, Example

FORMAT_VERSION = 1
ROWS_PER_BATCH = 65_536
BATCH_UNITS = 1 << 25
"""A record batch is closed early at this many tokens and characters together; bounds the memory of long texts."""
CHUNK = 1_000
CHARACTERS_PER_TOKEN = 20
"""A text longer than this times its maximum length in tokens is too long without being encoded."""

Ids = npt.NDArray[np.int32]


class Row(NamedTuple):
    """What the store keeps of an example; source and target end with EOS already."""

    source: Sequence[int]
    target: Sequence[int]
    source_text: str
    references: tuple[str, ...]


@dataclass
class Report:
    """What became of the examples of a split.

    Attributes:
        split: its name, for messages.
        kept: examples that were written.
        empty: training pairs left out because a side is empty.
        too_long: training pairs left out because a side is longer than its maximum.
        cut: evaluation examples whose source was cut to its maximum.
        cut_targets: evaluation examples whose target ids were cut (their references were not).
        source_tokens: tokens of what was kept, EOS not counted; `target_tokens` likewise.
        source_unknown: how many of them are UNK; `target_unknown` likewise.
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


def file_digest(path: Path) -> str:
    """SHA-256 of a file's bytes, in hex."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()


def prepare(
    examples: Iterable[Example],
    source: Tokenizer,
    target: Tokenizer,
    *,
    training: bool,
    max_source_length: int,
    max_target_length: int,
    report: Report,
) -> Iterator[Row]:
    """Turns examples into rows.

    In training, a pair with an empty side or with a side longer than its maximum is skipped. In evaluation nothing is
    skipped: ids longer than their maximum are cut to it, texts stay whole. Texts reach the tokenizers as they are.

    Args:
        examples: read once, in chunks.
        source: tokenizer of the source.
        target: tokenizer of the first reference.
        training: which of the two rules applies.
        max_source_length: in tokens, EOS not counted.
        max_target_length: in tokens, EOS not counted.
        report: counts what happens.

    Raises:
        UserError: no row is left.
    """
    encode = _encode_training if training else _encode_evaluation
    stream = iter(examples)
    while chunk := list(islice(stream, CHUNK)):
        for row in encode(chunk, source, target, max_source_length, max_target_length, report):
            report.kept += 1
            report.source_tokens += len(row.source) - 1
            report.target_tokens += len(row.target) - 1
            report.source_unknown += row.source.count(UNK)
            report.target_unknown += row.target.count(UNK)
            yield row
    if report.kept == 0:
        raise UserError(
            f"split {report.split}: nothing is left of its {report.empty + report.too_long:,} examples "
            f"({report.empty:,} with an empty side, {report.too_long:,} longer than "
            f"max_source_length={max_source_length} or max_target_length={max_target_length}). "
            "Raise the lengths or check corpus.source and corpus.target."
        )


def _encode_training(
    chunk: list[Example], source: Tokenizer, target: Tokenizer, max_source: int, max_target: int, report: Report
) -> Iterator[Row]:
    pairs: list[Example] = []
    for example in chunk:
        learnt = _first(example)
        if not example.source.strip() or not learnt.strip():
            report.empty += 1
        elif len(example.source) > _characters(max_source) or len(learnt) > _characters(max_target):
            report.too_long += 1
        else:
            pairs.append(example)
    if not pairs:
        return
    source_ids = source.encode([example.source for example in pairs])
    target_ids = target.encode([_first(example) for example in pairs])
    for example, read, learnt_ids in zip(pairs, source_ids, target_ids, strict=True):
        if len(read) > max_source or len(learnt_ids) > max_target:
            report.too_long += 1
        else:
            yield Row([*read, EOS], [*learnt_ids, EOS], example.source, example.references)


def _encode_evaluation(
    chunk: list[Example], source: Tokenizer, target: Tokenizer, max_source: int, max_target: int, report: Report
) -> Iterator[Row]:
    sources, targets = [example.source for example in chunk], [_first(example) for example in chunk]
    source_ids = source.encode([text[: _characters(max_source)] for text in sources])
    target_ids = target.encode([text[: _characters(max_target)] for text in targets])
    for i, example in enumerate(chunk):
        report.cut += len(source_ids[i]) > max_source or len(sources[i]) > _characters(max_source)
        report.cut_targets += len(target_ids[i]) > max_target or len(targets[i]) > _characters(max_target)
        read, learnt_ids = source_ids[i][:max_source], target_ids[i][:max_target]
        yield Row([*read, EOS], [*learnt_ids, EOS], example.source, example.references)


def _first(example: Example) -> str:
    return example.references[0] if example.references else ""


def _characters(tokens: int) -> int:
    return CHARACTERS_PER_TOKEN * tokens


def write(path: Path, rows: Iterable[Row], *, keep_text: bool, rows_per_batch: int = ROWS_PER_BATCH) -> None:
    """Writes rows to a file that appears under its name only when it is complete; the last of several writers wins.

    Args:
        path: of the file; its folder is made.
        rows: source and target end with EOS already.
        keep_text: also keep source_text and references.
        rows_per_batch: most rows of one record batch.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    try:
        with temporary.open("xb") as file:
            with pa.ipc.new_file(file, _schema(keep_text)) as writer:
                for batch in _batches(rows, keep_text, rows_per_batch):
                    writer.write_batch(batch)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def _schema(keep_text: bool) -> pa.Schema:
    ids = pa.list_(pa.field("item", pa.int32(), nullable=False))
    fields = [pa.field("source", ids, nullable=False), pa.field("target", ids, nullable=False)]
    if keep_text:
        texts = pa.list_(pa.field("item", pa.utf8(), nullable=False))
        fields += [pa.field("source_text", pa.utf8(), nullable=False), pa.field("references", texts, nullable=False)]
    return pa.schema(fields, metadata={"seq2seq_pl.store": str(FORMAT_VERSION)})


def _batches(rows: Iterable[Row], keep_text: bool, rows_per_batch: int) -> Iterator[pa.RecordBatch]:
    schema = _schema(keep_text)
    stream, waiting = iter(rows), True
    while waiting:
        sources, targets, texts, references, units = _Lists(), _Lists(), [], [], 0
        waiting = False
        for row in stream:
            sources.append(row.source)
            targets.append(row.target)
            units += len(row.source) + len(row.target)
            if keep_text:
                texts.append(row.source_text)
                references.append(row.references)
                units += len(row.source_text) + sum(map(len, row.references))
            if len(sources.offsets) > rows_per_batch or units > BATCH_UNITS:
                waiting = True
                break
        if len(sources.offsets) == 1:
            return
        columns = [sources.column(schema.field("source").type), targets.column(schema.field("target").type)]
        if keep_text:
            columns += [
                pa.array(texts, schema.field("source_text").type),
                pa.array(references, schema.field("references").type),
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
            if version != str(FORMAT_VERSION).encode() or reader.schema not in (_schema(True), _schema(False)):
                raise pa.ArrowInvalid("it was written by something else")
            batches = [reader.get_batch(number) for number in range(reader.num_record_batches)]
        except (pa.ArrowException, OSError) as error:
            raise UserError(f"{path} is not a complete token store ({error}). Delete it; it is made again.") from error
        self.has_text = "source_text" in reader.schema.names
        self._batches = batches
        self._starts = np.cumsum([0] + [batch.num_rows for batch in batches]).tolist()
        self._source = [_views(batch.column("source")) for batch in batches]
        self._target = [_views(batch.column("target")) for batch in batches]
        self.source_lengths = _lengths(self._source)
        self.target_lengths = _lengths(self._target)

    def __reduce__(self) -> tuple[type[Split], tuple[Path]]:
        return Split, (self.path,)

    def __len__(self) -> int:
        return int(self._starts[-1])

    def source(self, i: int) -> Ids:
        """Source ids of row i, EOS at the end, (S,)."""
        batch, row = self._locate(i)
        offsets, values = self._source[batch]
        return values[offsets[row] : offsets[row + 1]]

    def target(self, i: int) -> Ids:
        """Target ids of row i, EOS at the end, (T,)."""
        batch, row = self._locate(i)
        offsets, values = self._target[batch]
        return values[offsets[row] : offsets[row + 1]]

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

    def _locate(self, i: int) -> tuple[int, int]:
        """The batch that holds row i, and its place there."""
        if not 0 <= i < len(self):
            raise IndexError(f"row {i} of {len(self)}")
        batch = bisect_right(self._starts, i) - 1
        return batch, i - self._starts[batch]


def _views(column: pa.ListArray) -> tuple[Ids, Ids]:
    """Offsets (rows + 1,) and values of a column, without a copy."""
    return column.offsets.to_numpy(zero_copy_only=True), column.values.to_numpy(zero_copy_only=True)


def _lengths(views: list[tuple[Ids, Ids]]) -> Ids:
    parts = [np.diff(offsets) for offsets, _ in views]
    return np.concatenate(parts) if parts else np.empty(0, dtype=np.int32)
