"""Convolutional encoder."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F

from seq2seq_pl.errors import UserError
from seq2seq_pl.interfaces import Encoder
from seq2seq_pl.model.convolution import (
    ENTERING,
    ROOT_HALF,
    GatedConvolution,
    check_settings,
    learned_positions,
    normed,
)
from seq2seq_pl.model.dropout import Dropout
from seq2seq_pl.values import Memory


class ConvEncoder(Encoder):
    """Layers of gated convolutions, h = sqrt(1/2) (v(W * h) + h), sec. 3 of https://arxiv.org/abs/1705.03122.

    In the paper the attention's keys are the last layer's outputs z and its values z + e, e being the embedded tokens
    with their positions; a memory has one kind of state, so sqrt(1/2) (z + e) is both. Here z and e have hidden_size
    numbers, there the embedding's. The summary is the mean of the states of the real tokens.
    """

    def __init__(
        self, input_size: int, *, hidden_size: int, layers: int, kernel_size: int, dropout: float, max_positions: int
    ) -> None:
        """Args: input_size E and what follows.

        Args:
            kernel_size: tokens that a convolution sees, odd; 1 + layers * (kernel_size - 1) reach a state.
            dropout: on the input of each layer.
            max_positions: tokens of the longest source, EOS counted.
        Raises:
            UserError: a value is out of its range or kernel_size is even.
        """
        super().__init__()
        part, sizes = "model.encoder", {"hidden_size": hidden_size, "layers": layers, "kernel_size": kernel_size}
        check_settings(part, **sizes, max_positions=max_positions, dropout=dropout)
        if kernel_size % 2 == 0:
            raise UserError(
                f"{part}.kernel_size ({kernel_size}) must be odd, to reach as far to the left as to the right; "
                f"try {kernel_size - 1} or {kernel_size + 1}."
            )
        way_out = f"or set max_source_length={max_positions - 1}"
        self.positions = learned_positions(part, input_size, max_positions, way_out)
        self.enter = normed(nn.Linear(input_size, hidden_size), variance=ENTERING)
        self.dropout = Dropout(dropout)
        self.layers = nn.ModuleList(GatedConvolution(hidden_size, kernel_size) for _ in range(layers))
        self.leave = normed(nn.Linear(hidden_size, hidden_size))
        self.reach = kernel_size // 2
        self.output_size = hidden_size

    def forward(self, embedded: Tensor, mask: Tensor) -> Memory:
        """embedded (B, S, E), mask (B, S) -> memory with states (B, S, H).

        Raises:
            UserError: the source is longer than max_positions.
        """
        entered = self.enter(self.positions(embedded))  # (B, S, E) -> (B, S, H)
        states, padding = entered, ~mask.unsqueeze(2)  # (B, S, 1)
        for layer in self.layers:
            inputs = self.dropout(states).masked_fill(padding, 0)  # as if the sentence ended there
            states = ROOT_HALF * (layer(F.pad(inputs, (0, 0, self.reach, self.reach))) + states)
        states = ROOT_HALF * (self.leave(states) + entered)
        return Memory(states, mask, summary=states.masked_fill(padding, 0).sum(1) / mask.sum(1, keepdim=True))
