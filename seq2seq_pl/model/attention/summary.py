"""The fixed context vector, seen at every step."""

from __future__ import annotations

from torch import Tensor

from seq2seq_pl.interfaces import Attention
from seq2seq_pl.values import Memory


class SummaryAttention(Attention):
    """context = c for every query, with c the memory's summary; sec. 2.2 of https://arxiv.org/abs/1406.1078.

    It looks at no token in particular, so it has no weights. In the paper c enters the decoder's cell and its output;
    here it goes wherever the decoder puts its context.
    """

    reads_query = False

    def __init__(self, query_size: int, memory_size: int) -> None:
        """Args: query_size Q, not needed here; memory_size H."""
        super().__init__()
        self.context_size = memory_size

    def keys(self, memory: Memory) -> Tensor:
        """Nothing, (B, S, 0)."""
        return memory.states[..., :0]

    def forward(
        self, query: Tensor, keys: Tensor, memory: Memory, need_weights: bool = True
    ) -> tuple[Tensor, Tensor | None]:
        """query (B, T, Q) -> context (B, T, H), the same for all T, and no weights."""
        return memory.summary.unsqueeze(1).expand(-1, query.shape[1], -1), None
