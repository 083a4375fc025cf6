"""A recurrent layer over whole sequences on a CPU: one matrix product a step, and one for all of a weight's gradient.

torch's own layers leave the backward pass to autograd, which makes a gradient of the size of the recurrent weights in
every step and adds them up. Written out, a step of the backward pass is an elementwise product and a matrix product,
and the gradient of the weights one product over all steps together.

Sequences are packed as torch packs them: the B sentences from long to short, step after step, the sentences that still
have a token, so N real tokens in all; `sizes` is how many they are in each step. `gates` are W x + b of every token,
(N, G), and G is H, of a GRU 3 H, of an LSTM 4 H, in torch's order; `weight` U (G, H) and `bias` c (G,) belong to the
state before. `first` is the state before the first step, (B, H). Backward, a sentence begins with its last token.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional as F
from torch.nn.utils.rnn import PackedSequence

Steps = list[tuple[slice, int]]


def scanned(
    cell: str, layer: nn.RNNBase, inputs: Tensor | PackedSequence, first: Tensor | tuple[Tensor, ...] | None
) -> tuple[Tensor | PackedSequence, Tensor | tuple[Tensor, ...]]:
    """What `layer(inputs, first)` gives for one of torch's recurrent layers, batch-first, of one layer.

    Args:
        cell: "rnn", "gru" or "lstm".
        inputs: (B, T, E), or packed.
        first: states before the first step, (directions, B, H) each; None for zeros.
    """
    if isinstance(inputs, PackedSequence):
        data, sizes, order, back = (
            inputs.data,
            inputs.batch_sizes.tolist(),
            inputs.sorted_indices,
            inputs.unsorted_indices,
        )
    else:
        count, length = inputs.shape[:2]
        data, sizes, order, back = inputs.transpose(0, 1).flatten(0, 1), [count] * length, None, None
    names = 2 if cell == "lstm" else 1
    directions = len(layer.all_weights)
    zeros = data.new_zeros(directions, sizes[0], layer.hidden_size)
    given = (zeros,) * names if first is None else (first,) if isinstance(first, Tensor) else first
    states = [state if order is None else state[:, order] for state in given]
    found, finals = [], []
    for direction, (weight, inner, bias, inner_bias) in enumerate(layer.all_weights):
        begin = [state[direction] for state in states]
        gates = F.linear(data, weight, bias)
        outputs, *last = SCANS[cell].apply(gates, inner, inner_bias, sizes, direction == 1, *begin)  # type: ignore[no-untyped-call]
        found.append(outputs)
        finals.append(last)
    joined = found[0] if directions == 1 else torch.cat(found, dim=1)
    ends = [torch.stack(last) if back is None else torch.stack(last)[:, back] for last in zip(*finals, strict=True)]
    final = ends[0] if names == 1 else tuple(ends)
    if isinstance(inputs, PackedSequence):
        return inputs._replace(data=joined), final
    return joined.unflatten(0, (length, count)).transpose(0, 1), final


def can_scan(inputs: Tensor) -> bool:
    """Whether `scanned` can take a layer's place: on a CPU, in full precision."""
    full = inputs.dtype in (torch.float32, torch.float64) and not torch.is_autocast_enabled("cpu")
    return inputs.device.type == "cpu" and full


def _steps(sizes: Sequence[int], backward: bool) -> Steps:
    """Rows of each step among the packed tokens, in the order in which they are read, and how many they are."""
    steps, start = [], 0
    for size in sizes:
        steps.append((slice(start, start + size), size))
        start += size
    return steps[::-1] if backward else steps


class _GRU(torch.autograd.Function):
    """h' = n + z (h - n) with r, z = sigmoid(W x + U h), n = tanh(W x + r (U h))."""

    @staticmethod
    def forward(
        ctx: Any, gates: Tensor, weight: Tensor, bias: Tensor, sizes: list[int], backward: bool, first: Tensor
    ) -> tuple[Tensor, Tensor]:
        steps, size = _steps(sizes, backward), first.shape[1]
        inner = torch.empty_like(gates)  # r, z and U h of the new state, (N, 3 H)
        new, before, outputs = (gates.new_empty(len(gates), size) for _ in range(3))
        state, turned = first.clone(), weight.t()
        for rows, count in steps:
            own, read, hidden = inner[rows], gates[rows], before[rows].copy_(state[:count])
            torch.addmm(bias, hidden, turned, out=own)
            both = own[:, : 2 * size].add_(read[:, : 2 * size]).sigmoid_()
            torch.addcmul(read[:, 2 * size :], both[:, :size], own[:, 2 * size :], out=new[rows]).tanh_()
            torch.lerp(new[rows], hidden, both[:, size:], out=outputs[rows])
            state[:count] = outputs[rows]
        ctx.save_for_backward(inner, new, before, weight)
        ctx.steps = steps
        return outputs, state

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, by_outputs: Tensor, by_last: Tensor) -> tuple[Tensor | None, ...]:
        inner, new, before, weight = ctx.saved_tensors
        count, size = new.shape
        reset, update, kept = inner.view(count, 3, size).unbind(1)
        slopes = torch.empty_like(inner).view(count, 3, size)  # of each gate by h'
        by_new = (1 - update) * (1 - new * new)
        torch.mul(by_new * kept, reset * (1 - reset), out=slopes[:, 0])
        torch.mul(before - new, update * (1 - update), out=slopes[:, 1])
        torch.mul(by_new, reset, out=slopes[:, 2])
        by_hidden, by_gates, by_state = by_outputs.clone(), torch.empty_like(slopes), by_last.clone()
        for rows, alive in reversed(ctx.steps):
            here = by_hidden[rows].add_(by_state[:alive])
            torch.mul(slopes[rows], here.unsqueeze(1), out=by_gates[rows])
            torch.addmm(here * update[rows], by_gates[rows].flatten(1), weight, out=by_state[:alive])
        flat = by_gates.flatten(1)
        by_weight, by_bias = flat.t() @ before, flat.sum(0)
        by_gates[:, 2] = by_hidden * by_new  # which read U h through r, but W x as it is
        return flat, by_weight, by_bias, None, None, by_state


