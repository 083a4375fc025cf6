"""Diverse beam search over any Stepper."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from seq2seq_pl.decoding.frontier import Frontier, Ranking, advance, begin, continuations, found
from seq2seq_pl.decoding.limits import MOST_HYPOTHESES, Limits, check_most, refuse_phrases
from seq2seq_pl.errors import UserError
from seq2seq_pl.interfaces import Decoding, Stepper, Watch
from seq2seq_pl.values import Batch, Candidate, Hypothesis

MOST_STRENGTH = 1_000
"""Nats, beside which float32 still tells log-probabilities apart."""


class DiverseBeam(Decoding):
    """Diverse beam search with Hamming diversity, Vijayakumar et al. 2018 (https://arxiv.org/abs/1610.02424).

    The beam is split into groups that are searched one after the other at every step, each like `Beam`. A group ranks a
    continuation by its log-probability less diversity_strength for each hypothesis of the groups before it that writes
    the same token in this step; the end of a sentence is no such token. The penalty chooses and is forgotten: the
    log_prob and the score of a hypothesis are the model's. A sentence is done when all its groups are, and its results
    are theirs in one ranking; equal ones are merged, so there may be fewer than n_best.

    Args:
        beam_size: live hypotheses per sentence, over all groups.
        groups: into which they are split, all of one size.
        diversity_strength: lambda, in nats.
        n_best: hypotheses returned per sentence.
        length_penalty: exponent of the length; 0 compares sums, 1 means.
        max_length_factor, max_length_extra, max_length, min_length, no_repeat_ngram, allow_unknown: as in `Limits`.
    Raises:
        UserError: if an argument is out of its range.
    """

    def __init__(
        self,
        *,
        beam_size: int = 6,
        groups: int = 3,
        diversity_strength: float = 0.5,
        n_best: int = 1,
        length_penalty: float = 1.0,
        max_length_factor: float = 1.5,
        max_length_extra: int = 10,
        max_length: int = 256,
        min_length: int = 0,
        no_repeat_ngram: int = 0,
        allow_unknown: bool = True,
    ) -> None:
        if groups < 1:
            raise UserError(f"decoding.groups ({groups}) must be at least 1.")
        Ranking(beam_size, n_best, length_penalty, "power", 0.0, "full")  # checks ranges
        check_most("groups", groups, MOST_HYPOTHESES)
        if beam_size % groups:
            raise UserError(
                f"decoding.beam_size ({beam_size}) must be divisible by decoding.groups ({groups}); "
                f"try {groups * math.ceil(beam_size / groups)}."
            )
        if not 0 <= diversity_strength < math.inf:
            raise UserError(f"decoding.diversity_strength ({diversity_strength}) must be at least 0 and finite.")
        check_most("diversity_strength", diversity_strength, MOST_STRENGTH)
        size = beam_size // groups
        self.ranking = Ranking(size, min(n_best, size), length_penalty, "power", 0.0, "full")
        self.groups = groups
        self.diversity_strength = diversity_strength
        self.n_best = n_best
        self.limits = Limits(
            max_length_factor, max_length_extra, max_length, min_length, no_repeat_ngram, allow_unknown
        )

    @torch.no_grad()
    def decode(self, stepper: Stepper, batch: Batch, watch: Watch | None = None) -> list[list[Hypothesis]]:
        """The n_best hypotheses of each sentence, best score first, all different."""
        refuse_phrases(batch)
        stepper = self.limits.rule(stepper, batch)
        hypotheses: list[list[Hypothesis]] = [[] for _ in range(len(batch.source))]
        limits, device = self.limits.most_tokens(batch), batch.source.device
        frontiers = [begin(limits, self.ranking.beam_size, batch.source_mask, coverage=False)] * self.groups
        state = stepper.start(batch)
        step = 0
        while len(frontiers[0].rows):
            step += 1
            if step > 1:
                # The first step had one hypothesis for all groups, which is every group's parent.
                before = 0 if step == 2 else frontiers[0].parents.shape[1]
                parents = [frontier.parents + group * before for group, frontier in enumerate(frontiers)]
                tokens = np.concatenate([one.tokens for one in frontiers], axis=1)
                state = state.reorder(torch.from_numpy(np.concatenate(parents, axis=1)).to(device))
                log_probs, state = stepper.step(torch.from_numpy(tokens).to(device), state)
                chunks = log_probs.chunk(self.groups, dim=1)
            else:
                log_probs, state = stepper.step(torch.from_numpy(frontiers[0].tokens).to(device), state)
                chunks = (log_probs,) * self.groups
            frontiers, done = self._advance(frontiers, chunks, step, watch)
            if not done.any():
                continue
            over, rest = np.flatnonzero(done), np.flatnonzero(~done)
            ended = [frontier.select(over) for frontier in frontiers]
            results = zip(*(found(frontier, self.ranking, step) for frontier in ended), strict=True)
            for row, by_group in zip(ended[0].rows.tolist(), results, strict=True):
                hypotheses[row] = _merged([one for group in by_group for one in group])[: self.n_best]
            state = state.select(torch.from_numpy(rest).to(device))
            frontiers = [frontier.select(rest) for frontier in frontiers]
        return hypotheses

    def _advance(
        self, frontiers: list[Frontier], chunks: tuple[Tensor, ...], step: int, watch: Watch | None
    ) -> tuple[list[Frontier], NDArray[np.bool_]]:
        """One more token for every live hypothesis, group by group; the second is True where all groups are done."""
        seen: dict[int, list[Candidate]] = {}
        written = torch.zeros_like(chunks[0][:, 0])  # (B, V), how often the groups so far write each token
        after = []
        over = np.ones(len(frontiers[0].rows), dtype=np.bool_)
        for group, (frontier, log_probs) in enumerate(zip(frontiers, chunks, strict=True)):
            penalty = self.diversity_strength * written.unsqueeze(1)  # (B, 1, V)
            _, tokens = continuations(log_probs - penalty, self.ranking.beam_size, self.limits.allow_unknown)
            places = torch.from_numpy(tokens).to(log_probs.device)
            bonus = -penalty.expand_as(log_probs).gather(2, places).float().cpu().numpy()
            values = log_probs.gather(2, places).float().cpu().numpy()
            looked_at: dict[int, Sequence[Candidate]] = {}
            told = None if watch is None else looked_at.__setitem__
            before = 0 if step == 1 else frontier.tokens.shape[1]
            frontier = advance(frontier, self.ranking, step, values, tokens, None, bonus, told)
            for row, candidates in looked_at.items():
                own = _among_all(candidates, group * before, group * frontier.tokens.shape[1])
                seen.setdefault(row, []).extend(own)
            live = torch.from_numpy(frontier.log_probs > -math.inf).to(written)
            written = written.scatter_add(1, torch.from_numpy(frontier.tokens).to(written.device), live)
            done = self.ranking.done(frontier, step)
            over &= done
            # A group that is done waits for the others. At the limit all are, and what is cut is still needed.
            waiting = done & (frontier.limits > step)
            left = np.where(waiting[:, None], np.float32(-math.inf), frontier.log_probs)
            after.append(replace(frontier, log_probs=left))
        for row, candidates in seen.items():
            assert watch is not None
            watch(row, sorted(candidates, key=lambda one: -one.score))
        return after, over

    def score(self, log_prob: float, length: int, coverage: Tensor | None = None) -> float:
        """What a finished hypothesis is ranked by; see `Ranking`."""
        return self.ranking.score_alone(log_prob, length, coverage)


def _among_all(candidates: Sequence[Candidate], parents: int, places: int) -> Iterator[Candidate]:
    """A group's candidates under the numbers that hypotheses have among all groups, which begin at these."""
    for one in candidates:
        yield replace(one, parent=one.parent + parents, place=one.place + places if one.fate == "live" else -1)


def _merged(hypotheses: Sequence[Hypothesis]) -> list[Hypothesis]:
    """Best score first, of equal ones the first; at least one."""
    different: dict[tuple[tuple[int, ...], bool], Hypothesis] = {}
    for one in sorted(hypotheses, key=lambda one: -one.score):
        different.setdefault((one.tokens, one.finished), one)
    return [one for one in different.values() if one.score > -math.inf] or list(different.values())
