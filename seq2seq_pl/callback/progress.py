"""What a person sees of a training: one line that moves, and one that stays for each validation."""

from __future__ import annotations

import math
import sys
import time
from collections import deque
from collections.abc import Mapping
from datetime import timedelta

import lightning as L
import torch
from rich import progress
from rich.console import Console
from rich.text import Text
from torch import Tensor

from seq2seq_pl.errors import UserError
from seq2seq_pl.module import Seq2SeqModule
from seq2seq_pl.values import Batch, Score

LIVE_EVERY_SECONDS = 0.25
SMOOTHING = 0.98  # of the loss, per batch
WINDOW = 20  # readings over which tokens per second are a mean


class Progress(L.Callback):
    """Shows epoch, loss, tokens per second and time left while training; prints the scores of each validation.

    Everything goes to stderr. Where that is no terminal, there are plain lines, one every so often. The best score so
    far is remembered in checkpoints. It is not one of Lightning's progress bars: switch those off.

    Args:
        plain_every_seconds: seconds between two lines where there is no terminal.
    Raises:
        UserError: if that is not above 0.
    """

    def __init__(self, *, plain_every_seconds: float = 30.0) -> None:
        if not plain_every_seconds > 0:
            raise UserError(f"callback.progress.plain_every_seconds ({plain_every_seconds}) must be above 0.")
        self.plain_every_seconds = plain_every_seconds
        self.best: float | None = None
        self.console: Console | None = None
        self.live: progress.Progress | None = None
        self.lines: dict[str, progress.TaskID] = {}  # "training", "scoring"
        self.smoothed: Tensor | None = None
        self.sums: Tensor | None = None  # loss and tokens since the last validation
        self.tokens: Tensor | int = 0
        self.readings: deque[tuple[float, float]] = deque(maxlen=WINDOW)  # training seconds, tokens
        self.started = self.shown = self.clock = 0.0
        self.started_step = self.scored_batches = 0
        self.total_steps = math.inf

    # -- opening and closing -----------------------------------------------------------------------------------------

    def setup(self, trainer: L.Trainer, pl_module: L.LightningModule, stage: str) -> None:
        """Finds out where it writes to."""
        self.console = Console(stderr=True) if trainer.is_global_zero else None

    def _open(self) -> None:
        self.shown = time.monotonic()
        if self.console is None or self.live or not self.console.is_terminal or self.console.is_dumb_terminal:
            return
        self.live = progress.Progress(
            progress.TextColumn("{task.description}", markup=False),
            progress.BarColumn(bar_width=28),
            progress.MofNCompleteColumn(),
            progress.TextColumn("{task.fields[detail]}", markup=False),
            console=self.console,
            transient=True,
            refresh_per_second=4,
            redirect_stdout=sys.stdout.isatty(),  # what is redirected to a file stays there
        )
        self.live.start()

    def _close(self) -> None:
        if self.live:
            self.live.stop()
        self.live, self.lines = None, {}

    def on_exception(self, trainer: L.Trainer, pl_module: L.LightningModule, exception: BaseException) -> None:
        """Gives the terminal back."""
        self._close()

    def teardown(self, trainer: L.Trainer, pl_module: L.LightningModule, stage: str) -> None:
        """Gives the terminal back."""
        self._close()
        self.console = None

    # -- training ----------------------------------------------------------------------------------------------------

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Starts the clocks."""
        self._open()
        self.started = self.clock = time.monotonic()
        self.started_step = trainer.global_step
        self.total_steps = trainer.estimated_stepping_batches
        self.smoothed, self.sums, self.tokens = None, None, 0
        self.readings.clear()
        self.readings.append((0.0, 0.0))

    def on_train_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Gives the terminal back."""
        self._close()

    def on_train_batch_end(  # type: ignore[override]
        self, trainer: L.Trainer, pl_module: L.LightningModule, outputs: dict[str, Tensor], batch: Batch, batch_idx: int
    ) -> None:
        """Counts a batch, but for one that is left out; looks at the numbers only when they are shown."""
        assert isinstance(pl_module, Seq2SeqModule)
        counts = pl_module.watch.counts(outputs["loss"])
        loss = outputs["loss"].float() * trainer.accumulate_grad_batches  # Lightning divided it by that
        sums = torch.stack([loss * outputs["tokens"], outputs["tokens"].float()])
        sums = sums if counts else torch.zeros_like(sums)
        self.sums = sums if self.sums is None else self.sums + sums
        if counts:
            self.smoothed = loss if self.smoothed is None else SMOOTHING * self.smoothed + (1 - SMOOTHING) * loss
        self.tokens = self.tokens + outputs["tokens"]
        if self.smoothed is not None and self._due():
            self._show_training(trainer, batch_idx + 1)

    def _due(self) -> bool:
        if self.console is None:
            return False
        now = time.monotonic()
        if now - self.shown < (LIVE_EVERY_SECONDS if self.live else self.plain_every_seconds):
            return False
        self.shown = now
        return True

    def _show_training(self, trainer: L.Trainer, batches: int) -> None:
        assert self.smoothed is not None
        seconds, tokens = time.monotonic() - self.clock, float(self.tokens) * trainer.world_size
        speed = (tokens - self.readings[0][1]) / max(seconds - self.readings[0][0], 1e-9)
        self.readings.append((seconds, tokens))
        details = [f"loss {float(self.smoothed):.3f}", f"{speed:,.0f} tokens/s", self._left(trainer.global_step)]
        epochs = f"/{trainer.max_epochs}" if (trainer.max_epochs or -1) > 0 else ""
        self._show(
            "training", f"epoch {trainer.current_epoch + 1}{epochs}", batches, trainer.num_training_batches, details
        )

    def _left(self, step: int) -> str:
        """Time left of the whole training, scoring included, at the pace since its start."""
        if math.isinf(self.total_steps) or step <= self.started_step:
            return ""
        pace = (time.monotonic() - self.started) / (step - self.started_step)
        return f"{timedelta(seconds=round(pace * max(self.total_steps - step, 0)))} left"

    def _show(self, line: str, name: str, done: int, total: float, details: list[str]) -> None:
        detail = "  ".join(filter(None, details))
        known = None if math.isinf(total) else total
        if self.live is None:
            assert self.console is not None
            count = f"{done}/{known}" if known else str(done)
            self.console.print(f"{name}  {count}  {detail}".rstrip(), soft_wrap=True, markup=False, highlight=False)
        elif line in self.lines:
            self.live.update(self.lines[line], description=name, completed=done, total=known, detail=detail)
        else:
            self.lines[line] = self.live.add_task(name, completed=done, total=known, detail=detail)

    # -- scoring -----------------------------------------------------------------------------------------------------

    def on_validation_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Stops the training's clock and shows a line of its own."""
        if not trainer.sanity_checking:
            self.clock -= time.monotonic()
            self._start_scoring("valid", sum(trainer.num_val_batches))

    def on_test_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Shows a line."""
        assert isinstance(pl_module, Seq2SeqModule)
        self._start_scoring(pl_module.split, sum(trainer.num_test_batches))

    def _start_scoring(self, split: str, total: float) -> None:
        self.scored_batches = 0
        if self.live is None:
            self._open()
        if self.live:
            self._show("scoring", f"scoring {split}", 0, total, [])

    def on_validation_batch_end(
        self,
        trainer: L.Trainer,
        pl_module: L.LightningModule,
        outputs: object,
        batch: Batch,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """Counts a batch."""
        if not trainer.sanity_checking:
            self.scored_batches += 1
            if self._due():
                self._show("scoring", "scoring valid", self.scored_batches, sum(trainer.num_val_batches), [])

    def on_test_batch_end(
        self,
        trainer: L.Trainer,
        pl_module: L.LightningModule,
        outputs: object,
        batch: Batch,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """Counts a batch."""
        assert isinstance(pl_module, Seq2SeqModule)
        self.scored_batches += 1
        if self._due():
            self._show("scoring", f"scoring {pl_module.split}", self.scored_batches, sum(trainer.num_test_batches), [])

    def on_test_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Takes the line away."""
        self._close()

    def on_validation_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Takes the line away; while training, prints the scores and starts the training's clock again."""
        assert isinstance(pl_module, Seq2SeqModule)
        if trainer.sanity_checking:
            return
        self.clock += time.monotonic()
        if trainer.state.fn != "fit":
            self._close()
            return
        if self.live and "scoring" in self.lines:
            self.live.remove_task(self.lines.pop("scoring"))
        self._print_scores(trainer, pl_module)
        self.shown = time.monotonic()

    def _print_scores(self, trainer: L.Trainer, module: Seq2SeqModule) -> None:
        train_loss = math.nan
        if self.sums is not None:
            reduced = trainer.strategy.reduce(self.sums, reduce_op="sum")
            assert isinstance(reduced, Tensor)
            train_loss = float(reduced[0] / reduced[1])
        self.sums = None
        improved = self._improves(module)
        if self.console is None:
            return
        minutes = (time.monotonic() - self.started) / 60
        text = Text(f"epoch {trainer.current_epoch + 1}  step {trainer.global_step:,}  {minutes:.1f} min  ")
        text.append(f"train loss {train_loss:.3f}")
        several = len(module.judging) > 1
        if several:
            text.append(f"  val combined {module.combined['valid']:.2f}")
        for task, scored in module.results("valid").items():
            figures = in_words(scored.scores)
            text.append(f"\n  {task}  {figures}" if several else f"  val {figures}")
        if improved:
            text.append("  best", style="bold green")
        self.console.print(text, soft_wrap=True)

    def _improves(self, module: Seq2SeqModule) -> bool:
        """Whether the monitored score is the best so far, which it then becomes."""
        value, up = module.monitored()
        if math.isnan(value):
            return False
        improved = self.best is None or (value > self.best if up else value < self.best)
        if improved:
            self.best = value
        return improved

    # -- checkpoints -------------------------------------------------------------------------------------------------

    def state_dict(self) -> dict[str, float | None]:
        """The best score so far."""
        return {"best": self.best}

    def load_state_dict(self, state_dict: dict[str, float | None]) -> None:
        """The counterpart of `state_dict`."""
        self.best = state_dict["best"]


def in_words(scores: Mapping[str, Score]) -> str:
    """Scores on one line: "loss 2.100  perplexity 8.17  bleu 31.20"."""
    return "  ".join(f"{name} {_figure(name, score.value)}" for name, score in scores.items())


def _figure(name: str, value: float) -> str:
    if abs(value) >= 1e5:
        return f"{value:.3g}"
    return f"{value:.3f}" if name == "loss" else f"{value:.2f}"
