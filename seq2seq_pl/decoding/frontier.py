"""The frontier of a beam search: hypotheses that go on and hypotheses that are kept, ranked step by step."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from seq2seq_pl.decoding.likeliest import likeliest
from seq2seq_pl.decoding.limits import MOST_HYPOTHESES, check_most
from seq2seq_pl.errors import UserError
from seq2seq_pl.interfaces import Watch
from seq2seq_pl.values import BOS, EOS, UNK, Candidate, Hypothesis

Ints = NDArray[np.int64]
Floats = NDArray[np.float32]
MOST_LENGTH_PENALTY, MOST_COVERAGE_PENALTY = 5, 1_000
"""Scores stay in the range of float32, however long a hypothesis is."""
LEAST_COVERAGE = 1e-6
"""Attention that a source token counts as having at least, so that one never looked at is no reason for -inf."""


@dataclass(frozen=True)
class Frontier:
    """Where the sentences that are still searched stand after t - 1 steps.

    All of it is in numpy on the processor, wherever the model is: the numbers of a step are few, and an operation of
    torch costs several times what one of numpy does.

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

    rows: Ints
    limits: Ints
    history: Ints
    kept_scores: Floats
    kept_log_probs: Floats
    log_probs: Floats
    parents: Ints
    coverage: Floats
    source_mask: NDArray[np.bool_]

    def select(self, rows: Ints) -> Frontier:
        """The frontier of some of the sentences, rows (B',)."""
        return Frontier(*(getattr(self, one.name)[rows] for one in fields(self)))

    @property
    def tokens(self) -> Ints:
        """The last token of each live hypothesis, (B, K)."""
        return self.history[:, self.kept_scores.shape[1] :, -1]


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

    def divisor(self, length: Floats) -> Floats:
        """What log-probabilities of hypotheses of these lengths are divided by; any shape."""
        base = length if self.normalization == "power" else (length + 5) / 6
        return np.asarray(base**self.length_penalty)

    def score(self, log_probs: Floats, length: int, coverage: Floats, source_mask: NDArray[np.bool_]) -> Floats:
        """Scores of hypotheses of one length: log_probs (B, K), coverage (B, K, S), source_mask (B, S) -> (B, K)."""
        scores: Floats = log_probs / self.divisor(np.array(length, dtype=np.float32))
        if not self.coverage_penalty:
            return scores
        logs = np.log(coverage.clip(LEAST_COVERAGE, 1)) * source_mask[:, None]
        return np.asarray(scores + self.coverage_penalty * logs.sum(2))

    def score_alone(self, log_prob: float, length: int, coverage: Tensor | None) -> float:
        """The score of one hypothesis, coverage (S,)."""
        seen = np.zeros(0, dtype=np.float32) if coverage is None else coverage.cpu().numpy()
        mask = np.ones((1, len(seen)), dtype=np.bool_)
        return self.score(np.array([[log_prob]], dtype=np.float32), length, seen[None, None], mask).item()

    def done(self, frontier: Frontier, step: int) -> NDArray[np.bool_]:
        """True where the search of a sentence is over, (B,)."""
        best_now = frontier.log_probs.max(axis=1)  # -inf where nothing is live
        best_to_come = best_now / self.divisor(frontier.limits.astype(np.float32))
        over: NDArray[np.bool_] = frontier.kept_scores[:, self.n_best - 1] >= best_to_come
        over |= frontier.limits == step
        if self.stopping == "full":
            over |= frontier.kept_scores[:, -1] > -math.inf
        return over


def begin(limits: Tensor, size: int, source_mask: Tensor, *, coverage: bool) -> Frontier:
    """The frontier before the first token: one empty hypothesis a sentence; limits (B,), source_mask (B, S)."""
    sentences = len(limits)
    nothing = np.full((sentences, size), -math.inf, dtype=np.float32)
    return Frontier(
        rows=np.arange(sentences),
        limits=limits.cpu().numpy(),
        history=np.full((sentences, size + 1, 1), BOS),
        kept_scores=nothing,
        kept_log_probs=nothing,
        log_probs=np.zeros((sentences, 1), dtype=np.float32),
        parents=np.zeros((sentences, 1), dtype=np.int64),
        coverage=np.zeros((sentences, 1, source_mask.size(1) if coverage else 0), dtype=np.float32),
        source_mask=source_mask.cpu().numpy(),
    )


def continuations(log_probs: Tensor, size: int, allow_unknown: bool) -> tuple[Floats, Ints]:
    """The best tokens of each hypothesis, ordered by id: log_probs (B, K, V) -> values and ids (B, K, M).

    Only EOS and the `size` best others can be chosen, so size + 1 suffice (1 where the search ends with its first
    EOS). PAD, UNK and BOS are the ids below EOS; UNK comes as a further column.
    """
    allowed = log_probs[..., EOS:]  # a view: nothing of size V is copied or written to
    best, places = likeliest(allowed, size + 1 if size > 1 else 1)
    if allow_unknown:
        best = torch.cat((log_probs[..., UNK : UNK + 1], best), dim=2)
    values, tokens = best.float().cpu().numpy(), places.cpu().numpy() + EOS
    if allow_unknown:
        tokens = np.concatenate((np.full_like(tokens[..., :1], UNK), tokens), axis=2)
    flat = tokens.reshape(-1, tokens.shape[2])
    order = flat.argsort(axis=1)
    return _of(values.reshape(flat.shape), order).reshape(tokens.shape), _of(flat, order).reshape(tokens.shape)


