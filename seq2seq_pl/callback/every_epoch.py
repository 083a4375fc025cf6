"""One file of weights for each epoch."""

from __future__ import annotations

from pathlib import Path

from lightning.pytorch.callbacks import ModelCheckpoint
from torch import Tensor


class EveryEpoch(ModelCheckpoint):
    """Keeps the weights after every epoch, in DIR/epoch_001.ckpt and so on; epochs are counted from 1.

    A ModelCheckpoint that monitors nothing, so it chooses no best checkpoint. The files are a third of the size of one
    that training could go on from: they leave the optimizer out.

    Args:
        dirpath: the directory.
    """

    def __init__(self, *, dirpath: str) -> None:
        super().__init__(
            dirpath,
            save_top_k=-1,
            save_weights_only=True,
            every_n_epochs=1,
            save_on_train_epoch_end=True,
            enable_version_counter=False,
        )

    def format_checkpoint_name(
        self, metrics: dict[str, Tensor], filename: str | None = None, ver: int | None = None, prefix: str | None = None
    ) -> str:
        """The path of an epoch's file."""
        return str(Path(self.dirpath or "", f"epoch_{int(metrics['epoch']) + 1:03d}{self.FILE_EXTENSION}"))
