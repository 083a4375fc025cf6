"""Beam search over any Stepper."""

from __future__ import annotations

from typing import Literal

import numpy as np
import torch
from torch import Tensor

from seq2seq_pl.decoding.frontier import Ranking, advance, begin, continuations, found
from seq2seq_pl.decoding.limits import Limits, refuse_phrases
from seq2seq_pl.errors import UserError
from seq2seq_pl.interfaces import Decoding, Stepper, Watch
from seq2seq_pl.values import Batch, Hypothesis


class Beam(Decoding):
    """Beam search with normalised log-probability as score, Wu et al. 2016, sec. 7 (https://arxiv.org/abs/1609.08144).

    The score is that of `Ranking`. At each step the continuations of a sentence's live hypotheses are ranked by
    log_prob; those among the first beam_size that end in EOS are kept, the best beam_size that do not are the live
    ones of the next step. A sentence is done when

    - n_best have been kept and no live hypothesis can overtake the worst of them (see `Ranking`; this changes the time,
      never the output), or
    - stopping=full: beam_size hypotheses have been kept (should the last step bring more, those of best score stay), or
    - its limit is reached: the best live hypotheses, cut and unfinished, take the places still free, or
    - no continuation is possible (all -inf or NaN); if nothing was kept, the result is one empty, unfinished
      hypothesis of log_prob -inf.

    Hence with stopping=full a beam of 1 is greedy search at every length_penalty, and a beam that holds all prefixes is
    exact. stopping=exact returns what going on to the limit would: of all hypotheses that this beam ever comes by, the
    best. Of equal continuations the one of the better hypothesis, then of the lower id is first.

    Args:
        beam_size: live hypotheses per sentence.
        n_best: hypotheses returned per sentence; fewer where fewer exist.
        length_penalty: exponent of the length; 0 compares sums, 1 means.
        normalization: "power" of the length, or "wu".
        coverage_penalty: weight of the coverage penalty; needs a model with attention.
        stopping: "full" or "exact".
        max_length_factor, max_length_extra, max_length, min_length, no_repeat_ngram, allow_unknown: as in `Limits`.
    Raises:
        UserError: if an argument is out of its range.
    """

    def __init__(
        self,
        *,
        beam_size: int = 5,
        n_best: int = 1,
        length_penalty: float = 1.0,
        normalization: Literal["power", "wu"] = "power",
        coverage_penalty: float = 0.0,
        stopping: Literal["full", "exact"] = "full",
        max_length_factor: float = 1.5,
        max_length_extra: int = 10,
        max_length: int = 256,
        min_length: int = 0,
        no_repeat_ngram: int = 0,
        allow_unknown: bool = True,
    ) -> None:
        self.ranking = Ranking(beam_size, n_best, length_penalty, normalization, coverage_penalty, stopping)
        self.limits = Limits(
            max_length_factor, max_length_extra, max_length, min_length, no_repeat_ngram, allow_unknown
        )
        self.needs_weights = coverage_penalty > 0

    @torch.no_grad()
    def decode(self, stepper: Stepper, batch: Batch, watch: Watch | None = None) -> list[list[Hypothesis]]:
        """The n_best hypotheses of each sentence, best score first, all different."""
        refuse_phrases(batch)
        stepper = self.limits.rule(stepper, batch)
        size, limits, device = self.ranking.beam_size, self.limits.most_tokens(batch), batch.source.device
        hypotheses: list[list[Hypothesis]] = [[] for _ in range(len(batch.source))]
        frontier = begin(limits, size, batch.source_mask, coverage=self.needs_weights)
        state = stepper.start(batch)
        step = 0
        while len(frontier.rows):
            step += 1
            # Reordered here, so that it is spared for sentences that are done; a beam of 1 has nothing to reorder.
            state = state.reorder(torch.from_numpy(frontier.parents).to(device)) if size > 1 else state
            log_probs, state = stepper.step(torch.from_numpy(frontier.tokens).to(device), state, self.needs_weights)
            if self.needs_weights and state.weights is None:
                raise UserError(
                    "decoding.coverage_penalty needs attention weights, and this model has none; set it to 0."
                )
            values, tokens = continuations(log_probs, size, self.limits.allow_unknown)
            frontier = advance(frontier, self.ranking, step, values, tokens, state.weights, watch=watch)
            done = self.ranking.done(frontier, step)
            if not done.any():
                continue
            over, rest = frontier.select(np.flatnonzero(done)), np.flatnonzero(~done)
            for row, best in zip(over.rows.tolist(), found(over, self.ranking, step), strict=True):
                hypotheses[row] = best
            frontier, state = frontier.select(rest), state.select(torch.from_numpy(rest).to(device))
        return hypotheses

    def score(self, log_prob: float, length: int, coverage: Tensor | None = None) -> float:
        """What a finished hypothesis is ranked by; see `Ranking`."""
        return self.ranking.score_alone(log_prob, length, coverage)
