"""The scores of additive attention, a few sentences at a time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

AT_ONCE = 1 << 18
"""Numbers of the hidden layer (B, T, S, A) that are made at once on a CPU, near enough to be read again."""


def additive_scores(query: Tensor, keys: Tensor, energy: Tensor) -> Tensor:
    """score(q, k) = v . tanh(q + k).

    Autograd would go through tensors of the size of the hidden layer, (B, T, S, A), a dozen times. Here they are cut
    into pieces that stay near the processor, and only tanh(q + k) / 2 = sigmoid(2 (q + k)) - 1/2 is kept, as torch's
    sigmoid takes a fifth of the time of its tanh.

    Args:
        query: (B, T, A).
        keys: (B, S, A).
        energy: v, (A,).
    Returns:
        scores, (B, T, S).
    """
    if query.device.type != "cpu" or torch.compiler.is_compiling():
        return torch.tanh(query.unsqueeze(2) + keys.unsqueeze(1)) @ energy  # (B, T, S, A) @ (A,)
    wanted = torch.is_grad_enabled() and (query.requires_grad or keys.requires_grad or energy.requires_grad)
    if not wanted and query.numel() * keys.shape[1] <= AT_ONCE:  # as in a step of a search
        return _hidden(2 * query, 2 * keys) @ (2 * energy)
    scores: Tensor = _Scores.apply(query, keys, energy)  # type: ignore[no-untyped-call]
    return scores


def _hidden(twice_query: Tensor, twice_keys: Tensor) -> Tensor:
    """tanh(q + k) / 2 from 2 q (b, T, A) and 2 k (b, S, A), (b, T, S, A)."""
    return (twice_query.unsqueeze(2) + twice_keys.unsqueeze(1)).sigmoid_().sub_(0.5)


def _pieces(query: Tensor, keys: Tensor) -> Iterator[slice]:
    """Sentences that are taken together."""
    count = max(1, AT_ONCE // max(1, query.shape[1] * keys.shape[1] * query.shape[2]))
    return (slice(start, start + count) for start in range(0, len(query), count))


class _Scores(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, query: Tensor, keys: Tensor, energy: Tensor) -> Tensor:
        kept = []
        scores = query.new_empty(*query.shape[:2], keys.shape[1])
        twice_query, twice_keys, twice_energy = 2 * query, 2 * keys, 2 * energy
        for some in _pieces(query, keys):
            hidden = _hidden(twice_query[some], twice_keys[some])
            scores[some] = hidden @ twice_energy  # (b, T, S, A) @ (A,)
            if any(ctx.needs_input_grad):
                kept.append(hidden)
        ctx.save_for_backward(query, keys, energy, *kept)
        return scores

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, ...]:
        query, keys, energy, *kept = ctx.saved_tensors
        by_query, by_keys, by_energy = torch.empty_like(query), torch.empty_like(keys), torch.zeros_like(energy)
        for some, hidden in zip(_pieces(query, keys), kept, strict=True):
            slope = gradient[some]  # (b, T, S)
            by_energy += slope.flatten() @ hidden.flatten(0, 2)
            squared = (hidden * slope.unsqueeze(3)).mul_(hidden)  # tanh' = 1 - tanh^2
            torch.sub(slope.sum(2).unsqueeze(2), squared.sum(2), alpha=4, out=by_query[some])
            torch.sub(slope.sum(1).unsqueeze(2), squared.sum(1), alpha=4, out=by_keys[some])
        return by_query.mul_(energy), by_keys.mul_(energy), by_energy.mul_(2)
