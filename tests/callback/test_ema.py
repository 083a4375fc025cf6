from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import lightning as L
import pytest
import torch
from torch.utils.data import DataLoader

from seq2seq_pl.callback.ema import TRAINED_KEY, Ema
from seq2seq_pl.errors import UserError
from seq2seq_pl.schedule.constant import Constant


@pytest.fixture
def train(fit: Callable) -> Callable:
    """The tiny training, without its sanity check and without loggers."""
    return partial(fit, loggers=False, num_sanity_val_steps=0)


class Steps(L.Callback):
    """The weights after each optimizer step, and what the model holds whenever somebody may look at it."""

    def __init__(self) -> None:
        self.weights: list[dict[str, torch.Tensor]] = []
        self.at_validation_end: list[dict[str, torch.Tensor]] = []

    def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx):  # type: ignore[no-untyped-def]
        if trainer.global_step > len(self.weights):
            self.weights.append(held(pl_module))

    def on_validation_end(self, trainer, pl_module):  # type: ignore[no-untyped-def]
        self.at_validation_end.append(held(pl_module))


def held(module: torch.nn.Module) -> dict[str, torch.Tensor]:
    return {name: value.clone() for name, value in module.state_dict().items()}


def mean(weights: list[dict[str, torch.Tensor]], decay: float) -> dict[str, torch.Tensor]:
    """The average as its definition has it, newest weights last."""
    shares = [decay ** (len(weights) - 1 - i) for i in range(len(weights))]
    return {
        name: sum(share * value[name].double() for share, value in zip(shares, weights, strict=True)) / sum(shares)
        for name in weights[0]
    }


def assert_same(found: dict[str, torch.Tensor], expected: dict[str, torch.Tensor]) -> None:
    torch.testing.assert_close({**found}, {name: value.to(found[name].dtype) for name, value in expected.items()})


def test_the_average_is_the_one_worked_out_by_hand(train: Callable) -> None:
    steps = Steps()
    run = train(Ema(decay=0.7, update_every_n_steps=1), steps)
    assert len(steps.weights) == 6
    assert_same(held(run.module), mean(steps.weights, 0.7))
    assert_same(steps.at_validation_end[0], mean(steps.weights[:3], 0.7))
    moved = [not torch.allclose(run.module.state_dict()[name], value) for name, value in steps.weights[-1].items()]
    assert all(moved), "the average and the last weights must differ, or this test is weak"


def test_only_every_nth_optimizer_step_is_averaged(train: Callable) -> None:
    steps = Steps()
    run = train(Ema(decay=0.7, update_every_n_steps=2), steps)
    assert_same(held(run.module), mean(steps.weights[1::2], 0.7))


def test_accumulated_batches_are_one_update(train: Callable) -> None:
    ema, steps = Ema(decay=0.7, update_every_n_steps=1), Steps()
    run = train(ema, steps, accumulate_grad_batches=2, max_epochs=3)
    assert ema.updates == len(steps.weights) == 6  # 3 batches an epoch: one step of two, one of one
    assert_same(held(run.module), mean(steps.weights, 0.7))


@pytest.mark.parametrize("first", [True, False])
def test_what_is_scored_is_what_others_see_at_the_end_of_a_validation(train: Callable, first: bool) -> None:
    ema, steps = Ema(decay=0.7, update_every_n_steps=1), Steps()
    losses: list[float] = []

    class Scoring(L.Callback):
        def on_validation_end(self, trainer, pl_module):  # type: ignore[no-untyped-def]
            with torch.no_grad():
                found = [pl_module.forced(batch) for batch in trainer.val_dataloaders]
            losses.append(float(sum(loss.total for loss in found) / sum(loss.tokens for loss in found)))
            logged = pl_module.scored["valid", "translation"].scores["loss"].value
            assert losses[-1] == pytest.approx(logged, rel=1e-6)

    train(*([ema, Scoring(), steps] if first else [Scoring(), steps, ema]))
    assert len(losses) == 2
    assert_same(steps.at_validation_end[1], mean(steps.weights, 0.7))


