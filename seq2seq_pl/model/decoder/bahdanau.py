"""Recurrent decoder that looks at the memory before the cell, with a maxout readout."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from seq2seq_pl.interfaces import AttentionFactory, BridgeFactory
from seq2seq_pl.model.ranges import check_minimum
from seq2seq_pl.model.recurrent_decoder import RecurrentDecoder
from seq2seq_pl.model.states import of, under
from seq2seq_pl.values import Memory, State


class BahdanauDecoder(RecurrentDecoder):
    """c_t from the attention on s_{t-1}; s_t = cell(s_{t-1}, [y_{t-1}; c_t]); output = maxout(W [s_t; y_{t-1}; c_t]).

    A.2.2 of https://arxiv.org/abs/1409.0473: the maxout takes the larger of two. Where the appendix reads s_{t-1} out,
    we take s_t as in eq. 4; the attention is asked with the top layer's state, and W has a bias.

    With model/attention=summary, whose context is the summary at every step, this is the decoder of appendix A of
    https://arxiv.org/abs/1406.1078, but for the reset gate of torch's GRU (see `gru_step`), which leaves the context
    alone. Where the attention has no context, the cell reads y_{t-1} alone.
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
        readout_size: int,
        layers: int,
        dropout: float,
        output_dropout: float,
        residual: bool,
        layer_norm: bool,
        variational_dropout: bool,
    ) -> None:
        """Args: input_size E, memory_size H of the encoder, readout_size of the outputs; else as `RecurrentStack`.

        Args:
            output_dropout: on the outputs.
        Raises:
            UserError: a value is out of its range, or neither the bridge nor the attention looks at the source.
        """
        check_minimum("model.decoder", "readout_size", readout_size)
        self.readout_size = readout_size
        super().__init__(
            input_size,
            memory_size,
            attention=attention,
            bridge=bridge,
            cell=cell,
            hidden_size=hidden_size,
            layers=layers,
            dropout=dropout,
            output_dropout=output_dropout,
            residual=residual,
            layer_norm=layer_norm,
            variational_dropout=variational_dropout,
        )

    def connect(self, input_size: int, hidden_size: int, context_size: int) -> None:
        """Makes C of the cell and W of the readout."""
        self.context = nn.Linear(context_size, self.recurrent.gates_size, bias=False) if context_size else None
        self.readout = nn.Linear(hidden_size + input_size + context_size, 2 * self.readout_size)
        self.output_size = self.readout_size

    def step(
        self, embedded: Tensor, state: State, memory: Memory, need_weights: bool = True
    ) -> tuple[Tensor, Tensor | None, State]:
        """embedded (B, K, E) -> outputs (B, K, R), weights (B, K, S), next state; R is the readout size."""
        gates = self.recurrent.gates(embedded)
        hidden, context, weights, after = self._advance(gates, state, memory, need_weights)
        return self._read_out(hidden, embedded, context), weights, after

    def forward(self, embedded: Tensor, memory: Memory, need_weights: bool = True) -> tuple[Tensor, Tensor | None]:
        """embedded (B, T, E) -> outputs (B, T, R), weights (B, T, S); R is the readout size."""
        hidden, contexts, weights, state = [], [], [], self.start(memory)
        for gates in self.recurrent.gates(embedded).split_with_sizes([1] * embedded.shape[1], dim=1):
            step_hidden, context, step_weights, state = self._advance(gates, state, memory, need_weights)
            hidden.append(step_hidden)  # (B, 1, H)
            contexts.append(context)  # (B, 1, C)
            if step_weights is not None:
                weights.append(step_weights)  # (B, 1, S)
        outputs = self._read_out(torch.cat(hidden, dim=1), embedded, torch.cat(contexts, dim=1))
        return outputs, torch.cat(weights, dim=1) if weights else None

    def _advance(
        self, gates: Tensor, state: State, memory: Memory, need_weights: bool
    ) -> tuple[Tensor, Tensor, Tensor | None, State]:
        """gates (B, K, G) of the tokens -> hidden (B, K, H), context (B, K, C), weights (B, K, S), next state."""
        context, weights, seen = self.attention.step(
            state["hidden"][:, :, -1], of("attention", state), memory.keys["attention"], memory, need_weights
        )
        if self.context is not None:
            gates = gates + self.context(context)
        hidden, after = self.recurrent.step(gates, state)
        return hidden, context, weights, {**state, **after, **under("attention", seen)}

    def _read_out(self, hidden: Tensor, embedded: Tensor, context: Tensor) -> Tensor:
        """hidden (B, T, H), embedded (B, T, E), context (B, T, C) -> outputs (B, T, R)."""
        pairs = self.readout(torch.cat([hidden, embedded, context], dim=-1)).unflatten(-1, (-1, 2))  # (B, T, R, 2)
        outputs: Tensor = self.dropout(pairs.amax(-1))
        return outputs
