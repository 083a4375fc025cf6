"""Beam search over any Stepper."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from seq2seq_pl.errors import UserError
from seq2seq_pl.interfaces import Decoding, Stepper
from seq2seq_pl.values import BOS, EOS, UNK, Batch, Hypothesis, SearchState


@dataclass(frozen=True)
class _Search:
    """Where the sentences that are still searched stand after t - 1 steps.

    Attributes:
        rows: position of each sentence in the batch, (B,).
        limits: most tokens of each sentence, EOS counted, (B,).
        history: tokens from BOS on; rows of kept hypotheses, then of live ones, (B, beam_size + K, t).
        kept_scores: scores of the kept hypotheses, best first, -inf where a place is free, (B, beam_size).
        kept_log_probs: their log-probabilities, (B, beam_size).
        log_probs: log-probabilities of the live hypotheses, best first, -inf where there is none, (B, K).
        parents: the hypothesis that each live one continues, (B, K).
        state: the stepper's, in the order of the hypotheses before the last step.
    """

    rows: Tensor
    limits: Tensor
    history: Tensor
    kept_scores: Tensor
    kept_log_probs: Tensor
    log_probs: Tensor
    parents: Tensor
    state: SearchState

    def select(self, rows: Tensor) -> _Search:
        """The search of some of the sentences, rows (B',)."""
        return _Search(
            self.rows[rows],
            self.limits[rows],
            self.history[rows],
            self.kept_scores[rows],
            self.kept_log_probs[rows],
            self.log_probs[rows],
            self.parents[rows],
            self.state.select(rows),
        )


class Beam(Decoding):
    """Beam search with average log-probability as score, Wu et al. 2016, sec. 7 (https://arxiv.org/abs/1609.08144).

    score = log_prob / length^length_penalty, the length counted with EOS. At each step the continuations of a
    sentence's live hypotheses are ranked by log_prob; those among the first beam_size that end in EOS are kept, the
    best beam_size that do not are the live ones of the next step. A sentence is done when

    - beam_size hypotheses have been kept (should the last step bring more, those of best score stay), or
    - n_best have been kept and no live hypothesis can overtake the worst of them: log-probabilities only fall, so no
      score to come exceeds log_prob / limit^length_penalty (this changes the time, never the output), or
    - its limit is reached: the best live hypotheses, cut and unfinished, take the places still free, or
    - no continuation is possible (all -inf or NaN); if nothing was kept, the result is one empty, unfinished
      hypothesis of log_prob -inf.

    Hence a beam of 1 is greedy search at every length_penalty, and a beam that holds all prefixes is exact. The limit
    is that of `Greedy`: min(floor(max_length_factor * source length) + max_length_extra, max_length) tokens, EOS
    counted and the source's EOS not counted; it belongs to the sentence, so its output does not depend on its
    neighbours in the batch. Of equal continuations the one of the better hypothesis, then of the lower id is first.

    Args:
        beam_size: live hypotheses per sentence.
        length_penalty: exponent of the length; 0 compares sums, 1 means.
        n_best: hypotheses returned per sentence; fewer where fewer exist.
        max_length_factor: target tokens per source token.
        max_length_extra: tokens added to that.
        max_length: tokens that no hypothesis exceeds.
        allow_unknown: whether UNK may be written; PAD and BOS never are.
    Raises:
        UserError: if an argument is out of its range.
    """

    def __init__(
        self,
        *,
        beam_size: int = 5,
        length_penalty: float = 1.0,
        n_best: int = 1,
        max_length_factor: float = 1.5,
        max_length_extra: int = 10,
        max_length: int = 256,
        allow_unknown: bool = True,
    ) -> None:
        if beam_size < 1:
            raise UserError(f"decoding.beam_size ({beam_size}) must be at least 1.")
        if not 0 <= length_penalty < math.inf:
            raise UserError(f"decoding.length_penalty ({length_penalty}) must be at least 0 and finite.")
        if not 1 <= n_best <= beam_size:
            raise UserError(f"decoding.n_best ({n_best}) must be from 1 to decoding.beam_size ({beam_size}).")
        if not 0 <= max_length_factor < math.inf:
            raise UserError(f"decoding.max_length_factor ({max_length_factor}) must be at least 0 and finite.")
        if max_length_extra < 1:
            raise UserError(f"decoding.max_length_extra ({max_length_extra}) must be at least 1.")
        if max_length < 1:
            raise UserError(f"decoding.max_length ({max_length}) must be at least 1.")
        self.beam_size = beam_size
        self.length_penalty = length_penalty
        self.n_best = n_best
        self.max_length_factor = max_length_factor
        self.max_length_extra = max_length_extra
        self.max_length = max_length
        self.allow_unknown = allow_unknown

    @torch.no_grad()
    def decode(self, stepper: Stepper, batch: Batch) -> list[list[Hypothesis]]:
        """The n_best hypotheses of each sentence, best score first, all different."""
        hypotheses: list[list[Hypothesis]] = [[] for _ in range(len(batch.source))]
        search = self._start(stepper, batch)
        step = 0
        while len(search.rows):
            step += 1
            search = self._advance(stepper, search, step)
            done = self._done(search, step)
            rest = (~done).nonzero().squeeze(1)  # the one wait for the device in a step where no sentence ends
            if len(rest) == len(done):
                continue
            for row, found in self._found(search, done, step):
                hypotheses[row] = found
            search = search.select(rest)
        return hypotheses

    def _start(self, stepper: Stepper, batch: Batch) -> _Search:
        sentences, device = len(batch.source), batch.source.device
        lengths = (batch.source_mask.sum(1) - 1).tolist()
        limits = [min(math.floor(self.max_length_factor * n) + self.max_length_extra, self.max_length) for n in lengths]
        nothing = torch.full((sentences, self.beam_size), -math.inf, device=device)
        return _Search(
            rows=torch.arange(sentences, device=device),
            limits=torch.tensor(limits, dtype=torch.long, device=device),
            history=torch.full((sentences, self.beam_size + 1, 1), BOS, device=device),
            kept_scores=nothing,
            kept_log_probs=nothing,
            log_probs=torch.zeros(sentences, 1, device=device),
            parents=torch.zeros(sentences, 1, dtype=torch.long, device=device),
            state=stepper.start(batch),
        )

    def _advance(self, stepper: Stepper, search: _Search, step: int) -> _Search:
        """One more token for every live hypothesis."""
        size, history = self.beam_size, search.history
        # Postponed to here, so that it is spared for sentences that are done; a beam of 1 has nothing to reorder.
        state = search.state.reorder(search.parents) if size > 1 else search.state
        log_probs, state = stepper.step(history[:, size:, -1], state)
        values, tokens = self._continuations(log_probs)  # (B, K, M)
        totals = (search.log_probs.unsqueeze(2) + values).flatten(1)  # (B, K * M)
        totals = totals.nan_to_num(-math.inf, neginf=-math.inf)
        totals, order = totals.sort(dim=1, descending=True, stable=True)
        # At most one of a hypothesis's continuations is EOS, so `size` others are among the first 2 * size.
        totals, order = totals[:, : 2 * size], order[:, : 2 * size]
        parents = order // values.size(2)
        tokens = tokens.flatten(1).gather(1, order)
        ends = tokens == EOS

        # Kept hypotheses: those so far and those that end now, in one ranking; of equal scores the older is first.
        scores = totals[:, :size] / step**self.length_penalty
        scores = torch.cat((search.kept_scores, scores.masked_fill(~ends[:, :size], -math.inf)), dim=1)
        kept_scores, kept = scores.sort(dim=1, descending=True, stable=True)
        kept_scores, kept = kept_scores[:, :size], kept[:, :size]
        kept_log_probs = torch.cat((search.kept_log_probs, totals[:, :size]), dim=1).gather(1, kept)
        places = torch.arange(size, device=kept.device).expand(len(kept), size)
        kept_rows = torch.cat((places, parents[:, :size] + size), dim=1).gather(1, kept)
        kept_tokens = torch.full_like(kept, EOS)  # their first EOS is their end

        # Live hypotheses: the others, in their order.
        live = ends.byte().sort(dim=1, stable=True).indices[:, :size]
        parents = parents.gather(1, live)
        rows = torch.cat((kept_rows, parents + size), dim=1).unsqueeze(2)  # (B, beam_size + K, 1)
        column = torch.cat((kept_tokens, tokens.gather(1, live)), dim=1).unsqueeze(2)
        return _Search(
            rows=search.rows,
            limits=search.limits,
            history=torch.cat((history.gather(1, rows.expand(-1, -1, step)), column), dim=2),
            kept_scores=kept_scores,
            kept_log_probs=kept_log_probs,
            log_probs=totals.masked_fill(ends, -math.inf).gather(1, live),
            parents=parents,
            state=state,
        )

    def _continuations(self, log_probs: Tensor) -> tuple[Tensor, Tensor]:
        """The best tokens of each hypothesis, ordered by id: log_probs (B, K, V) -> values and ids (B, K, M).

        Only EOS and the beam_size best others can be chosen, so beam_size + 1 suffice (1 where the search ends with its
        first EOS). PAD, UNK and BOS are the ids below EOS; UNK comes as a further column.
        """
        allowed = log_probs[..., EOS:]  # a view: nothing of size V is copied or written to
        if self.beam_size == 1:
            values, tokens = allowed.max(dim=2, keepdim=True)  # names the lowest of equal ids, which topk does not
        else:
            values, tokens = allowed.topk(min(self.beam_size + 1, allowed.size(2)), dim=2, sorted=False)
            tokens, order = tokens.sort(dim=2)
            values = values.gather(2, order)
        tokens = tokens + EOS
        if self.allow_unknown:
            values = torch.cat((log_probs[..., UNK : UNK + 1], values), dim=2)
            tokens = torch.cat((torch.full_like(tokens[..., :1], UNK), tokens), dim=2)
        return values.float(), tokens

    def _done(self, search: _Search, step: int) -> Tensor:
        """True where the search of a sentence is over, (B,)."""
        best_to_come = search.log_probs[:, 0] / search.limits**self.length_penalty  # -inf where nothing is live
        full = search.kept_scores[:, -1] > -math.inf
        return full | (search.kept_scores[:, self.n_best - 1] >= best_to_come) | (search.limits == step)

    def _found(self, search: _Search, done: Tensor, step: int) -> list[tuple[int, list[Hypothesis]]]:
        """Position and hypotheses of each sentence that is done, done (B,)."""
        kept_scores, log_probs = search.kept_scores[done], search.log_probs[done]
        free = (kept_scores == -math.inf).sum(1, keepdim=True)  # (D, 1)
        rank = torch.arange(log_probs.size(1), device=done.device)
        cut = (rank < free) & (search.limits[done] == step).unsqueeze(1)  # (D, K)
        cut_scores = (log_probs / step**self.length_penalty).masked_fill(~cut, -math.inf)
        scores, best = torch.cat((kept_scores, cut_scores), dim=1).sort(dim=1, descending=True, stable=True)
        scores, best = scores[:, : self.n_best], best[:, : self.n_best]
        log_probs = torch.cat((search.kept_log_probs[done], log_probs), dim=1).gather(1, best)
        tokens = search.history[done].gather(1, best.unsqueeze(2).expand(-1, -1, step + 1))[..., 1:]
        return [
            (row, _hypotheses(*columns))
            for row, *columns in zip(
                search.rows[done].tolist(), tokens.tolist(), log_probs.tolist(), scores.tolist(), strict=True
            )
        ]


def _hypotheses(tokens: list[list[int]], log_probs: list[float], scores: list[float]) -> list[Hypothesis]:
    found = []
    for ids, log_prob, score in zip(tokens, log_probs, scores, strict=True):
        if score > -math.inf:
            finished = EOS in ids
            found.append(Hypothesis(tuple(ids[: ids.index(EOS)] if finished else ids), log_prob, score, finished))
    return found or [Hypothesis((), -math.inf, -math.inf, finished=False)]
