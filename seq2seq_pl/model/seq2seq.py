"""The encoder-decoder: source embedding, encoder, target embedding, decoder, output."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Literal, cast

import torch
from torch import Tensor, nn

from seq2seq_pl.errors import UserError
from seq2seq_pl.interfaces import Decoder, Embedding, Encoder, Output
from seq2seq_pl.model.dropout import Dropout
from seq2seq_pl.model.ranges import check_dropout
from seq2seq_pl.products import log_softmax
from seq2seq_pl.values import BOS, UNK, Affine, Batch, Memory, SearchState, State


class Seq2Seq(nn.Module):
    """p(target | source) as a product over target tokens. It is a `Stepper`, so any decoding can search it.

    Several tasks share all of it, or each has a decoder and an output of its own, as in sec. 3 of
    https://arxiv.org/abs/1511.06114, or an output alone. The target embedding they share all the same; theirs do not.
    """

    def __init__(
        self,
        encoder: Encoder,
        decoder: Decoder,
        *,
        source_embedding: Embedding,
        target_embedding: Embedding,
        output: Output,
        dropout: float,
        share_embeddings: bool = False,
        scheduled_sampling: Literal["step", "token"] = "step",
        separate: Literal["none", "output", "decoder"] = "none",
        own_decoders: Mapping[str, Decoder] | None = None,
        own_outputs: Mapping[str, Output] | None = None,
    ) -> None:
        """Args: what the model is made of, and how it is trained.

        Args:
            dropout: on embedded tokens of both sides.
            share_embeddings: one embedding for both sides; with output=tied, three-way tying (sec. 2.3 of
                https://arxiv.org/abs/1608.05859). The vocabulary must be shared.
            scheduled_sampling: whether the coin of a teacher-forcing ratio below 1 is thrown once a step for the whole
                batch, or for every token (https://arxiv.org/abs/1506.03099).
            separate: what each of several tasks has of its own; "decoder" is a decoder and an output. Whoever builds
                the model reads it.
            own_decoders: of tasks that do not use `decoder`, by name.
            own_outputs: of tasks that do not use `output`, by name; these copy if `output` copies.
        Raises:
            UserError: dropout is not in [0, 1), or embeddings that are to be shared differ in size.
        """
        super().__init__()
        check_dropout("model", "dropout", dropout)
        if share_embeddings and source_embedding.num_embeddings != target_embedding.num_embeddings:
            raise UserError("model.share_embeddings=true needs one vocabulary for both sides: shared_vocabulary=true.")
        self.source_embedding = target_embedding if share_embeddings else source_embedding
        self.target_embedding = target_embedding
        self.encoder = encoder
        self.decoder = decoder
        self.output = output
        self.own_decoders = nn.ModuleDict({_of(task): decoder for task, decoder in (own_decoders or {}).items()})
        self.own_outputs = nn.ModuleDict({_of(task): output for task, output in (own_outputs or {}).items()})
        self.dropout = Dropout(dropout)
        self.per_token = scheduled_sampling == "token"

    def forward(
        self, batch: Batch, teacher_forcing_ratio: float = 1.0, need_weights: bool = True
    ) -> tuple[Tensor, Tensor | None]:
        """Decoder outputs (B, T, H) for every target token and attention weights (B, T, S), or None.

        With probability `teacher_forcing_ratio`, the decoder reads the right previous token, else its own most likely
        one; scheduled sampling, https://arxiv.org/abs/1506.03099.
        """
        memory = self.encode(batch)
        need_weights = need_weights or self.output.copying
        first = torch.full_like(batch.target[:, :1], BOS)
        if teacher_forcing_ratio < 1:
            return self._forward_stepped(first, batch.target, memory, teacher_forcing_ratio, need_weights)
        previous = torch.cat([first, batch.target[:, :-1]], dim=1)  # (B, T)
        decoder = self._decoder(memory.task)
        outputs: tuple[Tensor, Tensor | None] = decoder(self._embed_target(previous), memory, need_weights)
        return outputs

    def _decoder(self, task: str) -> Decoder:
        return cast(Decoder, self.own_decoders[_of(task)]) if _of(task) in self.own_decoders else self.decoder

    def output_of(self, task: str) -> Output:
        """The output that a task uses."""
        return cast(Output, self.own_outputs[_of(task)]) if _of(task) in self.own_outputs else self.output

    def _forward_stepped(
        self, previous: Tensor, target: Tensor, memory: Memory, ratio: float, need_weights: bool
    ) -> tuple[Tensor, Tensor | None]:
        decoder = self._decoder(memory.task)
        state = decoder.start(memory)
        coins = (len(target), 1) if self.per_token else ()
        outputs, weights = [], []
        for t in range(target.shape[1]):
            step_outputs, step_weights, state = decoder.step(self._embed_target(previous), state, memory, need_weights)
            outputs.append(step_outputs)  # (B, 1, H)
            if step_weights is not None:
                weights.append(step_weights)  # (B, 1, S)
            forced = torch.rand(coins) < ratio  # drawn on the CPU: no synchronisation with a GPU
            previous = target[:, t : t + 1]
            if not forced.all():
                with torch.no_grad():
                    own = self._step_logits(step_outputs, step_weights, memory).argmax(-1)  # (B, 1, V) -> (B, 1)
                previous = torch.where(forced.to(own.device), previous, own)
        return torch.cat(outputs, dim=1), torch.cat(weights, dim=1) if weights else None

    def encode(self, batch: Batch) -> Memory:
        """The encoded source with everything the decoder derives from it alone."""
        embedded = self.dropout(self.source_embedding(batch.source))  # (B, S) -> (B, S, E)
        memory: Memory = self.encoder(embedded, batch.source_mask)
        return self._decoder(batch.task).prepare(replace(memory, copies=batch.copies, task=batch.task))

    def logits(self, batch: Batch, outputs: Tensor, weights: Tensor | None) -> Tensor:
        """What `forward` gave for a batch -> logits of its N real target tokens, (N, V)."""
        real, copies = batch.target_mask, None
        if self.output.copying:
            assert batch.copies is not None
            copies = batch.copies[real.nonzero()[:, 0]]  # (N, S)
            weights = None if weights is None else weights[real]  # (N, S); an output that needs them will say so
        logits: Tensor = self.output_of(batch.task)(outputs[real], weights, copies)  # (B, T, H) -> (N, H) -> (N, V)
        return logits

    def last_layer(self, batch: Batch, outputs: Tensor) -> Affine | None:
        """What `forward` gave for a batch -> the last layer over its N real target tokens; None where it has none."""
        if self.output.copying:
            return None
        return self.output_of(batch.task).affine(outputs[batch.target_mask])  # (B, T, H) -> (N, H)

    def _step_logits(self, outputs: Tensor, weights: Tensor | None, memory: Memory) -> Tensor:
        """outputs (B, K, H), weights (B, K, S) -> (B, K, V)."""
        copies = None
        if self.output.copying:
            assert memory.copies is not None
            copies = memory.copies.unsqueeze(1).expand(-1, outputs.shape[1], -1)  # (B, K, S)
        logits: Tensor = self.output_of(memory.task)(outputs, weights, copies)
        return logits

    def _embed_target(self, tokens: Tensor) -> Tensor:
        # Copied words have no row; in an ensemble another model may have copied them.
        tokens = tokens.masked_fill(tokens >= self.target_embedding.num_embeddings, UNK)
        embedded: Tensor = self.dropout(self.target_embedding(tokens))
        return embedded

    def start(self, batch: Batch) -> SearchState:
        """The state of a search before the first token."""
        memory = self.encode(batch)
        return SearchState((memory,), (self._decoder(memory.task).start(memory),))

    def step(self, tokens: Tensor, state: SearchState, need_weights: bool = False) -> tuple[Tensor, SearchState]:
        """tokens (B, K) -> log_probs (B, K, V) and the next state, with attention weights (B, K, S) if asked for."""
        memory = state.memories[0]
        outputs, weights, after = self.advance(tokens, state, need_weights or self.output.copying)
        log_probs = log_softmax(self._step_logits(outputs, weights, memory)).float()
        return log_probs, SearchState(state.memories, (after,), weights if need_weights else None)

    def advance(self, tokens: Tensor, state: SearchState, need_weights: bool) -> tuple[Tensor, Tensor | None, State]:
        """A step up to the output: tokens (B, K) -> outputs (B, K, H), weights (B, K, S) and the decoder's state."""
        memory = state.memories[0]
        return self._decoder(memory.task).step(self._embed_target(tokens), state.states[0], memory, need_weights)


def _of(task: str) -> str:
    """The key of a task in a ModuleDict, which takes no name of one of its methods ("type", "train")."""
    return f"of_{task}"
