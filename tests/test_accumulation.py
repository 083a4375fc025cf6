"""Several batches to one optimizer step: the step of one large batch, and every schedule counts optimizer steps."""

from dataclasses import replace

import lightning as L
import pytest
import torch
from torch.utils.data import DataLoader

from seq2seq_pl.build import build_data, build_module, build_tokenizers
from seq2seq_pl.interfaces import Schedule
from seq2seq_pl.module import Seq2SeqModule
from seq2seq_pl.values import Batch

LEARNING_RATE = 0.5


@pytest.fixture
def prepared(tmp_path, corpus_folder, tiny):
    """Further settings -> the module and the batch that all its training sentences are."""

    def make(*overrides: str) -> tuple[Seq2SeqModule, Batch]:
        plain = ("model.dropout=0", "optimizer=sgd", f"optimizer.lr={LEARNING_RATE}", "batch_size=60")
        settings = tiny(corpus_folder, tmp_path / "run", *plain, "max_tokens=1000", *overrides)
        tokenizers = build_tokenizers(settings)
        data = build_data(settings, tokenizers)
        data.prepare_data()
        (whole,) = data.loader("train")
        return build_module(settings, tokenizers, data.example), whole

    return make


def cut(batch: Batch, *sizes: int) -> list[Batch]:
    """Neighbouring sentences of a batch, as padded as they were."""
    source, target, index = (tensor.split(sizes) for tensor in (batch.source, batch.target, batch.index))
    return [replace(batch, source=s, target=t, index=i) for s, t, i in zip(source, target, index, strict=True)]


def fit(module: Seq2SeqModule, batches: list[Batch], *callbacks: L.Callback, **settings: object) -> L.Trainer:
    quiet = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False}
    once = {"max_epochs": 1, "limit_val_batches": 0, "enable_model_summary": False}
    trainer = L.Trainer(accelerator="cpu", callbacks=list(callbacks), **once, **quiet, **settings)
    loaded = DataLoader(batches, batch_size=None)
    trainer.fit(module, loaded, loaded)
    return trainer


def step_by_hand(module: Seq2SeqModule, batch: Batch) -> dict[str, torch.Tensor]:
    """The weights after one step of plain gradient descent on the mean over the batch's tokens."""
    loss = module.forced(batch)
    gradients = torch.autograd.grad(loss.total / loss.tokens, list(module.parameters()))
    named = zip(module.named_parameters(), gradients, strict=True)
    return {name: value.detach() - LEARNING_RATE * gradient for (name, value), gradient in named}


class Norms(L.Callback):
    """The gradient norm of each step, as telemetry sees it."""

    def __init__(self) -> None:
        self.found: list[float] = []

    def on_before_optimizer_step(self, trainer, pl_module, optimizer):
        self.found.append(float(torch.nn.utils.get_total_norm([value.grad for value in pl_module.parameters()])))


def test_accumulated_batches_take_the_step_of_one_large_batch(prepared):
    module, whole = prepared()
    parts = cut(whole, 7, 33, 20)
    assert len({int(part.target_mask.sum()) / len(part.index) for part in parts}) == 3, "a mean of means would do"
    expected = step_by_hand(module, whole)
    before = {name: value.detach().clone() for name, value in module.named_parameters()}
    norms = Norms()
    trainer = fit(module, parts, norms, accumulate_grad_batches=3)
    assert trainer.global_step == 1
    torch.testing.assert_close(dict(module.named_parameters()), expected, rtol=1e-5, atol=1e-6)
    moved = torch.cat([(before[name] - value).flatten() for name, value in expected.items()])
    assert norms.found == [pytest.approx(float(moved.norm()) / LEARNING_RATE, rel=1e-5)]


def test_the_batches_that_are_left_at_the_end_of_an_epoch_count_in_full(prepared):
    module, whole = prepared()
    first, second, third = cut(whole, 7, 33, 20)
    module.load_state_dict({**module.state_dict(), **step_by_hand(module, cut(whole, 40, 20)[0])})
    expected = step_by_hand(module, third)
    module, _ = prepared()
    trainer = fit(module, [first, second, third], accumulate_grad_batches=2)
    assert trainer.global_step == 2
    torch.testing.assert_close(dict(module.named_parameters()), expected, rtol=1e-5, atol=1e-6)


def test_the_loss_that_is_shown_is_the_batchs_own(prepared):
    module, whole = prepared()
    parts, shown = cut(whole, 7, 33, 20), []

    class Showing(L.Callback):
        def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx):
            shown.append(float(outputs["loss"]) * 3)  # Lightning divided it

    expected = [float((loss.total / loss.tokens).detach()) for loss in map(module.forced, parts)]
    fit(module, parts, Showing(), accumulate_grad_batches=3)
    assert shown == pytest.approx(expected, rel=1e-5)


def test_schedules_count_optimizer_steps(prepared):
    module, whole = prepared("schedule=inverse_sqrt", "schedule.warmup_steps=3")
    asked, rates, told = [], [], []

    class Remembering(Schedule):
        def __call__(self, step: int) -> float:
            asked.append(step)
            return 1.0

        def begin(self, total_steps: int) -> None:
            told.append(total_steps)

    class Reading(L.Callback):
        def on_before_optimizer_step(self, trainer, pl_module, optimizer):
            rates.append(optimizer.param_groups[0]["lr"])

    module.teacher_forcing = Remembering()
    fit(module, cut(whole, 12, 12, 12, 12, 12), Reading(), accumulate_grad_batches=2)
    assert asked == [0, 0, 1, 1, 2]
    assert told == [3]
    assert rates == pytest.approx([LEARNING_RATE * module.schedule(step) for step in range(3)])
