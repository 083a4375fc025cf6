"""How the score depends on the length of the source."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import lightning as L
from lightning.pytorch.loggers import TensorBoardLogger

from seq2seq_pl.by_length import BINS, checked_bins, plot_by_length
from seq2seq_pl.interfaces import Metric
from seq2seq_pl.module import Seq2SeqModule
from seq2seq_pl.scoring import Item, prefix


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

    def __init__(self, *, bins: Sequence[int] = BINS) -> None:
        self.bins = checked_bins("callback.length_plot.bins", bins)

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
        for task, scored in pl_module.results(split).items():
            metrics = pl_module.judging[task].metrics
            if metrics:
                self._plot(
                    trainer,
                    scored.items,
                    metrics[0],
                    prefix(split, task),
                    folder / task if len(pl_module.judging) > 1 else folder,
                )

    def _plot(self, trainer: L.Trainer, items: Sequence[Item], metric: Metric, tag: str, folder: Path) -> None:
        image = plot_by_length(folder, items, metric, self.bins, tag)
        for logger in trainer.loggers:
            if isinstance(logger, TensorBoardLogger):
                name = f"{tag}/{metric.names[0]}_by_length"
                logger.experiment.add_image(name, image, trainer.global_step, dataformats="HWC")
