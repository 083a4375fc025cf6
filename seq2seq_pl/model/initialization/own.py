"""Every part draws its own first weights."""

from __future__ import annotations

from torch import nn

from seq2seq_pl.interfaces import Initialization


class Own(Initialization):
    """torch's defaults, and what a part's docstring says where it differs; the embeddings' is N(0, 1 / size)."""

    def __call__(self, model: nn.Module) -> None:
        """Leaves everything as it is."""
