"""Gradients that are not finite, batches that do not fit into memory, and the largest batch, which is tried first."""

import json
import math
import re
from collections.abc import Callable
from dataclasses import replace
from functools import cache, partial
from pathlib import Path

import lightning as L
import pytest
import torch
from torch import Tensor

from seq2seq_pl import mishaps
from seq2seq_pl.build import build_data, build_module, build_tokenizers
from seq2seq_pl.callback.checkpoint import Checkpoint
from seq2seq_pl.checkpoint_file import CheckpointFiles, open_checkpoint
from seq2seq_pl.datamodule import DataModule
from seq2seq_pl.decoding.beam import Beam
from seq2seq_pl.errors import UserError
from seq2seq_pl.mishaps import Advice, Watch, Work, advise, is_out_of_memory, too_large
from seq2seq_pl.model.seq2seq import Seq2Seq
from seq2seq_pl.module import Seq2SeqModule
from seq2seq_pl.record import read_record
from seq2seq_pl.store import Report
from seq2seq_pl.training import check_targets, run
from seq2seq_pl.values import EOS, Batch

ADVICE = Advice("FIRST", "STEPS", "TRAINING", "SENTENCE", {"t": "SCORING"})
QUIET = ("callback=[checkpoint]", "logger=[]", "trainer.max_epochs=1")


class Broken(L.Callback):
    """Has a weight that is infinite while it trains on some batches, counted over the epochs."""

    def __init__(self, *batches: int, mended: bool = True) -> None:
        self.batches = batches
        self.mended = mended
        self.count = 0

    def on_train_batch_start(self, trainer, pl_module, batch, batch_idx):
        self.weight = next(pl_module.parameters()).detach().clone()
        if self.count in self.batches:
            next(pl_module.parameters()).data.fill_(math.inf)

    def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx):
        if self.count in self.batches and self.mended:
            next(pl_module.parameters()).data.copy_(self.weight)
        self.count += 1


@pytest.fixture(scope="module")
def prepared(tmp_path_factory, corpus_folder, tiny) -> Callable[..., tuple[Seq2SeqModule, DataModule]]:
    """Further settings -> a new module, and the data it was built for."""
    root = tmp_path_factory.mktemp("mishaps")

    @cache
    def read(*overrides: str):
        settings = tiny(corpus_folder, root / "run", "model.dropout=0", *overrides)
        tokenizers = build_tokenizers(settings)
        build_data(settings, tokenizers).prepare_data()
        return settings, tokenizers

    def make(*overrides: str):
        settings, tokenizers = read(*overrides)
        data = build_data(settings, tokenizers, trained=True)
        return build_module(settings, tokenizers, data.example), data

    return make


@pytest.fixture
def fit(tmp_path) -> Callable[..., L.Trainer]:
    """Trains for an epoch of 5 batches of at most 16 sentences, without scoring."""

    def make(module, data, *callbacks: L.Callback, path: Path | None = None, **settings) -> L.Trainer:
        quiet = {"logger": False, "enable_progress_bar": False, "enable_model_summary": False}
        quiet["num_sanity_val_steps"] = 0
        usual = {
            "max_epochs": 1,
            "limit_val_batches": 0,
            "enable_checkpointing": False,
            "use_distributed_sampler": False,
        }
        given = {"default_root_dir": tmp_path, "callbacks": list(callbacks), "plugins": [CheckpointFiles()]}
        trainer = L.Trainer(accelerator="cpu", **{**given, **quiet, **usual, **settings})
        trainer.fit(module, data, ckpt_path=path)
        return trainer

    return make


def weights_of(module: torch.nn.Module) -> dict[str, torch.Tensor]:
    return {name: value.detach().clone() for name, value in module.state_dict().items()}


def same(first: dict[str, torch.Tensor], second: dict[str, torch.Tensor]) -> bool:
    return all(torch.equal(first[name], second[name]) for name in first)


