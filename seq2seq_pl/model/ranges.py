"""The ranges that settings of many parts share."""

from __future__ import annotations

from seq2seq_pl.errors import UserError


def check_minimum(part: str, name: str, value: int) -> None:
    """Raises UserError for a count or size below 1; part is its dotted path."""
    if value < 1:
        raise UserError(f"{part}.{name} ({value}) must be at least 1.")


def check_dropout(part: str, name: str, value: float) -> None:
    """Raises UserError for a probability outside [0, 1); part is its dotted path."""
    if not 0 <= value < 1:
        raise UserError(f"{part}.{name} ({value}) must be at least 0 and below 1.")
