"""The mean of the last epochs of a run, by hand, and as a checkpoint like any other."""

import json
import re
import shutil
from pathlib import Path

import pytest
import torch

from seq2seq_pl.averaging import average_run, epoch_files, mean_weights
from seq2seq_pl.errors import UserError
from seq2seq_pl.evaluation import evaluate_run
from seq2seq_pl.generation import generate_lines
from seq2seq_pl.saved import read_checkpoint
from seq2seq_pl.training import run


@pytest.fixture(scope="module")
def kept(tmp_path_factory, corpus_folder, tiny) -> Path:
    """The directory of a run that kept its three epochs; no test changes it."""
    directory = tmp_path_factory.mktemp("runs") / "kept"
    quiet = ("callback=[every_epoch,checkpoint]", "logger=[]")
    run(tiny(corpus_folder, directory, *quiet, "trainer.max_epochs=3", "optimizer.lr=0.03"))
    return directory


@pytest.fixture
def ours(kept, tmp_path) -> Path:
    """A copy of it, to be averaged."""
    return Path(shutil.copytree(kept, tmp_path / "run"))


@pytest.fixture
def average(composed):
    """Runs the command."""

    def go(directory: object, *overrides: str) -> None:
        average_run(composed(f"run={directory}", *overrides, command="average"))

    return go


def test_the_average_is_the_mean_of_the_last_epochs(ours, average):
    average(ours, "last=2")
    found, *epochs = (
        read_checkpoint(ours / "checkpoints" / f"{name}.ckpt").weights for name in ("average", "epoch_002", "epoch_003")
    )
    for name, value in found.items():
        by_hand = (epochs[0][name].numpy().astype("float64") + epochs[1][name].numpy().astype("float64")) / 2
        assert value.dtype == epochs[1][name].dtype
        assert value.numpy().tolist() == by_hand.astype("float32").tolist()
    assert any(not torch.equal(value, epochs[1][name]) for name, value in found.items())


def test_everything_else_is_as_in_the_newest_and_nothing_temporary_is_left(ours, average):
    before = {path.name for path in (ours / "checkpoints").iterdir()}
    average(ours, "last=3")
    assert {path.name for path in (ours / "checkpoints").iterdir()} == before | {"average.ckpt"}
    found, newest = (
        torch.load(ours / "checkpoints" / f"{name}.ckpt", weights_only=True) for name in ("average", "epoch_003")
    )
    assert found.keys() == newest.keys()
    assert {key: found[key] for key in found if key != "state_dict"} == {
        key: newest[key] for key in newest if key != "state_dict"
    }


def test_it_says_what_went_in_and_what_to_type_next(ours, average, capsys):
    average(ours, "last=2")
    said = capsys.readouterr().out.splitlines()
    assert said == [
        f"{ours}/checkpoints/average.ckpt: the mean of epoch_002.ckpt, epoch_003.ckpt",
        "next",
        f"  python -m seq2seq_pl.evaluate run={ours} checkpoint=average split=valid",
    ]


def test_the_average_is_evaluated_and_generates_like_any_checkpoint(ours, average, composed, corpus_folder, tmp_path):
    average(ours, "last=3")
    asked = (f"run={ours}", "checkpoint=average")
    evaluate_run(composed(*asked, "trainer=cpu", f"output={tmp_path / 'out'}", command="evaluate"))
    files = (f"input={corpus_folder / 'test.src'}", f"output={tmp_path / 'answers.txt'}")
    generate_lines(composed(*asked, "device=cpu", *files, command="generate"))
    assert (tmp_path / "answers.txt").read_text() == (tmp_path / "out" / "hypotheses.txt").read_text()
    scores = [json.loads((place / "scores.json").read_text()) for place in (tmp_path / "out", ours / "test")]
    assert scores[0]["test/translation/loss"] != scores[1]["test/translation/loss"]


def test_one_epoch_is_its_own_average_and_the_newest_of_many_is_found_by_number(kept, tmp_path):
    folder = kept / "checkpoints"
    weights = read_checkpoint(folder / "epoch_003.ckpt").weights
    assert all(torch.equal(value, weights[name]) for name, value in mean_weights(epoch_files(folder)[-1:]).items())
    for name in ("epoch_999", "epoch_1000", "epoch_002", "best", "average"):
        (tmp_path / f"{name}.ckpt").touch()
    assert [path.stem for path in epoch_files(tmp_path)] == ["epoch_002", "epoch_999", "epoch_1000"]