def lines(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


# -- stop ------------------------------------------------------------------------------------------------------------


def test_a_step_whose_gradients_are_not_finite_stops_the_run_and_is_never_taken(prepared, fit, tmp_path, monkeypatch):
    module, data = prepared()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError) as caught:
        fit(module, data, Broken(2, mended=False))
    assert str(caught.value) == (
        "the gradients of step 3 are not finite (loss nan); the sentences of that step are in "
        "non_finite/step_3.jsonl. Lower optimizer.lr (0.01) or trainer.gradient_clip_val (1.0), or leave such steps "
        "out with non_finite=skip."
    )
    stopped = weights_of(module)
    module, data = prepared()
    fit(module, data, max_steps=2, max_epochs=-1)
    broken, *others = weights_of(module)
    assert stopped.pop(broken).isinf().all()
    assert same(stopped, {name: module.state_dict()[name] for name in others})


def test_the_sentences_of_the_step_are_written(prepared, fit, tmp_path):
    module, data = prepared()
    with pytest.raises(UserError):
        fit(module, data, Broken(3, mended=False))
    expected = list(data.loader("train"))[3]
    found = lines(tmp_path / "non_finite" / "step_4.jsonl")
    assert [line["row"] for line in found] == expected.index.tolist()
    for line, source, target in zip(found, expected.source, expected.target, strict=True):
        assert line["source"] == data.tokenizers.source.tokens(source[source != 0].tolist())
        assert line["target"] == data.tokenizers.target.tokens(target[target != 0].tolist())
        assert (line["task"], line["loss"], line["batch"]) == ("translation", "nan", 1)
    assert [path.name for path in (tmp_path / "non_finite").iterdir()] == ["step_4.jsonl"]


def test_of_an_accumulated_step_all_batches_are_written_with_their_losses(prepared, fit, tmp_path):
    module, data = prepared()
    with pytest.raises(UserError, match="the gradients of step 2 are not finite"):
        fit(module, data, Broken(3, mended=False), accumulate_grad_batches=2)
    found = lines(tmp_path / "non_finite" / "step_2.jsonl")
    batches = list(data.loader("train"))[2:4]
    assert [(line["batch"], line["row"]) for line in found] == [
        (number, row) for number, batch in enumerate(batches, start=1) for row in batch.index.tolist()
    ]
    assert {line["batch"]: line["loss"] for line in found}.keys() == {1, 2}
    assert 1 < next(line["loss"] for line in found if line["batch"] == 1) < 4
    assert next(line["loss"] for line in found if line["batch"] == 2) == "nan"


def test_words_that_are_copied_are_written_as_such(tmp_path):
    source, copies = torch.tensor([[4, 1, EOS]]), torch.tensor([[4, 9, EOS]])
    batch = Batch(source, torch.tensor([[9, EOS]]), torch.tensor([7]), "t", copies)
    step = mishaps.Step(1, [(batch, torch.tensor(2.5))])

    def target_tokens(ids, words):
        return [words[i - 9] if i >= 9 else str(i) for i in ids]

    mishaps.write_sentences(tmp_path / "x.jsonl", step, lambda ids: list(map(str, ids)), target_tokens)
    (line,) = lines(tmp_path / "x.jsonl")
    assert line["source"] == ["4", "1", "3"]
    assert line["target"] == ["<copied 1>", "3"]
    assert line["loss"] == 2.5


def test_a_learning_rate_that_overflows_is_told(prepared, fit):
    module, data = prepared()
    module.optimizer_factory = partial(torch.optim.SGD, lr=1e38)
    with pytest.raises(UserError, match=r"the gradients of step \d are not finite .* Lower optimizer\.lr \("):
        fit(module, data)


def test_weights_that_the_last_step_made_infinite_are_not_saved(prepared, fit, tmp_path):
    module, data = prepared()

    class Breaks(L.Callback):
        def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx):
            if batch_idx == 3:
                next(pl_module.parameters()).data.fill_(math.inf)

    checkpoint = Checkpoint(dirpath=str(tmp_path), monitor="x", mode="min", every_n_steps=2)
    with pytest.raises(UserError, match=r"the weights after step 4 are not finite, so they were not saved\. Lower "):
        fit(module, data, Breaks(), checkpoint, enable_checkpointing=True)
    saved = open_checkpoint(tmp_path / "last.ckpt")
    assert saved["global_step"] == 2
    assert all(value.isfinite().all() for value in saved["state_dict"].values())


