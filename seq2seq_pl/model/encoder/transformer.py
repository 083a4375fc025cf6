"""Transformer encoder."""

from __future__ import annotations

from torch import Tensor, nn

from seq2seq_pl.interfaces import Encoder
from seq2seq_pl.model.positions import Kind, Positions
from seq2seq_pl.model.ranges import check_minimum
from seq2seq_pl.model.transformer import FeedForward, LayerSettings, Norm, Residual, SelfAttention
from seq2seq_pl.values import Memory


class EncoderLayer(nn.Module):
    """Self-attention and a feed-forward network, each with its residual connection."""

    def __init__(self, settings: LayerSettings) -> None:
        super().__init__()
        self.attention = SelfAttention(settings)
        self.around_attention = Residual(settings)
        self.feedforward = FeedForward(settings)
        self.around_feedforward = Residual(settings)

    def forward(self, states: Tensor, mask: Tensor) -> Tensor:
        """states (B, S, H), mask (B, S) -> (B, S, H)."""
        around = self.around_attention
        states = around.leave(states, self.attention(around.enter(states), mask))
        around = self.around_feedforward
        return around.leave(states, self.feedforward(around.enter(states)))


class TransformerEncoder(Encoder):
    """Sec. 3.1 of https://arxiv.org/abs/1706.03762; the summary is the mean of the states of the real tokens.

    The paper drops out the sum of embedding and position; here the dropout falls on the embedding alone.
    """

    def __init__(
        self,
        input_size: int,
        *,
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
        """Args: input_size E, brought to hidden_size by a matrix where they differ; see `LayerSettings`.

        Args:
            max_positions: source tokens that learned positions reach.
        Raises:
            UserError: a size or a probability is out of its range, or the heads cannot share the hidden size.
        """
        super().__init__()
        part = "model.encoder"
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
        self.resize = nn.Identity() if input_size == hidden_size else nn.Linear(input_size, hidden_size)
        self.positions = Positions(positions, hidden_size, max_positions=max_positions, part=part)
        self.layers = nn.ModuleList(EncoderLayer(settings) for _ in range(layers))
        self.norm = nn.LayerNorm(hidden_size) if norm == "pre" else nn.Identity()
        self.output_size = hidden_size

    def forward(self, embedded: Tensor, mask: Tensor) -> Memory:
        """embedded (B, S, E), mask (B, S) -> memory with states (B, S, H)."""
        states = self.positions(self.resize(embedded))
        for layer in self.layers:
            states = layer(states, mask)
        states = self.norm(states)
        real = mask.unsqueeze(2).to(states.dtype)  # (B, S, 1)
        return Memory(states, mask, summary=(states * real).sum(1) / real.sum(1))
