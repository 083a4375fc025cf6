"""Which directory a command goes on in, and with which settings."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import OmegaConf

from seq2seq_pl.continuation import placed, settings_of_run
from seq2seq_pl.errors import UserError
from seq2seq_pl.launch import checked_arguments


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def begun(folder: Path, overrides: Sequence[str], age: int = 0) -> Path:
    """What Hydra leaves in a run's directory."""
    (folder / ".hydra").mkdir(parents=True)
    OmegaConf.save(OmegaConf.create(checked_arguments(list(overrides))), folder / ".hydra" / "overrides.yaml")
    OmegaConf.save(
        {"seed": 1, "trainer": {"max_epochs": 2}, "corpus": {"path": "a"}}, folder / ".hydra" / "config.yaml"
    )
    os.utime(folder / ".hydra" / "overrides.yaml", (1e9 - age, 1e9 - age))
    return folder


def swept(folder: Path, overrides: Sequence[str]) -> Path:
    """What Hydra leaves in a sweep's directory."""
    folder.mkdir(parents=True)
    task = checked_arguments([*overrides, "-m"])[:-1]
    OmegaConf.save({"hydra": {"overrides": {"task": task}}}, folder / "multirun.yaml")
    return folder


def result(*arguments: str) -> list[str]:
    return placed(checked_arguments(list(arguments)))


def complaint(*arguments: str) -> str:
    with pytest.raises(UserError) as caught:
        result(*arguments)
    return str(caught.value)


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["task=g2p", "seed=2"],
        ["resume=false"],
        ["-m", "seed=1,2"],
        ["--help"],
        ["run=null"],
        ["--config-dir", "a/b"],
    ],
)
def test_a_command_that_begins_a_run_stays_as_it_is(arguments):
    assert result(*arguments) == checked_arguments(arguments)


@pytest.mark.parametrize("name", ["x", "a b", "it's", "x,y=z"])
def test_a_run_goes_on_in_its_directory(here, name):
    folder = begun(here / "runs" / name, ["seed=2"])
    place, subfolder, first, _ = result(f"run=runs/{name}", "trainer.max_epochs=3")
    assert first.startswith("++run=")
    assert placed([place, subfolder]) == [place, subfolder]
    assert OverridesParser.create().parse_override(place).value() == str(folder)
    assert subfolder == "hydra.output_subdir=null"


def test_the_same_command_goes_on_with_the_newest_run_it_began(here):
    begun(here / "runs/g2p/1", ["task=g2p", "seed=2"], age=20)
    newest = begun(here / "runs/g2p/2", ["task=g2p", "seed=2"], age=10)
    begun(here / "runs/g2p/3", ["task=g2p", "seed=3"])
    begun(here / "runs/g2p/4", ["task=g2p"])
    assert result("seed=2", "resume=true", "task=g2p")[:2] == [f"hydra.run.dir='{newest}'", "hydra.output_subdir=null"]


def test_a_run_that_went_on_is_found_again(here):
    folder = begun(here / "runs/g2p/1", ["task=g2p", "resume=true"])
    assert f"hydra.run.dir='{folder}'" in result("task=g2p", "resume=true")


def test_the_same_sweep_goes_on_in_its_directory(here):
    folder = swept(here / "runs/sweeps/1", ["task=g2p", "seed=1,2"])
    swept(here / "runs/sweeps/2", ["task=g2p", "seed=1,2,3"])
    found = result("-m", "task=g2p", "seed=1,2", "resume=true")
    assert found[0] == f"hydra.sweep.dir='{folder}'"
    assert found[-1] == "-m"  # Hydra takes no settings after an option


@pytest.mark.parametrize("arguments", [["task=g2p"], ["-m", "task=g2p", "seed=1,2"]])
def test_a_command_that_was_never_given_begins_a_run_and_says_so(here, capsys, arguments):
    begun(here / "runs/g2p/1", ["task=g2p", "seed=2"])
    assert result(*arguments, "resume=true") == checked_arguments([*arguments, "resume=true"])
    assert capsys.readouterr().err == "no earlier run of this command; beginning one\n"


@pytest.mark.parametrize("place", ["hydra.run.dir=there", "hydra.sweep.dir=there -m"])
def test_a_directory_that_is_given_is_the_one(here, place):
    arguments = [*place.split(), "resume=true"]
    assert result(*arguments) == checked_arguments(arguments)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["run=nowhere"], "run=nowhere: no such directory; give the directory of a run"),
        (["run=~nobody_here/x"], "run=~nobody_here/x: there is no home directory of that name."),
        (["run=."], "run=. is not the directory of a run that train began: it has no .hydra/config.yaml in it."),
        (["run=runs/x", "-m"], "run=DIR goes on with one run; a sweep goes on by its own command and resume=true."),
        (
            ["run=runs/x", "task=g2p"],
            "task=g2p: run=runs/x goes on with the choices it began with; single settings can",
        ),
        (["run=runs/x", "~logger"], "~logger: run=runs/x goes on with the choices"),
        (["resume=maybe"], "resume (maybe) must be true or false."),
    ],
)
def test_a_mistake_is_told(here, arguments, sentence):
    begun(here / "runs/x", [])
    assert complaint(*arguments).startswith(sentence)


def test_a_run_goes_on_with_its_settings_but_for_what_may_change(here):
    folder = begun(here / "runs/x", [])
    overrides = checked_arguments([f"run={folder}", "trainer.max_epochs=9", "corpus.path=b", "trainer.min_epochs=3"])
    config, changed = settings_of_run(str(folder), overrides)
    assert config == {"seed": 1, "trainer": {"max_epochs": 9, "min_epochs": 3}, "corpus": {"path": "b"}}
    assert changed == ["trainer.max_epochs", "corpus.path", "trainer.min_epochs"]


def test_what_a_run_is_cannot_change(here):
    folder = begun(here / "runs/x", [])
    with pytest.raises(UserError, match=re.escape("seed: cannot change when a run goes on, only trainer, callback,")):
        settings_of_run(str(folder), ["++seed=2"])
