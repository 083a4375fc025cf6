"""An interrupted run that goes on ends where one ends that was never interrupted, bit for bit."""

from __future__ import annotations

import csv
import json
import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import lightning as L
import pytest
import torch

from seq2seq_pl import training
from seq2seq_pl.build import build_trainer
from seq2seq_pl.checkpoint_file import open_checkpoint
from seq2seq_pl.config import TrainConfig
from seq2seq_pl.errors import UserError
from seq2seq_pl.resuming import check_settings
from seq2seq_pl.training import Outcome, run

EVERYTHING = (
    "tokenizer=bpe",
    "tokenizer.vocab_size=40",
    "tokenizer.dropout=0.3",
    "model.dropout=0.3",
    "schedule@teacher_forcing=linear",
    "teacher_forcing.steps=20",
    "teacher_forcing.end=0.3",
    "batch_size=8",
    "+trainer.accumulate_grad_batches=2",
    "trainer.max_epochs=4",
    "callback=[checkpoint,early_stopping,ema,telemetry]",
    "callback.checkpoint.every_n_steps=2",
    "callback.ema.update_every_n_steps=1",
    "callback.telemetry.every_n_steps=3",
    "callback.early_stopping.patience=3",
    "logger=[csv,tensorboard]",
)
CLOCKS = ("tokens_per_second",)


class Killed(BaseException):
    """What nothing catches."""


class Killer(L.Callback):
    """Ends a training in the middle of a hook: its name, and after how many calls."""

    def __init__(self, hook: str, calls: int) -> None:
        self.calls = calls

        def count(*arguments: object, **named: object) -> None:
            self.calls -= 1
            if self.calls == 0:
                raise Killed

        setattr(self, hook, count)


@pytest.fixture
def killed(monkeypatch) -> Callable[..., None]:
    """Runs with settings until a hook was called so often."""

    def make(settings: TrainConfig, hook: str, calls: int, **options: object) -> None:
        def with_killer(settings: TrainConfig) -> L.Trainer:
            trainer = build_trainer(settings)
            trainer.callbacks.insert(0, Killer(hook, calls))
            return trainer

        with monkeypatch.context() as patch:
            patch.setattr(training, "build_trainer", with_killer)
            with pytest.raises(Killed):
                run(settings, **options)

    return make


def rows(directory: Path) -> list[dict[str, str]]:
    with (directory / "metrics.csv").open() as file:
        return [
            {name: value for name, value in row.items() if value and not name.endswith(CLOCKS)}
            for row in csv.DictReader(file)
        ]


def same(first: object, second: object) -> bool:
    if isinstance(first, torch.Tensor):
        return isinstance(second, torch.Tensor) and torch.equal(first, second)
    if isinstance(first, dict):
        return (
            isinstance(second, dict) and list(first) == list(second) and all(same(first[k], second[k]) for k in first)
        )
    if isinstance(first, (list, tuple)):
        return len(first) == len(second) and all(map(same, first, second))
    return first == second


def timeless(checkpoint: dict) -> dict:
    """What has to be the same: all but how long it took and where it lies."""
    content = {**checkpoint}
    content["seq2seq_pl"] = {key: value for key, value in content["seq2seq_pl"].items() if key != "config"}
    content["callbacks"] = {
        key: {name: value for name, value in state.items() if name != "seconds"}
        for key, state in content["callbacks"].items()
    }
    content["logs"] = {name: size for name, size in content["logs"].items() if name.endswith(".csv")}
    return content


def assert_same(one: Path, other: Path) -> None:
    for name in ("last", "best"):
        first, second = (timeless(open_checkpoint(path / "checkpoints" / f"{name}.ckpt")) for path in (one, other))
        assert list(first) == list(second)
        for key in first:
            assert same(first[key], second[key]), (name, key, first[key], second[key])
    assert rows(one) == rows(other)
    for file in ("hypotheses.txt", "scores.json"):
        assert (one / "test" / file).read_bytes() == (other / "test" / file).read_bytes()


