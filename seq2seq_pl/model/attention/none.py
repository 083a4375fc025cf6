"""No attention: the decoder has only its first state to go by."""

from __future__ import annotations

from torch import Tensor

from seq2seq_pl.interfaces import Attention
from seq2seq_pl.values import Memory


class NoAttention(Attention):
    """The fixed context vector of https://arxiv.org/abs/1409.3215: it enters through the bridge and never again."""

    def __init__(self, query_size: int, memory_size: int) -> None:
        """Args: query_size Q and memory_size H, not needed here."""
        super().__init__()
        self.context_size = 0

    def keys(self, memory: Memory) -> Tensor:
        """Nothing, (B, S, 0)."""
        return memory.states[..., :0]

    def forward(
        self, query: Tensor, keys: Tensor, memory: Memory, need_weights: bool = True
    ) -> tuple[Tensor, Tensor | None]:
        """An empty context (B, T, 0) and no weights."""
        return query[..., :0], None
