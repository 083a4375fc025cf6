"""Reduction when the monitored score stops improving."""

from __future__ import annotations

import math

from seq2seq_pl.errors import UserError
from seq2seq_pl.interfaces import Schedule


class Plateau(Schedule):
    """min(1, (step + 1) / warmup_steps) times a level that starts at 1 and is multiplied by `factor` at each plateau.

    A plateau is `patience` validations in a row, none of them better than the best one before by more than `threshold`;
    counting then starts anew. NaN is no improvement. Everything that changes is a plain number attribute, which is what
    LambdaLR saves and restores of a callable object.

    Args:
        factor: what the level is multiplied by.
        patience: validations without improvement that make a plateau.
        warmup_steps: optimizer steps of linear warm-up.
        threshold: smallest improvement that counts, in units of the score.
    Raises:
        UserError: if an argument is out of its range.
    """

    def __init__(
        self, *, factor: float = 0.5, patience: int = 2, warmup_steps: int = 0, threshold: float = 0.0
    ) -> None:
        if not 0 < factor < 1:
            raise UserError(f"schedule.factor ({factor}) must be above 0 and below 1.")
        if patience < 1:
            raise UserError(f"schedule.patience ({patience}) must be at least 1.")
        if warmup_steps < 0:
            raise UserError(f"schedule.warmup_steps ({warmup_steps}) must be at least 0.")
        if not threshold >= 0:
            raise UserError(f"schedule.threshold ({threshold}) must be at least 0.")
        self.factor = factor
        self.patience = patience
        self.warmup_steps = warmup_steps
        self.threshold = threshold
        self.level = 1.0
        self.best = -math.inf  # sign turned where lower is better
        self.waited = 0  # validations since the best one or the last reduction

    def __call__(self, step: int) -> float:
        return self.level * min(1.0, (step + 1) / max(1, self.warmup_steps))

    def observe(self, value: float, higher_is_better: bool) -> None:
        """Takes note of a validation's score."""
        value = float(value if higher_is_better else -value)
        if value > self.best + self.threshold:
            self.best = value
            self.waited = 0
            return
        self.waited += 1
        if self.waited >= self.patience:
            self.level *= self.factor
            self.waited = 0
