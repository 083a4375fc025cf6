"""What Transformer encoders and decoders are made of: self-attention, feed-forward network, residual connection."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from seq2seq_pl.errors import UserError
from seq2seq_pl.model.dropout import Dropout, dropout
from seq2seq_pl.model.positions import Kind, rotate
from seq2seq_pl.model.ranges import check_dropout, check_minimum

Norm = Literal["pre", "post"]


@dataclass(frozen=True)
class LayerSettings:
    """What every layer of a Transformer is made with.

    Attributes:
        part: dotted path of the part in the config, for messages.
        hidden_size: H of its states.
        norm: layer normalisation before each sublayer, or after it as in the paper.
        dropout: on what each sublayer gives.
        attention_dropout: on the weights of the self-attention.
        activation_dropout: within the feed-forward network.
    Raises:
        UserError: a size or a probability is out of its range, or the heads cannot share the hidden size.
    """

    part: str
    hidden_size: int
    heads: int
    feedforward_size: int
    norm: Norm
    positions: Kind
    dropout: float
    attention_dropout: float
    activation_dropout: float

    def __post_init__(self) -> None:
        for name in ("hidden_size", "heads", "feedforward_size"):
            check_minimum(self.part, name, getattr(self, name))
        for name in ("dropout", "attention_dropout", "activation_dropout"):
            check_dropout(self.part, name, getattr(self, name))
        check_heads(self.part, "hidden_size", self.hidden_size, self.heads)
        if self.positions == "rotary" and self.hidden_size // self.heads % 2:
            raise UserError(
                f"{self.part}.hidden_size ({self.hidden_size}) / {self.part}.heads ({self.heads}) must be even for "
                f"positions=rotary; try hidden_size={self.hidden_size + self.heads}."
            )


def check_heads(part: str, name: str, size: int, heads: int) -> None:
    """Raises UserError unless the heads share the size evenly."""
    if size % heads:
        below = size // heads * heads
        tries = f"{below} or {below + heads}" if below else f"{heads}"
        raise UserError(f"{part}.{name} ({size}) must be divisible by {part}.heads ({heads}); try {tries}.")


def split_heads(vectors: Tensor, heads: int) -> Tensor:
    """(B, T, H) -> (B, heads, T, H / heads)."""
    return vectors.view(*vectors.shape[:-1], heads, -1).transpose(-3, -2)


def join_heads(vectors: Tensor) -> Tensor:
    """The inverse of `split_heads`."""
    return vectors.transpose(-3, -2).flatten(-2)


def attend(
    query: Tensor, key: Tensor, value: Tensor, seen: Tensor | None, probability: float, *, causal: bool = False
) -> Tensor:
    """softmax(Q K^T / sqrt(D)) V with dropout on the weights; sec. 3.2.1 of https://arxiv.org/abs/1706.03762.

    torch fuses it, but on a CPU not with dropout, which it then draws number by number (see `dropout`).

    Args:
        query: (B, heads, T, D).
        key, value: (B, heads, S, D).
        seen: True where a query may look, (B, 1, 1, S); None for everywhere, or causal for not beyond its own place.
        probability: of dropout, 0 outside of training.
    Returns:
        (B, heads, T, D).
    """
    if not probability or query.device.type != "cpu" or torch.compiler.is_compiling():
        return F.scaled_dot_product_attention(query, key, value, seen, probability, is_causal=causal)
    scores = (query / query.shape[-1] ** 0.5) @ key.transpose(-2, -1)  # (B, heads, T, S)
    if causal:
        seen = scores.new_ones(scores.shape[-2:], dtype=torch.bool).tril()
    if seen is not None:
        scores = scores.masked_fill(~seen, -torch.inf)
    return dropout(scores.softmax(-1), probability, training=True) @ value


class SelfAttention(nn.Module):
    """Multi-head attention of a sequence to itself, sec. 3.2.2 of https://arxiv.org/abs/1706.03762."""

    def __init__(self, settings: LayerSettings) -> None:
        super().__init__()
        size = settings.hidden_size
        self.heads = settings.heads
        self.dropout = settings.attention_dropout
        self.rotary = settings.positions == "rotary"
        self.projections = nn.Linear(size, 3 * size)  # query, key and value in one product
        self.out = nn.Linear(size, size)

    def forward(self, states: Tensor, mask: Tensor | None) -> Tensor:
        """states (B, T, H) -> (B, T, H). With a mask (B, T) all see the real tokens, without one those before them."""
        query, key, value = (split_heads(vectors, self.heads) for vectors in self.projections(states).chunk(3, dim=-1))
        seen = None if mask is None else mask[:, None, None]  # (B, 1, 1, T)
        return self._attend(query, key, value, seen, causal=mask is None)

    def step(self, states: Tensor, written: Tensor) -> tuple[Tensor, Tensor]:
        """One more token of each hypothesis.

        Args:
            states: (B, K, H).
            written: keys and values of the tokens before it, (B, K, T, 2 H).
        Returns:
            (B, K, H), and keys and values with its own, (B, K, T + 1, 2 H).
        """
        projected, size = self.projections(states), states.shape[-1]  # (B, K, 3 H)
        written = torch.cat([written, projected[..., None, size:]], dim=2)
        # Fused attention takes hypotheses as sentences, (B * K, heads, T, D), and is many times slower with five sizes.
        each = -1, written.shape[2], 2, self.heads, size // self.heads
        key, value = written.view(each).permute(2, 0, 3, 1, 4)
        query = projected[..., :size].reshape(-1, self.heads, 1, size // self.heads)
        return self._attend(query, key, value, None, causal=False).view_as(states), written

    def _attend(self, query: Tensor, key: Tensor, value: Tensor, seen: Tensor | None, *, causal: bool) -> Tensor:
        """query (B, heads, T, D), key and value (B, heads, S, D) -> (B, T, H)."""
        if self.rotary:
            query, key = rotate(query, start=key.shape[-2] - query.shape[-2]), rotate(key)
        probability = self.dropout if self.training else 0.0
        out: Tensor = self.out(join_heads(attend(query, key, value, seen, probability, causal=causal)))
        return out


class FeedForward(nn.Sequential):
    """W_2 relu(W_1 x), position by position; sec. 3.3 of https://arxiv.org/abs/1706.03762."""

    def __init__(self, settings: LayerSettings) -> None:
        size, inner = settings.hidden_size, settings.feedforward_size
        activation_dropout = Dropout(settings.activation_dropout)
        super().__init__(nn.Linear(size, inner), nn.ReLU(inplace=True), activation_dropout, nn.Linear(inner, size))


class Residual(nn.Module):
    """The connection around a sublayer f: "post" is LayerNorm(x + dropout(f(x))), sec. 3.1 of Vaswani et al. 2017;
    "pre" is x + dropout(f(LayerNorm(x))), https://arxiv.org/abs/2002.04745, which needs no warm-up to be stable.
    """

    def __init__(self, settings: LayerSettings, *, reads: bool = True) -> None:
        """Args: reads is whether the sublayer makes anything of the states."""
        super().__init__()
        self.pre = settings.norm == "pre"
        self.norm = nn.LayerNorm(settings.hidden_size) if reads or not self.pre else nn.Identity()
        self.dropout = Dropout(settings.dropout)

    def enter(self, states: Tensor) -> Tensor:
        """What the sublayer reads."""
        entered: Tensor = self.norm(states) if self.pre else states
        return entered

    def leave(self, states: Tensor, change: Tensor) -> Tensor:
        """The states after the sublayer's answer."""
        left: Tensor = states + self.dropout(change)
        return left if self.pre else self.norm(left)
