"""Dot-product attention."""

from __future__ import annotations

from torch import Tensor

from seq2seq_pl.errors import UserError
from seq2seq_pl.interfaces import Attention
from seq2seq_pl.model.attend import attend
from seq2seq_pl.values import Memory


class DotAttention(Attention):
    """score(q, m) = q . m, eq. 8 (dot) of https://arxiv.org/abs/1508.04025. It has nothing to learn."""

    def __init__(self, query_size: int, memory_size: int) -> None:
        """Args: query_size Q and memory_size H. Raises UserError if they differ."""
        super().__init__()
        if query_size != memory_size:
            raise UserError(
                f"model/attention=dot multiplies states, so model.decoder.hidden_size ({query_size}) must equal the "
                f"encoder's ({memory_size}, both directions counted); change one or choose model/attention=general."
            )
        self.context_size = memory_size

    def keys(self, memory: Memory) -> Tensor:
        """The memory states themselves, (B, S, H)."""
        return memory.states

    def forward(
        self, query: Tensor, keys: Tensor, memory: Memory, need_weights: bool = True
    ) -> tuple[Tensor, Tensor | None]:
        """query (B, T, H), keys (B, S, H) -> context (B, T, H), weights (B, T, S)."""
        return attend(query @ keys.transpose(1, 2), memory)  # (B, T, H) @ (B, H, S) -> (B, T, S)
