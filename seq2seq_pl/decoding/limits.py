"""What every strategy keeps to: how long an output may be, and which tokens may come next."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from seq2seq_pl.decoding.rules import Ruled
from seq2seq_pl.errors import UserError
from seq2seq_pl.interfaces import Stepper
from seq2seq_pl.values import PAD, Batch, Constraints

LONGEST = 100_000
"""Tokens that may be asked for: a model that never ends writes them all."""
MOST_HYPOTHESES = 10_000
"""Hypotheses of a sentence that may be asked for: all are in memory together."""


@dataclass(frozen=True)
class Limits:
    """The settings that all strategies share.

    A sentence gets at most min(floor(max_length_factor * source length) + max_length_extra + length of the prefix it
    must begin with, max_length) tokens, EOS counted and the source's EOS not counted; what has no EOS by then is cut
    and stays unfinished. The limit belongs to the sentence, so its output does not depend on its neighbours in the
    batch. A prefix that leaves no room for another token is impossible.

    Attributes:
        max_length_factor: target tokens per source token.
        max_length_extra: tokens added to that.
        max_length: tokens that no hypothesis exceeds.
        min_length: tokens before EOS may come.
        no_repeat_ngram: length of token n-grams that may not come twice; 0 lets all come again.
        allow_unknown: whether UNK may be written; PAD and BOS never are.
    Raises:
        UserError: if a setting is out of its range.
    """

    max_length_factor: float
    max_length_extra: int
    max_length: int
    min_length: int
    no_repeat_ngram: int
    allow_unknown: bool

    def __post_init__(self) -> None:
        if not 0 <= self.max_length_factor < math.inf:
            raise UserError(f"decoding.max_length_factor ({self.max_length_factor}) must be at least 0 and finite.")
        for name, least in (("max_length_extra", 1), ("max_length", 1), ("min_length", 0), ("no_repeat_ngram", 0)):
            if getattr(self, name) < least:
                raise UserError(f"decoding.{name} ({getattr(self, name)}) must be at least {least}.")
        check_most("max_length", self.max_length, LONGEST)
        if self.min_length >= self.max_length:
            raise UserError(
                f"decoding.min_length ({self.min_length}) must be less than decoding.max_length ({self.max_length})."
            )

    def most_tokens(self, batch: Batch) -> Tensor:
        """Most tokens of each sentence, EOS counted, (B,)."""
        return torch.tensor(self._limits(batch), dtype=torch.long, device=batch.source.device)

    def _limits(self, batch: Batch) -> list[int]:
        lengths = (batch.source_mask.sum(1) - 1).tolist()
        given = [len(one.prefix) for one in batch.constraints] or [0] * len(lengths)
        return [
            min(self._of_source(length) + self.max_length_extra + prefix, self.max_length)
            for length, prefix in zip(lengths, given, strict=True)
        ]

    def _of_source(self, length: int) -> int:
        return math.floor(min(self.max_length_factor * length, self.max_length))  # a product can be infinite

    def rule(self, stepper: Stepper, batch: Batch) -> Stepper:
        """A stepper that gives tokens that these limits or the batch's constraints forbid a log-probability of -inf.

        Left to the strategy are PAD, BOS and, unless allowed, UNK, which it never looks at, and phrases that must
        occur.
        """
        if not (self.min_length or self.no_repeat_ngram or batch.constraints):
            return stepper
        constraints = batch.constraints or (Constraints(),) * len(batch.source)
        possible = [
            one.prefix if len(one.prefix) < limit and not _contradictory(one) else (PAD,)  # which never comes
            for one, limit in zip(constraints, self._limits(batch), strict=True)
        ]
        return Ruled(stepper, min_length=self.min_length, no_repeat_ngram=self.no_repeat_ngram, prefixes=possible)


def _contradictory(one: Constraints) -> bool:
    """Whether the output must begin with what must not occur."""
    return any(
        one.prefix[start : start + len(phrase)] == phrase
        for phrase in one.exclude
        for start in range(len(one.prefix) - len(phrase) + 1)
    )


def check_most(name: str, value: float, most: int) -> None:
    """Raises UserError if a setting is more than can be searched with."""
    if value > most:
        raise UserError(f"decoding.{name} ({value}) must be at most {most:,}.")


def refuse_phrases(batch: Batch) -> None:
    """Raises UserError if some phrases must occur: for strategies that cannot see to that."""
    if any(one.include for one in batch.constraints):
        raise UserError("phrases that must occur need another search: set decoding=constrained_beam.")
