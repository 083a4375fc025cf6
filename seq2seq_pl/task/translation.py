"""Translation: one column is read, another is written."""

from __future__ import annotations

import difflib
from collections.abc import Sequence

from seq2seq_pl.errors import UserError
from seq2seq_pl.interfaces import Task
from seq2seq_pl.values import Example, Record


class Translation(Task):
    """Source text to target text.

    Args:
        source: field that is read.
        target: field that is learnt, the first reference.
        reference_fields: fields with further references, used for scoring only; empty ones are left out.
    """

    def __init__(self, *, source: str, target: str, reference_fields: Sequence[str] = ()) -> None:
        self.source = source
        self.target = target
        self.reference_fields = tuple(reference_fields)

    def example(self, record: Record) -> Example:
        further = (field(record, name, "reference_fields") for name in self.reference_fields)
        references = (field(record, self.target, "target"), *(text for text in further if text.strip()))
        return Example(field(record, self.source, "source"), references, record.origin)


def field(record: Record, name: str, argument: str) -> str:
    """A field of a record. Raises UserError naming the origin if it is missing."""
    if name in record.fields:
        return record.fields[name]
    nearest = difflib.get_close_matches(name, list(record.fields), n=1)
    hint = f"; did you mean {nearest[0]}?" if nearest else "."
    raise UserError(f"{record.origin}: no field {name} (task.{argument}); it has {', '.join(record.fields)}{hint}")
