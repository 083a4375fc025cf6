"""Ways through a model: at once, step by step, as a search goes."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from seq2seq_pl.model.seq2seq import Seq2Seq
from seq2seq_pl.values import BOS, Batch, Memory, SearchState, State

STEPPED = math.nextafter(1.0, 0.0)
"""A teacher-forcing ratio below 1, so the model steps, and above all that torch.rand draws, so every coin says yes."""


def assert_same(actual: Tensor | None, expected: Tensor | None) -> None:
    if actual is None or expected is None:
        assert actual is expected
    else:
        torch.testing.assert_close(actual, expected, rtol=1e-5, atol=1e-5)


def previous_tokens(target: Tensor) -> Tensor:
    """What teacher forcing reads, (B, T): BOS, then the target without its last token."""
    return torch.cat([torch.full_like(target[:, :1], BOS), target[:, :-1]], dim=1)


def step_along(
    model: Seq2Seq, memory: Memory, state: State, tokens: Tensor
) -> tuple[Tensor, Tensor | None, list[State]]:
    """Tokens (B, K, T) one at a time -> outputs (B, K, T, H), weights (B, K, T, S) and the T states."""
    outputs, weights, states = [], [], []
    for t in range(tokens.shape[2]):
        step_outputs, step_weights, state = model.decoder.step(model.target_embedding(tokens[:, :, t]), state, memory)
        outputs.append(step_outputs)
        weights.append(step_weights)
        states.append(state)
    return torch.stack(outputs, dim=2), None if weights[0] is None else torch.stack(weights, dim=2), states


def widened(state: SearchState, hypotheses: int) -> SearchState:
    """The start of a search, copied to K hypotheses."""
    return state.reorder(torch.zeros(len(state.memories[0].mask), hypotheses, dtype=torch.long))


def log_probs_along(model: Seq2Seq, state: SearchState, tokens: Tensor) -> tuple[Tensor, SearchState]:
    """Tokens (B, K, T) through the Stepper -> log_probs (B, K, T, V) and the last state."""
    log_probs = []
    for t in range(tokens.shape[2]):
        step_log_probs, state = model.step(tokens[:, :, t], state)
        log_probs.append(step_log_probs)
    return torch.stack(log_probs, dim=2), state


def random_tokens(*shape: int) -> Tensor:
    return torch.randint(4, 11, shape, generator=torch.Generator().manual_seed(7))


def logits_along(model: Seq2Seq, batch: Batch, outputs: Tensor, weights: Tensor | None) -> Tensor:
    """Outputs (B, T, H) and weights (B, T, S) -> logits (B, T, V)."""
    if not model.output.copying:
        return model.output(outputs)
    return model.output(outputs, weights, batch.copies.unsqueeze(1).expand_as(weights))


def mean_loss(model: Seq2Seq, batch: Batch, ratio: float = 1.0) -> Tensor:
    logits = model.logits(batch, *model(batch, ratio))
    return F.cross_entropy(logits, batch.target[batch.target_mask])


def rows_of(batch: Batch, rows: Tensor) -> Batch:
    tensors = (batch.source, batch.target, batch.index, batch.copies)
    source, target, index, copies = (tensor[rows] for tensor in tensors)
    return Batch(source, target, index, batch.task, copies)
