"""Glorot-uniform matrices."""

from __future__ import annotations

from torch import Tensor, nn

from seq2seq_pl.errors import UserError
from seq2seq_pl.interfaces import Initialization
from seq2seq_pl.model.parameters import Kind, draw_parameters


class Xavier(Initialization):
    """Matrices from U(-a, a) with a = gain * sqrt(6 / (fan_in + fan_out)), biases zero, embeddings N(0, 1 / size).

    Eq. 16 of https://proceedings.mlr.press/v9/glorot10a.html. The gates of a recurrent layer are matrices of their own;
    projections that a part keeps side by side in one matrix are drawn as one. An embedding is one also where it is the
    output layer too. Normalisation layers stay as they are. https://arxiv.org/abs/1706.03762 does not say how its
    weights were drawn; Transformer implementations commonly draw them like this.
    """

    def __init__(self, *, gain: float) -> None:
        """Raises UserError if gain is not above 0."""
        if gain <= 0:
            raise UserError(f"model.initialization.gain ({gain}) must be above 0.")
        self.gain = gain

    def __call__(self, model: nn.Module) -> None:
        """Overwrites the parameters in place."""
        draw_parameters(model, self._draw)

    def _draw(self, kind: Kind, values: Tensor) -> None:
        if kind == "embedding":
            nn.init.normal_(values, std=values.shape[1] ** -0.5)
        elif kind == "bias":
            nn.init.zeros_(values)
        else:
            nn.init.xavier_uniform_(values.unsqueeze(0) if values.ndim == 1 else values, self.gain)
