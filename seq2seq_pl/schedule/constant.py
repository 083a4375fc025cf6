"""The same factor at every step."""

from __future__ import annotations

from seq2seq_pl.errors import UserError
from seq2seq_pl.interfaces import Schedule


class Constant(Schedule):
    """factor(step) = value.

    Args:
        value: the factor.
    Raises:
        UserError: if the value is negative.
    """

    def __init__(self, *, value: float = 1.0) -> None:
        if not value >= 0:
            raise UserError(f"schedule.value ({value}) must be at least 0.")
        self.value = value

    def __call__(self, step: int) -> float:
        return self.value
