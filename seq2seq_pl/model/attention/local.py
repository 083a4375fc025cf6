"""Local attention with a predicted window."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from seq2seq_pl.interfaces import Attention
from seq2seq_pl.model.attend import attend
from seq2seq_pl.model.ranges import check_minimum
from seq2seq_pl.values import Memory


class LocalAttention(Attention):
    """Predictive local attention (local-p), sec. 3.2, eq. 9 and 10, of https://arxiv.org/abs/1508.04025.

    p = S * sigmoid(v . tanh(W q)) for a source of S real tokens;
    weight(s) = align(q, m_s) * exp(-(s - p)^2 / (2 sigma^2)) within [p - D, p + D] and 0 elsewhere; sigma = D / 2.

    align is the softmax, over the window, of the general score q . W_a m. In the paper the products do not sum to 1;
    here they are divided by their sum, which is the softmax of score + log of the Gaussian. Positions s count from 0.
    """

    def __init__(self, query_size: int, memory_size: int, *, window: int, size: int) -> None:
        """Args: query_size Q, memory_size H, window D in tokens to each side, size A of the hidden layer behind p.

        Raises:
            UserError: window or size is below 1.
        """
        super().__init__()
        check_minimum("model.attention", "window", window)
        check_minimum("model.attention", "size", size)
        self.key = nn.Linear(memory_size, query_size, bias=False)
        self.hidden = nn.Linear(query_size, size, bias=False)
        self.position = nn.Linear(size, 1, bias=False)
        self.window = window
        self.context_size = memory_size

    def keys(self, memory: Memory) -> Tensor:
        """W_a m, (B, S, Q)."""
        projected: Tensor = self.key(memory.states)
        return projected

    def forward(
        self, query: Tensor, keys: Tensor, memory: Memory, need_weights: bool = True
    ) -> tuple[Tensor, Tensor | None]:
        """query (B, T, Q), keys (B, S, Q) -> context (B, T, H), weights (B, T, S)."""
        scores = query @ keys.transpose(1, 2)  # (B, T, Q) @ (B, Q, S) -> (B, T, S)
        center = self._center(query, memory)
        positions = torch.arange(memory.mask.shape[1], dtype=center.dtype, device=center.device)
        distance = positions - center  # (S,) - (B, T, 1) -> (B, T, S)
        log_gaussian = -2 * (distance / self.window).square()  # sigma = D / 2
        scores = scores + log_gaussian.to(scores.dtype)
        # p is at most S, one away from the last real token, so a window of D >= 1 always holds a real token.
        return attend(scores.masked_fill(distance.abs() > self.window, -torch.inf), memory)

    def _center(self, query: Tensor, memory: Memory) -> Tensor:
        """p, (B, T, 1), in float32 at least: bfloat16 has no place beyond token 256 to point at."""
        logit = self.position(torch.tanh(self.hidden(query)))  # (B, T, Q) -> (B, T, A) -> (B, T, 1)
        portion = logit.to(torch.promote_types(logit.dtype, torch.float32)).sigmoid()
        lengths = memory.mask.sum(1).view(-1, 1, 1)  # (B, 1, 1)
        center: Tensor = lengths * portion
        return center
