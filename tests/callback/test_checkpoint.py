"""The best checkpoint and the last one; that training goes on from them is in tests/test_resuming.py."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path

import lightning as L
import pytest
import torch
from torch.utils.data import DataLoader

from seq2seq_pl.callback.checkpoint import Checkpoint
from seq2seq_pl.callback.early_stopping import EarlyStopping
from seq2seq_pl.checkpoint_file import CheckpointFiles
from seq2seq_pl.errors import Stopped, UserError


class Scores(L.Callback):
    """Logs these scores, one a validation."""

    def __init__(self, *scores: float) -> None:
        self.scores = iter(scores)

    def on_validation_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        pl_module.log("score", torch.tensor(float(next(self.scores))))


class Signal(L.Callback):
    """Sends this process a signal in the middle of a hook."""

    def __init__(self, hook: str, number: signal.Signals) -> None:
        setattr(self, hook, lambda *arguments, **named: os.kill(os.getpid(), number))


@pytest.fixture
def fit(tiny: Callable, training: tuple, validation: tuple) -> Callable[..., L.Trainer]:
    """Trains for three epochs of three batches with these callbacks and settings."""

    def go(*callbacks: L.Callback, **settings: object) -> L.Trainer:
        quiet = {"enable_progress_bar": False, "enable_model_summary": False, "num_sanity_val_steps": 0}
        quiet |= {"max_epochs": 3, "logger": False, "plugins": [CheckpointFiles()]}
        trainer = L.Trainer(accelerator="cpu", callbacks=list(callbacks), **{**quiet, **settings})
        trainer.fit(tiny(), *(DataLoader(list(batches), batch_size=None) for batches in (training, validation)))
        return trainer

    return go


def steps(folder: Path) -> dict[str, int]:
    return {path.stem: torch.load(path, weights_only=True)["global_step"] for path in folder.glob("*.ckpt")}


def watching(folder: Path, mode: str = "max", **settings: object) -> Checkpoint:
    return Checkpoint(dirpath=str(folder), monitor="score", mode=mode, **settings)


@pytest.mark.parametrize(
    ("mode", "scores", "epoch"),
    [
        ("max", (1.0, 3.0, 2.0), 2),
        ("max", (1.0, 1.0, 1.0), 1),
        ("min", (3.0, 1.0, 2.0), 2),
        ("max", (float("nan"), 1.0, float("nan")), 2),
        ("min", (1.0, float("nan"), 2.0), 1),
    ],
)
def test_the_best_is_the_first_of_the_best(fit: Callable, tmp_path: Path, mode: str, scores: tuple, epoch: int) -> None:
    checkpoint = watching(tmp_path, mode)
    fit(Scores(*scores), checkpoint)
    assert steps(tmp_path)["best"] == 3 * epoch
    assert checkpoint.best_score == scores[epoch - 1]


@pytest.mark.parametrize("validations", [1, 3])
def test_the_last_is_written_after_each_validation(fit: Callable, tmp_path: Path, validations: int) -> None:
    trainer = fit(Scores(*range(9)), watching(tmp_path), val_check_interval=1 / validations)
    found = {path.stem: torch.load(path, weights_only=True) for path in tmp_path.glob("*.ckpt")}
    assert {name: content["global_step"] for name, content in found.items()} == {"best": 9, "last": 9, "previous": 9}
    weights = trainer.lightning_module.state_dict()
    assert all(torch.equal(value, found["last"]["state_dict"][name]) for name, value in weights.items())


@pytest.mark.parametrize(("often", "expected"), [({"every_n_steps": 2}, [2, 3, 3, 4, 6, 6]), ({}, [3, 3, 6, 6])])
def test_the_last_is_written_every_few_steps_and_before_and_after_a_validation(
    fit: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, often: dict, expected: list
) -> None:
    written = []
    save = L.Trainer.save_checkpoint

    def note(trainer: L.Trainer, path: Path, *arguments: object) -> None:
        written.extend([trainer.global_step] if Path(path).stem == "last" else [])
        save(trainer, path, *arguments)

    monkeypatch.setattr(L.Trainer, "save_checkpoint", note)
    fit(Scores(1, 2), watching(tmp_path, **often), max_epochs=2)
    assert written == expected


@pytest.mark.parametrize("often", [{"every_minutes": 1e-9}, {"every_n_steps": 3, "every_minutes": None}])
def test_several_processes_save_together_where_a_step_was_taken(
    fit: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, often: dict
) -> None:
    monkeypatch.setattr(L.Trainer, "world_size", 2)
    monkeypatch.setattr("seq2seq_pl.callback.checkpoint.RANKS_AGREE_EVERY", 3)
    checkpoint = watching(tmp_path, **often)
    written = []
    monkeypatch.setattr(checkpoint, "_save_last", lambda trainer: written.append(trainer.global_step))
    fit(checkpoint, limit_val_batches=0, accumulate_grad_batches=2, max_epochs=2)  # step 3 is within the second epoch
    assert written == [2, 3, 4]


def test_the_last_is_written_every_few_minutes(fit: Callable, tmp_path: Path) -> None:
    fit(watching(tmp_path, every_minutes=1e-9), limit_val_batches=0, max_epochs=1)
    assert steps(tmp_path) == {"last": 3, "previous": 2}


def test_without_validation_there_is_a_last_one(fit: Callable, tmp_path: Path) -> None:
    fit(watching(tmp_path), limit_val_batches=0)
    assert steps(tmp_path) == {"last": 9, "previous": 6}


def test_gradients_that_are_not_applied_yet_are_not_lost(fit: Callable, tmp_path: Path) -> None:
    fit(watching(tmp_path, every_n_steps=1), accumulate_grad_batches=2, limit_val_batches=0, max_epochs=1)
    found = torch.load(tmp_path / "previous.ckpt", weights_only=True)
    assert found["loops"]["fit_loop"]["epoch_loop.batch_progress"]["current"]["ready"] == 2


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize(
    ("hook", "step"), [("on_train_batch_start", 1), ("on_validation_start", 3), ("on_validation_batch_end", 3)]
)
def test_a_signal_stops_a_training_where_it_can_go_on(
    fit: Callable, tmp_path: Path, hook: str, step: int, number: signal.Signals
) -> None:
    before = signal.getsignal(number)
    checkpoint = watching(tmp_path)
    with pytest.raises(Stopped, match=str(128 + number)) as stopped, checkpoint.wish:
        fit(Signal(hook, number), Scores(1), checkpoint)
    assert steps(tmp_path)["last"] == step
    assert stopped.value.code == 128 + number
    assert f"after {step} steps" in stopped.value.sentence
    assert signal.getsignal(number) == before


def test_a_monitor_that_nobody_logs_is_told(fit: Callable, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="the monitored score score was not logged; there is val/translation/"):
        fit(watching(tmp_path))


@pytest.mark.parametrize("name", ["every_n_steps", "every_minutes"])
def test_a_number_out_of_range_is_told(tmp_path: Path, name: str) -> None:
    with pytest.raises(UserError, match=rf"callback\.checkpoint\.{name} \(0\) must be above 0"):
        watching(tmp_path, **{name: 0})


def test_a_training_that_stopped_early_is_not_gone_on_with(
    fit: Callable, tiny: Callable, training: tuple, validation: tuple, tmp_path: Path
) -> None:
    patient = {"monitor": "score", "mode": "max", "patience": 1}
    stopped = fit(Scores(2, 1, 0), EarlyStopping(**patient), watching(tmp_path), max_epochs=5)
    assert stopped.global_step == 6
    again = EarlyStopping(**patient)
    quiet = {"logger": False, "max_epochs": 5, "plugins": [CheckpointFiles()]}
    trainer = L.Trainer(accelerator="cpu", callbacks=[again, watching(tmp_path)], **quiet)
    loaders = (DataLoader(list(batches), batch_size=None) for batches in (training, validation))
    trainer.fit(tiny(), *loaders, ckpt_path=tmp_path / "last.ckpt")
    assert (trainer.global_step, again.wait_count) == (6, 1)