# -- where a look waits for the device -------------------------------------------------------------------------------


@pytest.fixture
def seldom(monkeypatch) -> None:
    """Steps are looked at as on a GPU, where it would wait each time."""
    monkeypatch.setattr(Watch, "is_due", lambda self: self.steps[-1].number % mishaps.LOOK_EVERY == 0)


@pytest.mark.usefixtures("seldom")
def test_a_late_look_names_the_first_bad_step(prepared, fit, tmp_path):
    module, data = prepared("batch_size=4")
    with pytest.raises(UserError, match="the gradients of step 7 are not finite"):
        fit(module, data, Broken(6, mended=False), max_epochs=3)
    assert module.trainer.global_step < mishaps.LOOK_EVERY
    expected = list(data.loader("train"))[6]
    found = lines(tmp_path / "non_finite" / "step_7.jsonl")
    assert [line["row"] for line in found] == expected.index.tolist()


@pytest.mark.usefixtures("seldom")
def test_nothing_is_saved_or_scored_after_a_bad_step(prepared, fit, tmp_path):
    module, data = prepared()
    scored = []

    class Scoring(L.Callback):
        def on_validation_batch_start(self, trainer, pl_module, batch, batch_idx, dataloader_idx=0):
            scored.append(trainer.global_step)

    for bad, settings in ((1, {"limit_val_batches": 1}), (2, {}), (4, {})):
        checkpoint = Checkpoint(dirpath=str(tmp_path), monitor="x", mode="min", every_n_steps=2)
        with pytest.raises(UserError, match=f"the gradients of step {bad + 1} are not finite"):
            fit(module, data, Scoring(), checkpoint, Broken(bad, mended=False), enable_checkpointing=True, **settings)
        module.load_state_dict(prepared()[0].state_dict())
        if bad > 1:
            saved = open_checkpoint(tmp_path / "last.ckpt")
            assert saved["global_step"] == bad - bad % 2
            assert all(value.isfinite().all() for value in saved["state_dict"].values())
    assert scored == []


def test_only_what_has_to_wait_is_looked_at_seldom():
    def due(non_finite: str, number: int, device: str) -> bool:
        watch = Watch(non_finite, ADVICE, lambda name, step: name)
        watch.note_batch(number, None, torch.tensor(1.0))
        watch.note_norm(torch.tensor(1.0, device=device))
        return watch.is_due()

    assert [due("stop", number, "meta") for number in (1, 19, 20, 21, 40)] == [False, False, True, False, True]
    assert all(due("stop", number, "cpu") for number in range(1, 21))
    assert all(due("skip", number, device) for number in range(1, 21) for device in ("cpu", "meta"))


def test_batches_are_forgotten_once_they_were_looked_at(prepared, fit):
    module, data = prepared()
    remembered = []

    class Look(L.Callback):
        def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx):
            remembered.append([len(step.batches) for step in pl_module.watch.steps])

    fit(module, data, Look(), accumulate_grad_batches=2)
    assert remembered == [[1], [], [1], [], []]


# -- skip ------------------------------------------------------------------------------------------------------------


OPTIMIZERS = (
    partial(torch.optim.Adam, fused=True),
    partial(torch.optim.Adam),
    partial(torch.optim.AdamW, fused=True),
    partial(torch.optim.AdamW),
    partial(torch.optim.SGD, momentum=0.9),
)


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=str)
def test_a_skipped_step_leaves_weights_and_optimizer_as_if_there_were_no_such_batch(prepared, fit, optimizer):
    module, data = prepared("non_finite=skip")
    module.optimizer_factory = partial(optimizer, lr=0.05)
    trainer = fit(module, data, Broken(0, 2), gradient_clip_val=0.1)
    assert module.watch.skipped_steps == 2
    assert trainer.global_step == 5

    other, data = prepared("non_finite=skip")
    by_hand = optimizer(other.parameters(), lr=0.05)
    for place, batch in enumerate(data.loader("train")):
        if place not in (0, 2):
            loss = other.forced(batch)
            by_hand.zero_grad()
            (loss.total / loss.tokens).backward()
            torch.nn.utils.clip_grad_norm_(other.parameters(), 0.1)
            by_hand.step()
    assert same(weights_of(module), weights_of(other))
    for found, expected in zip(
        trainer.optimizers[0].state_dict()["state"].values(), by_hand.state_dict()["state"].values(), strict=True
    ):
        assert found.keys() == expected.keys()
        assert all(found[name] is expected[name] or torch.equal(found[name], expected[name]) for name in found)


