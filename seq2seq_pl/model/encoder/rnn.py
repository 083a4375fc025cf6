"""Recurrent encoder: RNN, GRU or LSTM, one or both directions."""

from __future__ import annotations

import torch
from torch import Tensor

from seq2seq_pl.errors import UserError
from seq2seq_pl.interfaces import Encoder
from seq2seq_pl.model.recurrent import RecurrentStack
from seq2seq_pl.values import Memory


class RNNEncoder(Encoder):
    """Reads the source word by word; https://arxiv.org/abs/1409.3215 sec. 2, both directions as in 1409.0473 sec. 3.2.

    The summary is the last hidden state of the top layer; with two directions, the last of each, concatenated. Read
    backward, the source ends with its first word, next to the target's first: sec. 3.3 of the former.
    """

    def __init__(
        self,
        input_size: int,
        *,
        cell: str,
        hidden_size: int,
        layers: int,
        bidirectional: bool,
        backward: bool,
        dropout: float,
        residual: bool,
        layer_norm: bool,
        variational_dropout: bool,
    ) -> None:
        """Args: input_size E; hidden_size is per direction; the rest is as in `RecurrentStack`.

        Raises:
            UserError: a value is out of its range, or both directions are to be read and one of them alone.
        """
        super().__init__()
        if backward and bidirectional:
            raise UserError("model.encoder.backward=true reads one direction: set model.encoder.bidirectional=false.")
        self.backward = backward
        self.recurrent = RecurrentStack(
            cell,
            input_size,
            hidden_size,
            layers=layers,
            dropout=dropout,
            bidirectional=bidirectional,
            residual=residual,
            layer_norm=layer_norm,
            variational_dropout=variational_dropout,
            part="model.encoder",
        )
        self.output_size = self.recurrent.output_size

    def forward(self, embedded: Tensor, mask: Tensor) -> Memory:
        """embedded (B, S, E), mask (B, S) -> memory with states (B, S, H) and final states (B, L, H)."""
        lengths = mask.sum(1)
        if self.backward:
            embedded = reverse(embedded, lengths)
        states, final = self.recurrent(embedded, self.recurrent.mask(embedded), lengths=lengths.cpu())
        if self.backward:
            states = reverse(states, lengths)
        return Memory(states, mask, summary=final["hidden"][:, -1], final=final)


def reverse(sequences: Tensor, lengths: Tensor) -> Tensor:
    """The real tokens of each sequence from the last to the first, PAD where it was: (B, S, E), lengths (B,)."""
    places = torch.arange(sequences.shape[1], device=sequences.device)  # (S,)
    mirrored = lengths.unsqueeze(1) - 1 - places  # (B, S)
    order = torch.where(mirrored < 0, places, mirrored)
    return sequences.gather(1, order.unsqueeze(2).expand_as(sequences))
