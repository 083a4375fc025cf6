"""What the encoder and the decoder of Gehring et al. 2017 (https://arxiv.org/abs/1705.03122) are made of: learned
positions, gated convolutions, normalised weights.
"""

from __future__ import annotations

from typing import TypeVar, cast

from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.parametrizations import weight_norm

from seq2seq_pl.model.positions import Positions
from seq2seq_pl.model.ranges import check_dropout, check_minimum

Layer = TypeVar("Layer", bound=nn.Module)

ENTERING = 0.005
"""Variance, times inputs, of the weights that bring tokens and positions, of variance 1 each, to a deviation of 0.1.

That is the paper's, and a stack of gated convolutions needs it: where inputs are small, gates stand half open and a
layer keeps the variance of what it reads; where they are large, gates are open or shut and each layer doubles it.
"""

ROOT_HALF = 0.5**0.5
"""The sum of two terms of equal variance, times this, has their variance; sec. 3.4."""


def check_settings(
    part: str, *, hidden_size: int, layers: int, kernel_size: int, max_positions: int, dropout: float
) -> None:
    """Raises UserError for a count or size below 1 or a probability outside [0, 1); part is its dotted path."""
    counts = {"hidden_size": hidden_size, "layers": layers, "kernel_size": kernel_size, "max_positions": max_positions}
    for name, value in counts.items():
        check_minimum(part, name, value)
    check_dropout(part, "dropout", dropout)


def normed(layer: Layer, variance: float = 1.0) -> Layer:
    """The layer with weight normalisation (https://arxiv.org/abs/1602.07868), as the paper has it everywhere.

    Biases are zero and weights from N(0, variance / inputs of a neuron), sec. 3.5, whatever the dropout (the paper
    shrinks them where inputs are dropped).
    """
    for name, parameter in layer.named_parameters():
        if name == "bias":
            nn.init.zeros_(parameter)
        else:
            nn.init.normal_(parameter, std=(variance / parameter[0].numel()) ** 0.5)
    return cast(Layer, weight_norm(layer))


def learned_positions(part: str, size: int, max_positions: int, way_out: str) -> Positions:
    """A vector for each position, added to the token's; sec. 3.1. `size` is E; `way_out` is for messages.

    Both have variance 0.01 in the paper. Here it is 1, as that of scaled token embeddings; `ENTERING` brings it down.
    """
    return Positions("learned", size, max_positions=max_positions, part=part, way_out=way_out, deviation=1.0)


class GatedConvolution(nn.Module):
    """v([A; B]) = A * sigmoid(B) with [A; B] = W * x + b; sec. 3.2."""

    def __init__(self, size: int, kernel_size: int) -> None:
        """Args: size H of inputs and outputs; kernel_size k, in tokens."""
        super().__init__()
        self.convolution = normed(nn.Conv1d(size, 2 * size, kernel_size), variance=4.0)

    def forward(self, inputs: Tensor) -> Tensor:
        """inputs (B, T + k - 1, H), padded by the caller -> (B, T, H)."""
        return F.glu(self.convolution(inputs.transpose(1, 2)), dim=1).transpose(1, 2)

    def step(self, window: Tensor) -> Tensor:
        """The k inputs of a single output: window (..., k, H) -> (..., H)."""
        # As a matrix product: torch's convolution would bring the weights into its own layout at every step.
        weight = self.convolution.weight.flatten(1)  # (2 H, H, k) -> (2 H, H * k)
        return F.glu(F.linear(window.transpose(-1, -2).flatten(-2), weight, self.convolution.bias), dim=-1)
