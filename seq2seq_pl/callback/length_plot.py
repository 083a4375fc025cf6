"""How the score depends on the length of the source."""

from __future__ import annotations

import csv
import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import lightning as L
from lightning.pytorch.loggers import TensorBoardLogger
from matplotlib.image import imsave

from seq2seq_pl.errors import UserError
from seq2seq_pl.interfaces import Metric
from seq2seq_pl.module import Seq2SeqModule
from seq2seq_pl.picture import bars, pixels
from seq2seq_pl.scoring import Item, prefix
from seq2seq_pl.values import Score

UNSPACED = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]"
)
"""Letters of scripts written without spaces: Thai, Lao, Myanmar, Khmer, Kana, Han."""


@dataclass(frozen=True)
class Bin:
    """The sentences of some source lengths and their scores by name."""

    label: str
    sentences: int
    scores: dict[str, Score]


class LengthPlot(L.Callback):
    """At the end of a test (or of a validation on its own), scores the sentences of like source length together.

    The score is that of the task's first metric. Length counts words, or characters where the script has no spaces.
    Writes <run>/<split>/<score>_by_length.png and .csv, and the picture "<split>/<task>/<score>_by_length" to
    TensorBoard; with several tasks, the files go to <run>/<split>/<task>/.

    Args:
        bins: the largest length of each bin but the last, which has no end; bins without sentences are left out.
    Raises:
        UserError: if they do not grow from at least 1.
    """

    def __init__(self, *, bins: Sequence[int] = (5, 10, 15, 20, 30)) -> None:
        if any(after <= before for before, after in itertools.pairwise([0, *bins])):
            raise UserError(f"callback.length_plot.bins ({list(bins)}) must grow from at least 1, such as [5, 10, 20].")
        self.bins = tuple(bins)

    def on_validation_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Plots a validation that is not part of a training."""
        if trainer.state.fn == "validate":
            self._plot_all(trainer, pl_module, "valid")

    def on_test_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Plots a test."""
        assert isinstance(pl_module, Seq2SeqModule)
        self._plot_all(trainer, pl_module, pl_module.split)

    def _plot_all(self, trainer: L.Trainer, pl_module: L.LightningModule, split: str) -> None:
        assert isinstance(pl_module, Seq2SeqModule)
        if not trainer.is_global_zero:
            return
        folder = Path(trainer.default_root_dir, split)
        for task, judging in pl_module.judging.items():
            items = pl_module.scored[split, task].items
            if judging.metrics and items:
                self._plot(
                    trainer,
                    items,
                    judging.metrics[0],
                    prefix(split, task),
                    folder / task if len(pl_module.judging) > 1 else folder,
                )

    def _plot(self, trainer: L.Trainer, items: Sequence[Item], metric: Metric, tag: str, folder: Path) -> None:
        unit = unit_of(items)
        found = binned(items, self.bins, unit, metric)
        name = next(iter(found[0].scores))
        image = pixels(
            bars(
                [one.label for one in found],
                [one.scores[name].value for one in found],
                [one.sentences for one in found],
                x=f"source length ({unit})",
                y=name,
                title=f"{tag}: {name} by source length",
            )
        )
        folder.mkdir(parents=True, exist_ok=True)
        imsave(folder / f"{name}_by_length.png", image)
        with (folder / f"{name}_by_length.csv").open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(["source_length", "unit", "sentences", name, "signature"])
            writer.writerows(
                [one.label, unit, one.sentences, one.scores[name].value, one.scores[name].signature] for one in found
            )
        for logger in trainer.loggers:
            if isinstance(logger, TensorBoardLogger):
                logger.experiment.add_image(f"{tag}/{name}_by_length", image, trainer.global_step, dataformats="HWC")


def unit_of(items: Sequence[Item]) -> str:
    """What lengths are counted in: "words", or "characters" where spaces do not separate words."""
    text = "".join(item.example.source for item in items)
    unspaced = len(UNSPACED.findall(text)) > sum(character.isalpha() for character in text) / 2
    single = all(len(item.example.source.split()) <= 1 for item in items)  # single words, as in pronunciation
    return "characters" if unspaced or single else "words"


def length(source: str, unit: str) -> int:
    """Length of a source; white space does not count."""
    words = source.split()
    return len(words) if unit == "words" else sum(map(len, words))


def binned(items: Sequence[Item], bins: Sequence[int], unit: str, metric: Metric) -> list[Bin]:
    """The bins that have sentences, shortest first; an empty source is in the first bin."""
    found = []
    for low, high in itertools.pairwise([0, *bins, None]):
        assert low is not None
        inside = [
            item
            for item in items
            if (length(item.example.source, unit) > low or low == 0)
            and (high is None or length(item.example.source, unit) <= high)
        ]
        if inside:
            scores = metric.compute([i.hypothesis for i in inside], [i.example.references for i in inside])
            label = f"{low + 1}+" if high is None else f"{low + 1}" if high == low + 1 else f"{low + 1}-{high}"
            found.append(Bin(label, len(inside), scores))
    return found