def test_a_skipped_step_takes_all_its_batches_with_it(prepared, fit, tmp_path):
    module, data = prepared("non_finite=skip")
    before = weights_of(module)
    fit(module, data, Broken(1), accumulate_grad_batches=2, limit_train_batches=2)
    assert same(weights_of(module), before)
    assert module.watch.skipped_steps == 1
    assert {line["batch"] for line in lines(tmp_path / "non_finite" / "step_1.jsonl")} == {1, 2}


def test_only_the_first_skipped_steps_are_written(prepared, fit, tmp_path, monkeypatch):
    monkeypatch.setattr(mishaps, "FILES", 2)
    module, data = prepared("non_finite=skip")
    fit(module, data, Broken(0, 2, 4))
    assert module.watch.skipped_steps == 3
    assert sorted(path.name for path in (tmp_path / "non_finite").iterdir()) == ["step_1.jsonl", "step_3.jsonl"]


def test_a_run_that_goes_on_goes_on_counting(prepared, fit, tmp_path):
    module, data = prepared("non_finite=skip")
    fit(module, data, Broken(1)).save_checkpoint(tmp_path / "x.ckpt")
    again, data = prepared("non_finite=skip")
    fit(again, data, Broken(2), path=tmp_path / "x.ckpt", max_epochs=2)
    assert again.watch.skipped_steps == 2


def test_a_run_says_at_its_end_what_was_left_out(tmp_path, corpus_folder, tiny, monkeypatch, capsys):
    settings = tiny(corpus_folder, tmp_path / "run", *QUIET, "callback=[checkpoint,progress]", "non_finite=skip")
    forced = Seq2SeqModule.forced

    def sometimes(module, batch, ratio=1.0):
        loss = forced(module, batch, ratio)
        return replace(loss, total=loss.total * math.nan) if module.training and module.global_step == 1 else loss

    monkeypatch.setattr(Seq2SeqModule, "forced", sometimes)
    run(settings)
    assert read_record(tmp_path / "run")["skipped_steps"] == 1
    captured = capsys.readouterr()
    assert re.search(r"train loss \d", captured.err)  # of the other steps
    told = " ".join(captured.out.split())
    assert f"1 of 5 steps were left out: their gradients were not finite (see {tmp_path}/run/non_finite)" in told
    assert (tmp_path / "run" / "non_finite" / "step_2.jsonl").is_file()


# -- clipping --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "clipping",
    [
        {},
        {"gradient_clip_val": 0.1},
        {"gradient_clip_val": 1e-3, "gradient_clip_algorithm": "value"},
        {"gradient_clip_val": 0.1, "accumulate_grad_batches": 2},
    ],
    ids=str,
)
def test_clipping_is_lightnings_bit_for_bit(prepared, fit, monkeypatch, clipping):
    found = []
    for _ in range(2):
        module, data = prepared()
        fit(module, data, **clipping)
        found.append(weights_of(module))
        monkeypatch.setattr(Seq2SeqModule, "configure_gradient_clipping", L.LightningModule.configure_gradient_clipping)
    assert same(*found)


def test_the_norm_is_the_one_before_clipping(prepared, fit):
    module, data = prepared()
    norms = []

    class Norms(L.Callback):
        def on_before_optimizer_step(self, trainer, pl_module, optimizer):
            norms.append(torch.nn.utils.get_total_norm([value.grad for value in pl_module.parameters()]))

        def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx):
            assert torch.equal(pl_module.gradient_norm, norms[-1])

    fit(module, data, Norms(), gradient_clip_val=1e-3)
    assert min(norms) > 1e-2


