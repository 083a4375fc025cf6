"""Concat attention: one matrix over query and memory side by side."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F

from seq2seq_pl.interfaces import Attention
from seq2seq_pl.model.additive import additive_scores
from seq2seq_pl.model.attend import attend
from seq2seq_pl.model.ranges import check_minimum
from seq2seq_pl.values import Memory


class ConcatAttention(Attention):
    """score(q, m) = v . tanh(W [q; m]), eq. 8 (concat) of https://arxiv.org/abs/1508.04025.

    W [q; m] is computed as W_q q + W_m m with the columns of the one W, so that W_m m is made once per batch. It is
    additive attention without a bias; W is drawn as one matrix.
    """

    def __init__(self, query_size: int, memory_size: int, *, size: int) -> None:
        """Args: query_size Q, memory_size H, size A of the hidden layer. Raises UserError if size is below 1."""
        super().__init__()
        check_minimum("model.attention", "size", size)
        self.hidden = nn.Linear(query_size + memory_size, size, bias=False)
        self.energy = nn.Linear(size, 1, bias=False)
        self.query_size = query_size
        self.context_size = memory_size

    def keys(self, memory: Memory) -> Tensor:
        """W_m m, (B, S, A)."""
        return F.linear(memory.states, self.hidden.weight[:, self.query_size :])

    def forward(
        self, query: Tensor, keys: Tensor, memory: Memory, need_weights: bool = True
    ) -> tuple[Tensor, Tensor | None]:
        """query (B, T, Q), keys (B, S, A) -> context (B, T, H), weights (B, T, S)."""
        projected = F.linear(query, self.hidden.weight[:, : self.query_size])  # (B, T, Q) -> (B, T, A)
        return attend(additive_scores(projected, keys, self.energy.weight[0]), memory)
