"""A search among the target ids that are plausible for each sentence, its shortlist, instead of all.

The output layer and the softmax then cost a part of what they do. Jean et al. 2015, sec. 3.3
(https://arxiv.org/abs/1412.2007); with likely translations by IBM Model 1, as there, and frequent ids.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from seq2seq_pl.interfaces import Decoding
from seq2seq_pl.lexicon import Lexicon
from seq2seq_pl.model.seq2seq import Seq2Seq
from seq2seq_pl.products import linear, log_softmax
from seq2seq_pl.values import PAD, SPECIAL_TOKENS, Batch, Constraints, Hypothesis, SearchState

BARRED = "shortlist"
"""Under which a memory holds what each sentence cannot be written with."""


class Shortlist:
    """The target ids that each sentence may be written with.

    These are the special ids, the frequent ones, the translations of its source's, and what constraints say must occur.
    """

    def __init__(self, lexicon: Lexicon, vocab_size: int) -> None:
        """Args: vocab_size V of the target."""
        self.vocab_size = vocab_size
        self.translations = torch.from_numpy(lexicon.translations).long()  # (source vocabulary, W)
        self.translations[PAD] = PAD  # so that padding asks for nothing
        self.always = torch.tensor([*range(len(SPECIAL_TOKENS)), *lexicon.frequent.tolist()])

    def listed(self, batch: Batch) -> Tensor:
        """True for the ids of each sentence, (B, V)."""
        source = batch.source.cpu()
        listed = torch.zeros(len(source), self.vocab_size, dtype=torch.bool)
        listed[:, self.always] = True
        listed.scatter_(1, self.translations[source].flatten(1), True)  # filled up with PAD, which is listed anyway
        for row, one in enumerate(batch.constraints):
            wanted = [token for phrase in (one.prefix, *one.include) for token in phrase if token < self.vocab_size]
            listed[row, wanted] = True
        return listed.to(batch.source.device)


class Narrowed:
    """A Stepper over those V' of a model's V target ids that some sentence of a batch is listed with.

    Tokens are numbered by their places among these, in which the special ids keep theirs. Each sentence's probabilities
    are normalised over its own list, all else is impossible, so its neighbours make no difference.
    """

    def __init__(self, model: Seq2Seq, ids: Tensor, barred: Tensor, task: str) -> None:
        """Args: what is searched among.

        Args:
            ids: ascending, (V',).
            barred: True for what a sentence is not listed with, (B, V').
            task: the batch's.
        """
        self.model = model
        self.ids = ids
        self.barred = barred
        self.output = model.output_of(task)
        self.few: tuple[Tensor, Tensor] | None = None  # the rows of the last layer's weight and bias, once gathered

    def start(self, batch: Batch) -> SearchState:
        """The state before the first token; a search takes the sentences' lists along with their memory."""
        state = self.model.start(batch)
        (memory,) = state.memories
        return replace(state, memories=(replace(memory, keys={**memory.keys, BARRED: self.barred}),))

    def step(self, tokens: Tensor, state: SearchState, need_weights: bool = False) -> tuple[Tensor, SearchState]:
        """tokens (B, K) -> log_probs (B, K, V') and the next state, with attention weights (B, K, S) if asked for."""
        (memory,) = state.memories
        outputs, weights, after = self.model.advance(self.ids[tokens], state, need_weights)
        logits = self._logits(outputs).masked_fill(memory.keys[BARRED].unsqueeze(1), -torch.inf)
        return log_softmax(logits).float(), SearchState(state.memories, (after,), weights if need_weights else None)

    def _logits(self, outputs: Tensor) -> Tensor:
        """outputs (B, K, H) -> (B, K, V')."""
        last = self.output.affine(outputs)
        if last is None:
            every: Tensor = self.output(outputs)
            return every[..., self.ids]
        if self.few is None:
            self.few = last.weight[self.ids], last.bias[self.ids]
        return linear(last.inputs, *self.few)


@torch.no_grad()
def decode_narrowed(decoding: Decoding, model: Seq2Seq, batch: Batch, shortlist: Shortlist) -> list[list[Hypothesis]]:
    """What a decoding finds among the ids listed; log-probabilities are those among them."""
    listed = shortlist.listed(batch)  # (B, V)
    ids = listed.any(0).nonzero().squeeze(1)  # (V',)
    numbers = ids.tolist()
    stepper = Narrowed(model, ids, ~listed[:, ids], batch.task)
    asked = replace(batch, constraints=_renumbered(batch.constraints, numbers))
    return [
        [replace(one, tokens=tuple(numbers[token] for token in one.tokens)) for one in hypotheses]
        for hypotheses in decoding.decode(stepper, asked)
    ]


def _renumbered(constraints: Sequence[Constraints], numbers: Sequence[int]) -> tuple[Constraints, ...]:
    """The constraints in the places of their ids; what has none becomes V', which no more comes than an id beyond V."""
    places = {token: place for place, token in enumerate(numbers)}

    def among(phrase: Sequence[int]) -> tuple[int, ...]:
        return tuple(places.get(token, len(numbers)) for token in phrase)

    return tuple(
        Constraints(among(one.prefix), tuple(map(among, one.include)), tuple(map(among, one.exclude)))
        for one in constraints
    )