def test_training_goes_on_as_if_nobody_had_averaged(train: Callable) -> None:
    alone, watched = Steps(), Steps()
    train(alone, val_check_interval=1)
    train(Ema(decay=0.7, update_every_n_steps=1), watched, val_check_interval=1)
    for one, other in zip(alone.weights, watched.weights, strict=True):
        assert all(torch.equal(one[name], other[name]) for name in one)


def test_a_checkpoint_holds_the_average_and_beside_it_what_was_trained(train: Callable, tmp_path: Path) -> None:
    steps = Steps()
    names: list[str] = []

    class Saving(L.Callback):
        def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx):  # type: ignore[no-untyped-def]
            names.append(f"{len(names)}.ckpt")
            trainer.save_checkpoint(tmp_path / names[-1])

        def on_validation_end(self, trainer, pl_module):  # type: ignore[no-untyped-def]
            names.append(f"{len(names)}.ckpt")
            trainer.save_checkpoint(tmp_path / names[-1])

    train(Ema(decay=0.7, update_every_n_steps=1), steps, Saving(), max_epochs=1)
    assert len(names) == 4  # after each of 3 steps, and after the validation
    for name, count in zip(names, (1, 2, 3, 3), strict=True):
        checkpoint = torch.load(tmp_path / name, weights_only=True)
        assert_same(checkpoint["state_dict"], mean(steps.weights[:count], 0.7))
        assert_same(checkpoint[TRAINED_KEY], steps.weights[count - 1])


def test_a_training_that_goes_on_from_a_checkpoint_ends_where_the_whole_one_ends(
    train: Callable, tiny: Callable, training: tuple, validation: tuple, tmp_path: Path
) -> None:
    def begin(epochs: int):  # type: ignore[no-untyped-def]
        module = tiny()
        module.teacher_forcing = Constant(value=1.0)  # draws nothing: random states are not what is tested
        return train(Ema(decay=0.7, update_every_n_steps=2), module=module, max_epochs=epochs)

    whole = begin(3)
    begin(1).trainer.save_checkpoint(tmp_path / "first.ckpt")
    resumed = begin(0)
    resumed.trainer.fit_loop.max_epochs = 3
    loaders = [DataLoader(list(batches), batch_size=None) for batches in (training, validation)]
    resumed.trainer.fit(resumed.module, *loaders, ckpt_path=tmp_path / "first.ckpt")
    assert resumed.trainer.global_step == 9
    for name, value in whole.module.state_dict().items():
        assert torch.equal(value, resumed.module.state_dict()[name])


def test_a_validation_of_its_own_scores_what_the_module_holds(train: Callable, validation: tuple) -> None:
    run = train(Ema(decay=0.7, update_every_n_steps=1))
    with torch.no_grad():
        for parameter in run.module.parameters():
            parameter.zero_()
    run.trainer.validate(run.module, DataLoader(list(validation), batch_size=None), verbose=False)
    assert not any(parameter.any() for parameter in run.module.parameters())


def test_before_the_first_update_there_is_no_average(train: Callable) -> None:
    ema, steps = Ema(decay=0.7, update_every_n_steps=100), Steps()
    run = train(ema, steps)
    assert not ema.average
    assert_same(held(run.module), steps.weights[-1])


def test_buffers_are_averaged_where_they_are_no_flags(train: Callable, tiny: Callable) -> None:
    module = tiny()
    module.register_buffer("flags", torch.tensor([True, False]))
    module.register_buffer("constant", torch.tensor(1 / 3))
    ema = Ema(decay=0.7, update_every_n_steps=1)
    run = train(ema, module=module)
    assert "flags" not in ema.average
    assert run.module.flags.tolist() == [True, False]
    assert run.module.constant == torch.tensor(1 / 3)


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"decay": 1.0}, r"callback\.ema\.decay \(1\.0\) must be at least 0 and below 1\."),
        ({"decay": -0.1}, r"callback\.ema\.decay \(-0\.1\) must be at least 0 and below 1\."),
        ({"update_every_n_steps": 0}, r"callback\.ema\.update_every_n_steps \(0\) must be at least 1\."),
    ],
)
def test_values_out_of_range_are_refused(settings: dict, sentence: str) -> None:
    with pytest.raises(UserError, match=sentence):
        Ema(**{"decay": 0.9, "update_every_n_steps": 1, **settings})
