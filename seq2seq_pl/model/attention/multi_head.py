"""Multi-head attention."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from seq2seq_pl.interfaces import Attention
from seq2seq_pl.model.dropout import dropout
from seq2seq_pl.model.ranges import check_dropout, check_minimum
from seq2seq_pl.model.transformer import attend, check_heads, join_heads, split_heads
from seq2seq_pl.values import Memory


class MultiHeadAttention(Attention):
    """Sec. 3.2.2 of https://arxiv.org/abs/1706.03762; the weights are the mean of the heads'.

    head_i = softmax(Q_i K_i^T / sqrt(size / heads)) V_i; context = W [head_1; ...; head_n]. Without need_weights it
    runs in torch's fused scaled_dot_product_attention.
    """

    def __init__(self, query_size: int, memory_size: int, *, heads: int, size: int | None, dropout: float) -> None:
        """Args: query_size Q, memory_size H; size C of all heads together, None is Q; dropout on the weights.

        Raises:
            UserError: a value is out of its range, or the heads cannot share the size.
        """
        super().__init__()
        part, size = "model.attention", query_size if size is None else size
        check_minimum(part, "heads", heads)
        check_minimum(part, "size", size)
        check_heads(part, "size", size, heads)
        check_dropout(part, "dropout", dropout)
        self.heads = heads
        self.dropout = dropout
        self.query = nn.Linear(query_size, size)
        self.keys_and_values = nn.Linear(memory_size, 2 * size)
        self.out = nn.Linear(size, size)
        self.context_size = size

    def keys(self, memory: Memory) -> Tensor:
        """Keys and values of all heads, (B, S, 2 C)."""
        projected: Tensor = self.keys_and_values(memory.states)
        return projected

    def forward(
        self, query: Tensor, keys: Tensor, memory: Memory, need_weights: bool = True
    ) -> tuple[Tensor, Tensor | None]:
        """query (B, T, Q), keys (B, S, 2 C) -> context (B, T, C), weights (B, T, S) where needed."""
        projected, key, value = (
            split_heads(vectors, self.heads) for vectors in (self.query(query), *keys.chunk(2, dim=-1))
        )  # (B, heads, T, D), (B, heads, S, D) twice
        seen = memory.mask[:, None, None]  # (B, 1, 1, S)
        weights: Tensor | None = None
        if need_weights:
            scores = projected @ key.transpose(-2, -1) / key.shape[-1] ** 0.5  # (B, heads, T, S)
            each = scores.masked_fill(~seen, -torch.inf).softmax(-1)
            attended, weights = dropout(each, self.dropout, self.training) @ value, each.mean(1)
        else:
            attended = attend(projected, key, value, seen, self.dropout if self.training else 0.0)
        return self.out(join_heads(attended)), weights
