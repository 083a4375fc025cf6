"""One file of weights for each epoch."""

from __future__ import annotations

from pathlib import Path

import lightning as L
from lightning.pytorch.callbacks import Checkpoint as LightningCheckpoint


class EveryEpoch(LightningCheckpoint):
    """Keeps the weights after every epoch, in DIR/epoch_001.ckpt and so on; epochs are counted from 1.

    The files are a third of the size of one that training could go on from: they leave the optimizer out.

    Args:
        dirpath: the directory.
    """

    def __init__(self, *, dirpath: str) -> None:
        self.dirpath = Path(dirpath)

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Writes the file."""
        path = self.dirpath / f"epoch_{trainer.current_epoch + 1:03d}.ckpt"
        trainer.save_checkpoint(path, weights_only=True)
