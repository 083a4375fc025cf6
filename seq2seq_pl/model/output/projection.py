"""A weight matrix of its own between decoder and vocabulary."""

from __future__ import annotations

from torch import Tensor, nn

from seq2seq_pl.interfaces import Output
from seq2seq_pl.products import linear
from seq2seq_pl.values import Affine


class Projection(Output):
    """logits = W o + b."""

    def __init__(self, input_size: int, embedding: nn.Embedding) -> None:
        """Args: input_size H of the decoder; embedding of the target, whose rows say V."""
        super().__init__()
        self.linear = nn.Linear(input_size, embedding.num_embeddings)

    def forward(self, outputs: Tensor, weights: Tensor | None = None, copies: Tensor | None = None) -> Tensor:
        """outputs (..., H) -> logits (..., V)."""
        return linear(outputs, self.linear.weight, self.linear.bias)

    def affine(self, outputs: Tensor) -> Affine:
        """outputs (..., H) -> all of it."""
        return Affine(outputs, self.linear.weight, self.linear.bias)