@pytest.fixture(scope="module")
def whole(tmp_path_factory, write_corpus, tiny) -> tuple[Callable[[str], TrainConfig], Path, Outcome]:
    """A run with everything on that was never interrupted; settings of the same in another directory."""
    root = tmp_path_factory.mktemp("resuming")
    corpus = write_corpus(root / "corpus")
    for path in corpus.iterdir():
        path.write_text(path.read_text().replace(" ", ""))  # words for BPE to split

    def settings(name: str, *overrides: str) -> TrainConfig:
        return tiny(corpus, root / name, *EVERYTHING, *overrides)

    return settings, root / "whole", run(settings("whole"))


@pytest.mark.parametrize(
    ("hook", "calls"),
    [
        ("on_train_batch_start", 2),  # before the first checkpoint
        ("on_train_batch_start", 6),
        ("on_train_batch_end", 7),
        ("on_train_batch_start", 8),
        ("on_validation_start", 1),
        ("on_validation_batch_end", 1),
        ("on_validation_end", 2),
        ("on_train_epoch_end", 2),
        ("on_train_epoch_start", 3),
        ("on_train_batch_start", 23),
        ("on_train_end", 1),
        ("on_test_batch_start", 1),
    ],
)
def test_a_killed_run_goes_on_to_the_same_end(whole, killed, hook, calls):
    settings, directory, outcome = whole
    own = settings(f"{hook}-{calls}")
    killed(own, hook, calls)
    again = run(own, resume=True)
    assert again == outcome
    assert_same(Path(own.run_dir), directory)


def test_a_run_killed_again_and_again_goes_on_to_the_same_end(whole, killed):
    settings, directory, outcome = whole
    own = settings("again")
    killed(own, "on_validation_batch_end", 1)
    killed(own, "on_validation_batch_end", 1, resume=True)
    killed(own, "on_train_batch_end", 3, resume=True)
    killed(own, "on_train_batch_end", 3, resume=True)
    killed(own, "on_validation_end", 2, resume=True)
    assert run(own, resume=True) == outcome
    assert_same(Path(own.run_dir), directory)


@pytest.mark.parametrize(
    "hook", ["on_validation_start", "on_validation_batch_end", "on_validation_end", "on_train_epoch_end"]
)
def test_a_run_that_validates_within_epochs_goes_on_to_the_same_end(whole, killed, hook):
    settings, _, _ = whole
    halves = ("+trainer.val_check_interval=0.5", "trainer.max_epochs=2", "callback.early_stopping.patience=9")
    outcome = run(settings(f"halves-{hook}", *halves))
    for calls in (1, 2):
        own = settings(f"halves-{hook}-{calls}", *halves)
        killed(own, hook, calls)
        assert run(own, resume=True) == outcome
        assert_same(Path(own.run_dir), Path(settings(f"halves-{hook}").run_dir))


# -- what a run goes on from -----------------------------------------------------------------------------------------


@pytest.fixture
def halted(whole, killed) -> Callable[[str], TrainConfig]:
    """The settings of a run, by its name, that was killed in its third epoch."""

    def make(name: str) -> TrainConfig:
        own = whole[0](name)
        killed(own, "on_train_batch_end", 23)
        return own

    return make


def checkpoint_of(settings: TrainConfig, name: str) -> Path:
    return Path(settings.run_dir, "checkpoints", f"{name}.ckpt")


