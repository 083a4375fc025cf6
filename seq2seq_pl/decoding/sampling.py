"""Sampling: outputs drawn from the model instead of searched for."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from seq2seq_pl.decoding.limits import MOST_HYPOTHESES, Limits, check_most, refuse_phrases
from seq2seq_pl.errors import UserError
from seq2seq_pl.interfaces import Decoding, Stepper, Watch
from seq2seq_pl.values import BOS, EOS, PAD, UNK, Batch, Candidate, Hypothesis, SearchState

SAME_AS_ZERO, SAME_AS_INFINITY = 1e-30, 1e30
"""Temperatures beyond which float32 sees no difference, and would itself overflow."""


@dataclass(frozen=True)
class _Samples:
    """Where the sentences that are still sampled stand after t - 1 steps; K = n_best.

    Attributes:
        rows: position of each sentence in the batch, (B,).
        limits: most tokens of each sentence, EOS counted, (B,).
        tokens: from BOS on; EOS goes on after the end, (B, K, t).
        totals: log-probabilities, -inf where no token was possible, (B, K).
        live: True where a sample goes on, (B, K).
        state: the stepper's.
    """

    rows: Tensor
    limits: Tensor
    tokens: Tensor
    totals: Tensor
    live: Tensor
    state: SearchState

    def select(self, rows: Tensor) -> _Samples:
        """The samples of some of the sentences, rows (B',)."""
        return _Samples(
            self.rows[rows],
            self.limits[rows],
            self.tokens[rows],
            self.totals[rows],
            self.live[rows],
            self.state.select(rows),
        )


class Sampling(Decoding):
    """Draws each token from p(token)^(1 / temperature), renormalised; temperature 1 is ancestral sampling.

    What is drawn from can be truncated, in this order: to the top_k likeliest tokens (Fan et al. 2018,
    https://arxiv.org/abs/1805.04833), then to the fewest likeliest of these whose share of the rest is at least top_p
    (nucleus sampling, Holtzman et al. 2020, https://arxiv.org/abs/1904.09751). Of equally likely tokens those of lower
    id stay. PAD and BOS are never drawn.

    The log_prob and the score of a sample are the model's, not those of what it was drawn from. The samples of a
    sentence come best score first, equal ones merged: there may be fewer than n_best, and the first of several is not a
    fair draw. A sample for which no token is possible (all -inf, or NaN) is left out, unless there is no other: then
    the result is one empty, unfinished hypothesis of log_prob -inf.

    Each token takes one uniform number through the inverse of the cumulative distribution. A sentence's numbers come
    from `seed` and its place in its split (`Batch.index`) alone, and those of its first samples do not depend on how
    many are drawn, so that batch size, order and neighbours change nothing.

    Args:
        temperature: below 1 likely tokens gain, above 1 unlikely ones.
        top_k: tokens that may be drawn at a step; 0 = all.
        top_p: share of probability that may be drawn at a step; 1 = all.
        n_best: samples drawn per sentence.
        seed: of the uniform numbers.
        max_length_factor, max_length_extra, max_length, min_length, no_repeat_ngram, allow_unknown: as in `Limits`.
    Raises:
        UserError: if an argument is out of its range.
    """

    def __init__(
        self,
        *,
        temperature: float = 1.0,
        top_k: int = 0,
        top_p: float = 1.0,
        n_best: int = 1,
        seed: int = 1,
        max_length_factor: float = 1.5,
        max_length_extra: int = 10,
        max_length: int = 256,
        min_length: int = 0,
        no_repeat_ngram: int = 0,
        allow_unknown: bool = True,
    ) -> None:
        if not 0 < temperature < math.inf:
            raise UserError(f"decoding.temperature ({temperature}) must be greater than 0 and finite.")
        if top_k < 0:
            raise UserError(f"decoding.top_k ({top_k}) must be at least 1, or 0 for all tokens.")
        if not 0 < top_p <= 1:
            raise UserError(f"decoding.top_p ({top_p}) must be greater than 0 and at most 1.")
        if n_best < 1:
            raise UserError(f"decoding.n_best ({n_best}) must be at least 1.")
        check_most("n_best", n_best, MOST_HYPOTHESES)
        if seed < 0:
            raise UserError(f"decoding.seed ({seed}) must be at least 0.")
        self.temperature = float(min(max(temperature, SAME_AS_ZERO), SAME_AS_INFINITY))
        self.top_k = top_k
        self.top_p = top_p
        self.n_best = n_best
        self.seed = seed
        self.limits = Limits(
            max_length_factor, max_length_extra, max_length, min_length, no_repeat_ngram, allow_unknown
        )
        self.never = (PAD, BOS) if allow_unknown else (PAD, BOS, UNK)

    @torch.no_grad()
    def decode(self, stepper: Stepper, batch: Batch, watch: Watch | None = None) -> list[list[Hypothesis]]:
        """The samples of each sentence, best score first, all different."""
        refuse_phrases(batch)
        stepper = self.limits.rule(stepper, batch)
        hypotheses: list[list[Hypothesis]] = [[] for _ in range(len(batch.source))]
        samples = self._start(stepper, batch)
        uniforms = self._uniforms(batch, samples.limits)  # (B, K, T)
        step = 0
        while len(samples.rows):
            step += 1
            before, samples = samples.live, self._advance(stepper, samples, uniforms[samples.rows, :, step - 1], step)
            if watch is not None:
                _tell(watch, samples, before, step)
            live = samples.live.any(1)
            rest = live.nonzero().squeeze(1)  # the one wait for the device in a step
            if len(rest) == len(live):
                continue
            rows, tokens, totals = samples.rows[~live], samples.tokens[~live], samples.totals[~live]
            for row, *found in zip(rows.tolist(), tokens[..., 1:].tolist(), totals.tolist(), strict=True):
                hypotheses[row] = _ranked(*found)
            samples = samples.select(rest)
        return hypotheses

    def _start(self, stepper: Stepper, batch: Batch) -> _Samples:
        shape, device = (len(batch.source), self.n_best), batch.source.device
        return _Samples(
            rows=torch.arange(shape[0], device=device),
            limits=self.limits.most_tokens(batch),
            tokens=torch.full((*shape, 1), BOS, device=device),
            totals=torch.zeros(shape, device=device),
            live=torch.ones(shape, dtype=torch.bool, device=device),
            state=stepper.start(batch).reorder(torch.zeros(shape, dtype=torch.long, device=device)),
        )

    def _uniforms(self, batch: Batch, limits: Tensor) -> Tensor:
        """A number in [0, 1) for each token that may be drawn, (B, K, T), all at once: no step waits for them."""
        lengths = limits.tolist()
        numbers = np.zeros((len(lengths), self.n_best, max(lengths, default=0)), dtype=np.float32)
        for row, (index, length) in enumerate(zip(batch.index.tolist(), lengths, strict=True)):
            rng = np.random.default_rng([self.seed, index])
            numbers[row, :, :length] = rng.random((self.n_best, length), dtype=np.float32)
        return torch.from_numpy(numbers).to(batch.source.device)

    def _advance(self, stepper: Stepper, samples: _Samples, uniforms: Tensor, step: int) -> _Samples:
        """One more token for every live sample, uniforms (B, K)."""
        log_probs, state = stepper.step(samples.tokens[:, :, -1], samples.state)
        drawn, values = self._draw(log_probs, uniforms)
        drawn = torch.where(samples.live, drawn, EOS)
        totals = samples.totals + torch.where(samples.live, values, 0)
        ends = (drawn == EOS) | (samples.limits == step).unsqueeze(1) | (totals == -math.inf)
        return _Samples(
            rows=samples.rows,
            limits=samples.limits,
            tokens=torch.cat((samples.tokens, drawn.unsqueeze(2)), dim=2),
            totals=totals,
            live=samples.live & ~ends,
            state=state,
        )

    def _draw(self, log_probs: Tensor, uniforms: Tensor) -> tuple[Tensor, Tensor]:
        """log_probs (B, K, V), uniforms (B, K) -> tokens and their log-probabilities, -inf where none is possible."""
        logits = log_probs.to(torch.float32, copy=True)  # the stepper may still need its own
        for token in self.never:
            logits[..., token] = -math.inf
        best = logits.amax(2, keepdim=True)
        logits = logits.sub_(best).div_(self.temperature)  # after the subtraction nothing can overflow
        truncated = 0 < self.top_k < logits.size(2)
        logits, tokens = _top_k(logits, self.top_k) if truncated else (logits, None)  # (B, K, M)
        weights = logits.exp()
        if self.top_p < 1:
            weights = weights.masked_fill(_outside_nucleus(logits, self.top_p), 0)
        places = _inverse_cdf(weights, uniforms.unsqueeze(2))
        chosen = places if tokens is None else tokens.gather(2, places)
        values = log_probs.gather(2, chosen).float().masked_fill(~best.isfinite(), -math.inf)
        return chosen.squeeze(2), values.squeeze(2)


def _top_k(logits: Tensor, size: int) -> tuple[Tensor, Tensor]:
    """Values and ids (B, K, M), ordered by id, of the `size` highest of logits (B, K, V); of equal ones the lowest ids.

    torch.topk does not say which of equal ones it names, so those that equal its last are looked up again.
    """
    values, ids = logits.topk(size, dim=2)
    least = values[..., -1:]
    backwards = torch.arange(logits.size(2), 0, -1, dtype=torch.int32, device=logits.device)
    tied = torch.where(logits == least, backwards, 0).topk(size, dim=2).indices  # the lowest id first
    place = torch.arange(size, device=ids.device) - (values > least).sum(2, keepdim=True)  # among the tied
    ids = torch.where(place < 0, ids, tied.gather(2, place.clamp(min=0))).sort(dim=2).values
    return logits.gather(2, ids), ids


def _outside_nucleus(logits: Tensor, share: float) -> Tensor:
    """False for the fewest highest of logits (B, K, M) that have this share of the probability, else True.

    Of equal ones those of lower id are in it.
    """
    ranked = _descending(logits)
    probs = ranked.softmax(2)
    # The likelier ones do not have the share without it; the likeliest always counts.
    size = (probs.cumsum(2) - probs < share).sum(2, keepdim=True).clamp(min=1)
    least = ranked.gather(2, size - 1)
    above, equal = logits > least, logits == least
    return ~(above | (equal & (equal.cumsum(2) <= size - above.sum(2, keepdim=True))))


def _descending(values: Tensor) -> Tensor:
    """Values (B, K, M), each row sorted. On a CPU numpy does this in a small part of the time that torch.sort takes."""
    if values.device.type == "cpu":
        return torch.from_numpy(-np.sort(-values.numpy(), axis=2))
    return values.sort(dim=2, descending=True).values


def _inverse_cdf(weights: Tensor, uniforms: Tensor) -> Tensor:
    """The first place whose cumulative weight exceeds that share of their sum: weights (B, K, M), uniforms (B, K, 1).

    A place of weight 0 is never chosen, whatever the rounding: a parallel cumulative sum need not grow from place to
    place, so a search in it may go astray. Then the place of highest weight is taken.
    """
    cumulative = weights.cumsum(2)
    wanted = (uniforms * cumulative[..., -1:]).contiguous()
    places = torch.searchsorted(cumulative, wanted, right=True).clamp_(max=weights.size(2) - 1)  # (B, K, 1)
    return torch.where(weights.gather(2, places) > 0, places, weights.argmax(2, keepdim=True))


def _tell(watch: Watch, samples: _Samples, before: Tensor, step: int) -> None:
    """Reports the samples that were live before this step, (B, K). At each step the live ones are counted anew."""
    tokens = samples.tokens[..., -1]
    after = before & (tokens != EOS) & (samples.totals > -math.inf)
    parents = before.cumsum(1) - 1 if step > 1 else torch.zeros_like(tokens)  # before the first they are one
    places = after.cumsum(1) - 1
    columns = (before, parents, tokens, samples.totals, after, places)
    for row, *lists in zip(samples.rows.tolist(), *(column.tolist() for column in columns), strict=True):
        seen = [
            Candidate(step, parent, token, total, total, "live" if live else "kept", place if live else -1)
            for looked_at, parent, token, total, live, place in zip(*lists, strict=True)
            if looked_at and total > -math.inf
        ]
        if seen:
            watch(row, sorted(seen, key=lambda one: -one.score))


def _ranked(tokens: Sequence[list[int]], totals: Sequence[float]) -> list[Hypothesis]:
    """Best score first, of equal ones the first."""
    different: dict[tuple[tuple[int, ...], bool], Hypothesis] = {}
    for ids, total in zip(tokens, totals, strict=True):
        if total > -math.inf:
            finished = EOS in ids
            output = tuple(ids[: ids.index(EOS)] if finished else ids)
            different.setdefault((output, finished), Hypothesis(output, total, total, finished))
    ranked = sorted(different.values(), key=lambda one: -one.score)
    return ranked or [Hypothesis((), -math.inf, -math.inf, finished=False)]
