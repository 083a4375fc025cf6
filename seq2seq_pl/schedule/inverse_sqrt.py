"""Linear warm-up, then decay with the square root of the step."""

from __future__ import annotations

import math

from seq2seq_pl.errors import UserError
from seq2seq_pl.interfaces import Schedule


class InverseSqrt(Schedule):
    """Equation 3 of https://arxiv.org/abs/1706.03762, scaled so that its peak is 1.

    factor(step) = min(n / warmup_steps, sqrt(warmup_steps / n)) with n = step + 1, their step_num.

    Args:
        warmup_steps: optimizer steps until the peak.
    Raises:
        UserError: if there is no warm-up.
    """

    def __init__(self, *, warmup_steps: int) -> None:
        if warmup_steps < 1:
            raise UserError(f"schedule.warmup_steps ({warmup_steps}) must be at least 1.")
        self.warmup_steps = warmup_steps

    def __call__(self, step: int) -> float:
        number = step + 1
        return min(number / self.warmup_steps, math.sqrt(self.warmup_steps / number))