def test_whole_numbers_and_flags_are_taken_from_the_newest(kept, tmp_path):
    files = []
    for number, count, flag, value in ((1, 3, True, 1.0), (2, 8, False, 2.0)):
        content = torch.load(kept / "checkpoints" / "epoch_003.ckpt", weights_only=True)
        half = torch.tensor(value, dtype=torch.bfloat16)
        content["state_dict"] = {"count": torch.tensor(count), "flag": torch.tensor(flag), "half": half}
        files.append(tmp_path / f"epoch_{number}.ckpt")
        torch.save(content, files[-1])
    found = mean_weights(files)
    assert (found["count"], found["flag"], found["half"]) == (8, False, 1.5)
    assert found["half"].dtype == torch.bfloat16


def test_keeping_epochs_changes_neither_the_training_nor_its_best_checkpoint(kept, corpus_folder, tiny, tmp_path):
    settings = ("callback=[checkpoint]", "logger=[]", "trainer.max_epochs=3", "optimizer.lr=0.03")
    run(tiny(corpus_folder, tmp_path / "run", *settings))
    assert (kept / "test" / "scores.json").read_text() == (tmp_path / "run" / "test" / "scores.json").read_text()
    for name in ("best", "last"):
        one, other = (
            read_checkpoint(place / "checkpoints" / f"{name}.ckpt").weights for place in (kept, tmp_path / "run")
        )
        assert all(torch.equal(value, other[key]) for key, value in one.items())


# -- mistakes --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("argument", "sentence"),
    [
        ("last=4", r"last \(4\) is more than the epoch files of run=\S+, which has 3; set last=3, or train for more "),
        ("last=0", r"^last \(0\) must be at least 1\.$"),
        ("last=two", r"^last \(two\) must be a whole number\.$"),
        ("+lats=2", r"^lats: no such setting; did you mean last\?$"),
    ],
)
def test_a_number_that_cannot_be_is_told(kept, average, argument, sentence):
    with pytest.raises(UserError, match=sentence):
        average(kept, argument)


def test_a_run_that_kept_no_epochs_is_told_how_to(finished, average, tmp_path):
    with pytest.raises(UserError, match=r"has no epoch files; train with 'callback=\[checkpoint,every_epoch,...\]' to"):
        average(finished)
    with pytest.raises(UserError, match=re.escape(f"run={tmp_path} is not the directory of a run: ")):
        average(tmp_path)
    with pytest.raises(UserError, match=r"^run=nowhere: no such directory"):
        average("nowhere")


@pytest.mark.parametrize("change", ["shape", "name"])
def test_files_of_two_models_are_told_apart(ours, average, change):
    path = ours / "checkpoints" / "epoch_002.ckpt"
    content = torch.load(path, weights_only=True)
    name = next(iter(content["state_dict"]))
    weights = content["state_dict"].pop(name)
    content["state_dict"][name if change == "shape" else "other"] = weights[:, 1:]
    torch.save(content, path)
    with pytest.raises(UserError) as caught:
        average(ours, "last=2")
    size = tuple(weights.shape)
    shapes = f"{(size[0], size[1] - 1)} and {size}" if change == "shape" else f"None and {size}"
    assert f"epoch_002.ckpt and epoch_003.ckpt are not of one training: {name} is of shape {shapes};" in str(
        caught.value
    )
    assert not (ours / "checkpoints" / "average.ckpt").exists()


@pytest.mark.slow
def test_the_command_averages_and_the_next_one_it_tells_works(command, ours):
    done = command("average", f"run={ours}", "last=2")
    assert done.returncode == 0, done.stderr.decode()
    assert done.stderr == b""
    python, _, module, *arguments = done.stdout.decode().splitlines()[-1].split()
    assert (python, module) == ("python", "seq2seq_pl.evaluate")
    again = command("evaluate", *arguments, "trainer=cpu")
    assert again.returncode == 0, again.stderr.decode()
    assert (ours / "evaluate" / "valid_average" / "scores.json").is_file()
    refused = command("average", f"run={ours}", "last=9")
    assert (refused.returncode, refused.stdout) == (2, b"")
    assert refused.stderr.startswith(b"error: last (9) is more than the epoch files of run=")
    assert refused.stderr.count(b"\n") == 1
