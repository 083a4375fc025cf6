"""Decay by the same ratio at every step."""

from __future__ import annotations

import math

from seq2seq_pl.errors import UserError
from seq2seq_pl.interfaces import Schedule


class Exponential(Schedule):
    """factor(step) = max(floor, start * decay^step).

    As a teacher-forcing ratio: the exponential decay of https://arxiv.org/abs/1506.03099, section 2.4.

    Args:
        start: the factor at step 0.
        decay: ratio of two successive factors.
        floor: the least factor.
    Raises:
        UserError: if an argument is out of its range.
    """

    def __init__(self, *, start: float = 1.0, decay: float, floor: float = 0.0) -> None:
        if not 0 < decay <= 1:
            raise UserError(f"schedule.decay ({decay}) must be above 0 and at most 1.")
        if not 0 <= start < math.inf:
            raise UserError(f"schedule.start ({start}) must be at least 0 and finite.")
        if not 0 <= floor <= start:
            raise UserError(f"schedule.floor ({floor}) must be from 0 to schedule.start ({start}).")
        self.start = start
        self.decay = decay
        self.floor = floor

    def __call__(self, step: int) -> float:
        return max(self.floor, self.start * self.decay**step)
