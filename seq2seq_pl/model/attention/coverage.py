"""Additive attention that knows what it has looked at."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from seq2seq_pl.interfaces import Attention
from seq2seq_pl.model.ranges import check_minimum
from seq2seq_pl.values import Memory, State


class CoverageAttention(Attention):
    """score(q, m_s) = v . tanh(W q + U m_s + b + w_c c_s), eq. 11 of https://arxiv.org/abs/1704.04368.

    c_s is the coverage of source token s, the sum of the weights that it got from all earlier queries. Coverage as a
    feature of the score is due to https://arxiv.org/abs/1601.04811, where it is updated by a learned network.
    """

    def __init__(self, query_size: int, memory_size: int, *, size: int) -> None:
        """Args: query_size Q, memory_size H, size A of the hidden layer. Raises UserError if size is below 1."""
        super().__init__()
        check_minimum("model.attention", "size", size)
        self.query = nn.Linear(query_size, size, bias=False)
        self.key = nn.Linear(memory_size, size)
        self.coverage = nn.Linear(1, size, bias=False)
        self.energy = nn.Linear(size, 1, bias=False)
        self.context_size = memory_size

    def keys(self, memory: Memory) -> Tensor:
        """U m + b, (B, S, A)."""
        projected: Tensor = self.key(memory.states)
        return projected

    @torch.compiler.disable(recursive=False)  # type: ignore[no-untyped-call, untyped-decorator] # else once for each T
    def forward(
        self, query: Tensor, keys: Tensor, memory: Memory, need_weights: bool = True
    ) -> tuple[Tensor, Tensor | None]:
        """query (B, T, Q), keys (B, S, A) -> context (B, T, H), weights (B, T, S)."""
        projected = self.query(query)  # (B, T, Q) -> (B, T, A)
        coverage, rows = self.start(memory)["coverage"], []
        for t in range(query.shape[1]):
            rows.append(self._weights(projected[:, t : t + 1], coverage, keys, memory))  # (B, 1, S)
            coverage = coverage + rows[-1]
        weights = torch.cat(rows, dim=1)
        return weights @ memory.states, weights  # (B, T, S) @ (B, S, H) -> (B, T, H)

    def start(self, memory: Memory) -> State:
        """No coverage, (B, 1, S)."""
        return {"coverage": memory.states.new_zeros(memory.mask.shape).unsqueeze(1)}

    def step(
        self, query: Tensor, state: State, keys: Tensor, memory: Memory, need_weights: bool = True
    ) -> tuple[Tensor, Tensor | None, State]:
        """query (B, K, Q), coverage (B, K, S) -> context (B, K, H), weights (B, K, S), coverage + weights."""
        weights = self._weights(self.query(query), state["coverage"], keys, memory)
        return weights @ memory.states, weights, {"coverage": state["coverage"] + weights}

    def _weights(self, projected: Tensor, coverage: Tensor, keys: Tensor, memory: Memory) -> Tensor:
        """projected W q (B, K, A), coverage (B, K, S), keys (B, S, A) -> weights (B, K, S)."""
        seen = self.coverage(coverage.unsqueeze(3))  # (B, K, S, 1) -> (B, K, S, A)
        hidden = torch.tanh(projected.unsqueeze(2) + keys.unsqueeze(1) + seen)  # (B, K, 1, A) + (B, 1, S, A)
        scores = self.energy(hidden).squeeze(-1)  # (B, K, S, A) -> (B, K, S)
        weights: Tensor = scores.masked_fill(~memory.mask.unsqueeze(1), -torch.inf).softmax(-1)
        return weights
