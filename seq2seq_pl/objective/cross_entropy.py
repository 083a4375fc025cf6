"""Cross-entropy with label smoothing."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import FunctionCtx, once_differentiable

from seq2seq_pl.errors import UserError
from seq2seq_pl.interfaces import Objective
from seq2seq_pl.products import linear, log_softmax
from seq2seq_pl.values import Affine, Loss

AT_ONCE = {True: 1 << 23, False: 1 << 26}
"""Logits that are made at once, on a CPU and elsewhere."""
NEAR = 1 << 19
"""Of these, what a CPU goes through at once, in a cache of its own."""


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

    def over(self, last: Affine, labels: Tensor, weights: Tensor | None = None, mask: Tensor | None = None) -> Loss:
        """The same without the logits of all tokens at once, its gradients made on the way."""
        kind, tensors = last.inputs.device.type, [last.inputs, last.weight, last.bias]
        if torch.is_autocast_enabled(kind):
            tensors = [tensor.to(torch.get_autocast_dtype(kind)) for tensor in tensors]
        apply = _AffineCrossEntropy.apply
        total, nll, correct = apply(*tensors, labels, self.label_smoothing)  # type: ignore[no-untyped-call]
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


class _AffineCrossEntropy(torch.autograd.Function):
    """Logits, loss and gradients of a few rows at a time, so that of the size of the logits there is little, and near.

    The gradients are made together with the loss, for a slope of 1, and multiplied by the slope once it is known.
    """

    @staticmethod
    def forward(
        ctx: Any, inputs: Tensor, weight: Tensor, bias: Tensor, labels: Tensor, label_smoothing: float
    ) -> tuple[Tensor, Tensor, Tensor]:
        count, vocab_size = len(inputs), len(weight)
        wanted = any(ctx.needs_input_grad[:3])
        size = min(count, max(1, AT_ONCE[inputs.device.type == "cpu"] // vocab_size))
        wide = torch.promote_types(inputs.dtype, torch.float32)
        by_inputs, by_weight, by_bias = (
            (torch.empty_like(inputs), torch.empty_like(weight, dtype=wide), torch.zeros_like(bias, dtype=wide))
            if wanted
            else (None, None, None)
        )
        sums = bias.new_zeros((), dtype=wide), bias.new_zeros((), dtype=wide), labels.new_zeros(())
        for start in range(0, count, size):
            rows = slice(start, start + size)
            read, logits = inputs[rows], linear(inputs[rows], weight, bias)  # (n, I), (n, V)
            slope = _slopes(logits, labels[rows].unsqueeze(1), label_smoothing, sums, by_bias)
            if by_inputs is None or by_weight is None:
                continue
            slope = slope.to(inputs.dtype)
            torch.mm(slope, weight, out=by_inputs[rows])
            if by_weight.dtype == slope.dtype:
                by_weight.addmm_(slope.t(), read, beta=float(start > 0))  # with 0, what was there is not read
            else:
                by_weight = (slope.t() @ read).to(wide) + (by_weight if start else 0)
        total, nll, correct = sums
        if wanted:
            ctx.made = by_inputs, by_weight, by_bias
            ctx.types = inputs.dtype, weight.dtype, bias.dtype
        ctx.mark_non_differentiable(nll, correct)
        return total, nll, correct

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor, *others: Tensor) -> tuple[Tensor | None, ...]:
        made, ctx.made = ctx.made, None  # multiplied in place
        if made is None:
            raise RuntimeError("the gradients of this loss can be had once")
        return *(own.mul_(gradient).to(kind) for own, kind in zip(made, ctx.types, strict=True)), None, None


def _slopes(logits: Tensor, right: Tensor, e: float, sums: tuple[Tensor, ...], by_bias: Tensor | None) -> Tensor:
    """Loss and gradient of logits; on a CPU a few rows at a time in their own memory, so that all of it stays near.

    Args:
        logits: (n, V), which are lost.
        right: the labels, (n, 1).
        e: label smoothing.
        sums: total, nll and correct, which are added to.
        by_bias: the gradient of the bias, (V,), which is added to; None where no gradient is wanted.
    Returns:
        softmax - smoothed labels, (n, V), where a gradient is wanted.
    """
    total, nll, correct = sums
    vocab_size = logits.shape[1]
    near = logits.device.type == "cpu" and logits.dtype == torch.float32
    size = max(1, NEAR // vocab_size) if near else len(logits)
    slope = logits
    for some, labels in zip(torch.split(logits, size), torch.split(right, size), strict=True):
        spoken = log_softmax(some)
        of_label = spoken.gather(1, labels)
        lost = -of_label.sum()
        nll += lost
        total += (1 - e) * lost - e / vocab_size * spoken.sum() if e else lost
        correct += (of_label == spoken.amax(1, keepdim=True)).sum()
        if by_bias is None:
            continue
        slope = spoken.exp_()
        if e:
            slope -= e / vocab_size
        slope.scatter_add_(1, labels, slope.new_full(labels.shape, e - 1))
        by_bias += slope.sum(0)
    return logits if near else slope
