"""One uniform distribution for everything."""

from __future__ import annotations

from torch import nn

from seq2seq_pl.errors import UserError
from seq2seq_pl.interfaces import Initialization
from seq2seq_pl.model.parameters import draw_parameters


class Uniform(Initialization):
    """Every parameter, biases and embeddings too, from U(-limit, limit).

    Sec. 3.4 of https://arxiv.org/abs/1409.3215 with 0.08, sec. 4.1 of https://arxiv.org/abs/1508.04025 with 0.1. Those
    models have no normalisation layers; here the weights of such layers stay 1 and their biases 0.
    """

    def __init__(self, *, limit: float) -> None:
        """Raises UserError if limit is not above 0."""
        if limit <= 0:
            raise UserError(f"model.initialization.limit ({limit}) must be above 0.")
        self.limit = limit

    def __call__(self, model: nn.Module) -> None:
        """Overwrites the parameters in place."""
        draw_parameters(model, lambda kind, values: values.uniform_(-self.limit, self.limit))
