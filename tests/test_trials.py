"""What parts refuse only when they work is known before any work."""

from dataclasses import replace

import pytest
import torch

from seq2seq_pl.errors import UserError
from seq2seq_pl.trials import try_optimizer, try_trainer

CPU = torch.device("cpu")


@pytest.fixture
def settings(tiny, corpus_folder, tmp_path):
    return tiny(corpus_folder, tmp_path / "run")


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("precision", "64-true", "trainer.precision (64-true) must be one of 32-true, 16-mixed, bf16-mixed."),
        ("precision", "bf16-true", "trainer.precision (bf16-true) must be one of 32-true, 16-mixed, bf16-mixed."),
        ("accumulate_grad_batches", 0, "trainer.accumulate_grad_batches (0) must be at least 1."),
        ("accumulate_grad_batches", -2, "trainer.accumulate_grad_batches (-2) must be at least 1."),
        (
            "check_val_every_n_epoch",
            0,
            "trainer.check_val_every_n_epoch (0) must be at least 1; null counts the batches of all epochs.",
        ),
        (
            "val_check_interval",
            0,
            "trainer.val_check_interval (0) must be above 0; trainer.limit_val_batches=0 leaves validations out.",
        ),
        (
            "overfit_batches",
            2,
            "trainer.overfit_batches (2) is not possible, as batches are made anew for each epoch; set "
            "trainer.limit_train_batches, or give a small corpus.",
        ),
        ("max_epochs", -2, "trainer: `max_epochs` must be a non-negative integer or -1. You passed in -2."),
    ],
)
def test_a_trainer_that_could_not_train_is_told(settings, name, value, sentence):
    with pytest.raises(UserError) as caught:
        try_trainer(replace(settings, trainer={**settings.trainer, name: value}))
    assert str(caught.value) == sentence


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("precision", value) for value in (None, 32, "32", "32-true", "bf16-mixed")),
        *(("val_check_interval", value) for value in (None, 1, 0.25, 1.0, "00:00:01:00")),
        *(("overfit_batches", value) for value in (0, 0.0)),
        ("check_val_every_n_epoch", 3),
        ("accumulate_grad_batches", 4),
    ],
)
def test_what_lightning_can_do_with_our_batches_is_left_to_it(settings, name, value):
    assert try_trainer(replace(settings, trainer={**settings.trainer, name: value})).max_epochs == 2


def test_an_optimizer_that_cannot_take_a_step_is_told():
    with pytest.raises(UserError, match=r"^optimizer: SparseAdam does not support dense gradients"):
        try_optimizer({"_target_": "torch.optim.SparseAdam"}, CPU)
    with pytest.raises(UserError, match=r"^optimizer: If capturable=True, params and state_steps must be on supported"):
        try_optimizer({"_target_": "torch.optim.Adadelta", "capturable": True}, CPU)


@pytest.mark.parametrize("name", ["SGD", "Adam", "LBFGS", "Rprop"])
def test_an_optimizer_that_can_is_tried_with_a_weight_of_its_own(name):
    before = torch.get_rng_state()
    try_optimizer({"_target_": f"torch.optim.{name}", "lr": 0.1}, CPU)
    assert torch.equal(before, torch.get_rng_state())
