"""How training goes, step by step: loss, learning rate, gradient norm, speed, padding."""

from __future__ import annotations

import math
import time
from typing import Any

import lightning as L
import torch
from torch import Tensor
from torch.optim import Optimizer

from seq2seq_pl.errors import UserError
from seq2seq_pl.module import Seq2SeqModule
from seq2seq_pl.values import PAD, Batch


class Telemetry(L.Callback):
    """Logs `train/...` every few optimizer steps to every logger, as means over all processes since the last time.

    loss (nats per target token, as trained), perplexity (without label smoothing), learning_rate and
    teacher_forcing_ratio of that step, gradient_norm before clipping, tokens_per_second (target tokens; scoring not
    counted), padding_share (of all token places of both sides) and, once there are any, skipped_steps (since the start
    of the run, see `non_finite`; the loss of their batches does not count). Sums stay on the device until they are
    logged.

    Args:
        every_n_steps: optimizer steps between two lines.
    Raises:
        UserError: if it is below 1.
    """

    def __init__(self, *, every_n_steps: int = 50) -> None:
        if every_n_steps < 1:
            raise UserError(f"callback.telemetry.every_n_steps ({every_n_steps}) must be at least 1.")
        self.every_n_steps = every_n_steps
        self.sums: Tensor | None = None  # loss, nll, target tokens, PAD, places
        self.counted: Tensor | None = None  # the sums of all processes, out of a checkpoint
        self.at_step: dict[str, float] = {}
        self.seconds = 0.0  # of training since the last time, up to `since`
        self.since: float | None = None  # when the clock was started; None while it stands
        self.logged_step = 0

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Lets what a checkpoint brought go on, from the first batch."""
        self.since = None
        if self.counted is not None:
            self.sums = self.counted[trainer.global_rank].to(pl_module.device)
            self.counted = None

    def on_train_batch_start(
        self, trainer: L.Trainer, pl_module: L.LightningModule, batch: Batch, batch_idx: int
    ) -> None:
        """Starts the clock, so that what the module tries out before the first batch does not count."""
        if self.since is None:
            self.since = time.perf_counter()

    def on_train_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Forgets what was not logged."""
        self.sums, self.seconds, self.since = None, 0.0, None

    def on_validation_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Stops the clock."""
        self.seconds, self.since = self._elapsed(), None

    def on_validation_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Starts the clock where it stood."""
        self.since = time.perf_counter()

    def _elapsed(self) -> float:
        return self.seconds + (0.0 if self.since is None else time.perf_counter() - self.since)

    def on_before_optimizer_step(self, trainer: L.Trainer, pl_module: L.LightningModule, optimizer: Optimizer) -> None:
        """Takes what belongs to this very step."""
        assert isinstance(pl_module, Seq2SeqModule)
        if (trainer.global_step + 1) % self.every_n_steps:
            return
        self.at_step = {
            "learning_rate": float(optimizer.param_groups[0]["lr"]),
            "teacher_forcing_ratio": float(pl_module.teacher_forcing(trainer.global_step)),
        }

    def on_train_batch_end(  # type: ignore[override]
        self, trainer: L.Trainer, pl_module: L.LightningModule, outputs: dict[str, Tensor], batch: Batch, batch_idx: int
    ) -> None:
        """Adds a batch, and logs when it is time."""
        assert isinstance(pl_module, Seq2SeqModule)
        places = batch.source.numel() + batch.target.numel()
        padding = (batch.source == PAD).sum() + (batch.target == PAD).sum()
        tokens = outputs["tokens"]
        loss = outputs["loss"] * tokens * trainer.accumulate_grad_batches  # Lightning divided it by that
        sums = torch.stack([loss.float(), outputs["nll"].float(), tokens.float(), padding.float()])
        if not pl_module.watch.counts(outputs["loss"]):
            sums[:3] = 0
        sums = torch.cat([sums, sums.new_full((1,), places)])
        self.sums = sums if self.sums is None else self.sums + sums
        step = trainer.global_step
        if step % self.every_n_steps == 0 and step != self.logged_step:
            self._log(trainer, pl_module, step)

    def _log(self, trainer: L.Trainer, module: Seq2SeqModule, step: int) -> None:
        reduced = trainer.strategy.reduce(self.sums, reduce_op="sum")
        assert isinstance(reduced, Tensor)
        loss, nll, tokens, padding, places = reduced.tolist()  # waits for the device, so the clock is right after it
        seconds = self._elapsed()
        metrics = {
            "loss": loss / (tokens or math.nan),  # where every batch was left out, there is none
            "perplexity": math.exp(min(nll / (tokens or math.nan), 700.0)),
            "tokens_per_second": tokens / max(seconds, 1e-9),
            "padding_share": padding / places,
            **self.at_step,
        }
        if module.gradient_norm is not None:
            metrics["gradient_norm"] = float(module.gradient_norm)
        if module.watch.skipped_steps:
            metrics["skipped_steps"] = module.watch.skipped_steps
        for logger in trainer.loggers:
            logger.log_metrics({f"train/{name}": value for name, value in metrics.items()}, step)
            logger.save()
        self.sums, self.at_step, self.logged_step = None, {}, step
        self.seconds, self.since = 0.0, time.perf_counter()

    # -- checkpoints -------------------------------------------------------------------------------------------------

    def on_save_checkpoint(self, trainer: L.Trainer, pl_module: L.LightningModule, checkpoint: dict[str, Any]) -> None:
        """Adds what every process counted since the last line; all of them save together."""
        counted = None
        if self.sums is not None:
            own = self.sums.new_zeros(trainer.world_size, len(self.sums))
            own[trainer.global_rank] = self.sums
            counted = trainer.strategy.reduce(own, reduce_op="sum")  # a row for each
        state = {"counted": counted, "seconds": self._elapsed(), "logged_step": self.logged_step}
        checkpoint["callbacks"][self.state_key] = state

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """The counterpart of `on_save_checkpoint`; each process finds its own sums when the training starts."""
        self.counted, self.seconds = state_dict["counted"], state_dict["seconds"]
        self.logged_step = state_dict["logged_step"]
