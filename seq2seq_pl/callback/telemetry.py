"""How training goes, step by step: loss, learning rate, gradient norm, speed, padding."""

from __future__ import annotations

import math
import time

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
    counted) and padding_share (of all token places of both sides). Sums stay on the device until they are logged.

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
        self.at_step: dict[str, float | Tensor] = {}
        self.clock = 0.0
        self.logged_step = 0

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Starts counting."""
        self.sums, self.at_step = None, {}
        self.clock = time.perf_counter()
        self.logged_step = trainer.global_step

    def on_validation_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Stops the clock."""
        self.clock -= time.perf_counter()

    def on_validation_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Starts the clock where it stood."""
        self.clock += time.perf_counter()

    def on_before_optimizer_step(self, trainer: L.Trainer, pl_module: L.LightningModule, optimizer: Optimizer) -> None:
        """Takes what belongs to this very step; gradients are unscaled and not yet clipped."""
        assert isinstance(pl_module, Seq2SeqModule)
        if (trainer.global_step + 1) % self.every_n_steps:
            return
        gradients = [p.grad for p in pl_module.parameters() if p.grad is not None]
        self.at_step = {
            "learning_rate": float(optimizer.param_groups[0]["lr"]),
            "teacher_forcing_ratio": float(pl_module.teacher_forcing(trainer.global_step)),
            "gradient_norm": torch.nn.utils.get_total_norm(gradients),
        }

    def on_train_batch_end(  # type: ignore[override]
        self, trainer: L.Trainer, pl_module: L.LightningModule, outputs: dict[str, Tensor], batch: Batch, batch_idx: int
    ) -> None:
        """Adds a batch, and logs when it is time."""
        places = batch.source.numel() + batch.target.numel()
        padding = (batch.source == PAD).sum() + (batch.target == PAD).sum()
        tokens = outputs["tokens"]
        loss = outputs["loss"] * tokens * trainer.accumulate_grad_batches  # Lightning divided it by that
        sums = torch.stack([loss.float(), outputs["nll"].float(), tokens.float(), padding.float()])
        sums = torch.cat([sums, sums.new_full((1,), places)])
        self.sums = sums if self.sums is None else self.sums + sums
        step = trainer.global_step
        if step % self.every_n_steps == 0 and step != self.logged_step:
            self._log(trainer, step)

    def _log(self, trainer: L.Trainer, step: int) -> None:
        reduced = trainer.strategy.reduce(self.sums, reduce_op="sum")
        assert isinstance(reduced, Tensor)
        loss, nll, tokens, padding, places = reduced.tolist()  # waits for the device, so the clock is right after it
        now = time.perf_counter()
        metrics = {
            "loss": loss / tokens,
            "perplexity": math.exp(min(nll / tokens, 700.0)),
            "tokens_per_second": tokens / max(now - self.clock, 1e-9),
            "padding_share": padding / places,
            **{name: float(value) for name, value in self.at_step.items()},
        }
        for logger in trainer.loggers:
            logger.log_metrics({f"train/{name}": value for name, value in metrics.items()}, step)
            logger.save()
        self.sums, self.at_step, self.clock, self.logged_step = None, {}, now, step
