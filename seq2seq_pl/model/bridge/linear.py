"""A learned first state, made from the context vector."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from torch import Tensor, nn

from seq2seq_pl.interfaces import Bridge
from seq2seq_pl.values import Memory


class LinearBridge(Bridge):
    """s_0 = W c + b with c the memory's summary; one W for each state and layer.

    It is A.2.2 of https://arxiv.org/abs/1409.0473 without the tanh, for states that may leave [-1, 1], as an LSTM's
    cell states do.
    """

    def __init__(self, memory_size: int, hidden_size: int, *, layers: int, names: Sequence[str]) -> None:
        """Args: memory_size H of the encoder; hidden_size, layers and state names of the decoder."""
        super().__init__()
        self.layers = layers
        self.linear = nn.ModuleDict({name: nn.Linear(memory_size, layers * hidden_size) for name in names})

    def forward(self, memory: Memory) -> Mapping[str, Tensor]:
        """Every state (B, L, H)."""
        return {
            name: linear(memory.summary).view(len(memory.summary), self.layers, -1)  # (B, L * H) -> (B, L, H)
            for name, linear in self.linear.items()
        }
