"""Two GRU cells with the attention between them."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from seq2seq_pl.errors import UserError
from seq2seq_pl.interfaces import AttentionFactory, BridgeFactory, Decoder
from seq2seq_pl.model.dropout import Dropout
from seq2seq_pl.model.ranges import check_dropout, check_minimum
from seq2seq_pl.model.recurrent import gru_step
from seq2seq_pl.model.states import of, under
from seq2seq_pl.values import Memory, State


class ConditionalGRUDecoder(Decoder):
    """The conditional GRU of Nematus, https://arxiv.org/abs/1703.04357 sec. 2.

    s'_t = GRU_1(y_{t-1}, s_{t-1}); c_t from the attention on s'_t; s_t = GRU_2(c_t, s'_t). The output is
    tanh(W_s s_t + W_y y_{t-1} + W_c c_t + b). Cells are torch's (see `gru_step`), biases included.
    """

    def __init__(
        self,
        input_size: int,
        memory_size: int,
        *,
        attention: AttentionFactory,
        bridge: BridgeFactory,
        hidden_size: int,
        readout_size: int,
        output_dropout: float,
    ) -> None:
        """Args: input_size E, memory_size H of the encoder; readout_size of the outputs, output_dropout on them.

        Raises:
            UserError: a value is out of its range, or the attention has no context for the second cell.
        """
        super().__init__()
        check_minimum("model.decoder", "hidden_size", hidden_size)
        check_minimum("model.decoder", "readout_size", readout_size)
        check_dropout("model.decoder", "output_dropout", output_dropout)
        self.bridge = bridge(memory_size=memory_size, hidden_size=hidden_size, layers=1, names=("hidden",))
        self.attention = attention(query_size=hidden_size, memory_size=memory_size)
        context_size = self.attention.context_size
        if not context_size:
            raise UserError(
                "model/decoder=conditional_gru has a second cell that reads nothing but the attention's context, and "
                "this attention has none (model/attention=none); choose another attention or model/decoder=rnn."
            )
        self.first = nn.GRUCell(input_size, hidden_size)
        self.second = nn.GRUCell(context_size, hidden_size)
        self.readout = nn.Linear(hidden_size + input_size + context_size, readout_size)
        self.dropout = Dropout(output_dropout)
        self.output_size = readout_size

    def prepare(self, memory: Memory) -> Memory:
        """The memory with the attention's keys."""
        return replace(memory, keys={"attention": self.attention.keys(memory)})

    def start(self, memory: Memory) -> State:
        """The recurrent state "hidden", (B, 1, 1, H), and the attention's."""
        hidden = self.bridge(memory)["hidden"].unsqueeze(1)
        return {"hidden": hidden, **under("attention", self.attention.start(memory))}

    def step(
        self, embedded: Tensor, state: State, memory: Memory, need_weights: bool = True
    ) -> tuple[Tensor, Tensor | None, State]:
        """embedded (B, K, E) -> outputs (B, K, R), weights (B, K, S), next state; R is the readout size."""
        context, weights, after = self._advance(self._gates(embedded), state, memory, need_weights)
        return self._read_out(after["hidden"].squeeze(2), embedded, context), weights, after

    @torch.compiler.disable(recursive=False)  # type: ignore[no-untyped-call, untyped-decorator] # else once for each T
    def forward(self, embedded: Tensor, memory: Memory, need_weights: bool = True) -> tuple[Tensor, Tensor | None]:
        """embedded (B, T, E) -> outputs (B, T, R), weights (B, T, S); R is the readout size."""
        hidden, contexts, weights, state = [], [], [], self.start(memory)
        for gates in self._gates(embedded).split_with_sizes([1] * embedded.shape[1], dim=1):
            context, step_weights, state = self._advance(gates, state, memory, need_weights)
            hidden.append(state["hidden"].squeeze(2))  # (B, 1, H)
            contexts.append(context)  # (B, 1, C)
            if step_weights is not None:
                weights.append(step_weights)  # (B, 1, S)
        outputs = self._read_out(torch.cat(hidden, dim=1), embedded, torch.cat(contexts, dim=1))
        return outputs, torch.cat(weights, dim=1) if weights else None

    def _gates(self, embedded: Tensor) -> Tensor:
        """What the first cell makes of the tokens: embedded (B, T, E) -> (B, T, 3 H)."""
        return F.linear(embedded, self.first.weight_ih, self.first.bias_ih)

    def _advance(
        self, gates: Tensor, state: State, memory: Memory, need_weights: bool
    ) -> tuple[Tensor, Tensor | None, State]:
        """gates (B, K, 3 H) of the tokens -> context (B, K, C), weights (B, K, S), next state."""
        first, second = self.first, self.second
        between = gru_step(gates, (state["hidden"].squeeze(2),), first.weight_hh, first.bias_hh)
        context, weights, seen = self.attention.step(
            between[0], of("attention", state), memory.keys["attention"], memory, need_weights
        )
        gates = F.linear(context, second.weight_ih, second.bias_ih)  # (B, K, C) -> (B, K, 3 H)
        (hidden,) = gru_step(gates, between, second.weight_hh, second.bias_hh)
        return context, weights, {"hidden": hidden.unsqueeze(2), **under("attention", seen)}

    def _read_out(self, hidden: Tensor, embedded: Tensor, context: Tensor) -> Tensor:
        """hidden (B, T, H), embedded (B, T, E), context (B, T, C) -> outputs (B, T, R)."""
        outputs: Tensor = self.dropout(self.readout(torch.cat([hidden, embedded, context], dim=-1)).tanh())
        return outputs
