"""The likeliest of many tokens."""

from __future__ import annotations

import torch
from torch import Tensor

PIECE = 128
"""Neighbours that are asked for their largest first."""
MANY = 1 << 18
"""Numbers from which that is worth it."""


def likeliest(values: Tensor, size: int) -> tuple[Tensor, Tensor]:
    """The `size` largest of each row in no order, NaN counted as largest: values (..., V) -> the same and their ids.

    On a CPU torch looks for them one number at a time, but for the largest of a piece many at a time; and those sought
    are in the pieces of the largest such, or in what is left over at the end. Of one, the id is the lowest of equals.
    """
    length = values.shape[-1]
    pieces = length // PIECE
    size = min(size, length)
    if values.device.type != "cpu" or values.numel() < MANY or pieces < 2 * size:
        return values.max(-1, keepdim=True) if size == 1 else values.topk(size, sorted=False)
    rest = values[..., pieces * PIECE :]
    split = values[..., : pieces * PIECE].view(*values.shape[:-1], pieces, PIECE)
    maxima = split.amax(-1)  # (..., pieces)
    if size == 1:
        return _largest(split, maxima, rest)
    chosen = maxima.topk(size, sorted=False).indices  # (..., size)
    inside = split.gather(-2, chosen.unsqueeze(-1).expand(*chosen.shape, PIECE)).flatten(-2)  # (..., size * PIECE)
    found, places = torch.cat((inside, rest), dim=-1).topk(size, sorted=False)
    piece = places // PIECE
    ids = chosen.gather(-1, piece.clamp(max=size - 1)) * PIECE + places % PIECE
    return found, torch.where(piece < size, ids, places + (pieces - size) * PIECE)


def _largest(split: Tensor, maxima: Tensor, rest: Tensor) -> tuple[Tensor, Tensor]:
    """split (..., pieces, PIECE), maxima (..., pieces), rest (..., R) -> the largest and its id, (..., 1) each."""
    pieces = maxima.shape[-1]
    found, place = torch.cat((maxima, rest), dim=-1).max(-1, keepdim=True)
    piece = place.clamp(max=pieces - 1)
    inside = split.gather(-2, piece.unsqueeze(-1).expand(*piece.shape, PIECE)).squeeze(-2)  # (..., PIECE)
    ids = piece * PIECE + inside.max(-1, keepdim=True).indices
    return found, torch.where(place < pieces, ids, place + pieces * (PIECE - 1))