@pytest.mark.parametrize("damage", ["torn", "flipped", "empty"])
def test_a_damaged_checkpoint_is_told_and_the_one_before_taken(whole, halted, capsys, damage):
    own = halted(f"damaged-{damage}")
    path = checkpoint_of(own, "last")
    content = bytearray(path.read_bytes())
    if damage == "torn":
        content = content[: len(content) // 2]
    elif damage == "flipped":
        weights = open_checkpoint(path)["state_dict"]["model.source_embedding.weight"]
        content[content.index(weights.numpy().tobytes())] ^= 1
    else:
        content = bytearray()
    path.write_bytes(content)
    assert run(own, resume=True) == whole[2]
    assert_same(Path(own.run_dir), whole[1])
    said = " ".join(capsys.readouterr().out.split())
    assert f"{path} is " in said
    assert "Going on from previous.ckpt instead." in said


def test_without_any_checkpoint_that_can_be_read_nothing_is_lost(halted):
    own = halted("lost")
    for name in ("last", "previous", "best"):
        checkpoint_of(own, name).write_bytes(b"torn")
    with pytest.raises(UserError) as caught:
        run(own, resume=True)
    told = str(caught.value).splitlines()
    assert [line.split(" is not a complete")[0].rsplit("/", 1)[1] for line in told[:3]] == [
        "last.ckpt",
        "previous.ckpt",
        "best.ckpt",
    ]
    assert told[3].startswith("there is no other checkpoint; remove ")


def test_what_killed_writers_left_is_removed(halted):
    own = halted("left")
    left = Path(own.run_dir, "checkpoints", f".last.ckpt.{'0a' * 16}")
    left.write_bytes(b"half")
    run(own, resume=True)
    assert not left.exists()


def test_the_record_says_since_when_a_run_goes_on(whole, halted):
    own = halted("recorded")
    run(own, resume=True)
    record, began = (json.loads(Path(path, "record.json").read_text()) for path in (own.run_dir, whole[1]))
    (again,) = record["resumed"]
    assert (again["from"], again["steps"]) == ("last.ckpt", 12)
    assert again["started"] >= record["started"]
    assert record["steps"] == began["steps"]


@pytest.mark.parametrize("content", [None, "", "[]", '{"seed": 1}'])
def test_a_run_goes_on_without_the_record_of_its_start(halted, tmp_path, content):
    own = halted(tmp_path.name)
    path = Path(own.run_dir, "record.json")
    path.unlink()
    if content is not None:
        path.write_text(content)
    run(own, resume=True)
    record = json.loads(path.read_text())
    assert record["started"] == record["resumed"][0]["started"]


def test_a_finished_run_is_not_done_again(whole, monkeypatch):
    settings, directory, outcome = whole
    monkeypatch.setattr(training, "rehearse", lambda settings: pytest.fail("done again"))
    assert run(settings(directory.name), resume=True) == outcome


def test_a_run_does_not_overwrite_another(whole):
    settings, directory, _ = whole
    with pytest.raises(UserError, match="holds a run already; resume=true goes on with it"):
        run(settings(directory.name))


def test_other_settings_are_refused_but_for_places(whole, halted):
    own = halted("other")
    changed = whole[0]("other", "optimizer.lr=0.5", "model.encoder.hidden_size=7")
    sentence = "other settings (model.encoder.hidden_size was 6, is 7; optimizer.lr was 0.01, is 0.5); go on with"
    with pytest.raises(UserError, match=re.escape(sentence)):
        run(changed, resume=True)
    longer = whole[0]("other", "trainer.max_epochs=5", "callback.early_stopping.patience=9")
    outcome = run(longer, resume=True, changed=["trainer.max_epochs", "callback"])
    assert outcome.best >= 0
    assert json.loads(Path(own.run_dir, "record.json").read_text())["epochs"] == 5


def test_a_setting_that_an_older_version_did_not_have_is_no_other_setting():
    check_settings({"seed": 1}, {"seed": 1, "new": 2})
    with pytest.raises(UserError, match=r"trainer\.new was None, is 2"):
        check_settings({"trainer": {}}, {"trainer": {"new": 2}})


def test_other_data_is_refused(halted, tmp_path):
    own = halted("data")
    corpus = Path(shutil.copytree(own.corpus["path"], tmp_path / "corpus"))
    moved = replace(own, corpus={**own.corpus, "path": str(corpus)})
    first, *others = (corpus / "train.src").read_text().splitlines()
    (corpus / "train.src").write_text("\n".join([first[::-1] + "a", *others]) + "\n")
    with pytest.raises(UserError, match="the train data of translation is not what the run began with"):
        run(moved, resume=True)


def test_a_run_that_was_moved_goes_on(whole, halted, tmp_path):
    own = halted("moved")
    there = Path(shutil.move(own.run_dir, tmp_path / "there"))
    settings = whole[0]("moved", f"run_dir={there}")
    assert run(settings, resume=True) == whole[2]
    assert_same(there, whole[1])
