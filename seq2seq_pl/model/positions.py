"""Where a token stands, for layers that would not know: sinusoids, learned vectors, rotations."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

from seq2seq_pl.errors import UserError
from seq2seq_pl.model.ranges import check_minimum

Kind = Literal["sinusoidal", "learned", "rotary"]
SHORTER = "shorten max_source_length and max_target_length, or take positions=sinusoidal"


class Positions(nn.Module):
    """Adds the position to embedded tokens; with "rotary" nothing, because the self-attention turns by it (`rotate`).

    "sinusoidal": sec. 3.5 of https://arxiv.org/abs/1706.03762; "learned": a vector for each position,
    sec. 3.1 of https://arxiv.org/abs/1705.03122.
    """

    def __init__(
        self,
        kind: Kind,
        size: int,
        *,
        max_positions: int,
        part: str,
        way_out: str = SHORTER,
        deviation: float | None = None,
    ) -> None:
        """Args: size E of the vectors, and what follows.

        Args:
            max_positions: that can be learned.
            part: the dotted path for messages; way_out is what else a user can do.
            deviation: of learned vectors before training; None is E^(-1/2).
        Raises:
            UserError: max_positions is below 1.
        """
        super().__init__()
        check_minimum(part, "max_positions", max_positions)
        self.kind = kind
        self.part = part
        self.way_out = way_out
        self.learned = nn.Embedding(max_positions, size) if kind == "learned" else None
        if self.learned is not None:
            nn.init.normal_(self.learned.weight, std=size**-0.5 if deviation is None else deviation)

    def forward(self, embedded: Tensor, start: int = 0) -> Tensor:
        """embedded (..., T, E), the first of them at position `start` -> the same shape.

        Raises:
            UserError: learned positions do not reach that far.
        """
        if self.kind == "rotary":
            return embedded
        end, size = start + embedded.shape[-2], embedded.shape[-1]
        places = torch.arange(start, end, device=embedded.device)  # (T,)
        if self.learned is None:
            return embedded + sinusoids(places, size).to(embedded.dtype)
        if end > self.learned.num_embeddings:
            raise UserError(
                f"{self.part}.max_positions ({self.learned.num_embeddings}) is less than the {end} tokens of a text; "
                f"set more, {self.way_out}."
            )
        added: Tensor = embedded + self.learned(places)
        return added


def frequencies(size: int, device: torch.device) -> Tensor:
    """10000^(-2 i / size) for i = 0 ... ceil(size / 2) - 1."""
    return 10000 ** (-torch.arange(0, size, 2, device=device, dtype=torch.float32) / size)


def sinusoids(places: Tensor, size: int) -> Tensor:
    """Sines in the even, cosines in the odd columns: places (T,) -> (T, size)."""
    angles = places.unsqueeze(1) * frequencies(size, places.device)  # (T, ceil(size / 2))
    return torch.stack([angles.sin(), angles.cos()], dim=2).flatten(1)[:, :size]


def rotate(vectors: Tensor, start: int = 0) -> Tensor:
    """Turns each pair of numbers by its position times its frequency, eq. 34 of https://arxiv.org/abs/2104.09864.

    The product of two turned vectors depends on their distance alone.

    Args:
        vectors: queries or keys of one head, (..., T, D), D even.
        start: position of the first.
    """
    places = torch.arange(start, start + vectors.shape[-2], device=vectors.device)
    angles = places.unsqueeze(1) * frequencies(vectors.shape[-1], vectors.device)  # (T, D / 2)
    sin, cos = angles.sin().to(vectors.dtype), angles.cos().to(vectors.dtype)
    even, odd = vectors[..., 0::2], vectors[..., 1::2]
    return torch.stack([even * cos - odd * sin, even * sin + odd * cos], dim=-1).flatten(-2)
