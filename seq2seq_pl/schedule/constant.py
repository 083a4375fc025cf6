"""The same factor at every step."""

from __future__ import annotations

import math

from seq2seq_pl.errors import UserError
from seq2seq_pl.interfaces import Schedule


class Constant(Schedule):
    """factor(step) = value.

    Args:
        value: the factor.
    Raises:
        UserError: if the value is negative or infinite.
    """

    def __init__(self, *, value: float = 1.0) -> None:
        if not 0 <= value < math.inf:
            raise UserError(f"schedule.value ({value}) must be at least 0 and finite.")
        self.value = value

    def __call__(self, step: int) -> float:
        return self.value
