"""Several models that write as one."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional as F

from seq2seq_pl.errors import UserError
from seq2seq_pl.interfaces import Stepper
from seq2seq_pl.values import Batch, SearchState

Space = Literal["probability", "log"]


class Ensemble:
    """A Stepper that averages what M others say about the next token; see `combine`.

    The vocabulary of the target is theirs in common, the architectures and the tokens of the source need not be. Each
    member adds as many memories and as many states to the SearchState as the others, in the order of the members. The
    attention weights are the mean of the members' where all have some and read the same tokens, else None.
    """

    def __init__(self, steppers: Sequence[Stepper], *, space: Space, readings: Sequence[Batch] | None = None) -> None:
        """Args: the members, and how they are averaged.

        Args:
            space: what is averaged, "probability" (arithmetic mean) or "log" (geometric mean, renormalised).
            readings: what each member reads of the sentences that a search is about to start on, where their sources
                are tokenized differently; None where all read the batch itself.
        """
        assert steppers
        assert readings is None or len(readings) == len(steppers)
        self.steppers = tuple(steppers)
        self.space = space
        self.readings = readings
        self.read_alike = not readings or all(torch.equal(one.source, readings[0].source) for one in readings[1:])

    def start(self, batch: Batch) -> SearchState:
        """The state of a search before the first token."""
        readings = self.readings or [batch] * len(self.steppers)
        assert all(len(reading.source) == len(batch.source) for reading in readings)
        starts = [stepper.start(reading) for stepper, reading in zip(self.steppers, readings, strict=True)]
        assert len({(len(start.memories), len(start.states)) for start in starts}) == 1  # so that `step` can split them
        return _joined(starts)

    def step(self, tokens: Tensor, state: SearchState, need_weights: bool = False) -> tuple[Tensor, SearchState]:
        """tokens (B, K) -> log_probs (B, K, V) and the next state, with attention weights (B, K, S) if asked for."""
        parts = _split(state, len(self.steppers))
        steps = [stepper.step(tokens, part, need_weights) for stepper, part in zip(self.steppers, parts, strict=True)]
        log_probs, states = [values for values, _ in steps], [after for _, after in steps]
        weights = _mean_weights(states) if need_weights and self.read_alike else None
        return combine(log_probs, self.space), _joined(states, weights)


def combine(log_probs: Sequence[Tensor], space: Space) -> Tensor:
    """The average of M distributions: log_probs, each (..., V) -> (..., V).

    "probability": log(1/M sum_m p_m), the arithmetic mean. Where some are narrower, as beside models that copy words,
    they give the ids that they lack a probability of 0. "log": 1/M sum_m log p_m, renormalised, the geometric mean;
    what one of them thinks impossible is, and where that leaves nothing all have -inf.

    Raises:
        UserError: distributions of different sizes are to be averaged in log space.
    """
    sizes = sorted({values.size(-1) for values in log_probs})
    if space == "log":
        if len(sizes) > 1:
            given = ", ".join(map(str, sizes))
            raise UserError(
                f"an ensemble in log space cannot average outputs of different sizes ({given}), as of models that copy "
                "words and models that do not; set the ensemble's space to probability."
            )
        mean = torch.stack(tuple(log_probs)).mean(0)
        total = mean.logsumexp(-1, keepdim=True)
        return mean - total.masked_fill(total == -math.inf, 0)  # -inf less -inf would be NaN
    if len(sizes) > 1:
        log_probs = [F.pad(values, (0, sizes[-1] - values.size(-1)), value=-math.inf) for values in log_probs]
    return torch.stack(tuple(log_probs)).logsumexp(0) - math.log(len(log_probs))


def _mean_weights(states: Sequence[SearchState]) -> Tensor | None:
    weights = [state.weights for state in states if state.weights is not None]
    alike = len(weights) == len(states) and len({one.shape for one in weights}) == 1
    return torch.stack(weights).mean(0) if alike else None


def _joined(states: Sequence[SearchState], weights: Tensor | None = None) -> SearchState:
    """The states of all members as one, in their order."""
    return SearchState(
        tuple(memory for state in states for memory in state.memories),
        tuple(one for state in states for one in state.states),
        weights,
    )


def _split(state: SearchState, members: int) -> list[SearchState]:
    """The inverse of `_joined`."""
    memories, states = len(state.memories) // members, len(state.states) // members
    return [
        SearchState(
            state.memories[member * memories : (member + 1) * memories],
            state.states[member * states : (member + 1) * states],
        )
        for member in range(members)
    ]
