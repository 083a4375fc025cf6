from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import lightning as L
import pytest
import torch
from torch.utils.data import DataLoader

from seq2seq_pl.callback.checkpoint import Checkpoint


class Worsening(L.Callback):
    """Logs a score that is best after the first validation."""

    def on_validation_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        pl_module.log("score", torch.tensor(-float(trainer.global_step)))


@pytest.mark.parametrize("validations", [1, 2])
def test_the_last_is_written_after_each_validation_and_the_best_where_it_is_best(
    tiny: Callable, training: tuple, validation: tuple, tmp_path: Path, validations: int
) -> None:
    module = tiny()
    checkpoint = Checkpoint(
        tmp_path, filename="best", monitor="score", mode="max", save_last=True, enable_version_counter=False
    )
    quiet = {"enable_progress_bar": False, "enable_model_summary": False, "num_sanity_val_steps": 0}
    trainer = L.Trainer(
        accelerator="cpu",
        max_epochs=3,
        val_check_interval=1 / validations,
        logger=False,
        callbacks=[Worsening(), checkpoint],
        **quiet,
    )
    trainer.fit(module, *(DataLoader(list(batches), batch_size=None) for batches in (training, validation)))
    best, last = (torch.load(tmp_path / f"{name}.ckpt", weights_only=True) for name in ("best", "last"))
    assert (best["epoch"], last["epoch"]) == (0, 2)
    assert best["global_step"] < last["global_step"] == trainer.global_step
    assert all(torch.equal(value, last["state_dict"][name]) for name, value in module.state_dict().items())
