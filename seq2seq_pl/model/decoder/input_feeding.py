"""Recurrent decoder with input feeding: the cell reads what came out at the step before."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from seq2seq_pl.model.recurrent_decoder import RecurrentDecoder
from seq2seq_pl.model.states import of, under
from seq2seq_pl.values import Memory, State


class InputFeedingDecoder(RecurrentDecoder):
    """h_t = cell(h_{t-1}, [y_{t-1}; a_{t-1}]); output a_t = tanh(W [h_t; c_t]) with c_t from the attention on h_t.

    https://arxiv.org/abs/1508.04025, sec. 3 eq. 5 and sec. 3.3; a is their h~ and starts as zero. So the attention
    knows its earlier choices, and the target can only be read step by step. Dropout on the outputs is not fed back.
    Where the attention has no context to give, a_t = tanh(W h_t).
    """

    def connect(self, input_size: int, hidden_size: int, context_size: int) -> None:
        """Makes W and what feeds h~ to the first cell."""
        self.feed = nn.Linear(hidden_size, self.recurrent.gates_size, bias=False)
        self.combine = nn.Linear(hidden_size + context_size, hidden_size)

    def start(self, memory: Memory) -> State:
        """Every recurrent state, (B, 1, L, H), the vector to feed, (B, 1, H), and the attention's state."""
        state = super().start(memory)
        return {**state, "fed": torch.zeros_like(state["hidden"][:, :, 0])}

    def step(
        self, embedded: Tensor, state: State, memory: Memory, need_weights: bool = True
    ) -> tuple[Tensor, Tensor | None, State]:
        """embedded (B, K, E) -> outputs (B, K, H), weights (B, K, S), next state."""
        weights, after = self._advance(self.recurrent.gates(embedded), state, memory, need_weights)
        return self.dropout(after["fed"]), weights, after

    def forward(self, embedded: Tensor, memory: Memory, need_weights: bool = True) -> tuple[Tensor, Tensor | None]:
        """embedded (B, T, E) -> outputs (B, T, H), weights (B, T, S)."""
        outputs, weights, state = [], [], self.start(memory)
        for gates in self.recurrent.gates(embedded).split_with_sizes([1] * embedded.shape[1], dim=1):
            step_weights, state = self._advance(gates, state, memory, need_weights)
            outputs.append(state["fed"])  # (B, 1, H)
            if step_weights is not None:
                weights.append(step_weights)  # (B, 1, S)
        return self.dropout(torch.cat(outputs, dim=1)), torch.cat(weights, dim=1) if weights else None

    def _advance(
        self, gates: Tensor, state: State, memory: Memory, need_weights: bool
    ) -> tuple[Tensor | None, dict[str, Tensor]]:
        """gates (B, K, G) of the tokens -> weights (B, K, S) and the next state, whose "fed" is the output."""
        hidden, after = self.recurrent.step(gates + self.feed(state["fed"]), state)
        context, weights, seen = self.attention.step(
            hidden, of("attention", state), memory.keys["attention"], memory, need_weights
        )
        fed = self.combine(torch.cat([hidden, context], dim=-1)).tanh()  # (B, K, H + C) -> (B, K, H)
        return weights, {**state, **after, "fed": fed, **under("attention", seen)}
