"""Grapheme to phoneme: the spelling of a word is read, its pronunciation is written."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence

from seq2seq_pl.interfaces import Task
from seq2seq_pl.task.fields import field, one_line, several
from seq2seq_pl.values import Example, Record


class G2P(Task):
    """Letters to phonemes, which single spaces separate; both in Unicode NFC, as tokenizers write them.

    Args:
        spelling: field that is read.
        pronunciation: field that is learnt, the first reference.
        further: field with further accepted pronunciations, a text or a JSON list of texts; records need not have it.
    """

    def __init__(self, *, spelling: str, pronunciation: str, further: str | None) -> None:
        self.spelling = spelling
        self.pronunciation = pronunciation
        self.further = further

    def examples(self, record: Record) -> Iterator[Example]:
        further = several(record.fields.get(self.further, "")) if self.further else []
        texts = [composed(text) for text in (field(record, self.pronunciation, "pronunciation"), *further)]
        references = dict.fromkeys([texts[0], *filter(None, texts[1:])])
        yield Example(composed(field(record, self.spelling, "spelling")), tuple(references), record.origin)

    def prompt(self, text: str, before: Sequence[str] = ()) -> str:
        return composed(text)


def composed(text: str) -> str:
    """The text in Unicode NFC, every run of white space as one space."""
    return one_line(unicodedata.normalize("NFC", text))
