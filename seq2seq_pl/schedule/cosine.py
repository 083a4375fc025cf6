"""Linear warm-up, then half a cosine wave down."""

from __future__ import annotations

import math

from seq2seq_pl.errors import UserError
from seq2seq_pl.interfaces import Schedule


class Cosine(Schedule):
    """Cosine annealing without restarts, equation 5 of https://arxiv.org/abs/1608.03983, after a linear warm-up.

    With n = step + 1 and w = max(1, warmup_steps): n / w up to n = w, where the factor is 1; from there
    final_factor + (1 - final_factor) * (1 + cos(pi * (n - w) / (total_steps - w))) / 2, and final_factor past the end.

    Args:
        warmup_steps: optimizer steps until the peak; 0 starts at the peak.
        total_steps: optimizer steps until the end; None = the end of the training.
        final_factor: the factor at the end.
    Raises:
        UserError: if an argument is out of its range.
    """

    def __init__(self, *, warmup_steps: int, total_steps: int | None = None, final_factor: float = 0.0) -> None:
        if warmup_steps < 0:
            raise UserError(f"schedule.warmup_steps ({warmup_steps}) must be at least 0.")
        if total_steps is not None and total_steps <= max(1, warmup_steps):
            raise UserError(
                f"schedule.total_steps ({total_steps}) must be at least 2 and above "
                f"schedule.warmup_steps ({warmup_steps})."
            )
        if not 0 <= final_factor <= 1:
            raise UserError(f"schedule.final_factor ({final_factor}) must be from 0 to 1.")
        self.warmup_steps = warmup_steps
        self.total_steps = total_steps
        self.final_factor = final_factor

    def begin(self, total_steps: int) -> None:
        """Takes the end of the training for its own, unless it was given one. A short training only warms up."""
        if self.total_steps is None:
            self.total_steps = total_steps

    def __call__(self, step: int) -> float:
        number, warmup = step + 1, max(1, self.warmup_steps)
        if number <= warmup:
            return number / warmup
        assert self.total_steps is not None, "begin() comes before the first step"
        progress = min((number - warmup) / max(self.total_steps - warmup, 1), 1.0)
        return self.final_factor + (1 - self.final_factor) * (1 + math.cos(math.pi * progress)) / 2
