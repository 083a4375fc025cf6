"""Zero first states: nothing is handed over."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from torch import Tensor

from seq2seq_pl.interfaces import Bridge
from seq2seq_pl.values import Memory


class ZeroBridge(Bridge):
    """s_0 = 0 for each state and layer; what a decoder knows of the source, it knows from its attention."""

    blind = True

    def __init__(self, memory_size: int, hidden_size: int, *, layers: int, names: Sequence[str]) -> None:
        """Args: memory_size, not needed here; hidden_size, layers and state names of the decoder."""
        super().__init__()
        self.hidden_size = hidden_size
        self.layers = layers
        self.names = tuple(names)

    def forward(self, memory: Memory) -> Mapping[str, Tensor]:
        """Every state (B, L, H)."""
        shape = (len(memory.summary), self.layers, self.hidden_size)
        return {name: memory.summary.new_zeros(shape) for name in self.names}
