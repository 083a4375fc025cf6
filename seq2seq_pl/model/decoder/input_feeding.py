"""Recurrent decoder with input feeding: the cell reads what came out at the step before."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor, nn

from seq2seq_pl.interfaces import AttentionFactory, BridgeFactory, Decoder
from seq2seq_pl.model.ranges import check_dropout
from seq2seq_pl.model.recurrent import RecurrentStack, check_source_is_seen
from seq2seq_pl.model.states import of, under
from seq2seq_pl.values import Memory, State


class InputFeedingDecoder(Decoder):
    """h_t = cell(h_{t-1}, [y_{t-1}; a_{t-1}]); output a_t = tanh(W [h_t; c_t]) with c_t from the attention on h_t.

    https://arxiv.org/abs/1508.04025, sec. 3 eq. 5 and sec. 3.3; a is their h~ and starts as zero. So the attention
    knows its earlier choices, and the target can only be read step by step. Dropout on the outputs is not fed back.
    Where the attention has no context to give, a_t = tanh(W h_t).
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
        self.feed = nn.Linear(hidden_size, self.recurrent.gates_size, bias=False)
        self.combine = nn.Linear(hidden_size + self.attention.context_size, hidden_size)
        self.dropout = nn.Dropout(output_dropout)
        self.output_size = hidden_size

    def prepare(self, memory: Memory) -> Memory:
        """The memory with the attention's keys."""
        return replace(memory, keys={"attention": self.attention.keys(memory)})

    def start(self, memory: Memory) -> State:
        """Every recurrent state, (B, 1, L, H), the vector to feed, (B, 1, H), and the attention's state."""
        recurrent = self.recurrent.start(self.bridge(memory))
        fed = torch.zeros_like(recurrent["hidden"][:, :, 0])  # (B, 1, H)
        return {**recurrent, "fed": fed, **under("attention", self.attention.start(memory))}

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
