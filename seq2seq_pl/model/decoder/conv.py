"""Convolutional decoder with an attention after each layer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from seq2seq_pl.errors import UserError
from seq2seq_pl.interfaces import Attention, AttentionFactory, BridgeFactory, Decoder
from seq2seq_pl.model.convolution import (
    ENTERING,
    ROOT_HALF,
    GatedConvolution,
    check_settings,
    learned_positions,
    normed,
)
from seq2seq_pl.model.dropout import Dropout
from seq2seq_pl.model.ranges import check_dropout
from seq2seq_pl.model.states import of, under
from seq2seq_pl.values import Memory, State


class DecoderLayer(nn.Module):
    """A gated convolution of the tokens so far, then an attention to the memory."""

    def __init__(self, size: int, kernel_size: int, dropout: float, attention: Attention) -> None:
        super().__init__()
        self.dropout = Dropout(dropout)
        self.convolution = GatedConvolution(size, kernel_size)
        self.query = normed(nn.Linear(size, size)) if attention.reads_query else nn.Identity()
        self.attention = attention
        same = attention.context_size == size
        self.resize = nn.Identity() if same else normed(nn.Linear(attention.context_size, size))
        self.reach = kernel_size - 1

    def forward(
        self, states: Tensor, entered: Tensor, keys: Tensor, memory: Memory, need_weights: bool
    ) -> tuple[Tensor, Tensor | None]:
        """states (B, T, H), entered (B, T, H), the attention's keys -> states (B, T, H), weights (B, T, S)."""
        inputs = F.pad(self.dropout(states), (0, 0, self.reach, 0))  # (B, k - 1 + T, H)
        states = ROOT_HALF * (self.convolution(inputs) + states)
        context, weights = self.attention(self.query(states) + entered, keys, memory, need_weights)
        return ROOT_HALF * (states + self.resize(context)), weights

    def step(
        self,
        states: Tensor,
        entered: Tensor,
        before: Tensor,
        seen: State,
        keys: Tensor,
        memory: Memory,
        need_weights: bool,
    ) -> tuple[Tensor, Tensor | None, Tensor, State]:
        """One token of each hypothesis.

        Args:
            states, entered: (B, K, H) both.
            before: the layer's last inputs, (B, K, k - 1, H).
            seen: the attention's state.
        Returns:
            states (B, K, H), weights (B, K, S), the next inputs and the attention's next state.
        """
        window = torch.cat([before, self.dropout(states).unsqueeze(2)], dim=2)  # (B, K, k, H)
        states = ROOT_HALF * (self.convolution.step(window) + states)
        query = self.query(states) + entered
        context, weights, seen = self.attention.step(query, seen, keys, memory, need_weights)
        return ROOT_HALF * (states + self.resize(context)), weights, window[:, :, 1:], seen