def test_where_the_loss_is_scaled_infinite_gradients_are_no_mishap(prepared, fit, monkeypatch):
    module, data = prepared()
    monkeypatch.setattr("lightning.pytorch.plugins.precision.Precision.scaler", object(), raising=False)
    fit(module, data, Broken(1))
    assert module.watch.steps == []
    assert module.watch.skipped_steps == 0


# -- the largest batch first -----------------------------------------------------------------------------------------


class Drawing(L.Callback):
    """What is drawn around the first batches, and what the module holds before it."""

    def __init__(self) -> None:
        self.drawn: list[float] = []

    def on_train_start(self, trainer, pl_module):
        self.state = torch.get_rng_state()

    def on_train_epoch_start(self, trainer, pl_module):
        if trainer.current_epoch == 0:
            assert torch.equal(torch.get_rng_state(), self.state)
            assert all(value.grad is None for value in pl_module.parameters())
            assert not trainer.optimizers[0].state
            assert trainer.global_step == trainer.train_dataloader.sampler.position == 0
        self.drawn.append(float(torch.rand(())))

    def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx):
        self.drawn += [float(torch.rand(())), float(outputs["loss"]), float(pl_module.gradient_norm)]


def test_trying_the_largest_batch_changes_nothing(prepared, fit, monkeypatch):
    found = []
    for _ in range(2):
        module, data = prepared(
            "model.dropout=0.4", "teacher_forcing.value=0.5", "tokenizer=bpe", "tokenizer.dropout=0.3"
        )
        drawing = Drawing()
        trainer = fit(module, data, drawing, max_epochs=2)
        found.append((weights_of(module), drawing.drawn, trainer.optimizers[0].state_dict()["state"]))
        monkeypatch.setattr(mishaps, "largest_batch", lambda trainer: None)
    (weights, drawn, states), (other_weights, other_drawn, other_states) = found
    assert same(weights, other_weights)
    assert drawn == other_drawn
    assert all(same(states[key], other_states[key]) for key in states)


@pytest.mark.parametrize("limit", [None, 2])
def test_the_batch_is_the_largest_that_will_be_trained_on(prepared, fit, limit):
    module, data = prepared("batch_size=60", "max_tokens=40")
    tried = []

    class Look(L.Callback):
        def on_train_epoch_start(self, trainer, pl_module):
            tried.append(pl_module.work)

    fit(module, data, Look(), **({"limit_train_batches": limit} if limit else {}))
    (work,) = tried
    batches = list(data.loader("train"))[:limit]
    assert work.kind == "training"
    assert any(torch.equal(work.batch.index, batch.index) for batch in batches)
    sizes = [len(batch.index) * max(batch.source.shape[1], batch.target.shape[1]) for batch in batches]
    assert len(work.batch.index) * max(work.batch.source.shape[1], work.batch.target.shape[1]) == max(sizes)
    assert len(set(sizes)) > 1


@pytest.mark.parametrize(
    ("position", "epoch", "places"), [(0, 0, slice(0, 5)), (3, 0, slice(3, 5)), (5, 1, slice(0, 5))]
)
def test_a_run_that_goes_on_tries_what_is_still_to_come(prepared, fit, position, epoch, places):
    module, data = prepared()
    trainer = fit(module, data, max_epochs=1)
    sampler = trainer.train_dataloader.sampler
    assert len(sampler) == 5
    sampler.load_state_dict({"epoch": 0, "position": position})
    batch = mishaps.largest_batch(trainer)
    assert sampler.state_dict() == {"epoch": 0, "position": position}
    sampler.load_state_dict({"epoch": epoch, "position": 0})
    planned = list(sampler)[places]
    assert batch.index.tolist() in [one.indices.tolist() for one in planned]


