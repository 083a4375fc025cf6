from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import lightning as L
import pytest
import torch
from torch.utils.data import DataLoader

from seq2seq_pl.callback.checkpoint import Checkpoint
from seq2seq_pl.callback.ema import Ema
from seq2seq_pl.callback.every_epoch import EveryEpoch


@pytest.fixture
def train(tiny: Callable, training: tuple, validation: tuple) -> Callable:
    """Trains with these callbacks and settings -> the module."""

    def go(*callbacks: L.Callback, **settings: object) -> L.LightningModule:
        module = tiny()
        quiet = {"enable_progress_bar": False, "enable_model_summary": False, "num_sanity_val_steps": 0}
        trainer = L.Trainer(accelerator="cpu", logger=False, callbacks=list(callbacks), **quiet, **settings)
        trainer.fit(module, *(DataLoader(list(batches), batch_size=None) for batches in (training, validation)))
        return module

    return go


def test_there_is_a_file_of_weights_for_each_epoch_counted_from_one(train: Callable, tmp_path: Path) -> None:
    module = train(EveryEpoch(dirpath=str(tmp_path / "kept")), max_epochs=3)
    assert sorted(path.name for path in (tmp_path / "kept").iterdir()) == [f"epoch_00{n}.ckpt" for n in (1, 2, 3)]
    last = torch.load(tmp_path / "kept" / "epoch_003.ckpt", weights_only=True)
    assert all(torch.equal(value, last["state_dict"][name]) for name, value in module.state_dict().items())
    assert "optimizer_states" not in last


def test_an_average_is_what_is_kept_even_where_nothing_is_validated(train: Callable, tmp_path: Path) -> None:
    callbacks = EveryEpoch(dirpath=str(tmp_path)), Ema(decay=0.9, update_every_n_steps=1)
    module = train(*callbacks, max_epochs=2, check_val_every_n_epoch=5)
    kept = torch.load(tmp_path / "epoch_002.ckpt", weights_only=True)["state_dict"]
    assert all(torch.equal(value, kept[name]) for name, value in module.state_dict().items())


def test_it_goes_beside_another_checkpoint_and_calls_none_the_best(train: Callable, tmp_path: Path) -> None:
    every = EveryEpoch(dirpath=str(tmp_path))
    best = Checkpoint(dirpath=str(tmp_path), monitor="val/translation/chrf", mode="max")
    train(every, best, max_epochs=2)
    assert best.best_score is not None
    assert {path.name for path in tmp_path.glob("*.ckpt")} == {
        "best.ckpt",
        "last.ckpt",
        "previous.ckpt",
        "epoch_001.ckpt",
        "epoch_002.ckpt",
    }
