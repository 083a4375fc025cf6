"""Scaled dot-product attention with one head."""

from __future__ import annotations

from torch import Tensor, nn

from seq2seq_pl.interfaces import Attention
from seq2seq_pl.model.attend import attend
from seq2seq_pl.model.ranges import check_minimum
from seq2seq_pl.values import Memory


class ScaledDotAttention(Attention):
    """score(q, m) = (W_q q) . (W_k m) / sqrt(A), sec. 3.2.1 of https://arxiv.org/abs/1706.03762.

    The weights are laid over the memory states themselves: there is no projection of values.
    """

    def __init__(self, query_size: int, memory_size: int, *, size: int) -> None:
        """Args: query_size Q, memory_size H, size A of projected queries and keys. Raises UserError if A is below 1."""
        super().__init__()
        check_minimum("model.attention", "size", size)
        self.query = nn.Linear(query_size, size, bias=False)
        self.key = nn.Linear(memory_size, size, bias=False)
        self.scale = size**-0.5
        self.context_size = memory_size

    def keys(self, memory: Memory) -> Tensor:
        """W_k m, (B, S, A)."""
        projected: Tensor = self.key(memory.states)
        return projected

    def forward(
        self, query: Tensor, keys: Tensor, memory: Memory, need_weights: bool = True
    ) -> tuple[Tensor, Tensor | None]:
        """query (B, T, Q), keys (B, S, A) -> context (B, T, H), weights (B, T, S)."""
        scaled = self.query(query) * self.scale
        return attend(scaled @ keys.transpose(1, 2), memory)  # (B, T, A) @ (B, A, S) -> (B, T, S)