class _LSTM(torch.autograd.Function):
    """c' = f c + i g, h' = o tanh(c') with i, f, o = sigmoid(W x + U h), g = tanh(W x + U h)."""

    @staticmethod
    def forward(
        ctx: Any,
        gates: Tensor,
        weight: Tensor,
        bias: Tensor,
        sizes: list[int],
        backward: bool,
        first: Tensor,
        first_cell: Tensor,
    ) -> tuple[Tensor, Tensor, Tensor]:
        steps, size = _steps(sizes, backward), first.shape[1]
        inner = torch.empty_like(gates)  # i, f, g and o, (N, 4 H)
        before, cells_before, squashed, outputs = (gates.new_empty(len(gates), size) for _ in range(4))
        state, cell, turned = first.clone(), first_cell.clone(), weight.t()
        for rows, count in steps:
            own, hidden, memory = inner[rows], before[rows].copy_(state[:count]), cells_before[rows]
            memory.copy_(cell[:count])
            torch.addmm(bias, hidden, turned, out=own).add_(gates[rows])
            own[:, : 2 * size].sigmoid_()
            own[:, 2 * size : 3 * size].tanh_()
            own[:, 3 * size :].sigmoid_()
            add, keep, new, out = own.chunk(4, 1)
            torch.addcmul(keep * memory, add, new, out=cell[:count])
            torch.tanh(cell[:count], out=squashed[rows])
            torch.mul(out, squashed[rows], out=outputs[rows])
            state[:count] = outputs[rows]
        ctx.save_for_backward(inner, before, cells_before, squashed, weight)
        ctx.steps = steps
        return outputs, state, cell

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, by_outputs: Tensor, by_last: Tensor, by_last_cell: Tensor) -> tuple[Tensor | None, ...]:
        inner, before, cells_before, squashed, weight = ctx.saved_tensors
        count, size = before.shape
        add, keep, new, out = inner.view(count, 4, size).unbind(1)
        slopes = torch.empty_like(inner).view(count, 4, size)  # of i, f and g by c', and of o by h'
        torch.mul(new, add * (1 - add), out=slopes[:, 0])
        torch.mul(cells_before, keep * (1 - keep), out=slopes[:, 1])
        torch.mul(add, 1 - new * new, out=slopes[:, 2])
        torch.mul(squashed, out * (1 - out), out=slopes[:, 3])
        through = out * (1 - squashed * squashed)  # from h' to c'
        by_gates, by_state, by_cell = torch.empty_like(slopes), by_last.clone(), by_last_cell.clone()
        for rows, alive in reversed(ctx.steps):
            here = by_outputs[rows] + by_state[:alive]
            cell = by_cell[:alive].addcmul_(here, through[rows])
            torch.mul(slopes[rows, :3], cell.unsqueeze(1), out=by_gates[rows, :3])
            torch.mul(slopes[rows, 3], here, out=by_gates[rows, 3])
            torch.mm(by_gates[rows].flatten(1), weight, out=by_state[:alive])
            cell.mul_(keep[rows])
        flat = by_gates.flatten(1)
        return flat, flat.t() @ before, flat.sum(0), None, None, by_state, by_cell


class _RNN(torch.autograd.Function):
    """h' = tanh(W x + U h)."""

    @staticmethod
    def forward(
        ctx: Any, gates: Tensor, weight: Tensor, bias: Tensor, sizes: list[int], backward: bool, first: Tensor
    ) -> tuple[Tensor, Tensor]:
        steps = _steps(sizes, backward)
        before, outputs = torch.empty_like(gates), torch.empty_like(gates)
        state, turned = first.clone(), weight.t()
        for rows, count in steps:
            hidden = before[rows].copy_(state[:count])
            torch.addmm(bias, hidden, turned, out=outputs[rows]).add_(gates[rows]).tanh_()
            state[:count] = outputs[rows]
        ctx.save_for_backward(before, outputs, weight)
        ctx.steps = steps
        return outputs, state

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, by_outputs: Tensor, by_last: Tensor) -> tuple[Tensor | None, ...]:
        before, outputs, weight = ctx.saved_tensors
        slopes = 1 - outputs * outputs
        by_gates, by_state = torch.empty_like(slopes), by_last.clone()
        for rows, alive in reversed(ctx.steps):
            torch.mul(slopes[rows], by_outputs[rows] + by_state[:alive], out=by_gates[rows])
            torch.mm(by_gates[rows], weight, out=by_state[:alive])
        return by_gates, by_gates.t() @ before, by_gates.sum(0), None, None, by_state


SCANS: dict[str, type[torch.autograd.Function]] = {"rnn": _RNN, "gru": _GRU, "lstm": _LSTM}
