"""The best checkpoint and the last one, from which an interrupted run goes on as if nothing had happened."""

from __future__ import annotations

import signal
import time
from pathlib import Path
from typing import Any, Literal

import lightning as L
from lightning.pytorch.callbacks import Checkpoint as LightningCheckpoint
from lightning.pytorch.trainer.states import TrainerFn

from seq2seq_pl.errors import Stopped, UserError
from seq2seq_pl.files import keep_as
from seq2seq_pl.logs import positions
from seq2seq_pl.stopping import NAMES, StopWish
from seq2seq_pl.values import Batch

LOGS_KEY = "logs"
RANKS_AGREE_EVERY = 10  # optimizer steps: several processes stop and save together, and asking each other takes time


class Checkpoint(LightningCheckpoint):
    """Keeps DIR/best.ckpt, DIR/last.ckpt, and the one that was last before it as DIR/previous.ckpt.

    The last one is written when an epoch ends, before and after a validation, every few steps or minutes, and when
    Ctrl-C or SIGTERM ask the run to stop, which it then does. Between batches it is written only where an optimizer
    step was taken and no validation follows: there, training can go on with the same numbers.

    Attributes:
        wish: what it listens to, where somebody opened it.

    Args:
        dirpath: DIR.
        monitor: the logged score that chooses the best; mode: "min" or "max".
        every_n_steps: optimizer steps from one last checkpoint to the next; null: as often as the minutes say.
        every_minutes: minutes of the same; null: as often as the steps say.
    Raises:
        UserError: if a number is not above 0.
    """

    def __init__(
        self,
        *,
        dirpath: str,
        monitor: str,
        mode: Literal["min", "max"],
        every_n_steps: int | None = None,
        every_minutes: float | None = 10.0,
    ) -> None:
        for name, value in (("every_n_steps", every_n_steps), ("every_minutes", every_minutes)):
            if value is not None and not value > 0:
                raise UserError(f"callback.checkpoint.{name} ({value}) must be above 0; null switches it off.")
        self.dirpath = Path(dirpath)
        self.monitor = monitor
        self.mode = mode
        self.every_n_steps = every_n_steps
        self.every_minutes = every_minutes
        self.best_score: float | None = None
        self.better = False  # than the best one, and not written yet
        self.saved_at = 0.0  # seconds of the clock
        self.step = 0  # after the batch before
        self.wish = StopWish()

    @property
    def best(self) -> Path:
        """The file with the best score."""
        return self.dirpath / "best.ckpt"

    @property
    def last(self) -> Path:
        """The file to go on from."""
        return self.dirpath / "last.ckpt"

    # -- training ----------------------------------------------------------------------------------------------------

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Starts the clock, and listens for signals where Lightning began to."""
        self.wish.insist()
        self.saved_at, self.step = time.monotonic(), trainer.global_step

    def on_train_batch_end(
        self, trainer: L.Trainer, pl_module: L.LightningModule, outputs: Any, batch: Batch, batch_idx: int
    ) -> None:
        """Saves where it is time, and stops where that is wished."""
        stepped, self.step = trainer.global_step != self.step, trainer.global_step
        if not stepped or validates_next(trainer, batch_idx):
            return  # the next one is saved in a moment
        due = self.every_n_steps is not None and trainer.global_step % self.every_n_steps == 0
        stopping = False
        if trainer.world_size == 1 or trainer.global_step % RANKS_AGREE_EVERY == 0:
            minutes = (time.monotonic() - self.saved_at) / 60
            stopping = agreed(trainer, self.wish.signal is not None)
            due |= stopping or agreed(trainer, self.every_minutes is not None and minutes >= self.every_minutes)
        if due:
            self._save_last(trainer)
        if stopping:
            self._stop(trainer, self.wish.signal or signal.SIGTERM)

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Saves what the epoch came to."""
        self._save(trainer)

    # -- scoring -----------------------------------------------------------------------------------------------------

    def on_validation_batch_start(
        self, trainer: L.Trainer, pl_module: L.LightningModule, batch: Batch, batch_idx: int, dataloader_idx: int = 0
    ) -> None:
        """Saves before a validation, which may take long."""
        if batch_idx == 0 and saving(trainer):
            # Lightning validates anew where one batch of a validation was started and not finished, and counts that
            # one twice then; else it goes on training.
            total: Any = trainer.fit_loop.epoch_loop.val_loop.batch_progress.total
            total.ready = total.started = total.completed + 1
            self._save_last(trainer)
            total.started -= 1  # as it is in this hook
        self._stop(trainer, self.wish.signal)

    def on_validation_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Takes note of the score; saves now if the epoch goes on."""
        if not saving(trainer):
            return
        if self.monitor not in trainer.callback_metrics:
            known = ", ".join(sorted(trainer.callback_metrics))
            raise UserError(f"the monitored score {self.monitor} was not logged; there is {known}.")
        score = float(trainer.callback_metrics[self.monitor])
        sign = 1 if self.mode == "max" else -1
        if self.best_score is None or sign * score > sign * self.best_score or self.best_score != self.best_score:
            self.best_score, self.better = score, True
        if not trainer.is_last_batch:
            self._save(trainer)

    def on_test_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Listens for signals where Lightning began to."""
        self.wish.insist()

    def on_test_batch_start(
        self, trainer: L.Trainer, pl_module: L.LightningModule, batch: Batch, batch_idx: int, dataloader_idx: int = 0
    ) -> None:
        """Stops where that is wished; what is scored here is scored anew when the run goes on."""
        self._stop(trainer, self.wish.signal)

    # -- writing -----------------------------------------------------------------------------------------------------

    def _save(self, trainer: L.Trainer) -> None:
        if not saving(trainer):
            return
        if self.better:
            self.better = False
            trainer.save_checkpoint(self.best)
        self._save_last(trainer)
        self._stop(trainer, self.wish.signal)

    def _save_last(self, trainer: L.Trainer) -> None:
        if trainer.is_global_zero:
            keep_as(self.last, "previous.ckpt")
        trainer.save_checkpoint(self.last)
        self.saved_at = time.monotonic()

    def _stop(self, trainer: L.Trainer, wished: signal.Signals | None) -> None:
        if wished is not None:
            raise Stopped(wished, f"Stopped by {NAMES[wished]} after {trainer.global_step:,} steps.")

    # -- what is in a checkpoint -------------------------------------------------------------------------------------

    def state_dict(self) -> dict[str, float | None]:
        """The best score so far."""
        return {"best_score": self.best_score}

    def load_state_dict(self, state_dict: dict[str, float | None]) -> None:
        """The counterpart of `state_dict`."""
        self.best_score = state_dict["best_score"]

    def on_save_checkpoint(
        self, trainer: L.Trainer, pl_module: L.LightningModule, checkpoint: dict[str, object]
    ) -> None:
        """Adds how far the logs have come."""
        checkpoint[LOGS_KEY] = positions(trainer.loggers) if trainer.is_global_zero else {}


def saving(trainer: L.Trainer) -> bool:
    """Whether this is a training in earnest."""
    return trainer.state.fn == TrainerFn.FITTING and not trainer.sanity_checking


def agreed(trainer: L.Trainer, wish: bool) -> bool:
    """Whether any process wishes something."""
    return wish if trainer.world_size == 1 else trainer.strategy.reduce_boolean_decision(wish, all=False)


def validates_next(trainer: L.Trainer, batch_idx: int) -> bool:
    """Whether a validation or the epoch's end follows a batch."""
    if batch_idx + 1 >= trainer.num_training_batches:
        return True
    every = trainer.val_check_batch
    if not trainer.enable_validation or every is None or every == float("inf"):
        return False
    each = trainer.check_val_every_n_epoch
    if each is not None and (trainer.current_epoch + 1) % each:
        return False
    done = batch_idx if each is not None else trainer.fit_loop.total_batch_idx
    return (done + 1) % every == 0
