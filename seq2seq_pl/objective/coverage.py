"""Cross-entropy and a penalty for looking at the same place again."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from seq2seq_pl.errors import UserError
from seq2seq_pl.interfaces import Objective
from seq2seq_pl.objective.cross_entropy import CrossEntropy
from seq2seq_pl.values import Affine, Loss


class Coverage(Objective):
    """Cross-entropy with the coverage loss of See et al. 2017, eq. 12-13 of https://arxiv.org/abs/1704.04368.

    total = cross-entropy + w sum_t sum_i min(a_i^t, c_i^t) with c^t = a^1 + ... + a^{t-1}. Their attention reads c^t
    too (eq. 11), which is model/attention=coverage. They train without the penalty first and with it, w = 1, at the
    end; here w is the same all the time.

    Args:
        vocab_size: V.
        label_smoothing: as in `CrossEntropy`.
        coverage_weight: w.
    Raises:
        UserError: if a value is out of its range.
    """

    needs_weights = True

    def __init__(self, vocab_size: int, *, label_smoothing: float, coverage_weight: float) -> None:
        super().__init__()
        if not 0 <= coverage_weight < torch.inf:
            raise UserError(f"objective.coverage_weight ({coverage_weight}) must be at least 0 and finite; try 1.")
        self.cross_entropy = CrossEntropy(vocab_size, label_smoothing=label_smoothing)
        self.coverage_weight = coverage_weight

    def forward(
        self, logits: Tensor, labels: Tensor, weights: Tensor | None = None, mask: Tensor | None = None
    ) -> Loss:
        """Args: logits (N, V) and labels (N,) of real tokens only; weights (B, T, S), mask (B, T) of the target.

        Raises:
            UserError: the attention has no weights.
        """
        return self._penalized(self.cross_entropy(logits, labels), weights, mask)

    def over(self, last: Affine, labels: Tensor, weights: Tensor | None = None, mask: Tensor | None = None) -> Loss:
        """The same without the logits of all tokens at once."""
        return self._penalized(self.cross_entropy.over(last, labels), weights, mask)

    def _penalized(self, loss: Loss, weights: Tensor | None, mask: Tensor | None) -> Loss:
        if weights is None:
            raise UserError(
                "objective=coverage needs attention weights, and the chosen model/attention has none; "
                "choose one that has (model/attention=additive), or objective=cross_entropy."
            )
        assert mask is not None
        return replace(loss, total=loss.total + self.coverage_weight * overlap(weights, mask))


def overlap(weights: Tensor, mask: Tensor) -> Tensor:
    """The sum of what falls where there was attention before, in float32; weights (B, T, S), mask (B, T)."""
    weights = weights.to(torch.promote_types(weights.dtype, torch.float32))
    before = weights.cumsum(1) - weights  # (B, T, S)
    return torch.minimum(weights, before).sum(2)[mask].sum()
