"""Recurrent encoder: RNN, GRU or LSTM, one or both directions."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from seq2seq_pl.interfaces import Encoder
from seq2seq_pl.model.recurrent import recurrent_layers, to_named
from seq2seq_pl.values import Memory


class RNNEncoder(Encoder):
    """Reads the source word by word; https://arxiv.org/abs/1409.3215 sec. 2, both directions as in 1409.0473 sec. 3.2.

    The summary is the last hidden state of the top layer; with two directions, the last of each, concatenated.
    """

    def __init__(
        self, input_size: int, *, cell: str, hidden_size: int, layers: int, bidirectional: bool, dropout: float
    ) -> None:
        """Args: input_size E; hidden_size is per direction; dropout stands between the layers."""
        super().__init__()
        self.recurrent = recurrent_layers(
            cell,
            input_size,
            hidden_size,
            layers=layers,
            dropout=dropout,
            bidirectional=bidirectional,
            part="model.encoder",
        )
        self.directions = 2 if bidirectional else 1
        self.output_size = hidden_size * self.directions

    def forward(self, embedded: Tensor, mask: Tensor) -> Memory:
        """embedded (B, S, E), mask (B, S) -> memory with states (B, S, H) and final states (B, L, H)."""
        packed = pack_padded_sequence(embedded, mask.sum(1).cpu(), batch_first=True, enforce_sorted=False)
        packed_states, packed_final = self.recurrent(packed)
        states, _ = pad_packed_sequence(packed_states, batch_first=True, total_length=embedded.shape[1])
        final = {name: self._join_directions(state) for name, state in to_named(packed_final).items()}
        return Memory(states, mask, summary=final["hidden"][:, -1], final=final)

    def _join_directions(self, state: Tensor) -> Tensor:
        """(B, L * directions, H / directions) -> (B, L, H): torch lists the directions of a layer side by side."""
        return torch.cat([state[:, d :: self.directions] for d in range(self.directions)], dim=-1)
