"""Recurrent decoder that looks at the memory after the cell."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor, nn

from seq2seq_pl.errors import UserError
from seq2seq_pl.interfaces import AttentionFactory, BridgeFactory, Decoder
from seq2seq_pl.model.recurrent import from_named, recurrent_layers, state_names, to_named
from seq2seq_pl.model.states import of, under
from seq2seq_pl.values import Memory, State


class RNNDecoder(Decoder):
    """h_t = cell(h_{t-1}, y_{t-1}); output = tanh(W [h_t; c_t]) with c_t from the attention on h_t.

    Global attention of https://arxiv.org/abs/1508.04025, sec. 3 eq. 5, without input feeding: nothing that the cell
    reads depends on the attention, so under teacher forcing the whole target runs in one fused call. Where the
    attention has no context to give, the output is h_t itself.
    """

    def __init__(
        self,
        input_size: int,
        memory_size: int,
        *,
        attention: AttentionFactory,
        bridge: BridgeFactory,
        cell: str,
        hidden_size: int,
        layers: int,
        dropout: float,
        output_dropout: float,
    ) -> None:
        """Args: input_size E, memory_size H of the encoder; dropout between layers, output_dropout on the outputs."""
        super().__init__()
        if not 0 <= output_dropout < 1:
            raise UserError(f"model.decoder.output_dropout ({output_dropout}) must be at least 0 and below 1.")
        self.recurrent = recurrent_layers(
            cell,
            input_size,
            hidden_size,
            layers=layers,
            dropout=dropout,
            bidirectional=False,
            part="model.decoder",
        )
        self.names = state_names(cell)
        self.bridge = bridge(memory_size=memory_size, hidden_size=hidden_size, layers=layers, names=self.names)
        self.attention = attention(query_size=hidden_size, memory_size=memory_size)
        context_size = self.attention.context_size
        self.combine = nn.Linear(hidden_size + context_size, hidden_size) if context_size else None
        self.dropout = nn.Dropout(output_dropout)
        self.output_size = hidden_size

    def prepare(self, memory: Memory) -> Memory:
        """The memory with the attention's keys."""
        return replace(memory, keys={"attention": self.attention.keys(memory)})

    def start(self, memory: Memory) -> State:
        """Every recurrent state, (B, 1, L, H), and the attention's."""
        recurrent = {name: state.unsqueeze(1) for name, state in self.bridge(memory).items()}
        return {**recurrent, **under("attention", self.attention.start(memory))}

    def step(
        self, embedded: Tensor, state: State, memory: Memory, need_weights: bool = True
    ) -> tuple[Tensor, Tensor | None, State]:
        """embedded (B, K, E) -> outputs (B, K, H), weights (B, K, S), next state."""
        shape = embedded.shape[:2]
        flat = {name: state[name].flatten(0, 1) for name in self.names}  # (B, K, L, H) -> (B * K, L, H)
        hidden, final = self.recurrent(embedded.flatten(0, 1).unsqueeze(1), from_named(flat))
        hidden = hidden.view(*shape, -1)  # (B * K, 1, H) -> (B, K, H)
        context, weights, seen = self.attention.step(
            hidden, of("attention", state), memory.keys["attention"], memory, need_weights
        )
        after = {name: value.reshape(*shape, *value.shape[1:]) for name, value in to_named(final).items()}
        return self._combine(hidden, context), weights, {**after, **under("attention", seen)}

    def forward(self, embedded: Tensor, memory: Memory, need_weights: bool = True) -> tuple[Tensor, Tensor | None]:
        """embedded (B, T, E) -> outputs (B, T, H), weights (B, T, S)."""
        hidden, _ = self.recurrent(embedded, from_named(self.bridge(memory)))
        context, weights = self.attention(hidden, memory.keys["attention"], memory, need_weights)
        return self._combine(hidden, context), weights

    def _combine(self, hidden: Tensor, context: Tensor) -> Tensor:
        """hidden (B, T, H), context (B, T, C) -> outputs (B, T, H); eq. 5."""
        if self.combine is not None:
            hidden = self.combine(torch.cat([hidden, context], dim=-1)).tanh()  # (B, T, H + C) -> (B, T, H)
        outputs: Tensor = self.dropout(hidden)
        return outputs
