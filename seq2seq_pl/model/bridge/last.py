"""The encoder's last states, handed over as they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from torch import Tensor

from seq2seq_pl.errors import UserError
from seq2seq_pl.interfaces import Bridge
from seq2seq_pl.values import Memory


class LastBridge(Bridge):
    """Layer l of the decoder starts where layer l of the encoder ended, https://arxiv.org/abs/1409.3215 sec. 2."""

    def __init__(self, memory_size: int, hidden_size: int, *, layers: int, names: Sequence[str]) -> None:
        """Args: memory_size H of the encoder; hidden_size, layers and state names of the decoder.

        Raises:
            UserError: encoder and decoder differ in hidden size; other differences show at the first batch.
        """
        super().__init__()
        self.layers = layers
        self.names = tuple(names)
        if memory_size != hidden_size:
            raise UserError(
                f"model/bridge=last copies states, so model.decoder.hidden_size ({hidden_size}) must equal the "
                f"encoder's ({memory_size}, both directions counted); change one or choose model/bridge=tanh."
            )

    def forward(self, memory: Memory) -> Mapping[str, Tensor]:
        """Every state (B, L, H). Raises UserError if the encoder has not the layers or the states asked for."""
        layers = {name: state.shape[1] for name, state in memory.final.items()}
        missing = [name for name in self.names if layers.get(name) != self.layers]
        if missing:
            has = ", ".join(f"{count} of {name}" for name, count in layers.items())
            raise UserError(
                f"model/bridge=last needs {self.layers} layers of {', '.join(missing)} states and the encoder has "
                f"{has or 'none'}; give both the same cell and layers or choose model/bridge=tanh."
            )
        return {name: memory.final[name] for name in self.names}
