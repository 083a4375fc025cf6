"""A straight line from one factor to another."""

from __future__ import annotations

import math

from seq2seq_pl.errors import UserError
from seq2seq_pl.interfaces import Schedule


class Linear(Schedule):
    """factor(step) = start + (end - start) * min(step / steps, 1).

    As a teacher-forcing ratio: the linear decay of https://arxiv.org/abs/1506.03099, section 2.4.

    Args:
        start: the factor at step 0.
        end: the factor from step `steps` on.
        steps: optimizer steps between the two; None = the whole training.
    Raises:
        UserError: if an argument is out of its range.
    """

    def __init__(self, *, start: float = 1.0, end: float = 0.0, steps: int | None = None) -> None:
        for name, factor in (("start", start), ("end", end)):
            if not 0 <= factor < math.inf:
                raise UserError(f"schedule.{name} ({factor}) must be at least 0 and finite.")
        if steps is not None and steps < 1:
            raise UserError(f"schedule.steps ({steps}) must be at least 1.")
        self.start = start
        self.end = end
        self.steps = steps

    def begin(self, total_steps: int) -> None:
        """Takes the whole training, unless it was given its own number of steps."""
        if self.steps is None:
            self.steps = total_steps

    def __call__(self, step: int) -> float:
        assert self.steps is not None, "begin() comes before the first step"
        progress = min(step / self.steps, 1.0)
        # Not start + (end - start) * progress, which misses `end` by a rounding error.
        return (1 - progress) * self.start + progress * self.end
