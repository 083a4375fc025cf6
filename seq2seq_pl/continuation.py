"""`train run=DIR` and `train ... resume=true`: which directory a command goes on in, and with which settings.

Nothing here imports torch, as in `launch`.
"""

from __future__ import annotations

import sys
from collections.abc import Collection, Sequence
from pathlib import Path

from hydra._internal.utils import get_args_parser
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from omegaconf import DictConfig, OmegaConf

from seq2seq_pl.errors import UserError
from seq2seq_pl.files import typed_path
from seq2seq_pl.launch import quoted

GOING_ON = ("run", "resume")
CHANGEABLE = ("trainer", "callback", "logger", "samples", "test", "non_finite", "cache_dir", "corpus.path")
"""What may be another setting when a run goes on."""


def placed(arguments: Sequence[str]) -> list[str]:
    """The arguments of a command, as `launch` has checked them, with the directory it goes on in where it goes on.

    Raises:
        UserError: run=DIR with a directory that is none of a run, with a group, or with -m.
    """
    read = get_args_parser().parse_intermixed_args(list(arguments))
    settings = [_parsed(setting) for setting in read.overrides]
    values = {override.key_or_group: override.value() for override in settings}
    if not isinstance(values.get("resume", False), bool):
        raise UserError(f"resume ({values['resume']}) must be true or false.")
    several = read.multirun
    if values.get("run") is not None:
        if several:
            raise UserError("run=DIR goes on with one run; a sweep goes on by its own command and resume=true.")
        return [*_in(_checked(str(values["run"]), settings)), *arguments]
    place = "hydra.sweep.dir" if several else "hydra.run.dir"
    if values.get("resume") is not True or place in values:
        return list(arguments)
    found = find(settings, several)
    if found is None:
        print("no earlier run of this command; beginning one", file=sys.stderr)
        return list(arguments)
    added = [f"hydra.sweep.dir={quoted(str(found))}"] if several else _in(found)
    return [*added, *arguments]  # Hydra takes no settings after an option


def find(settings: Sequence[Override], several: bool) -> Path | None:
    """The newest run, or sweep, that was begun by a command with the same settings, from this directory."""
    wanted = _lines(settings)
    pattern = "runs/sweeps/*/multirun.yaml" if several else "runs/*/*/.hydra/overrides.yaml"
    paths = sorted(Path.cwd().glob(pattern), key=lambda path: path.stat().st_mtime, reverse=True)
    for path in paths:
        saved = OmegaConf.load(path)
        lines = OmegaConf.select(saved, "hydra.overrides.task") if several else saved
        if _lines([_parsed(str(line)) for line in lines or ()]) == wanted:
            return path.parent if several else path.parents[1]
    return None


def settings_of_run(run: str, overrides: Sequence[str]) -> tuple[DictConfig, list[str]]:
    """The configuration that a run began with, and the names of the settings that shall be others now.

    Args:
        run: its directory.
        overrides: those of the command that goes on with it.
    Raises:
        UserError: a setting that cannot change.
    """
    config = OmegaConf.load(Path(run, ".hydra", "config.yaml"))
    assert isinstance(config, DictConfig)
    changed = []
    for override in map(_parsed, overrides):
        name = override.key_or_group
        if name in GOING_ON:
            continue
        if not any(name == one or name.startswith(f"{one}.") or name.endswith(f".{one}") for one in CHANGEABLE):
            raise UserError(f"{name}: cannot change when a run goes on, only {', '.join(CHANGEABLE)} can.")
        OmegaConf.update(config, name, override.value(), force_add=True)
        changed.append(name)
    return config, changed


def _checked(run: str, settings: Collection[Override]) -> Path:
    directory = typed_path("run", run)
    if not directory.is_dir():
        raise UserError(f"run={run}: no such directory; give the directory of a run, such as runs/translation/TIME.")
    if not (directory / ".hydra" / "config.yaml").is_file():
        raise UserError(
            f"run={run} is not the directory of a run that train began: it has no .hydra/config.yaml in it."
        )
    for override in settings:
        if not override.is_force_add() and not override.key_or_group.startswith("hydra"):
            raise UserError(
                f"{override.input_line}: run={run} goes on with the choices it began with; single settings can change, "
                "such as trainer.max_epochs=20."
            )
    return directory.resolve()


def _in(directory: Path) -> list[str]:
    return [f"hydra.run.dir={quoted(str(directory))}", "hydra.output_subdir=null"]


def _parsed(line: str) -> Override:
    override: Override = OverridesParser.create().parse_override(line)
    return override


def _lines(settings: Sequence[Override]) -> list[str]:
    return sorted(str(one.input_line) for one in settings if one.key_or_group not in GOING_ON)
