"""Greedy decoding: the likeliest token at every step."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from seq2seq_pl.decoding.likeliest import likeliest
from seq2seq_pl.decoding.limits import Limits, refuse_phrases
from seq2seq_pl.interfaces import Decoding, Stepper, Watch
from seq2seq_pl.values import BOS, EOS, UNK, Batch, Candidate, Hypothesis


class Greedy(Decoding):
    """Takes the likeliest token at every step until EOS; of equally likely ones the lowest id.

    Where no token is possible (all -inf or NaN) the hypothesis is empty, unfinished and has log_prob -inf.

    Args:
        max_length_factor, max_length_extra, max_length, min_length, no_repeat_ngram, allow_unknown: as in `Limits`.
    Raises:
        UserError: if an argument is out of its range.
    """

    def __init__(
        self,
        *,
        max_length_factor: float = 1.5,
        max_length_extra: int = 10,
        max_length: int = 256,
        min_length: int = 0,
        no_repeat_ngram: int = 0,
        allow_unknown: bool = True,
    ) -> None:
        self.limits = Limits(
            max_length_factor, max_length_extra, max_length, min_length, no_repeat_ngram, allow_unknown
        )

    @torch.no_grad()
    def decode(self, stepper: Stepper, batch: Batch, watch: Watch | None = None) -> list[list[Hypothesis]]:
        """One hypothesis a sentence; its score is its log_prob."""
        refuse_phrases(batch)
        stepper = self.limits.rule(stepper, batch)
        hypotheses: list[list[Hypothesis]] = [[] for _ in range(len(batch.source))]
        device = batch.source.device
        rows = torch.arange(len(batch.source), device=device)  # (B,)
        limits = self.limits.most_tokens(batch)  # (B,)
        tokens = torch.full((len(rows), 1), BOS, device=device)  # (B, t)
        totals = torch.zeros(len(rows), device=device)  # (B,)
        state = stepper.start(batch)
        step = 0
        while len(rows):
            step += 1
            log_probs, state = stepper.step(tokens[:, -1:], state)
            values, best = self._best(log_probs[:, 0])
            totals = totals + values
            tokens = torch.cat((tokens, best.unsqueeze(1)), dim=1)
            if watch is not None:
                _tell(watch, step, rows, best, totals)
            # NaN compares as not above -inf, so that a diverged model ends here too.
            done = (best == EOS) | (limits == step) | ~(totals > -math.inf)
            rest = (~done).nonzero().squeeze(1)  # the one wait for the device in a step
            if len(rest) == len(rows):
                continue
            for row, total, ids in zip(
                rows[done].tolist(), totals[done].tolist(), tokens[done, 1:].tolist(), strict=True
            ):
                hypotheses[row].append(_hypothesis(total, ids))
            rows, limits, tokens, totals = rows[rest], limits[rest], tokens[rest], totals[rest]
            state = state.select(rest)
        return hypotheses

    def _best(self, log_probs: Tensor) -> tuple[Tensor, Tensor]:
        """The likeliest of the tokens allowed: log_probs (B, V) -> values (B,) in float32 and ids (B,)."""
        values, tokens = (found.squeeze(1) for found in likeliest(log_probs[:, EOS:], 1))  # below are PAD, UNK and BOS
        tokens = tokens + EOS
        if self.limits.allow_unknown:
            unknown = log_probs[:, UNK]
            tokens = torch.where(unknown >= values, UNK, tokens)
            values = torch.maximum(unknown, values)
        return values.float(), tokens


def _tell(watch: Watch, step: int, rows: Tensor, tokens: Tensor, totals: Tensor) -> None:
    for row, token, total in zip(rows.tolist(), tokens.tolist(), totals.tolist(), strict=True):
        if total > -math.inf:
            kept = token == EOS
            watch(row, [Candidate(step, 0, token, total, total, "kept" if kept else "live", -1 if kept else 0)])


def _hypothesis(total: float, ids: list[int]) -> Hypothesis:
    if not total > -math.inf:
        return Hypothesis((), -math.inf, -math.inf, finished=False)
    finished = ids[-1] == EOS
    return Hypothesis(tuple(ids[:-1] if finished else ids), total, total, finished)
