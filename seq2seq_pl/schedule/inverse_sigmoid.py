"""Decay that starts slowly, hurries and levels off."""

from __future__ import annotations

import math

from seq2seq_pl.errors import UserError
from seq2seq_pl.interfaces import Schedule


class InverseSigmoid(Schedule):
    """Inverse sigmoid decay, section 2.4 of https://arxiv.org/abs/1506.03099.

    factor(step) = k / (k + exp(step / k)), which is 1/2 at step k ln k.

    Args:
        k: pace, in optimizer steps; the larger, the later and slower the decay.
    Raises:
        UserError: if k is less than 1.
    """

    def __init__(self, *, k: float) -> None:
        if not 1 <= k < math.inf:
            raise UserError(f"schedule.k ({k}) must be at least 1 and finite.")
        self.k = k

    def __call__(self, step: int) -> float:
        # The same as in the docstring, but exp(step / k) would overflow.
        return (1 - math.tanh((step / self.k - math.log(self.k)) / 2)) / 2