def _of(numbers: NDArray[Any], places: Ints) -> NDArray[Any]:
    """Those at these places of each row: (B, N, ...), (B, M) -> (B, M, ...)."""
    return numbers[np.arange(len(numbers))[:, None], places]


def _descending(numbers: Floats) -> Ints:
    """Places from the largest to the smallest of each row, of equal ones the first first; NaN is last, (B, N)."""
    return np.argsort(-numbers, axis=1, kind="stable")


def advance(
    frontier: Frontier,
    ranking: Ranking,
    step: int,
    values: Floats,
    tokens: Ints,
    weights: Tensor | None,
    bonus: Floats | None = None,
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
    sentences, _, each = values.shape
    totals = (frontier.log_probs[:, :, None] + values).reshape(sentences, -1)  # (B, K * M)
    totals[~(totals > -math.inf)] = -math.inf  # NaN too
    # At most one of a hypothesis's continuations is EOS, so `size` others are among the first 2 * size.
    order = _descending(totals if bonus is None else totals + bonus.reshape(sentences, -1))[:, : 2 * size]
    totals, tokens, parents = _of(totals, order), _of(tokens.reshape(sentences, -1), order), order // each
    ends = tokens == EOS
    coverage = frontier.coverage if weights is None else frontier.coverage + weights.float().cpu().numpy()  # (B, K, S)
    coverage = _of(coverage, parents)

    # Kept hypotheses: those so far and those that end now, in one ranking; of equal scores the older is first.
    scores = ranking.score(totals, step, coverage, frontier.source_mask)
    ended = np.where(ends[:, :size], scores[:, :size], np.float32(-math.inf))
    kept_scores = np.concatenate((frontier.kept_scores, ended), axis=1)
    kept = _descending(kept_scores)[:, :size]
    kept_scores = _of(kept_scores, kept)
    kept_log_probs = _of(np.concatenate((frontier.kept_log_probs, totals[:, :size]), axis=1), kept)
    places = np.broadcast_to(np.arange(size), (sentences, size))
    kept_rows = _of(np.concatenate((places, parents[:, :size] + size), axis=1), kept)

    # Live hypotheses: the others, in their order.
    live = np.argsort(ends, axis=1, kind="stable")[:, :size]
    if watch is not None:
        _tell(watch, frontier.rows, step, parents, tokens, totals, scores, live, kept, size)
    live_parents = _of(parents, live)
    rows = np.concatenate((kept_rows, live_parents + size), axis=1)  # (B, beam_size + K)
    written = np.empty((*rows.shape, step + 1), dtype=np.int64)
    written[..., :step] = _of(history, rows)
    written[:, :size, step] = EOS  # of kept ones the first EOS is the end
    written[:, size:, step] = _of(tokens, live)
    return Frontier(
        rows=frontier.rows,
        limits=frontier.limits,
        history=written,
        kept_scores=kept_scores,
        kept_log_probs=kept_log_probs,
        log_probs=_of(np.where(ends, np.float32(-math.inf), totals), live),
        parents=live_parents,
        coverage=_of(coverage, live),
        source_mask=frontier.source_mask,
    )


def _tell(
    watch: Watch,
    rows: Ints,
    step: int,
    parents: Ints,
    tokens: Ints,
    totals: Floats,
    scores: Floats,
    live: Ints,
    kept: Ints,
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
    free = (kept_scores == -math.inf).sum(axis=1, keepdims=True)  # (B, 1)
    rank = _descending(log_probs).argsort(axis=1)
    cut = (rank < free) & (frontier.limits == step)[:, None]  # (B, K)
    cut_scores = ranking.score(log_probs, step, frontier.coverage, frontier.source_mask)
    scores = np.concatenate((kept_scores, np.where(cut, cut_scores, np.float32(-math.inf))), axis=1)
    best = _descending(scores)[:, : ranking.n_best]
    scores, log_probs = _of(scores, best), _of(np.concatenate((frontier.kept_log_probs, log_probs), axis=1), best)
    tokens = _of(frontier.history, best)[..., 1:]
    return [_hypotheses(*columns) for columns in zip(tokens.tolist(), log_probs.tolist(), scores.tolist(), strict=True)]


def _hypotheses(tokens: Sequence[list[int]], log_probs: Sequence[float], scores: Sequence[float]) -> list[Hypothesis]:
    kept = []
    for ids, log_prob, score in zip(tokens, log_probs, scores, strict=True):
        if score > -math.inf:
            finished = EOS in ids
            kept.append(Hypothesis(tuple(ids[: ids.index(EOS)] if finished else ids), log_prob, score, finished))
    return kept or [Hypothesis((), -math.inf, -math.inf, finished=False)]
