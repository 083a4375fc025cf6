"""Cross-entropy with label smoothing."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.autograd.function import FunctionCtx, once_differentiable

from seq2seq_pl.errors import UserError
from seq2seq_pl.interfaces import Objective
from seq2seq_pl.values import Loss


class CrossEntropy(Objective):
    """Cross-entropy against smoothed labels, section 7 of https://arxiv.org/abs/1512.00567.

    With e = label_smoothing, the label has probability 1 - e + e / V and every other token of the vocabulary e / V; ids
    from V on, which an output that copies has, get no share. Computed in float32 at least, whatever the logits come in.

    Args:
        vocab_size: V.
        label_smoothing: e, the share of probability spread over the vocabulary.
    Raises:
        UserError: if it is out of its range.
    """

    def __init__(self, vocab_size: int, *, label_smoothing: float = 0.0) -> None:
        super().__init__()
        self.vocab_size = vocab_size
        if not 0 <= label_smoothing < 1:
            raise UserError(f"objective.label_smoothing ({label_smoothing}) must be at least 0 and below 1.")
        self.label_smoothing = label_smoothing

    def forward(
        self, logits: Tensor, labels: Tensor, weights: Tensor | None = None, mask: Tensor | None = None
    ) -> Loss:
        """Args: logits (N, V) and labels (N,) of real tokens only. Gradients flow through `total` alone."""
        apply = _SmoothedCrossEntropy.apply
        total, nll = apply(logits, labels, self.label_smoothing, self.vocab_size)  # type: ignore[no-untyped-call]
        correct = (logits.detach().argmax(dim=1) == labels).sum()
        return Loss(total, nll, correct, torch.tensor(len(labels), device=labels.device))


class _SmoothedCrossEntropy(torch.autograd.Function):
    """Sums of the smoothed and of the plain loss; only the first has a gradient.

    Written out because autograd would keep log-probabilities and add up gradients of the size of the logits. Here the
    logits are all that is kept, and the backward pass makes one tensor (N, V): the gradient, softmax - smoothed labels.
    """

    @staticmethod
    def forward(
        ctx: FunctionCtx, logits: Tensor, labels: Tensor, label_smoothing: float, vocab_size: int
    ) -> tuple[Tensor, Tensor]:
        wide = logits.to(torch.promote_types(logits.dtype, torch.float32))
        normalizer = wide.logsumexp(1)  # (N,)
        nll = (normalizer - wide.gather(1, labels.unsqueeze(1)).squeeze(1)).sum()
        total = nll.clone()  # not the same tensor: only this one has a gradient
        if label_smoothing > 0:
            total = (1 - label_smoothing) * nll + label_smoothing * (normalizer - wide[:, :vocab_size].mean(1)).sum()
        ctx.save_for_backward(logits, labels, normalizer)
        ctx.label_smoothing, ctx.vocab_size = label_smoothing, vocab_size  # type: ignore[attr-defined]
        ctx.mark_non_differentiable(nll)
        return total, nll

    @staticmethod
    @once_differentiable
    def backward(ctx: FunctionCtx, gradient: Tensor, _: Tensor) -> tuple[Tensor, None, None, None]:
        logits, labels, normalizer = ctx.saved_tensors  # type: ignore[attr-defined]
        e, vocab_size = ctx.label_smoothing, ctx.vocab_size  # type: ignore[attr-defined]
        result = (logits - normalizer.unsqueeze(1)).exp_()  # (N, V), in float32 at least
        if e > 0:
            result[:, :vocab_size] -= e / vocab_size
        result.scatter_add_(1, labels.unsqueeze(1), result.new_full((len(labels), 1), e - 1))
        return result.mul_(gradient).to(logits.dtype), None, None, None
