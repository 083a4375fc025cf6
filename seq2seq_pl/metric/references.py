"""What every metric asks of the texts that it is given."""

from __future__ import annotations

from collections.abc import Sequence

from seq2seq_pl.errors import UserError


def need_hypotheses(metric: str, hypotheses: Sequence[str]) -> None:
    """Raises UserError if there is nothing to score; `metric` is what the user calls the metric."""
    if not hypotheses:
        raise UserError(f"{metric}: there are no hypotheses to score; is the split empty?")


def need_references(metric: str, hypotheses: Sequence[str], references: Sequence[Sequence[str]]) -> None:
    """Raises UserError if there is nothing to score or an item without reference."""
    need_hypotheses(metric, hypotheses)
    assert len(hypotheses) == len(references)
    for number, item in enumerate(references, start=1):
        if not item:
            raise UserError(f"{metric}: item {number} has no reference; every item needs at least one.")
