"""General attention, also called bilinear or multiplicative attention."""

from __future__ import annotations

from torch import Tensor, nn

from seq2seq_pl.interfaces import Attention
from seq2seq_pl.model.attend import attend
from seq2seq_pl.values import Memory


class GeneralAttention(Attention):
    """score(q, m) = q . W m, eq. 8 (general) of https://arxiv.org/abs/1508.04025."""

    def __init__(self, query_size: int, memory_size: int) -> None:
        """Args: query_size Q, memory_size H."""
        super().__init__()
        self.key = nn.Linear(memory_size, query_size, bias=False)
        self.context_size = memory_size

    def keys(self, memory: Memory) -> Tensor:
        """W m, (B, S, Q)."""
        projected: Tensor = self.key(memory.states)
        return projected

    def forward(
        self, query: Tensor, keys: Tensor, memory: Memory, need_weights: bool = True
    ) -> tuple[Tensor, Tensor | None]:
        """query (B, T, Q), keys (B, S, Q) -> context (B, T, H), weights (B, T, S)."""
        return attend(query @ keys.transpose(1, 2), memory)  # (B, T, Q) @ (B, Q, S) -> (B, T, S)
