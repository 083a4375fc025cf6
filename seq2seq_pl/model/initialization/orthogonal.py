"""Orthogonal recurrent matrices and small Gaussian ones everywhere else."""

from __future__ import annotations

from torch import Tensor, nn

from seq2seq_pl.errors import UserError
from seq2seq_pl.interfaces import Initialization
from seq2seq_pl.model.parameters import Kind, draw_parameters


class Orthogonal(Initialization):
    """Recurrent matrices orthogonal, gate by gate; other matrices and embeddings N(0, std^2); vectors and biases zero.

    Appendix B.1 of https://arxiv.org/abs/1409.0473 with std 0.01. The paper draws the matrices of its attention from
    N(0, 0.001^2) and its vector v as zero; here they are N(0, std^2), as all matrices are, and every matrix with one
    row is zero. Such a v learns at the first step, the matrices below it from the second. Recurrent matrices are known
    in torch's own layers and cells only. Normalisation layers, which the paper does not have, stay as they are.
    """

    def __init__(self, *, std: float) -> None:
        """Raises UserError if std is not above 0."""
        if std <= 0:
            raise UserError(f"model.initialization.std ({std}) must be above 0.")
        self.std = std

    def __call__(self, model: nn.Module) -> None:
        """Overwrites the parameters in place."""
        draw_parameters(model, self._draw)

    def _draw(self, kind: Kind, values: Tensor) -> None:
        if kind == "recurrent":
            nn.init.orthogonal_(values)
        elif kind in ("matrix", "embedding"):
            nn.init.normal_(values, std=self.std)
        else:
            nn.init.zeros_(values)
