"""Transformer decoder with a cache of keys and values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import cast

from torch import Tensor, nn

from seq2seq_pl.errors import UserError
from seq2seq_pl.interfaces import Attention, AttentionFactory, BridgeFactory, Decoder
from seq2seq_pl.model.positions import Kind, Positions
from seq2seq_pl.model.ranges import check_minimum
from seq2seq_pl.model.states import of, under
from seq2seq_pl.model.transformer import FeedForward, LayerSettings, Norm, Residual, SelfAttention
from seq2seq_pl.values import Memory, State


class DecoderLayer(nn.Module):
    """Self-attention, attention to the memory and a feed-forward network, each with its residual connection."""

    def __init__(self, settings: LayerSettings, attention: Attention) -> None:
        super().__init__()
        size, context_size = settings.hidden_size, attention.context_size
        self.self_attention = SelfAttention(settings)
        self.around_self_attention = Residual(settings)
        self.attention = attention
        self.resize = nn.Identity() if context_size == size else nn.Linear(context_size, size)
        self.around_attention = Residual(settings, reads=attention.reads_query)
        self.feedforward = FeedForward(settings)
        self.around_feedforward = Residual(settings)

    def forward(self, states: Tensor, keys: Tensor, memory: Memory, need_weights: bool) -> tuple[Tensor, Tensor | None]:
        """states (B, T, H), the attention's keys -> states (B, T, H), weights (B, T, S)."""
        around = self.around_self_attention
        states = around.leave(states, self.self_attention(around.enter(states), None))
        context, weights = self.attention(self.around_attention.enter(states), keys, memory, need_weights)
        return self._finish(states, context), weights

    def step(
        self, states: Tensor, state: State, keys: Tensor, memory: Memory, need_weights: bool
    ) -> tuple[Tensor, Tensor | None, State]:
        """states (B, K, H) -> states (B, K, H), weights (B, K, S), next state."""
        around = self.around_self_attention
        change, written = self.self_attention.step(around.enter(states), state["written"])
        states = around.leave(states, change)
        query = self.around_attention.enter(states)
        context, weights, seen = self.attention.step(query, of("attention", state), keys, memory, need_weights)
        after = {"written": written, **under("attention", seen)}
        return self._finish(states, context), weights, after

    def _finish(self, states: Tensor, context: Tensor) -> Tensor:
        states = self.around_attention.leave(states, self.resize(context))
        around = self.around_feedforward
        return around.leave(states, self.feedforward(around.enter(states)))


class TransformerDecoder(Decoder):
    """Sec. 3.1 of https://arxiv.org/abs/1706.03762, with any attention to the memory, one of its own for each layer.

    The weights are the last layer's. It has no recurrent state, so it needs no bridge, and an attention that gives no
    context would hide the source from it.
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
        heads: int,
        feedforward_size: int,
        norm: Norm,
        positions: Kind,
        max_positions: int,
        dropout: float,
        attention_dropout: float,
        activation_dropout: float,
    ) -> None:
        """Args: input_size E, memory_size H of the encoder; see `LayerSettings`.

        Args:
            max_positions: target tokens that learned positions reach.

        Raises:
            UserError: a size or a probability is out of its range, the heads cannot share the hidden size, or the
                attention gives no context.
        """
        super().__init__()
        part = "model.decoder"
        check_minimum(part, "layers", layers)
        settings = LayerSettings(
            part,
            hidden_size=hidden_size,
            heads=heads,
            feedforward_size=feedforward_size,
            norm=norm,
            positions=positions,
            dropout=dropout,
            attention_dropout=attention_dropout,
            activation_dropout=activation_dropout,
        )
        attentions = [attention(query_size=hidden_size, memory_size=memory_size) for _ in range(layers)]
        if not attentions[0].context_size:
            raise UserError(
                "model/decoder=transformer sees the source through its attention alone, so model/attention=none would "
                "hide it; choose model/attention=multi_head or another."
            )
        self.resize = nn.Identity() if input_size == hidden_size else nn.Linear(input_size, hidden_size)
        self.positions = Positions(positions, hidden_size, max_positions=max_positions, part=part)
        self.layers = cast("Sequence[DecoderLayer]", nn.ModuleList(DecoderLayer(settings, one) for one in attentions))
        self.norm = nn.LayerNorm(hidden_size) if norm == "pre" else nn.Identity()
        self.output_size = hidden_size

    def prepare(self, memory: Memory) -> Memory:
        """The memory with every layer's keys."""
        keys = {f"attention{i}": layer.attention.keys(memory) for i, layer in enumerate(self.layers)}
        return replace(memory, keys=keys)

    def start(self, memory: Memory) -> State:
        """No tokens yet: every layer's keys and values, (B, 1, 0, 2 H), and its attention's state."""
        nothing = memory.states.new_empty(len(memory.mask), 1, 0, 2 * self.output_size)
        state: dict[str, Tensor] = {}
        for i, layer in enumerate(self.layers):
            own = {"written": nothing, **under("attention", layer.attention.start(memory))}
            state |= under(f"layer{i}", own)
        return state

    def step(
        self, embedded: Tensor, state: State, memory: Memory, need_weights: bool = True
    ) -> tuple[Tensor, Tensor | None, State]:
        """embedded (B, K, E) -> outputs (B, K, H), weights (B, K, S), next state."""
        position = state["layer0.written"].shape[2]
        states = self.positions(self.resize(embedded).unsqueeze(2), position).squeeze(2)  # as (B, K, 1, H)
        weights: Tensor | None = None
        after: dict[str, Tensor] = {}
        for i, layer in enumerate(self.layers):
            wanted = need_weights and i == len(self.layers) - 1
            states, weights, own = layer.step(
                states, of(f"layer{i}", state), memory.keys[f"attention{i}"], memory, wanted
            )
            after |= under(f"layer{i}", own)
        return self.norm(states), weights, after

    def forward(self, embedded: Tensor, memory: Memory, need_weights: bool = True) -> tuple[Tensor, Tensor | None]:
        """embedded (B, T, E) -> outputs (B, T, H), weights (B, T, S)."""
        states: Tensor = self.positions(self.resize(embedded))
        weights: Tensor | None = None
        for i, layer in enumerate(self.layers):
            wanted = need_weights and i == len(self.layers) - 1
            states, weights = layer(states, memory.keys[f"attention{i}"], memory, wanted)
        return self.norm(states), weights
