"""How varied outputs are, whatever they say."""

from __future__ import annotations

from collections.abc import Sequence

from seq2seq_pl.errors import UserError
from seq2seq_pl.interfaces import Metric
from seq2seq_pl.metric.references import need_hypotheses
from seq2seq_pl.values import Score


class Distinct(Metric):
    """distinct-n of all outputs together, Li et al. 2016 (https://arxiv.org/abs/1510.03055).

    distinct-n = 100 x different n-grams / tokens; white space separates tokens, no n-gram goes beyond its output.
    References are not looked at, so noise scores well. The figure falls as a corpus grows: compare outputs for the same
    inputs. There are no `statistics`: an n-gram that two outputs share counts once, so what a corpus has is no sum of
    what its outputs have.

    Args:
        orders: the n.
        lowercase: whether case is ignored.
    Raises:
        UserError: if there is no order, one is below 1 or one occurs twice.
    """

    higher_is_better = True

    def __init__(self, *, orders: Sequence[int] = (1, 2), lowercase: bool = False) -> None:
        if not orders or min(orders) < 1 or len(set(orders)) < len(orders):
            raise UserError(
                f"metric.distinct.orders ({list(orders)}) must be one or more different numbers from 1, such as [1, 2]."
            )
        self.orders = tuple(orders)
        self.names = tuple(f"distinct{order}" for order in orders)
        self.lowercase = lowercase

    def compute(self, hypotheses: Sequence[str], references: Sequence[Sequence[str]]) -> dict[str, Score]:
        """The scores "distinct1", "distinct2", ..., 0 to 100; 0 where all outputs are empty.

        Raises:
            UserError: if there is nothing to score.
        """
        need_hypotheses("metric.distinct", hypotheses)
        outputs = [(text.lower() if self.lowercase else text).split() for text in hypotheses]
        total = sum(map(len, outputs))
        scores = {}
        for name, order in zip(self.names, self.orders, strict=True):
            different = {
                tuple(output[start : start + order]) for output in outputs for start in range(len(output) - order + 1)
            }
            signature = f"{name}|case:{'lc' if self.lowercase else 'mixed'}|tok:space|per:token"
            scores[name] = Score(100 * len(different) / max(total, 1), signature)
        return scores
