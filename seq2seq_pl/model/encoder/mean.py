"""Bag-of-words encoder: the baseline that knows no order."""

from __future__ import annotations

from torch import Tensor, nn

from seq2seq_pl.interfaces import Encoder
from seq2seq_pl.model.ranges import check_minimum
from seq2seq_pl.values import Memory


class MeanEncoder(Encoder):
    """state_s = W x_s + b; the summary is their mean over the real tokens.

    The average of a deep averaging network, sec. 3 of https://aclanthology.org/P15-1162, whose layers above it are the
    decoder here. With the mean alone (model/attention=none) the decoder sees a bag of words; an attention sees which
    words there are, but not where.
    """

    def __init__(self, input_size: int, *, hidden_size: int) -> None:
        """Args: input_size E; hidden_size H of the states. Raises UserError if it is below 1."""
        super().__init__()
        check_minimum("model.encoder", "hidden_size", hidden_size)
        self.linear = nn.Linear(input_size, hidden_size)
        self.output_size = hidden_size

    def forward(self, embedded: Tensor, mask: Tensor) -> Memory:
        """embedded (B, S, E), mask (B, S) -> memory with states (B, S, H)."""
        states = self.linear(embedded)
        real = mask.unsqueeze(2)  # (B, S, 1)
        return Memory(states, mask, summary=states.masked_fill(~real, 0).sum(1) / real.sum(1))