@pytest.mark.parametrize(
    ("free", "whole", "rows"),
    [(0, False, ["all"]), (1, False, ["few", "all"]), (1 << 60, False, ["few"]), (1 << 60, True, ["all"])],
    ids=["nobody knows", "little", "plenty", "asked for"],
)
def test_few_rows_are_enough_where_memory_is_plenty(prepared, monkeypatch, free, whole, rows):
    module, data = prepared("batch_size=60")
    module.trainer = L.Trainer(accelerator="cpu", logger=False, enable_checkpointing=False)
    tried = []

    def loss(batch: Batch) -> Tensor:
        tried.append(len(batch.source))
        return module.forced(batch).total

    batch = max(data.loader("train"), key=lambda batch: len(batch.source))
    count = len(batch.source)
    assert count >= 16
    monkeypatch.setattr(mishaps, "free_memory", lambda: free)
    assert mishaps.tried(module, loss, batch, whole=whole).isfinite()
    assert tried == [{"all": count, "few": count // 8}[name] for name in rows]
    assert all(value.grad is None for value in module.parameters())


def test_the_rows_that_are_tried_have_most_tokens_and_the_padding_of_all():
    source = torch.tensor([[5, EOS, 0, 0], [5, 6, 7, EOS], [5, 6, EOS, 0]])
    target = torch.tensor([[5, 6, 7, 8, EOS], [EOS, 0, 0, 0, 0], [EOS, 0, 0, 0, 0]])
    few = mishaps.longest_rows(Batch(source, target, torch.tensor([7, 8, 9]), "t", source), 2)
    assert few.index.tolist() == [7, 8]
    assert torch.equal(few.source, source[:2])
    assert torch.equal(few.copies, source[:2])
    assert torch.equal(few.target, target[:2])


def test_a_model_that_is_broken_from_the_start_is_told_before_the_first_step(prepared, fit, tmp_path):
    module, data = prepared("++trainer.precision=16-mixed")
    next(module.parameters()).data.fill_(math.nan)
    sentence = (
        r"the very first loss is not finite \(nan\); the sentences of that batch are in .*/non_finite/"
        r"first_batch\.jsonl\. Look at model\.initialization or trainer\.precision \(16-mixed\)\."
    )
    with pytest.raises(UserError, match=sentence):
        fit(module, data)
    assert module.trainer.global_step == 0
    rows = [line["row"] for line in lines(tmp_path / "non_finite" / "first_batch.jsonl")]
    assert rows == module.work.batch.index.tolist()


def test_the_first_loss_of_a_run_that_goes_on_is_told_as_such():
    watch = Watch("stop", ADVICE, lambda name, step: f"{name}.jsonl")
    watch.check_first(1234, None, torch.tensor(1.0))
    with pytest.raises(UserError, match=r"the first loss after step 1,234 is not finite \(inf\); .* STEPS\."):
        watch.check_first(1234, None, torch.tensor(math.inf))
    Watch("skip", ADVICE, lambda name, step: name).check_first(0, None, torch.tensor(math.inf))


# -- memory ----------------------------------------------------------------------------------------------------------


def allocation_error() -> Exception:
    with pytest.raises(RuntimeError) as caught:
        torch.empty(1 << 60, dtype=torch.uint8)
    return caught.value


@pytest.mark.parametrize(
    ("error", "known"),
    [
        (torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB."), True),
        (MemoryError(), True),
        (RuntimeError("DefaultCPUAllocator: not enough memory: you tried to allocate 8 bytes."), True),
        (RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"), True),
        (RuntimeError("mat1 and mat2 shapes cannot be multiplied"), False),
        (ValueError("out of memory"), False),
    ],
)
def test_errors_of_memory_are_known(error, known):
    assert is_out_of_memory(error) is known


def test_the_allocators_own_error_is_known():
    assert is_out_of_memory(allocation_error())


@pytest.mark.parametrize(
    ("kind", "rows", "settings"),
    [("training", 2, "TRAINING"), ("training", 1, "SENTENCE"), ("scoring", 2, "SCORING"), ("scoring", 1, "SCORING")],
)
def test_a_batch_that_does_not_fit_is_named_with_what_to_lower(kind, rows, settings):
    batch = Batch(torch.ones(rows, 5), torch.ones(rows, 1200), torch.arange(rows), "t")
    told = f"there is too little memory for {kind} with a batch of {rows} x 5 source tokens x 1,200 target tokens; "
    assert str(too_large(Work(kind, batch), ADVICE)) == f"{told}lower {settings}."


def test_memory_that_runs_out_in_training_is_told_before_the_first_step(tmp_path, corpus_folder, tiny, monkeypatch):
    def forward(self, batch, *arguments, **named):
        if self.training and len(batch.index) > 1:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return whole(self, batch, *arguments, **named)

    whole = Seq2Seq.forward
    monkeypatch.setattr(Seq2Seq, "forward", forward)
    sentence = r"too little memory for training with a batch of \d+ x \d source tokens x \d target tokens; lower "
    with pytest.raises(UserError, match=rf"{sentence}max_tokens \(4096\) or batch_size \(16\)\."):
        run(tiny(corpus_folder, tmp_path / "run", *QUIET))


@pytest.mark.parametrize("split", ["valid", "test"])
def test_memory_that_runs_out_in_scoring_is_told(tmp_path, corpus_folder, tiny, monkeypatch, split):
    def decode(self, stepper, batch):
        if len(batch.index) == {"valid": 7, "test": 9}[split]:
            raise allocation_error()
        return whole(self, stepper, batch)

    whole = Beam.decode
    monkeypatch.setattr(Beam, "decode", decode)
    sentence = r"too little memory for scoring with a batch of [79] x \d source tokens x \d target tokens; lower "
    with pytest.raises(
        UserError, match=rf"{sentence}max_tokens \(4096\), batch_size \(16\) or decoding\.beam_size \(3\)"
    ):
        run(tiny(corpus_folder, tmp_path / "run", *QUIET, "decoding=beam", "decoding.beam_size=3"))


def test_another_error_stays_what_it_is(tmp_path, corpus_folder, tiny, monkeypatch):
    def forward(self, batch, *arguments, **named):
        if self.training and len(batch.index) > 1:
            raise RuntimeError("sizes of tensors must match")
        return whole(self, batch, *arguments, **named)

    whole = Seq2Seq.forward
    monkeypatch.setattr(Seq2Seq, "forward", forward)
    with pytest.raises(RuntimeError, match="sizes of tensors must match"):
        run(tiny(corpus_folder, tmp_path / "run", *QUIET))


# -- what is told ----------------------------------------------------------------------------------------------------


def test_the_settings_to_change_are_named_as_they_are_typed(tiny, corpus_folder, tmp_path):
    settings = tiny(corpus_folder, tmp_path / "run", "trainer.gradient_clip_val=null", "decoding=beam")
    advice = advise(settings)
    assert advice.first == "Look at model.initialization"
    assert advice.steps == "Lower optimizer.lr (0.01) or set trainer.gradient_clip_val=1"
    assert advice.sentence == "max_source_length (128) or max_target_length (128)"
    assert advice.scoring["translation"].endswith("or decoding.beam_size (5)")


def test_the_beam_of_a_task_of_a_mixture_has_its_own_name(composed):
    from seq2seq_pl.config import validate

    config = composed(
        "task=multitask", "run_dir=x", "mixture.dialogue=null", "mixture.summarization.decoding.beam_size=3"
    )
    advice = advise(validate(config))
    assert advice.scoring["summarization"].endswith("or mixture.summarization.decoding.beam_size (3)")
    assert advice.scoring.keys() == {"translation", "summarization"}


# -- targets that are nothing ----------------------------------------------------------------------------------------


def test_targets_of_unknown_tokens_only_are_refused_before_anything_is_written(tmp_path, corpus_folder, tiny):
    settings = tiny(corpus_folder, tmp_path / "run", "tokenizer.min_frequency=1000")
    sentence = (
        r"the 60 training targets of translation hold nothing but unknown tokens \(\d+\); lower "
        r"tokenizer\.min_frequency \(1000\), or check the fields that corpus and task take the target from\."
    )
    with pytest.raises(UserError, match=sentence):
        run(settings)
    assert not (tmp_path / "run").exists()


def test_targets_without_tokens_are_refused(tmp_path, corpus_folder, tiny):
    settings = tiny(corpus_folder, tmp_path / "run")
    reports = {("translation", "train"): Report("train", kept=60, source_tokens=240, target_tokens=0)}
    sentence = "the 60 training targets of translation hold no token at all; check the fields that corpus and task take"
    with pytest.raises(UserError, match=sentence):
        check_targets(settings, reports)
    reports["translation", "train"].target_tokens = 2
    reports["translation", "train"].target_unknown = 1
    check_targets(settings, reports)
