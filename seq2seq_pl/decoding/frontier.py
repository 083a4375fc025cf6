"""The frontier of a beam search: hypotheses that go on and hypotheses that are kept, ranked step by step."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Literal

import torch
from torch import Tensor

from seq2seq_pl.decoding.likeliest import likeliest
from seq2seq_pl.decoding.limits import MOST_HYPOTHESES, check_most
from seq2seq_pl.errors import UserError
from seq2seq_pl.interfaces import Watch
from seq2seq_pl.values import BOS, EOS, UNK, Candidate, Hypothesis

MOST_LENGTH_PENALTY, MOST_COVERAGE_PENALTY = 5, 1_000
"""Scores stay in the range of float32, however long a hypothesis is."""
LEAST_COVERAGE = 1e-6
"""Attention that a source token counts as having at least, so that one never looked at is no reason for -inf."""


@dataclass(frozen=True)
class Frontier:
    """Where the sentences that are still searched stand after t - 1 steps.

    Attributes:
        rows: position of each sentence in the batch, (B,).
        limits: most tokens of each sentence, EOS counted, (B,).
        history: tokens from BOS on; rows of kept hypotheses, then of live ones, (B, beam_size + K, t).
        kept_scores: scores of the kept hypotheses, best first, -inf where a place is free, (B, beam_size).
        kept_log_probs: their log-probabilities, (B, beam_size).
        log_probs: log-probabilities of the live hypotheses, -inf where there is none, (B, K).
        parents: the hypothesis that each live one continues, (B, K).
        coverage: sum of the attention weights of the live hypotheses, (B, K, S); S is 0 where nobody asks for it.
        source_mask: True where a source token is real, (B, S).
    """

    rows: Tensor
    limits: Tensor
    history: Tensor
    kept_scores: Tensor
    kept_log_probs: Tensor
    log_probs: Tensor
    parents: Tensor
    coverage: Tensor
    source_mask: Tensor

    def select(self, rows: Tensor) -> Frontier:
        """The frontier of some of the sentences, rows (B',)."""
        return Frontier(*(getattr(self, one.name)[rows] for one in fields(self)))

    @property
    def tokens(self) -> Tensor:
        """The last token of each live hypothesis, (B, K)."""
        return self.history[:, self.kept_scores.size(1) :, -1]


@dataclass(frozen=True)
class Ranking:
    """How hypotheses are ranked, and when a search is over.

    score = log_prob / divisor(length) + coverage_penalty * sum_i log(min(sum_t weights[t, i], 1)), the length counted
    with EOS; Wu et al. 2016, sec. 7 (https://arxiv.org/abs/1609.08144). The divisor is length^length_penalty ("power";
    1 is the plain average) or theirs, ((5 + length) / 6)^length_penalty ("wu"). Both grow with the length and
    log-probabilities only fall, so no hypothesis still to come can score more than its log_prob so far divided by the
    divisor of its sentence's limit.

    Raises:
        UserError: if a setting is out of its range.
    """

    beam_size: int
    n_best: int
    length_penalty: float
    normalization: Literal["power", "wu"]
    coverage_penalty: float
    stopping: Literal["full", "exact"]

    def __post_init__(self) -> None:
        if self.beam_size < 1:
            raise UserError(f"decoding.beam_size ({self.beam_size}) must be at least 1.")
        check_most("beam_size", self.beam_size, MOST_HYPOTHESES)
        if not 1 <= self.n_best <= self.beam_size:
            raise UserError(f"decoding.n_best ({self.n_best}) must be from 1 to decoding.beam_size ({self.beam_size}).")
        for name, most in (("length_penalty", MOST_LENGTH_PENALTY), ("coverage_penalty", MOST_COVERAGE_PENALTY)):
            if not 0 <= getattr(self, name) < math.inf:
                raise UserError(f"decoding.{name} ({getattr(self, name)}) must be at least 0 and finite.")
            check_most(name, getattr(self, name), most)
        if self.normalization not in ("power", "wu"):
            raise UserError(f"decoding.normalization ({self.normalization}) must be power or wu.")
        if self.stopping not in ("full", "exact"):
            raise UserError(f"decoding.stopping ({self.stopping}) must be full or exact.")

    def divisor(self, length: Tensor) -> Tensor:
        """What log-probabilities of hypotheses of these lengths are divided by; any shape."""
        base = length if self.normalization == "power" else (length + 5) / 6
        return base**self.length_penalty

    def score(self, log_probs: Tensor, length: int, coverage: Tensor, source_mask: Tensor) -> Tensor:
        """Scores of hypotheses of one length: log_probs (B, K), coverage (B, K, S), source_mask (B, S) -> (B, K)."""
        scores = log_probs / self.divisor(torch.tensor(length, dtype=torch.float32, device=log_probs.device))
        if not self.coverage_penalty:
            return scores
        logs = coverage.clamp(LEAST_COVERAGE, 1).log().masked_fill(~source_mask.unsqueeze(1), 0)
        return scores + self.coverage_penalty * logs.sum(2)

    def score_alone(self, log_prob: float, length: int, coverage: Tensor | None) -> float:
        """The score of one hypothesis, coverage (S,)."""
        seen = torch.zeros(0) if coverage is None else coverage.cpu()
        mask = torch.ones(1, len(seen), dtype=torch.bool)
        return self.score(torch.tensor([[log_prob]]), length, seen.view(1, 1, -1), mask).item()

    def done(self, frontier: Frontier, step: int) -> Tensor:
        """True where the search of a sentence is over, (B,)."""
        likeliest = frontier.log_probs.max(dim=1).values  # -inf where nothing is live
        best_to_come = likeliest / self.divisor(frontier.limits.float())
        over = (frontier.kept_scores[:, self.n_best - 1] >= best_to_come) | (frontier.limits == step)
        return over | (frontier.kept_scores[:, -1] > -math.inf) if self.stopping == "full" else over


def begin(limits: Tensor, size: int, source_mask: Tensor, *, coverage: bool) -> Frontier:
    """The frontier before the first token: one empty hypothesis a sentence; limits (B,), source_mask (B, S)."""
    sentences, device = len(limits), limits.device
    nothing = torch.full((sentences, size), -math.inf, device=device)
    return Frontier(
        rows=torch.arange(sentences, device=device),
        limits=limits,
        history=torch.full((sentences, size + 1, 1), BOS, device=device),
        kept_scores=nothing,
        kept_log_probs=nothing,
        log_probs=torch.zeros(sentences, 1, device=device),
        parents=torch.zeros(sentences, 1, dtype=torch.long, device=device),
        coverage=torch.zeros(sentences, 1, source_mask.size(1) if coverage else 0, device=device),
        source_mask=source_mask,
    )


def continuations(log_probs: Tensor, size: int, allow_unknown: bool) -> tuple[Tensor, Tensor]:
    """The best tokens of each hypothesis, ordered by id: log_probs (B, K, V) -> values and ids (B, K, M).

    Only EOS and the `size` best others can be chosen, so size + 1 suffice (1 where the search ends with its first
    EOS). PAD, UNK and BOS are the ids below EOS; UNK comes as a further column.
    """
    allowed = log_probs[..., EOS:]  # a view: nothing of size V is copied or written to
    values, tokens = likeliest(allowed, size + 1 if size > 1 else 1)
    if size > 1:
        tokens, order = tokens.sort(dim=2)
        values = values.gather(2, order)
    tokens = tokens + EOS
    if allow_unknown:
        values = torch.cat((log_probs[..., UNK : UNK + 1], values), dim=2)
        tokens = torch.cat((torch.full_like(tokens[..., :1], UNK), tokens), dim=2)
    return values.float(), tokens


def advance(
    frontier: Frontier,
    ranking: Ranking,
    step: int,
    values: Tensor,
    tokens: Tensor,
    weights: Tensor | None,
    bonus: Tensor | None = None,
    watch: Watch | None = None,
) -> Frontier:
    """One more token for every live hypothesis.

    Args:
        step: how many tokens a hypothesis then has.
        values: log-probabilities of continuations, (B, K, M).
        tokens: their tokens, (B, K, M).
        weights: attention weights of the step, (B, K, S), where there is a coverage penalty.
        bonus: what is added to a continuation's log-probability for choosing alone, (B, K, M).
    """
    size, history = ranking.beam_size, frontier.history
    totals = (frontier.log_probs.unsqueeze(2) + values).flatten(1)  # (B, K * M)
    totals = totals.nan_to_num(-math.inf, neginf=-math.inf)
    chosen_by = totals if bonus is None else totals + bonus.flatten(1)
    order = chosen_by.sort(dim=1, descending=True, stable=True).indices
    # At most one of a hypothesis's continuations is EOS, so `size` others are among the first 2 * size.
    order = order[:, : 2 * size]
    totals, tokens, parents = totals.gather(1, order), tokens.flatten(1).gather(1, order), order // values.size(2)
    ends = tokens == EOS
    coverage = frontier.coverage if weights is None else frontier.coverage + weights  # (B, K, S)
    coverage = coverage.gather(1, parents.unsqueeze(2).expand(-1, -1, coverage.size(2)))

    # Kept hypotheses: those so far and those that end now, in one ranking; of equal scores the older is first.
    scores = ranking.score(totals, step, coverage, frontier.source_mask)
    kept_scores = torch.cat((frontier.kept_scores, scores[:, :size].masked_fill(~ends[:, :size], -math.inf)), dim=1)
    kept_scores, kept = kept_scores.sort(dim=1, descending=True, stable=True)
    kept_scores, kept = kept_scores[:, :size], kept[:, :size]
    kept_log_probs = torch.cat((frontier.kept_log_probs, totals[:, :size]), dim=1).gather(1, kept)
    places = torch.arange(size, device=kept.device).expand(len(kept), size)
    kept_rows = torch.cat((places, parents[:, :size] + size), dim=1).gather(1, kept)
    kept_tokens = torch.full_like(kept, EOS)  # their first EOS is their end

    # Live hypotheses: the others, in their order.
    live = ends.byte().sort(dim=1, stable=True).indices[:, :size]
    if watch is not None:
        _tell(watch, frontier.rows, step, parents, tokens, totals, scores, live, kept, size)
    live_parents = parents.gather(1, live)
    rows = torch.cat((kept_rows, live_parents + size), dim=1).unsqueeze(2)  # (B, beam_size + K, 1)
    column = torch.cat((kept_tokens, tokens.gather(1, live)), dim=1).unsqueeze(2)
    return Frontier(
        rows=frontier.rows,
        limits=frontier.limits,
        history=torch.cat((history.gather(1, rows.expand(-1, -1, step)), column), dim=2),
        kept_scores=kept_scores,
        kept_log_probs=kept_log_probs,
        log_probs=totals.masked_fill(ends, -math.inf).gather(1, live),
        parents=live_parents,
        coverage=coverage.gather(1, live.unsqueeze(2).expand(-1, -1, coverage.size(2))),
        source_mask=frontier.source_mask,
    )


def _tell(
    watch: Watch,
    rows: Tensor,
    step: int,
    parents: Tensor,
    tokens: Tensor,
    totals: Tensor,
    scores: Tensor,
    live: Tensor,
    kept: Tensor,
    size: int,
) -> None:
    """Reports all continuations (B, 2 * size) that were looked at and are possible."""
    columns = (parents, tokens, totals, scores, live, kept)
    for row, *lists in zip(rows.tolist(), *(column.tolist() for column in columns), strict=True):
        row_parents, row_tokens, row_totals, row_scores, row_live, row_kept = lists
        seen = []
        for place, (parent, token, total, score) in enumerate(
            zip(row_parents, row_tokens, row_totals, row_scores, strict=True)
        ):
            if total == -math.inf:
                continue
            goes_on = token != EOS and place in row_live
            is_kept = token == EOS and place < size and place + size in row_kept
            fate: Literal["live", "kept", "pruned"] = "live" if goes_on else "kept" if is_kept else "pruned"
            seen.append(Candidate(step, parent, token, total, score, fate, row_live.index(place) if goes_on else -1))
        watch(row, seen)


def found(frontier: Frontier, ranking: Ranking, step: int) -> list[list[Hypothesis]]:
    """The n_best hypotheses of each sentence; those cut at the limit take the places that are free."""
    kept_scores, log_probs = frontier.kept_scores, frontier.log_probs
    free = (kept_scores == -math.inf).sum(1, keepdim=True)  # (B, 1)
    rank = log_probs.argsort(dim=1, descending=True, stable=True).argsort(dim=1)
    cut = (rank < free) & (frontier.limits == step).unsqueeze(1)  # (B, K)
    cut_scores = ranking.score(log_probs, step, frontier.coverage, frontier.source_mask).masked_fill(~cut, -math.inf)
    scores, best = torch.cat((kept_scores, cut_scores), dim=1).sort(dim=1, descending=True, stable=True)
    scores, best = scores[:, : ranking.n_best], best[:, : ranking.n_best]
    log_probs = torch.cat((frontier.kept_log_probs, log_probs), dim=1).gather(1, best)
    tokens = frontier.history.gather(1, best.unsqueeze(2).expand(-1, -1, step + 1))[..., 1:]
    return [_hypotheses(*columns) for columns in zip(tokens.tolist(), log_probs.tolist(), scores.tolist(), strict=True)]


def _hypotheses(tokens: Sequence[list[int]], log_probs: Sequence[float], scores: Sequence[float]) -> list[Hypothesis]:
    kept = []
    for ids, log_prob, score in zip(tokens, log_probs, scores, strict=True):
        if score > -math.inf:
            finished = EOS in ids
            kept.append(Hypothesis(tuple(ids[: ids.index(EOS)] if finished else ids), log_prob, score, finished))
    return kept or [Hypothesis((), -math.inf, -math.inf, finished=False)]
