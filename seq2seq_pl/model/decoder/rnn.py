"""Recurrent decoder that looks at the memory after the cell."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor, nn

from seq2seq_pl.interfaces import AttentionFactory, BridgeFactory, Decoder
from seq2seq_pl.model.ranges import check_dropout
from seq2seq_pl.model.recurrent import RecurrentStack, check_source_is_seen
from seq2seq_pl.model.states import of, under
from seq2seq_pl.values import Memory, State


class RNNDecoder(Decoder):
    """h_t = cell(h_{t-1}, y_{t-1}); output = tanh(W [h_t; c_t]) with c_t from the attention on h_t.

    Global attention of https://arxiv.org/abs/1508.04025, sec. 3 eq. 5, without input feeding: nothing that the cell
    reads depends on the attention, so under teacher forcing the whole target runs in one fused call a layer. Where the
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
        residual: bool,
        layer_norm: bool,
        variational_dropout: bool,
    ) -> None:
        """Args: input_size E, memory_size H of the encoder; output_dropout on the outputs; else as `RecurrentStack`."""
        super().__init__()
        check_dropout("model.decoder", "output_dropout", output_dropout)
        self.recurrent = RecurrentStack(
            cell,
            input_size,
            hidden_size,
            layers=layers,
            dropout=dropout,
            bidirectional=False,
            residual=residual,
            layer_norm=layer_norm,
            variational_dropout=variational_dropout,
            part="model.decoder",
        )
        names = self.recurrent.names
        self.bridge = bridge(memory_size=memory_size, hidden_size=hidden_size, layers=layers, names=names)
        self.attention = attention(query_size=hidden_size, memory_size=memory_size)
        check_source_is_seen(self.bridge, self.attention)
        context_size = self.attention.context_size
        self.combine = nn.Linear(hidden_size + context_size, hidden_size) if context_size else None
        self.dropout = nn.Dropout(output_dropout)
        self.output_size = hidden_size

    def prepare(self, memory: Memory) -> Memory:
        """The memory with the attention's keys."""
        return replace(memory, keys={"attention": self.attention.keys(memory)})

    def start(self, memory: Memory) -> State:
        """Every recurrent state, (B, 1, L, H), and the attention's."""
        recurrent = self.recurrent.start(self.bridge(memory))
        return {**recurrent, **under("attention", self.attention.start(memory))}

    def step(
        self, embedded: Tensor, state: State, memory: Memory, need_weights: bool = True
    ) -> tuple[Tensor, Tensor | None, State]:
        """embedded (B, K, E) -> outputs (B, K, H), weights (B, K, S), next state."""
        shape = embedded.shape[:2]
        names = [name for name in (*self.recurrent.names, "mask") if name in state]
        flat = {name: state[name].flatten(0, 1) for name in names}  # (B, K, L, H) -> (B * K, L, H)
        hidden, final = self.recurrent(embedded.flatten(0, 1).unsqueeze(1), flat)
        hidden = hidden.view(*shape, -1)  # (B * K, 1, H) -> (B, K, H)
        context, weights, seen = self.attention.step(
            hidden, of("attention", state), memory.keys["attention"], memory, need_weights
        )
        after = {name: value.view(*shape, *value.shape[1:]) for name, value in final.items()}
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
