"""The encoder-decoder: source embedding, encoder, target embedding, decoder, output."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from seq2seq_pl.errors import UserError
from seq2seq_pl.interfaces import BOS, Batch, Decoder, Encoder, Memory, Output, SearchState


class Seq2Seq(nn.Module):
    """p(target | source) as a product over target tokens. It is a `Stepper`, so any decoding can search it."""

    def __init__(
        self,
        encoder: Encoder,
        decoder: Decoder,
        *,
        source_embedding: nn.Embedding,
        target_embedding: nn.Embedding,
        output: Output,
        dropout: float,
    ) -> None:
        """Args: dropout on embedded tokens of both sides. Raises UserError if it is not in [0, 1)."""
        super().__init__()
        if not 0 <= dropout < 1:
            raise UserError(f"model.dropout ({dropout}) must be at least 0 and below 1.")
        self.source_embedding = source_embedding
        self.target_embedding = target_embedding
        self.encoder = encoder
        self.decoder = decoder
        self.output = output
        self.dropout = nn.Dropout(dropout)

    def forward(self, batch: Batch, teacher_forcing_ratio: float = 1.0) -> tuple[Tensor, Tensor | None]:
        """Decoder outputs (B, T, H) for every target token and attention weights (B, T, S), or None.

        With probability `teacher_forcing_ratio`, drawn anew at each step for the whole batch, the decoder reads the
        right previous token, else its own most likely one; scheduled sampling, https://arxiv.org/abs/1506.03099.
        """
        memory = self.encode(batch)
        first = torch.full_like(batch.target[:, :1], BOS)
        if teacher_forcing_ratio < 1:
            return self._forward_stepped(first, batch.target, memory, teacher_forcing_ratio)
        previous = torch.cat([first, batch.target[:, :-1]], dim=1)  # (B, T)
        outputs: tuple[Tensor, Tensor | None] = self.decoder(self._embed_target(previous), memory)
        return outputs

    def _forward_stepped(
        self, previous: Tensor, target: Tensor, memory: Memory, ratio: float
    ) -> tuple[Tensor, Tensor | None]:
        state = self.decoder.start(memory)
        outputs, weights = [], []
        for t in range(target.shape[1]):
            step_outputs, step_weights, state = self.decoder.step(self._embed_target(previous), state, memory)
            outputs.append(step_outputs)  # (B, 1, H)
            if step_weights is not None:
                weights.append(step_weights)  # (B, 1, S)
            if torch.rand(()) < ratio:  # drawn on the CPU: no synchronisation with a GPU
                previous = target[:, t : t + 1]
            else:
                with torch.no_grad():
                    previous = self.output(step_outputs).argmax(-1)  # (B, 1, V) -> (B, 1)
        return torch.cat(outputs, dim=1), torch.cat(weights, dim=1) if weights else None

    def encode(self, batch: Batch) -> Memory:
        """The encoded source with everything the decoder derives from it alone."""
        embedded = self.dropout(self.source_embedding(batch.source))  # (B, S) -> (B, S, E)
        memory: Memory = self.encoder(embedded, batch.source_mask)
        return self.decoder.prepare(memory)

    def _embed_target(self, tokens: Tensor) -> Tensor:
        embedded: Tensor = self.dropout(self.target_embedding(tokens))
        return embedded

    def start(self, batch: Batch) -> SearchState:
        """The state of a search before the first token."""
        memory = self.encode(batch)
        return SearchState((memory,), (self.decoder.start(memory),))

    def step(self, tokens: Tensor, state: SearchState) -> tuple[Tensor, SearchState]:
        """tokens (B, K) -> log_probs (B, K, V) and the next state."""
        memory = state.memories[0]
        outputs, _, after = self.decoder.step(self._embed_target(tokens), state.states[0], memory)
        log_probs = self.output(outputs).float().log_softmax(-1)
        return log_probs, SearchState(state.memories, (after,))
