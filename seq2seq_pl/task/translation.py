"""Translation: one column is read, another is written."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from seq2seq_pl.interfaces import Task
from seq2seq_pl.task.fields import field, several
from seq2seq_pl.values import Example, Record


class Translation(Task):
    """Source text to target text.

    Args:
        source: field that is read.
        target: field that is learnt, the first reference.
        reference_fields: fields with further references, used for scoring only, each a text or a JSON list of texts;
            empty ones are left out.
    """

    def __init__(self, *, source: str, target: str, reference_fields: Sequence[str] = ()) -> None:
        self.source = source
        self.target = target
        self.reference_fields = tuple(reference_fields)

    def examples(self, record: Record) -> Iterator[Example]:
        fields = (field(record, name, "reference_fields") for name in self.reference_fields)
        further = (text for value in fields for text in several(value) if text.strip())
        references = (field(record, self.target, "target"), *further)
        yield Example(field(record, self.source, "source"), references, record.origin)
