"""Additive attention, also called Bahdanau attention."""

from __future__ import annotations

from torch import Tensor, nn

from seq2seq_pl.interfaces import Attention
from seq2seq_pl.model.additive import additive_scores
from seq2seq_pl.model.attend import attend
from seq2seq_pl.model.ranges import check_minimum
from seq2seq_pl.values import Memory


class AdditiveAttention(Attention):
    """Additive attention, A.1.2 of https://arxiv.org/abs/1409.0473.

    score(q, m) = v . tanh(W q + U m + b); our memory states m are their annotations h_j.
    """

    def __init__(self, query_size: int, memory_size: int, *, size: int) -> None:
        """Args: query_size Q, memory_size H, size A of the hidden layer. Raises UserError if size is below 1."""
        super().__init__()
        check_minimum("model.attention", "size", size)
        self.query = nn.Linear(query_size, size, bias=False)
        self.key = nn.Linear(memory_size, size)
        self.energy = nn.Linear(size, 1, bias=False)
        self.context_size = memory_size

    def keys(self, memory: Memory) -> Tensor:
        """U m + b, (B, S, A)."""
        projected: Tensor = self.key(memory.states)
        return projected

    def forward(
        self, query: Tensor, keys: Tensor, memory: Memory, need_weights: bool = True
    ) -> tuple[Tensor, Tensor | None]:
        """query (B, T, Q), keys (B, S, A) -> context (B, T, H), weights (B, T, S)."""
        return attend(additive_scores(self.query(query), keys, self.energy.weight[0]), memory)
