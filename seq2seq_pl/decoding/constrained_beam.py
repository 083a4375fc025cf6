"""Beam search whose outputs contain given phrases, over any Stepper."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import chain, pairwise, zip_longest
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from seq2seq_pl.decoding.frontier import Floats, Frontier, Ints, Ranking, advance, begin, continuations, found
from seq2seq_pl.decoding.limits import Limits
from seq2seq_pl.interfaces import Decoding, Stepper, Watch
from seq2seq_pl.values import EOS, PAD, UNK, Batch, Candidate, Hypothesis

Phrase = tuple[int, ...]
_State = tuple[int, Phrase]

MOST_ORDERED = 8
"""Phrases that overlap each other whose shortest order is still computed: it takes 2^phrases steps."""

ENDS_FIRST = 1e30
"""Above every log-probability: what ends is kept, however many live ones are better."""


class ConstrainedBeam(Decoding):
    """Lexically constrained beam search with dynamic beam allocation.

    Post & Vilar 2018 (https://arxiv.org/abs/1804.06609): one beam, shared out at each step, where the grid beam search
    of Hokamp & Liu 2017 (https://arxiv.org/abs/1704.07138) has one for each number of tokens met.

    A sentence without phrases that must occur is searched as by `Beam` with these settings. For one with phrases, each
    step

    1. looks at the beam_size + 1 best tokens of each hypothesis and at every token that goes on with a missing phrase:
       the one after its longest partial match, or its first. EOS is looked at only where no phrase is missing.
    2. drops what cannot be completed: a continuation lacks the tokens of the shortest text after which all phrases
       occur, and its limit must leave room for them. So phrases are begun in time, if only at the very end.
    3. puts the rest into banks by the number of tokens they lack, and deals the places of the beam out to the banks in
       rounds, the bank that lacks least first: evenly, and what a bank cannot fill goes to the others. If there are
       more banks than places, neighbouring banks share one, as evenly as can be, but the bank that lacks least has a
       place to itself: the beam always holds a hypothesis that is as near to the end as any.

    What ends is kept if it gets a place; the live ones are then dealt the places without it. All is ranked and ends as
    in `Beam`, but with stopping=exact: what ends first is what wrote its phrases first, and soon fills a beam.

    Phrases may overlap, contain each other and come twice: what counts is whether they occur in the end. The paper
    banks by the tokens met, counted phrase by phrase; without overlaps, that is the same.

    A sentence has outputs with all its phrases, or one empty, unfinished hypothesis of log_prob -inf. The latter is
    certain where no output exists: the phrases take more tokens than the limit, a phrase has PAD, BOS or EOS in it (or
    UNK where it may not be written), they cannot be had with the prefix, the excluded phrases or no_repeat_ngram.
    Where outputs exist, one is found at any beam_size and within any limit, unless all hypotheses of a beam run into
    tokens of log-probability -inf: the model's own, or what excluded phrases or no_repeat_ngram forbid there. (One
    exception: where more than eight missing phrases overlap others, they must fit one after the other.)

    Args:
        beam_size: live hypotheses per sentence.
        n_best: hypotheses returned per sentence; fewer where fewer exist.
        length_penalty: exponent of the length; 0 compares sums, 1 means.
        max_length_factor, max_length_extra, max_length, min_length, no_repeat_ngram, allow_unknown: as in `Limits`.
    Raises:
        UserError: if an argument is out of its range.
    """

    def __init__(
        self,
        *,
        beam_size: int = 10,
        n_best: int = 1,
        length_penalty: float = 1.0,
        max_length_factor: float = 1.5,
        max_length_extra: int = 10,
        max_length: int = 256,
        min_length: int = 0,
        no_repeat_ngram: int = 0,
        allow_unknown: bool = True,
    ) -> None:
        self.ranking = Ranking(beam_size, n_best, length_penalty, "power", 0.0, "full")
        self.patient = replace(self.ranking, stopping="exact")
        self.limits = Limits(
            max_length_factor, max_length_extra, max_length, min_length, no_repeat_ngram, allow_unknown
        )

    @torch.no_grad()
    def decode(self, stepper: Stepper, batch: Batch, watch: Watch | None = None) -> list[list[Hypothesis]]:
        """The n_best hypotheses of each sentence, best score first, all different."""
        stepper = self.limits.rule(stepper, batch)
        size, limits, device = self.ranking.beam_size, self.limits.most_tokens(batch), batch.source.device
        hypotheses: list[list[Hypothesis]] = [[] for _ in range(len(batch.source))]
        searches = self._searches(batch, limits.tolist())
        constrained = np.array([search is not None for search in searches])  # (B,)
        frontier = begin(limits, size, batch.source_mask, coverage=False)
        state = stepper.start(batch)
        step = 0
        while len(frontier.rows):
            step += 1
            state = state.reorder(torch.from_numpy(frontier.parents).to(device)) if size > 1 else state
            log_probs, state = stepper.step(torch.from_numpy(frontier.tokens).to(device), state)
            if any(search is not None for search in searches):
                frontier = self._advance(frontier, searches, constrained, log_probs, step, watch)
            else:
                values, tokens = continuations(log_probs, size, self.limits.allow_unknown)
                frontier = advance(frontier, self.ranking, step, values, tokens, None, watch=watch)
            done = np.where(constrained, self.patient.done(frontier, step), self.ranking.done(frontier, step))
            if not done.any():
                continue
            over, rest = frontier.select(np.flatnonzero(done)), np.flatnonzero(~done)
            for row, best in zip(over.rows.tolist(), found(over, self.ranking, step), strict=True):
                hypotheses[row] = best
            state = state.select(torch.from_numpy(rest).to(device))
            frontier, constrained = frontier.select(rest), constrained[rest]
            searches = [searches[row] for row in rest.tolist()]
        return hypotheses

    def score(self, log_prob: float, length: int, coverage: Tensor | None = None) -> float:
        """What a finished hypothesis is ranked by; see `Ranking`."""
        return self.ranking.score_alone(log_prob, length, coverage)

    def _searches(self, batch: Batch, limits: Sequence[int]) -> list[_Search | None]:
        """One for each sentence that has phrases."""
        includes = [one.include for one in batch.constraints] or [()] * len(limits)
        return [
            _Search(_Phrases(include, self.limits.allow_unknown), limit) if include else None
            for include, limit in zip(includes, limits, strict=True)
        ]

    def _advance(
        self,
        frontier: Frontier,
        searches: Sequence[_Search | None],
        constrained: NDArray[np.bool_],
        log_probs: Tensor,
        step: int,
        watch: Watch | None,
    ) -> Frontier:
        """One more token for every live hypothesis; constrained (B,) where there is a search, log_probs (B, K, V)."""
        size = self.ranking.beam_size
        wanted = _filled([search.wanted() if search else [] for search in searches], log_probs.size(1))  # (B, K, X)
        # Constraints came by way of `Ruled`, whose log_probs are nobody else's.
        log_probs[..., EOS].masked_fill_((wanted != PAD).any(2).to(log_probs.device), -math.inf)
        values, tokens = continuations(log_probs, size, self.limits.allow_unknown)
        values, tokens = _with_wanted(log_probs, values, tokens, wanted)  # (B, K, M)
        totals = frontier.log_probs[:, :, None] + values
        totals[~(totals > -math.inf)] = -math.inf  # NaN too
        chosen = np.ones((len(values), values[0].size), dtype=np.bool_)
        pruned: dict[int, list[_Continuation]] = {}
        for row, search in enumerate(searches):
            if search:
                places, pruned[row] = search.advance(step, size, tokens[row].tolist(), totals[row].tolist())
                chosen[row] = False
                chosen[row, places] = True
        values = np.where(chosen.reshape(values.shape), values, np.float32(-math.inf))
        bonus = np.float32(ENDS_FIRST) * ((tokens == EOS) & constrained[:, None, None])

        told: dict[int, Sequence[Candidate]] = {}
        listen = None if watch is None else told.__setitem__
        frontier = advance(frontier, self.ranking, step, values, tokens, None, bonus, listen)
        for row, (sentence, candidates) in enumerate(told.items()):
            assert watch is not None
            others = (
                Candidate(step, one.parent, one.token, one.total, self.score(one.total, step), "pruned")
                for one in pruned.get(row, ())
            )
            watch(sentence, sorted((*candidates, *others), key=lambda one: -one.score))
        return frontier


class _Phrases:
    """What the phrases of one sentence want of its hypotheses: an automaton over the tokens written so far.

    A state is (met, tail): which phrases occur, a bit for each, and the longest end of the text that begins a phrase
    (the states of Aho & Corasick 1975, https://doi.org/10.1145/360825.360855).
    """

    def __init__(self, phrases: Sequence[Phrase], allow_unknown: bool) -> None:
        self.phrases = tuple(dict.fromkeys(phrases))
        self.beginnings = {phrase[:end] for phrase in self.phrases for end in range(len(phrase) + 1)}
        written = {token for phrase in self.phrases for token in phrase}
        self.possible = all(token > EOS or (token == UNK and allow_unknown) for token in written)
        self.lengths: dict[tuple[Phrase, tuple[Phrase, ...]], int] = {}
        self.lacks: dict[_State, float] = {}

    def after(self, state: _State, token: int) -> _State:
        """The state when one more token is written."""
        met, tail = state
        tail = (*tail, token)
        for bit, phrase in enumerate(self.phrases):
            if tail[-len(phrase) :] == phrase:
                met |= 1 << bit
        while tail not in self.beginnings:
            tail = tail[1:]
        return met, tail

    def missing(self, state: _State) -> list[Phrase]:
        """The phrases that do not occur yet."""
        return [phrase for bit, phrase in enumerate(self.phrases) if not state[0] >> bit & 1]

    def wanted(self, state: _State) -> list[int]:
        """The tokens that go on with a missing phrase."""
        return sorted({phrase[_overlap(state[1], phrase)] for phrase in self.missing(state)})

    def lacking(self, state: _State) -> float:
        """How many more tokens it takes at least until all phrases occur; infinite where they cannot.

        At least one of the tokens wanted lowers it by one. Phrases that do not overlap count as long as they are; at
        most one can go on with the tail.
        """
        if state not in self.lacks:
            missing = self.missing(state)
            whole = [one for one in missing if not any(one != other and _contains(other, one) for other in missing)]
            linked = tuple(one for one in whole if any(_linked(one, other) for other in whole if other != one))
            loose = [one for one in whole if one not in linked]
            begun = max((_overlap(state[1], one) for one in loose), default=0)
            shortest = min(self._shortest((), linked) - begun, self._shortest(state[1], linked))
            self.lacks[state] = sum(map(len, loose)) + shortest if self.possible else math.inf
        return self.lacks[state]

    def _shortest(self, tail: Phrase, phrases: tuple[Phrase, ...]) -> int:
        """The tokens that it takes to write phrases, none within another, after a tail: the best of all orders.

        The recursion of Held & Karp 1962 (https://doi.org/10.1137/0110015) over sets of phrases.
        """
        if len(phrases) > MOST_ORDERED or not phrases:
            return sum(map(len, phrases)) - max((_overlap(tail, phrase) for phrase in phrases), default=0)
        if (tail, phrases) not in self.lengths:
            self.lengths[tail, phrases] = min(
                len(first)
                - _overlap(tail, first)
                + self._shortest(first, tuple(one for one in phrases if one != first))
                for first in phrases
            )
        return self.lengths[tail, phrases]


class _Search:
    """Where the live hypotheses of one sentence stand with its phrases."""

    def __init__(self, phrases: _Phrases, limit: int) -> None:
        self.phrases = phrases
        self.limit = limit
        self.states: list[_State] = [(0, ())]  # in the order of the live hypotheses

    def wanted(self) -> list[list[int]]:
        """The tokens wanted by each live hypothesis; none where no phrase is missing."""
        return [self.phrases.wanted(state) for state in self.states]

    def advance(
        self, step: int, size: int, tokens: Sequence[list[int]], totals: Sequence[list[float]]
    ) -> tuple[list[int], list[_Continuation]]:
        """Chooses what goes on or is kept among K * M continuations.

        Args:
            step: how many tokens a continuation has.
            size: of the beam.
            tokens: the last tokens of K * M continuations, ordered by id for each of the K hypotheses.
            totals: their log-probabilities.
        Returns:
            Places of those chosen among the K * M, and the best of the others, 2 * size in all.
        """
        looked_at = sorted(self._continuations(tokens, totals), key=lambda one: -one.total)
        fitting = [one for one in looked_at if one.lacks <= self.limit - step]
        live = {one.place for one in _shared_out([one for one in fitting if one.token != EOS], size)}
        kept = {one.place for one in _shared_out(fitting, size) if one.token == EOS}
        self.states = [one.state for one in looked_at if one.place in live]
        others = [one for one in looked_at if one.place not in live and one.place not in kept]
        return sorted(live | kept), others[: 2 * size - len(live | kept)]

    def _continuations(self, tokens: Sequence[list[int]], totals: Sequence[list[float]]) -> Iterator[_Continuation]:
        for parent, (state, *columns) in enumerate(zip(self.states, tokens, totals, strict=False)):
            for column, (token, total) in enumerate(zip(*columns, strict=True)):
                if total > -math.inf:
                    after = state if token == EOS else self.phrases.after(state, token)
                    place = parent * len(totals[0]) + column
                    yield _Continuation(place, parent, token, total, after, self.phrases.lacking(after))


class _Continuation(NamedTuple):
    place: int  # among the K * M of its sentence
    parent: int
    token: int
    total: float
    state: _State
    lacks: float


def _shared_out(continuations: Sequence[_Continuation], size: int) -> list[_Continuation]:
    """Those that get one of `size` places, of continuations in the order of their log-probabilities."""
    banks: dict[float, list[_Continuation]] = {}
    for one in continuations:
        banks.setdefault(one.lacks, []).append(one)
    groups = [banks[lacks] for lacks in sorted(banks)]
    if len(groups) > size:
        first, rest, places = groups[0], groups[1:], size - 1
        bounds = [len(rest) * place // places for place in range(size)] if places else []
        merged = (chain(*rest[start:end]) for start, end in pairwise(bounds))
        groups = [first, *(sorted(group, key=lambda one: -one.total) for group in merged)]
    rounds = zip_longest(*groups)
    return [one for one in chain(*rounds) if one is not None][:size]


def _contains(phrase: Phrase, part: Phrase) -> bool:
    return any(phrase[start : start + len(part)] == part for start in range(len(phrase) - len(part) + 1))


def _overlap(tail: Phrase, phrase: Phrase) -> int:
    """Length of the longest end of a tail that begins a phrase, and is not all of it."""
    longest = min(len(tail), len(phrase) - 1)
    return next(end for end in range(longest, -1, -1) if tail[len(tail) - end :] == phrase[:end])


def _linked(one: Phrase, other: Phrase) -> bool:
    return _overlap(one, other) > 0 or _overlap(other, one) > 0


def _filled(wanted: Sequence[Sequence[Sequence[int]]], width: int) -> Tensor:
    """Tokens of at most K = width hypotheses in each of B sentences, filled with PAD, (B, K, X)."""
    most = max((len(tokens) for hypotheses in wanted for tokens in hypotheses), default=0)
    filled = torch.full((len(wanted), width, most), PAD)
    for row, hypotheses in enumerate(wanted):
        for place, tokens in enumerate(hypotheses):
            filled[row, place, : len(tokens)] = torch.tensor(tokens, dtype=torch.long)
    return filled


def _with_wanted(log_probs: Tensor, values: Floats, tokens: Ints, wanted: Tensor) -> tuple[Floats, Ints]:
    """Adds tokens wanted to the continuations, ordered by id again.

    Args:
        log_probs: (B, K, V).
        values: log-probabilities of continuations, (B, K, M).
        tokens: their tokens, (B, K, M).
        wanted: tokens, or PAD, (B, K, X).
    Returns:
        values and tokens, (B, K, M + X); -inf for PAD, for an id beyond the vocabulary and for a token named already.
    """
    inside = wanted.clamp(max=log_probs.size(2) - 1)
    further = log_probs.gather(2, inside.to(log_probs.device)).float().cpu()
    further.masked_fill_((wanted == PAD) | (wanted != inside), -math.inf)
    ids, more = inside.numpy(), further.numpy()
    more[(ids[..., None] == tokens[:, :, None]).any(3)] = -math.inf
    tokens = np.concatenate((tokens, ids), axis=2)
    order = tokens.argsort(axis=2, kind="stable")
    values = np.take_along_axis(np.concatenate((values, more), axis=2), order, axis=2)
    return values, np.take_along_axis(tokens, order, axis=2)
