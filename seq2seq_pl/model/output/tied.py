"""The target embedding used a second time, as the output layer."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from seq2seq_pl.interfaces import Output
from seq2seq_pl.products import linear
from seq2seq_pl.values import Affine


class TiedProjection(Output):
    """logits = X W o + b with the target embedding X; https://arxiv.org/abs/1608.05859.

    W brings the decoder's size to the embedding's and is left out where they agree. As a row of the output layer, the
    vector of PAD learns too.
    """

    def __init__(self, input_size: int, embedding: nn.Embedding) -> None:
        """Args: input_size H of the decoder; embedding of the target, (V, E)."""
        super().__init__()
        self.weight = embedding.weight
        self.bias = nn.Parameter(torch.zeros(embedding.num_embeddings))
        same = input_size == embedding.embedding_dim
        self.resize = nn.Identity() if same else nn.Linear(input_size, embedding.embedding_dim, bias=False)

    def forward(self, outputs: Tensor, weights: Tensor | None = None, copies: Tensor | None = None) -> Tensor:
        """outputs (..., H) -> logits (..., V)."""
        return linear(self.resize(outputs), self.weight, self.bias)

    def affine(self, outputs: Tensor) -> Affine:
        """outputs (..., H) -> the layer that is the target embedding, after W."""
        return Affine(self.resize(outputs), self.weight, self.bias)
