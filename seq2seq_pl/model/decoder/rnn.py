"""Recurrent decoder that looks at the memory after the cell."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from seq2seq_pl.model.recurrent_decoder import RecurrentDecoder
from seq2seq_pl.model.states import of, under
from seq2seq_pl.values import Memory, State


class RNNDecoder(RecurrentDecoder):
    """h_t = cell(h_{t-1}, y_{t-1}); output = tanh(W [h_t; c_t]) with c_t from the attention on h_t.

    Global attention of https://arxiv.org/abs/1508.04025, sec. 3 eq. 5, without input feeding: nothing that the cell
    reads depends on the attention, so under teacher forcing the whole target runs in one fused call a layer. Where the
    attention has no context to give, the output is h_t itself.
    """

    def connect(self, input_size: int, hidden_size: int, context_size: int) -> None:
        """Makes W of eq. 5."""
        self.combine = nn.Linear(hidden_size + context_size, hidden_size) if context_size else None

    def step(
        self, embedded: Tensor, state: State, memory: Memory, need_weights: bool = True
    ) -> tuple[Tensor, Tensor | None, State]:
        """embedded (B, K, E) -> outputs (B, K, H), weights (B, K, S), next state."""
        hidden, after = self.recurrent.step(self.recurrent.gates(embedded), state, embedded)
        context, weights, seen = self.attention.step(
            hidden, of("attention", state), memory.keys["attention"], memory, need_weights
        )
        return self._combine(hidden, context), weights, {**state, **after, **under("attention", seen)}

    def forward(self, embedded: Tensor, memory: Memory, need_weights: bool = True) -> tuple[Tensor, Tensor | None]:
        """embedded (B, T, E) -> outputs (B, T, H), weights (B, T, S)."""
        hidden, _ = self.recurrent(embedded, {**self.bridge(memory), **self.recurrent.mask(memory.states)})
        context, weights = self.attention(hidden, memory.keys["attention"], memory, need_weights)
        return self._combine(hidden, context), weights

    def _combine(self, hidden: Tensor, context: Tensor) -> Tensor:
        """hidden (B, T, H), context (B, T, C) -> outputs (B, T, H); eq. 5."""
        if self.combine is not None:
            hidden = self.combine(torch.cat([hidden, context], dim=-1)).tanh()  # (B, T, H + C) -> (B, T, H)
        outputs: Tensor = self.dropout(hidden)
        return outputs
