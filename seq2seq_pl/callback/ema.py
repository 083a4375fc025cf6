"""An average of the weights over the steps of a training."""

from __future__ import annotations

from collections.abc import Mapping

import lightning as L
import torch
from torch import Tensor

from seq2seq_pl.errors import UserError
from seq2seq_pl.values import Batch

TRAINED_KEY = "trained_state_dict"


class Ema(L.Callback):
    """Scores and keeps an exponential moving average of the weights instead of the last ones.

    After update n, with d = decay, average_n = sum_i d^(n-i) weights_i / sum_i d^(n-i); section 7.2 of
    https://arxiv.org/abs/1412.6980. Divided by its sum, the average owes nothing to the first random weights and is a
    plain mean while there are few.

    From the start of a validation until training goes on, and once it has ended, the model holds the average, so
    whatever looks at the model shows what is scored. A checkpoint's `state_dict` is the average, and the weights that
    training goes on with lie beside it.

    Args:
        decay: d, what an update keeps of the average.
        update_every_n_steps: optimizer steps from one update to the next.
    Raises:
        UserError: if one is out of its range.
    """

    def __init__(self, *, decay: float, update_every_n_steps: int) -> None:
        if not 0 <= decay < 1:
            raise UserError(f"callback.ema.decay ({decay}) must be at least 0 and below 1.")
        if update_every_n_steps < 1:
            raise UserError(f"callback.ema.update_every_n_steps ({update_every_n_steps}) must be at least 1.")
        self.decay = decay
        self.update_every_n_steps = update_every_n_steps
        self.updates = 0
        self.updated_step = 0
        self.average: dict[str, Tensor] = {}  # empty before the first update
        self.trained: dict[str, Tensor] = {}  # what the model holds in training, while it holds the average

    # -- averaging ---------------------------------------------------------------------------------------------------

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Brings an average that was read from a checkpoint to the model's device."""
        self.average = {name: value.to(pl_module.device) for name, value in self.average.items()}

    def on_train_batch_start(
        self, trainer: L.Trainer, pl_module: L.LightningModule, batch: Batch, batch_idx: int
    ) -> None:
        """Gives the model back the weights that training goes on with."""
        overwrite(pl_module, self.trained)
        self.trained = {}

    def on_train_batch_end(  # type: ignore[override]
        self, trainer: L.Trainer, pl_module: L.LightningModule, outputs: dict[str, Tensor], batch: Batch, batch_idx: int
    ) -> None:
        """Updates the average where an optimizer step was taken and it is time."""
        step = trainer.global_step
        if step == self.updated_step or step % self.update_every_n_steps:
            return
        self.updated_step = step
        self.updates += 1
        if not self.average:
            self.average = copied(pl_module)
            return
        share = (1 - self.decay) / (1 - self.decay**self.updates)
        for name, value in floating(pl_module).items():
            self.average[name].lerp_(value, share)

    # -- showing -----------------------------------------------------------------------------------------------------

    def on_validation_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Lets the average be scored; a validation of its own scores what the module holds."""
        if trainer.state.fn == "fit":
            self.show(pl_module)

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Lets the average be saved, also where nothing but weights is."""
        self.show(pl_module)

    def on_train_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Leaves the average in the module."""
        self.show(pl_module)

    def show(self, pl_module: L.LightningModule) -> None:
        """Puts the average into the module, unless it is there already."""
        if self.average and not self.trained:
            self.trained = copied(pl_module)
            overwrite(pl_module, self.average)

    # -- checkpoints -------------------------------------------------------------------------------------------------

    def on_save_checkpoint(
        self, trainer: L.Trainer, pl_module: L.LightningModule, checkpoint: dict[str, dict[str, Tensor]]
    ) -> None:
        """Makes the average the checkpoint's weights, and puts those of the training beside it."""
        if self.average:
            weights = checkpoint["state_dict"]
            checkpoint[TRAINED_KEY] = {**weights, **self.trained}
            checkpoint["state_dict"] = {**weights, **self.average}

    def on_load_checkpoint(
        self, trainer: L.Trainer, pl_module: L.LightningModule, checkpoint: dict[str, dict[str, Tensor]]
    ) -> None:
        """Lets a training go on where it was; the average is in the module by now."""
        if TRAINED_KEY in checkpoint and trainer.state.fn == "fit":
            self.average = copied(pl_module)
            pl_module.load_state_dict(checkpoint[TRAINED_KEY])

    def state_dict(self) -> dict[str, int]:
        """How far the average has come."""
        return {"updates": self.updates, "updated_step": self.updated_step}

    def load_state_dict(self, state_dict: dict[str, int]) -> None:
        """The counterpart of `state_dict`."""
        self.updates = state_dict["updates"]
        self.updated_step = state_dict["updated_step"]


def floating(module: torch.nn.Module) -> dict[str, Tensor]:
    """The weights and buffers of which there can be an average, by name."""
    return {name: value for name, value in module.state_dict().items() if value.is_floating_point()}


def copied(module: torch.nn.Module) -> dict[str, Tensor]:
    """The same, in memory of their own."""
    return {name: value.clone() for name, value in floating(module).items()}


def overwrite(module: torch.nn.Module, weights: Mapping[str, Tensor]) -> None:
    """Copies weights into a module in place, so that an optimizer or a compiled model goes on with the same tensors."""
    own = module.state_dict()
    for name, value in weights.items():
        own[name].copy_(value)
