"""A learned vector for each token."""

from __future__ import annotations

from torch import Tensor, nn

from seq2seq_pl.interfaces import Embedding
from seq2seq_pl.model.ranges import check_minimum
from seq2seq_pl.values import PAD


class TokenEmbedding(Embedding):
    """Token embeddings drawn from N(0, 1 / size); PAD is the zero vector and looking it up teaches it nothing.

    With `scale`, looked-up vectors are multiplied by sqrt(size), sec. 3.4 of https://arxiv.org/abs/1706.03762.
    """

    def __init__(self, vocab_size: int, size: int, *, scale: bool = False) -> None:
        """Args: vocab_size V, size E. Raises UserError if size is below 1."""
        check_minimum("model.embedding", "size", size)
        super().__init__(vocab_size, size, padding_idx=PAD)
        self.factor = size**0.5 if scale else 1.0
        nn.init.normal_(self.weight, std=size**-0.5)
        nn.init.zeros_(self.weight[PAD])

    def forward(self, tokens: Tensor) -> Tensor:
        """tokens (B, T) -> vectors (B, T, E)."""
        vectors = super().forward(tokens)
        return vectors * self.factor if self.factor != 1.0 else vectors