class ConvDecoder(Decoder):
    """Layers of gated convolutions that each look into the memory, sec. 3 of https://arxiv.org/abs/1705.03122.

    h = sqrt(1/2) (v(W * h) + h); the attention is asked with U h + b + g, g being the embedded token with its position
    (here brought to hidden_size); h becomes sqrt(1/2) (h + c). The weights are the mean of the layers'. Unlike the
    paper, c is not multiplied by the root of the source's length, nor the encoder's gradient divided by the number of
    attentions, as any attention may stand here; the last linear layer is the output's.
    """

    def __init__(
        self,
        input_size: int,
        memory_size: int,
        *,
        attention: AttentionFactory,
        bridge: BridgeFactory,
        hidden_size: int,
        layers: int,
        kernel_size: int,
        dropout: float,
        output_dropout: float,
        max_positions: int,
    ) -> None:
        """Args: input_size E, memory_size H of the encoder; the bridge is not used, as no state is recurrent.

        Args:
            attention: makes the attention of each layer.
            kernel_size: tokens that a convolution sees, the last of them its own.
            dropout: on the input of each layer; output_dropout on the outputs.
            max_positions: tokens of the longest target, EOS counted.
        Raises:
            UserError: a value is out of its range, or the attention gives no context.
        """
        super().__init__()
        part, sizes = "model.decoder", {"hidden_size": hidden_size, "layers": layers, "kernel_size": kernel_size}
        check_settings(part, **sizes, max_positions=max_positions, dropout=dropout)
        check_dropout(part, "output_dropout", output_dropout)
        attentions = [attention(query_size=hidden_size, memory_size=memory_size) for _ in range(layers)]
        if not attentions[0].context_size:
            raise UserError(
                "model/decoder=conv sees the source through its attention alone, and this attention shows it nothing "
                "(model/attention=none only fits recurrent decoders); choose another, such as model/attention=additive."
            )
        way_out = f"or set max_target_length={max_positions - 1} and decoding.max_length={max_positions}"
        self.positions = learned_positions(part, input_size, max_positions, way_out)
        self.enter = normed(nn.Linear(input_size, hidden_size), variance=ENTERING)
        made = nn.ModuleList(DecoderLayer(hidden_size, kernel_size, dropout, one) for one in attentions)
        self.layers = cast("Sequence[DecoderLayer]", made)
        self.dropout = Dropout(output_dropout)
        self.output_size = hidden_size

    def prepare(self, memory: Memory) -> Memory:
        """The memory with the keys of every layer's attention."""
        keys = {f"attention{i}": layer.attention.keys(memory) for i, layer in enumerate(self.layers)}
        return replace(memory, keys=keys)

    def start(self, memory: Memory) -> State:
        """Every layer's last inputs, zeros (B, 1, k - 1, H), its attention's state, and the time t as (B, 1, t, 0).

        A time that is a shape is known without waiting for the device.
        """
        sentences = len(memory.mask)
        state: dict[str, Tensor] = {"time": memory.states.new_empty(sentences, 1, 0, 0)}
        for i, layer in enumerate(self.layers):
            state[f"layer{i}"] = memory.states.new_zeros(sentences, 1, layer.reach, self.output_size)
            state |= under(f"attention{i}", layer.attention.start(memory))
        return state

    def step(
        self, embedded: Tensor, state: State, memory: Memory, need_weights: bool = True
    ) -> tuple[Tensor, Tensor | None, State]:
        """embedded (B, K, E) -> outputs (B, K, H), weights (B, K, S), next state.

        Raises:
            UserError: the target is longer than max_positions.
        """
        time = state["time"].shape[2]
        placed = self.positions(embedded.unsqueeze(2), start=time).squeeze(2)  # as (B, K, 1, E)
        entered = self.enter(placed)  # (B, K, E) -> (B, K, H)
        states, weights = entered, []
        after: dict[str, Tensor] = {"time": embedded.new_empty(*embedded.shape[:2], time + 1, 0)}
        for i, layer in enumerate(self.layers):
            name = f"attention{i}"
            states, layer_weights, after[f"layer{i}"], seen = layer.step(
                states, entered, state[f"layer{i}"], of(name, state), memory.keys[name], memory, need_weights
            )
            weights.append(layer_weights)
            after |= under(name, seen)
        return self.dropout(states), mean(weights) if need_weights else None, after

    def forward(self, embedded: Tensor, memory: Memory, need_weights: bool = True) -> tuple[Tensor, Tensor | None]:
        """embedded (B, T, E) -> outputs (B, T, H), weights (B, T, S).

        Raises:
            UserError: the target is longer than max_positions.
        """
        entered = self.enter(self.positions(embedded))  # (B, T, E) -> (B, T, H)
        states, weights = entered, []
        for i, layer in enumerate(self.layers):
            states, layer_weights = layer(states, entered, memory.keys[f"attention{i}"], memory, need_weights)
            weights.append(layer_weights)
        return self.dropout(states), mean(weights) if need_weights else None


def mean(weights: Sequence[Tensor | None]) -> Tensor | None:
    """Of the layers that have weights, each (B, T, S); None if there are none."""
    there = [one for one in weights if one is not None]
    return torch.stack(there).mean(0) if there else None
