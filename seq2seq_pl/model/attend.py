"""From scores to a context: the last step that the scoring attentions have in common."""

from __future__ import annotations

import torch
from torch import Tensor

from seq2seq_pl.values import Memory


def attend(scores: Tensor, memory: Memory) -> tuple[Tensor, Tensor]:
    """Softmax over the real source tokens: scores (B, T, S) -> context (B, T, H) and weights (B, T, S)."""
    weights = scores.masked_fill(~memory.mask.unsqueeze(1), -torch.inf).softmax(-1)
    return weights @ memory.states, weights  # (B, T, S) @ (B, S, H) -> (B, T, H)
