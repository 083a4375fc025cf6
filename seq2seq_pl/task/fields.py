"""Fields of a record, and what is said where one is missing."""

from __future__ import annotations

import difflib
import json

from seq2seq_pl.errors import UserError, listing, printable
from seq2seq_pl.values import Record


def field(record: Record, name: str, argument: str) -> str:
    """A field of a record; `argument` is the task's setting that names it.

    Raises UserError naming the record's origin if the field is missing.
    """
    if name in record.fields:
        return record.fields[name]
    nearest = difflib.get_close_matches(name, list(record.fields), n=1)
    hint = f"; did you mean {printable(nearest[0])}?" if nearest else "."
    raise UserError(f"{record.origin}: no field {name} (task.{argument}); it has {listing(record.fields)}{hint}")


def listed(text: str) -> list[str] | None:
    """The texts of a JSON list of texts; None if it is no such list."""
    if not text.startswith("["):
        return None
    try:
        values = json.loads(text)
        if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
            return None
        "".join(values).encode()  # half of a surrogate pair, which JSON can spell, is not text
    except (ValueError, RecursionError):
        return None
    return values


def several(text: str) -> list[str]:
    """The texts of a field that may hold several: those of a JSON list of texts, or else the field itself."""
    values = listed(text)
    return [text] if values is None else values


def one_line(text: str) -> str:
    """The text with every run of white space as one space, and none at its ends."""
    return " ".join(text.split())
