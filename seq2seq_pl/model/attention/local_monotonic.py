"""Local attention with a window that moves on by one token a step."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from seq2seq_pl.interfaces import Attention
from seq2seq_pl.model.attend import attend
from seq2seq_pl.model.ranges import check_minimum
from seq2seq_pl.values import Memory, State


class MonotonicLocalAttention(Attention):
    """Monotonic local attention (local-m), sec. 3.2 of https://arxiv.org/abs/1508.04025.

    Query t, counted from 0, looks at [p - D, p + D] with p = t; scores are general, q . W m. A source of S tokens may
    be shorter than its target, of which the paper says nothing: here p stays on the last token, p = min(t, S - 1).
    """

    def __init__(self, query_size: int, memory_size: int, *, window: int) -> None:
        """Args: query_size Q, memory_size H, window D in tokens to each side. Raises UserError if window is below 1."""
        super().__init__()
        check_minimum("model.attention", "window", window)
        self.key = nn.Linear(memory_size, query_size, bias=False)
        self.window = window
        self.context_size = memory_size

    def keys(self, memory: Memory) -> Tensor:
        """W m, (B, S, Q)."""
        projected: Tensor = self.key(memory.states)
        return projected

    def forward(
        self, query: Tensor, keys: Tensor, memory: Memory, need_weights: bool = True
    ) -> tuple[Tensor, Tensor | None]:
        """query (B, T, Q), keys (B, S, Q) -> context (B, T, H), weights (B, T, S)."""
        time = torch.arange(query.shape[1], device=query.device).view(1, -1, 1)  # (1, T, 1)
        return self._look(query, time, keys, memory)

    def start(self, memory: Memory) -> State:
        """Time 0, (B, 1, 1)."""
        return {"time": torch.zeros(len(memory.mask), 1, 1, dtype=torch.long, device=memory.mask.device)}

    def step(
        self, query: Tensor, state: State, keys: Tensor, memory: Memory, need_weights: bool = True
    ) -> tuple[Tensor, Tensor | None, State]:
        """query (B, K, Q), time (B, K, 1) -> context (B, K, H), weights (B, K, S), time + 1."""
        return *self._look(query, state["time"], keys, memory), {"time": state["time"] + 1}

    def _look(self, query: Tensor, time: Tensor, keys: Tensor, memory: Memory) -> tuple[Tensor, Tensor]:
        scores = query @ keys.transpose(1, 2)  # (B, T, Q) @ (B, Q, S) -> (B, T, S)
        last = memory.mask.sum(1).view(-1, 1, 1) - 1  # (B, 1, 1)
        positions = torch.arange(memory.mask.shape[1], device=time.device)
        distance = positions - torch.minimum(time, last)  # (S,) - (B, T, 1) -> (B, T, S)
        return attend(scores.masked_fill(distance.abs() > self.window, -torch.inf), memory)
