from __future__ import annotations

import math
from collections.abc import Callable

import lightning as L
import pytest
import torch

from seq2seq_pl.callback.telemetry import Telemetry
from seq2seq_pl.errors import UserError

NAMES = {
    "loss",
    "perplexity",
    "learning_rate",
    "gradient_norm",
    "tokens_per_second",
    "padding_share",
    "teacher_forcing_ratio",
}


class Sums(L.Callback):
    """What every batch gave, read the slow way."""

    def __init__(self) -> None:
        self.batches: list[tuple[float, float, float]] = []

    def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx):  # type: ignore[no-untyped-def]
        loss = outputs["loss"] * trainer.accumulate_grad_batches
        self.batches.append((float(loss), float(outputs["nll"]), float(outputs["tokens"])))


def test_logs_every_n_steps_to_tensorboard_and_csv(fit: Callable) -> None:
    run = fit(Telemetry(every_n_steps=2))
    for name in NAMES:
        assert set(run.scalars(f"train/{name}")) == {2, 4, 6}, name
    rows = [row for row in run.csv_rows() if row["train/loss"]]
    assert [int(row["step"]) for row in rows] == [2, 4, 6]
    assert all(float(row["train/tokens_per_second"]) > 0 for row in rows)
    assert float(rows[0]["train/loss"]) == pytest.approx(run.scalars("train/loss")[2])


def test_loss_and_perplexity_are_means_over_tokens_since_the_last_log(fit: Callable) -> None:
    sums = Sums()
    run = fit(Telemetry(every_n_steps=2), sums)
    assert len(sums.batches) == 6
    for step, loss in run.scalars("train/loss").items():
        since = sums.batches[step - 2 : step]
        tokens = sum(batch[2] for batch in since)
        assert loss == pytest.approx(sum(batch[0] * batch[2] for batch in since) / tokens, rel=1e-5)
        perplexity = math.exp(sum(batch[1] for batch in since) / tokens)
        assert run.scalars("train/perplexity")[step] == pytest.approx(perplexity, rel=1e-5)


def test_padding_share_is_what_a_person_counts(fit: Callable) -> None:
    shares = fit(Telemetry(every_n_steps=3)).scalars("train/padding_share")
    # TRAINING: sources 5+2 of 2x5, 3+3+1 of 3x3, 4 of 4; targets 3+4 of 2x4, 2+6+1 of 3x6, 4 of 4.
    places = 10 + 9 + 4 + 8 + 18 + 4
    assert shares == {3: pytest.approx(1 - (7 + 7 + 4 + 7 + 9 + 4) / places), 6: pytest.approx(15 / places)}


def test_the_gradient_norm_is_the_one_before_clipping(fit: Callable, tiny: Callable, training: tuple) -> None:
    found = fit(Telemetry(every_n_steps=1), max_epochs=1, gradient_clip_val=1e-3).scalars("train/gradient_norm")
    module = tiny()
    loss = module.forced(training[0])
    (loss.total / loss.tokens).backward()
    norm = torch.cat([p.grad.flatten() for p in module.parameters() if p.grad is not None]).norm()
    assert found[1] == pytest.approx(float(norm), rel=1e-5)
    assert found[1] > 1e-2


class Broken(L.Callback):
    """Has a weight that is infinite while it trains on some batches."""

    def __init__(self, *batches: int) -> None:
        self.batches = batches

    def on_train_batch_start(self, trainer, pl_module, batch, batch_idx):  # type: ignore[no-untyped-def]
        self.weight = next(pl_module.parameters()).detach().clone()
        if batch_idx in self.batches:
            next(pl_module.parameters()).data.fill_(math.inf)

    def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx):  # type: ignore[no-untyped-def]
        if batch_idx in self.batches:
            next(pl_module.parameters()).data.copy_(self.weight)


def test_steps_that_are_left_out_are_counted_and_their_loss_is_not(fit: Callable, tiny: Callable) -> None:
    sums = Sums()
    run = fit(Telemetry(every_n_steps=1), Broken(1), sums, module=tiny(non_finite="skip"))
    assert run.scalars("train/skipped_steps") == {2: 1, 3: 1, 4: 1, 5: 2, 6: 2}  # one in each of two epochs
    losses = run.scalars("train/loss")
    assert [step for step, loss in losses.items() if math.isnan(loss)] == [2, 5]
    assert losses[3] == pytest.approx(sums.batches[2][0])


def test_the_loss_is_a_mean_over_the_batches_that_were_not_left_out(fit: Callable, tiny: Callable) -> None:
    sums = Sums()
    run = fit(Telemetry(every_n_steps=3), Broken(1), sums, module=tiny(non_finite="skip"), max_epochs=1)
    first, _, third = sums.batches
    expected = (first[0] * first[2] + third[0] * third[2]) / (first[2] + third[2])
    assert run.scalars("train/loss")[3] == pytest.approx(expected, rel=1e-5)


def test_the_clock_starts_with_the_first_batch(fit: Callable) -> None:
    found = []

    class Look(L.Callback):
        def on_train_epoch_start(self, trainer, pl_module):  # type: ignore[no-untyped-def]
            found.append(telemetry.since)

    telemetry = Telemetry(every_n_steps=1)
    fit(telemetry, Look(), max_epochs=1)
    assert found == [None]


def test_learning_rate_and_teacher_forcing_are_those_of_the_step(fit: Callable) -> None:
    run = fit(Telemetry(every_n_steps=1))
    rates, ratios = run.scalars("train/learning_rate"), run.scalars("train/teacher_forcing_ratio")
    assert rates == {step: pytest.approx(0.5 * (1 - (step - 1) / 10)) for step in range(1, 7)}
    assert ratios == {step: pytest.approx(1 - 0.5 * (step - 1) / 10) for step in range(1, 7)}


def test_accumulated_batches_count_as_one_step_and_the_loss_stays_a_mean(fit: Callable) -> None:
    sums = Sums()
    run = fit(Telemetry(every_n_steps=1), sums, accumulate_grad_batches=3)
    losses = run.scalars("train/loss")
    assert set(losses) == {1, 2}
    tokens = sum(batch[2] for batch in sums.batches[:3])
    assert losses[1] == pytest.approx(sum(batch[0] * batch[2] for batch in sums.batches[:3]) / tokens, rel=1e-5)
    assert losses[1] > 2  # near log 13, not a third of it


def test_scoring_does_not_count_as_training_time(monkeypatch: pytest.MonkeyPatch) -> None:
    now = iter([100.0, 110.0, 140.0]).__next__
    monkeypatch.setattr("seq2seq_pl.callback.telemetry.time.perf_counter", now)
    telemetry = Telemetry(every_n_steps=1)
    telemetry.since = now()
    telemetry.on_validation_start(None, None)  # type: ignore[arg-type]
    telemetry.on_validation_end(None, None)  # type: ignore[arg-type]
    assert (telemetry.seconds, telemetry.since) == (10, 140)


def test_needs_no_logger(fit: Callable) -> None:
    fit(Telemetry(every_n_steps=1), loggers=False)


def test_a_step_count_below_one_is_refused() -> None:
    with pytest.raises(UserError, match=r"callback\.telemetry\.every_n_steps \(0\) must be at least 1\."):
        Telemetry(every_n_steps=0)
