"""The one path from outputs to scores: validation, test and the commands all go through `Scorer`."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import distributed

from seq2seq_pl.errors import UserError
from seq2seq_pl.interfaces import Metric
from seq2seq_pl.values import Example, Loss, Score

FORCED_SIGNATURE = "natural log, per target token with EOS, teacher forcing, no label smoothing"


@dataclass(frozen=True)
class Item:
    """One scored sentence. `index` is its place in the split."""

    index: int
    hypothesis: str
    example: Example


@dataclass(frozen=True)
class Scored:
    """The scores of a split and what they were computed from, in the split's order.

    The score of a baseline has a name such as "lead-3/rouge1".
    """

    scores: dict[str, Score]
    items: tuple[Item, ...]


def prefix(split: str, task: str) -> str:
    """Where the scores of a split are logged: "val/translation", "test_unseen/translation"."""
    return f"{'val' if split == 'valid' else split}/{task}"


class Scorer:
    """Collects the outputs of one pass over a split, wherever they were computed, and scores them once."""

    def __init__(self, metrics: Sequence[Metric]) -> None:
        self.metrics = metrics
        self.items: dict[int, Item] = {}
        self.sums = [0.0, 0.0, 0.0, 0.0]  # total, nll, correct, tokens

    def add(self, loss: Loss, items: Sequence[Item]) -> None:
        """Adds a batch: its forced loss and its decoded sentences."""
        for place, value in enumerate((loss.total, loss.nll, loss.correct, loss.tokens)):
            self.sums[place] += float(value)
        self.items.update((item.index, item) for item in items)

    def finish(self) -> Scored | None:
        """Scores everything that was added, by all processes together; None if there was nothing."""
        items, sums = self.items, self.sums
        if distributed.is_available() and distributed.is_initialized():
            gathered: list[tuple[dict[int, Item], list[float]]] = [({}, [])] * distributed.get_world_size()
            distributed.all_gather_object(gathered, (items, sums))
            items = {index: item for part, _ in gathered for index, item in part.items()}
            sums = [math.fsum(values) for values in zip(*(values for _, values in gathered), strict=True)]
        if not items:
            return None
        ordered = tuple(items[index] for index in sorted(items))
        scores = forced_scores(*sums)
        hypotheses = [item.hypothesis for item in ordered]
        references = [item.example.references for item in ordered]
        for metric in self.metrics:
            scores |= metric.compute(hypotheses, references)
        return Scored(scores, ordered)


def with_baselines(scored: Scored, baselines: Callable[[str], Mapping[str, str]], metrics: Sequence[Metric]) -> Scored:
    """Adds the scores of outputs that need no model; `baselines` makes them of a source, by name."""
    outputs = [baselines(item.example.source) for item in scored.items]
    references = [item.example.references for item in scored.items]
    scores = dict(scored.scores)
    for baseline in outputs[0] if outputs else ():
        texts = [output[baseline] for output in outputs]
        for metric in metrics:
            found = metric.compute(texts, references)
            scores |= {f"{baseline}/{name}": score for name, score in found.items()}
    return Scored(scores, scored.items)


def forced_scores(total: float, nll: float, correct: float, tokens: float) -> dict[str, Score]:
    """Loss (nats per token), perplexity = exp(nll per token) and token accuracy (%) of teacher forcing."""
    mean = nll / max(tokens, 1)
    return {
        "loss": Score(total / max(tokens, 1), "the training objective per target token, teacher forcing"),
        "perplexity": Score(math.exp(min(mean, 700.0)), FORCED_SIGNATURE),
        "accuracy": Score(100 * correct / max(tokens, 1), FORCED_SIGNATURE),
    }


def higher_is_better(monitor: str, metrics: Sequence[Metric]) -> bool:
    """Whether the monitored score is to grow. The forced scores are known here, the others by their metric."""
    if monitor in ("loss", "perplexity"):
        return False
    if monitor == "accuracy":
        return True
    return {name: metric.higher_is_better for metric in metrics for name in metric.names}[monitor]


def merit(monitor: str, value: float, metrics: Sequence[Metric]) -> float:
    """A monitored score in percent of the best there is, so that those of several tasks can be averaged.

    The loss and the perplexity count as the geometric mean of the tokens' probabilities, 100 exp(-loss) and
    100 / perplexity; an error rate as 100 minus itself, at least 0; a score that is to grow as itself.
    """
    if monitor == "loss":
        return 100 * math.exp(-value)
    if monitor == "perplexity":
        return 100 / value
    return value if higher_is_better(monitor, metrics) else max(0.0, 100 - value)


def check_names(metrics: Mapping[str, Metric]) -> None:
    """Raises UserError if two metrics, by what the user calls them, have a score of the same name."""
    owners: dict[str, str] = {}
    for path, metric in metrics.items():
        for name in metric.names:
            if owners.setdefault(name, path) != path:
                raise UserError(f"{path} and {owners[name]} both have a score called {name}; choose one of them.")


def monitor_names(metrics: Sequence[Metric]) -> tuple[str, ...]:
    """Every name that `monitor` may take."""
    return ("loss", "perplexity", "accuracy", *(name for metric in metrics for name in metric.names))


def count_parameters(model: torch.nn.Module) -> int:
    """Trainable numbers; tied weights count once."""
    return sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad)
