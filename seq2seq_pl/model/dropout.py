"""Dropout whose random numbers cost next to nothing on a CPU."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

LEVELS = 2**16
"""A probability is rounded to a multiple of 1 / LEVELS."""


def dropout(vectors: Tensor, probability: float, training: bool) -> Tensor:
    """Each element is 0 with a probability p and multiplied by 1 / (1 - p) otherwise; outside of training, nothing.

    Srivastava et al. 2014, https://jmlr.org/papers/v15/srivastava14a.html, in the inverted form. On a CPU torch draws
    each element by itself, which takes a fifth of a Transformer's step; here 16 bits of a counted stream decide, whose
    seed is drawn from torch's generator, so that `torch.manual_seed` repeats them, with any number of threads.

    Args:
        vectors: any shape.
        probability: p, in [0, 1).
    """
    if not (training and probability):
        return vectors
    if vectors.device.type != "cpu" or torch.compiler.is_compiling():
        return F.dropout(vectors, probability)
    return vectors * kept(vectors.shape, probability).to(vectors.dtype)


def kept(shape: torch.Size, probability: float) -> Tensor:
    """1 / (1 - p) where an element is kept, else 0; float32, on the CPU."""
    dropped = round(probability * LEVELS)
    scale = LEVELS / max(1, LEVELS - dropped)
    count = shape.numel()
    seed = int(torch.randint(2**62, ()))
    drawn = np.random.SFC64(seed).random_raw(-(-count // 4)).view(np.uint16)[:count]
    keep = torch.from_numpy((drawn >= dropped).view(np.uint8))  # torch is slow to make floats of bools
    return keep.to(torch.float32).mul_(scale).view(shape)


class Dropout(nn.Module):
    """`dropout` as a module."""

    def __init__(self, probability: float) -> None:
        """Args: probability p in [0, 1)."""
        super().__init__()
        self.probability = probability

    def forward(self, vectors: Tensor) -> Tensor:
        """vectors (...) -> (...)."""
        return dropout(vectors, self.probability, self.training)

    def extra_repr(self) -> str:
        """For print."""
        return f"{self.probability}"
