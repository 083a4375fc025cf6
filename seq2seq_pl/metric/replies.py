"""How dull the replies of a dialogue system are, and how long."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from seq2seq_pl.interfaces import Metric
from seq2seq_pl.metric.references import need_hypotheses
from seq2seq_pl.values import Score


class Replies(Metric):
    """What BLEU and distinct-n do not say of replies: how often the commonest is given, and how many words one has.

    dull = 100 x outputs that are the single most common output / outputs, where any white space is as good as one
    space. A system that answers "i don't know" to everything (the complaint of https://arxiv.org/abs/1510.03055; the
    figure is not theirs) has 100, one that never says the same twice has 100 / outputs: compare outputs for the same
    inputs. mean_length = tokens / outputs; white space separates tokens. An empty output is an output, too.

    References are not looked at. That lower is better is said of `dull`; a mean_length is neither good nor bad but near
    that of the references or far from it. There are no `statistics`: which output is the most common shows in all of
    them together, so `dull` is no sum over outputs, and a metric has them for all of its scores or for none.

    Args:
        lowercase: whether case is ignored.
    """

    names = ("dull", "mean_length")
    higher_is_better = False

    def __init__(self, *, lowercase: bool = False) -> None:
        self.lowercase = lowercase

    def compute(self, hypotheses: Sequence[str], references: Sequence[Sequence[str]]) -> dict[str, Score]:
        """The scores "dull", above 0 and up to 100, and "mean_length", tokens per output.

        Raises:
            UserError: if there is nothing to score.
        """
        need_hypotheses("metric.replies", hypotheses)
        outputs = [tuple((text.lower() if self.lowercase else text).split()) for text in hypotheses]
        commonest = max(Counter(outputs).values())
        case = "lc" if self.lowercase else "mixed"
        return {
            "dull": Score(100 * commonest / len(outputs), f"dull|case:{case}|space:normalized|per:output"),
            "mean_length": Score(sum(map(len, outputs)) / len(outputs), "mean_length|tok:space|per:output"),
        }
