"""Early stopping that remembers in a checkpoint that it has stopped."""

from __future__ import annotations

from typing import Any

import lightning as L
from lightning.pytorch.callbacks import EarlyStopping as LightningEarlyStopping

from seq2seq_pl.errors import UserError


class EarlyStopping(LightningEarlyStopping):
    """Lightning's: stops when the monitored score has not improved for some validations.

    A checkpoint knows whether it has stopped, so that a run that was interrupted after its last step does not take
    another one.

    Args:
        monitor: the logged score.
        mode: "min" or "max".
        patience: validations without improvement.
        min_delta: smallest change that counts, in units of the score.
    Raises:
        UserError: if one of the two is negative.
    """

    def __init__(self, *, monitor: str, mode: str, patience: int, min_delta: float = 0.0) -> None:
        for name, value in (("patience", patience), ("min_delta", min_delta)):
            if not value >= 0:
                raise UserError(f"callback.early_stopping.{name} ({value}) must be at least 0.")
        super().__init__(monitor, min_delta=min_delta, patience=patience, mode=mode)
        self.stopped = False

    def on_fit_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Stops a training that had stopped."""
        trainer.should_stop = trainer.should_stop or self.stopped

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Looks at the score, where there is one validation an epoch."""
        super().on_train_epoch_end(trainer, pl_module)
        self.stopped = trainer.should_stop

    def on_validation_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Looks at the score, where validations do not go with epochs."""
        super().on_validation_end(trainer, pl_module)
        self.stopped = trainer.should_stop

    def state_dict(self) -> dict[str, Any]:
        """Lightning's, and whether it has stopped."""
        return {**super().state_dict(), "stopped": self.stopped}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """The counterpart of `state_dict`; the patience is that of now."""
        super().load_state_dict({**state_dict, "patience": self.patience})
        self.stopped = state_dict["stopped"] and self.wait_count >= self.patience
