"""One training step, one scoring step, and what a checkpoint holds."""

from dataclasses import replace

import lightning as L
import pytest
import torch

from seq2seq_pl.build import build_data, build_module, build_tokenizers
from seq2seq_pl.checkpoint_file import KEY
from seq2seq_pl.interfaces import Schedule
from seq2seq_pl.module import Seq2SeqModule
from seq2seq_pl.scoring import count_parameters
from seq2seq_pl.values import PAD, Batch


@pytest.fixture
def prepared(tmp_path, corpus_folder, tiny):
    """Further settings -> the module and the data it was built for."""

    def make(*overrides: str):
        settings = tiny(corpus_folder, tmp_path / "run", "model.dropout=0", *overrides)
        tokenizers = build_tokenizers(settings)
        data = build_data(settings, tokenizers)
        data.prepare_data()
        return build_module(settings, tokenizers, data.example), data

    return make


@pytest.fixture
def module(prepared) -> Seq2SeqModule:
    return prepared()[0]


@pytest.fixture
def batch(prepared) -> Batch:
    """The first training batch: sentences of several lengths, padded."""
    _, data = prepared("batch_size=60")
    batch = max(data.loader("train"), key=lambda batch: len(batch.index))
    assert (batch.target == PAD).any()
    return batch


def padded(batch: Batch, columns: int) -> Batch:
    more = torch.full((len(batch.index), columns), PAD)
    return replace(batch, source=torch.cat([batch.source, more], 1), target=torch.cat([batch.target, more], 1))


def fit(module, data, **settings) -> L.Trainer:
    quiet = {
        "logger": False,
        "enable_checkpointing": False,
        "enable_progress_bar": False,
        "enable_model_summary": False,
    }
    trainer = L.Trainer(accelerator="cpu", use_distributed_sampler=False, **{**quiet, **settings})
    trainer.fit(module, data)
    return trainer


def test_padding_does_not_change_the_loss(module, batch):
    plain, more = module.forced(batch), module.forced(padded(batch, 3))
    assert more.tokens == plain.tokens == batch.target_mask.sum()
    torch.testing.assert_close(more.total, plain.total)
    assert more.correct == plain.correct


def test_the_loss_of_a_batch_is_the_sum_over_its_sentences(module, batch):
    alone = [
        module.forced(replace(batch, source=batch.source[[i]], target=batch.target[[i]]))
        for i in range(len(batch.index))
    ]
    torch.testing.assert_close(sum(loss.nll for loss in alone), module.forced(batch).nll, rtol=1e-4, atol=1e-4)


def test_a_step_minimises_the_mean_over_tokens(module, batch):
    step = module.training_step(batch, 0)
    loss = module.forced(batch)
    torch.testing.assert_close(step["loss"], loss.total / loss.tokens)
    assert step["loss"].requires_grad
    assert not step["nll"].requires_grad


def test_what_a_step_takes_from_the_target_follows_the_schedule(module, batch):
    asked = []

    class Remembering(Schedule):
        def __call__(self, step: int) -> float:
            asked.append(step)
            return 0.0

    free = module.training_step(batch, 0)["loss"]
    module.teacher_forcing = Remembering()
    assert not torch.equal(module.training_step(batch, 0)["loss"], free)
    assert asked == [0]


def test_the_learning_rate_is_its_own_times_the_schedule(prepared):
    module, data = prepared("schedule=inverse_sqrt", "schedule.warmup_steps=3", "optimizer.lr=0.8")
    rates = []

    class Reading(L.Callback):
        def on_before_optimizer_step(self, trainer, pl_module, optimizer):
            rates.append(optimizer.param_groups[0]["lr"])

    fit(module, data, max_steps=5, max_epochs=-1, limit_val_batches=0, callbacks=[Reading()])
    assert rates == pytest.approx([0.8 * module.schedule(step) for step in range(5)])


