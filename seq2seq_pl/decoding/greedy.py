"""Greedy decoding: the likeliest token at every step."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from seq2seq_pl.errors import UserError
from seq2seq_pl.interfaces import Decoding, Stepper
from seq2seq_pl.values import BOS, EOS, UNK, Batch, Hypothesis


class Greedy(Decoding):
    """Takes the likeliest token at every step until EOS; of equally likely ones the lowest id.

    A sentence gets at most min(floor(max_length_factor * source length) + max_length_extra, max_length) tokens, EOS
    counted and the source's EOS not counted; what has no EOS by then is cut and stays unfinished. The limit belongs to
    the sentence, so its output does not depend on its neighbours in the batch. Where no token is possible (all -inf
    or NaN) the hypothesis is empty, unfinished and has log_prob -inf.

    Args:
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
        max_length_factor: float = 1.5,
        max_length_extra: int = 10,
        max_length: int = 256,
        allow_unknown: bool = True,
    ) -> None:
        if not 0 <= max_length_factor < math.inf:
            raise UserError(f"decoding.max_length_factor ({max_length_factor}) must be at least 0 and finite.")
        if max_length_extra < 1:
            raise UserError(f"decoding.max_length_extra ({max_length_extra}) must be at least 1.")
        if max_length < 1:
            raise UserError(f"decoding.max_length ({max_length}) must be at least 1.")
        self.max_length_factor = max_length_factor
        self.max_length_extra = max_length_extra
        self.max_length = max_length
        self.allow_unknown = allow_unknown

    @torch.no_grad()
    def decode(self, stepper: Stepper, batch: Batch) -> list[list[Hypothesis]]:
        """One hypothesis a sentence; its score is its log_prob."""
        hypotheses: list[list[Hypothesis]] = [[] for _ in range(len(batch.source))]
        device = batch.source.device
        rows = torch.arange(len(batch.source), device=device)  # (B,)
        limits = self._limits(batch)  # (B,)
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

    def _limits(self, batch: Batch) -> Tensor:
        """Most tokens of each sentence, EOS counted, (B,)."""
        lengths = (batch.source_mask.sum(1) - 1).tolist()
        limits = [min(math.floor(self.max_length_factor * n) + self.max_length_extra, self.max_length) for n in lengths]
        return torch.tensor(limits, dtype=torch.long, device=batch.source.device)

    def _best(self, log_probs: Tensor) -> tuple[Tensor, Tensor]:
        """The likeliest of the tokens allowed: log_probs (B, V) -> values (B,) in float32 and ids (B,)."""
        values, tokens = log_probs[:, EOS:].max(dim=1)  # PAD, UNK and BOS are the ids below EOS
        tokens = tokens + EOS
        if self.allow_unknown:
            unknown = log_probs[:, UNK]
            tokens = torch.where(unknown >= values, UNK, tokens)
            values = torch.maximum(unknown, values)
        return values.float(), tokens


def _hypothesis(total: float, ids: list[int]) -> Hypothesis:
    if not total > -math.inf:
        return Hypothesis((), -math.inf, -math.inf, finished=False)
    finished = ids[-1] == EOS
    return Hypothesis(tuple(ids[:-1] if finished else ids), total, total, finished)