class Draws(L.Callback):
    """Draws random numbers between the batches."""

    def on_train_batch_end(self, *arguments) -> None:
        torch.rand(3)


def test_what_is_drawn_elsewhere_does_not_change_a_training(prepared):
    weights = []
    for callbacks in ([], [Draws()]):
        module, data = prepared("model.dropout=0.5", "teacher_forcing.value=0.5")
        fit(module, data, max_epochs=2, callbacks=callbacks)
        weights.append(module.state_dict())
    assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])


def test_batches_draw_different_numbers_in_the_same_order_every_time(prepared):
    drawn = []

    class Look(L.Callback):
        def on_train_batch_end(self, *arguments) -> None:
            drawn.append(float(torch.rand(())))

    for seed in (1, 1, 2):
        module, data = prepared(f"seed={seed}")
        fit(module, data, max_epochs=2, callbacks=[Look()])
    third = len(drawn) // 3
    first, second, other = drawn[:third], drawn[third:-third], drawn[-third:]
    assert first == second
    assert len(set(first)) == len(first)
    assert not set(first) & set(other)


def test_validation_scores_every_sentence_in_order_and_tells_the_schedule(prepared):
    module, data = prepared()
    told = []

    class Listening(Schedule):
        def __call__(self, step: int) -> float:
            return 1.0

        def observe(self, value: float, higher_is_better: bool) -> None:
            told.append((value, higher_is_better))

    module.schedule = Listening()
    trainer = fit(module, data, max_epochs=2, num_sanity_val_steps=1)
    scored = module.scored["valid", "translation"]
    assert [item.index for item in scored.items] == list(range(7))
    assert len(told) == 2  # two epochs, and not the sanity check
    assert told[-1] == (scored.scores["bleu"].value, True)
    assert trainer.callback_metrics["val/translation/bleu"] == pytest.approx(scored.scores["bleu"].value)


def test_a_score_does_not_depend_on_the_batch_size(prepared):
    module, data = prepared()
    fit(module, data, max_epochs=1)
    scored = []
    for size in (1, 3, 100):
        data.batch_size = size
        L.Trainer(accelerator="cpu", logger=False, enable_checkpointing=False, enable_progress_bar=False).validate(
            module, data, verbose=False
        )
        scored.append(module.scored["valid", "translation"])
    assert scored[0].items == scored[1].items == scored[2].items
    for name, score in scored[0].scores.items():
        assert scored[2].scores[name].value == pytest.approx(score.value, rel=1e-5)


def test_training_learns_to_copy_a_word(prepared, corpus_folder):
    module, data = prepared("max_target_length=3", "optimizer.lr=0.03")
    before = float(sum(module.forced(batch).nll for batch in data.loader("train")))
    fit(module, data, max_epochs=8, limit_val_batches=0)
    with torch.no_grad():
        assert float(sum(module.forced(batch).nll for batch in data.loader("train"))) < before / 2


def test_gradients_reach_every_parameter(module, batch):
    module.training_step(batch, 0)["loss"].backward()
    assert [name for name, value in module.named_parameters() if value.grad is None or not value.grad.any()] == []
    assert count_parameters(module) == sum(value.grad.numel() for value in module.parameters())


def test_a_checkpoint_describes_itself(module):
    checkpoint: dict[str, object] = {}
    module.on_save_checkpoint(checkpoint)
    described = checkpoint[KEY]
    assert described["version"] == 1
    assert described["config"]["model"]["encoder"]["hidden_size"] == 6
    assert '"word"' in described["tokenizers"]


def test_no_gradient_is_held_after_a_step(prepared):
    module, data = prepared()
    held = []

    class Looking(L.Callback):
        def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx):
            held.append(any(parameter.grad is not None for parameter in pl_module.parameters()))

    fit(
        module,
        data,
        max_epochs=1,
        limit_train_batches=4,
        limit_val_batches=0,
        accumulate_grad_batches=2,
        callbacks=[Looking()],
    )
    assert held == [True, False, True, False]
