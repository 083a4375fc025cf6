"""Where an interrupted run goes on, and whether it may."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from seq2seq_pl.callback.checkpoint import LOGS_KEY
from seq2seq_pl.checkpoint_file import KEY, open_checkpoint
from seq2seq_pl.config import TrainConfig
from seq2seq_pl.datamodule import DataModule
from seq2seq_pl.errors import UserError
from seq2seq_pl.files import remove_unfinished
from seq2seq_pl.record import read_record
from seq2seq_pl.schema import Node

PLACES = frozenset({"run_dir", "cache_dir", "path", "dirpath", "download", "files", "samples", "logger"})
"""Settings that say where things are and what is shown: they may be others when a run goes on."""
CHECKPOINTS = ("last", "previous", "best")
"""From the newest to the oldest."""


@dataclass(frozen=True)
class Start:
    """Where a run begins.

    Attributes:
        settings: of the run, with what it decided when it began.
        checkpoint: the file it goes on from; None begins anew.
        step: optimizer steps that were taken.
        tokenizers: as JSON text, those of the checkpoint.
        logs: how far the logs had come.
        warnings: what was wrong with newer checkpoints.
    """

    settings: TrainConfig
    checkpoint: Path | None = None
    step: int = 0
    tokenizers: str = ""
    logs: Mapping[str, int] = field(default_factory=dict)
    warnings: Sequence[str] = ()


def begin(settings: TrainConfig) -> Start:
    """The start of a new run.

    Raises:
        UserError: its directory holds another run's checkpoints.
    """
    folder = Path(settings.run_dir, "checkpoints")
    if any((folder / f"{name}.ckpt").is_file() for name in CHECKPOINTS):
        raise UserError(
            f"{settings.run_dir} holds a run already; resume=true goes on with it, and another directory begins anew."
        )
    return Start(settings)


def find_start(settings: TrainConfig, *, changed: Sequence[str] = ()) -> Start:
    """The newest checkpoint of a run directory that can be read.

    Args:
        settings: of the run that is to go on.
        changed: settings that are to be others than the checkpoint's.
    Raises:
        UserError: there are checkpoints, but none can be read; or it is the checkpoint of a run with other settings.
    """
    folder = Path(settings.run_dir, "checkpoints")
    remove_unfinished(folder)
    problems = []
    for path in (folder / f"{name}.ckpt" for name in CHECKPOINTS):
        if not path.is_file():
            continue
        try:
            content = open_checkpoint(path)
        except UserError as error:
            problems.append(str(error))
            continue
        before = content[KEY]["config"]
        settings = as_decided(settings, before)
        check_settings(before, asdict(settings), changed)
        warnings = [f"{problem} Going on from {path.name} instead." for problem in problems]
        return Start(settings, path, content["global_step"], content[KEY]["tokenizers"], content[LOGS_KEY], warnings)
    if problems:
        raise UserError("\n".join([*problems, f"there is no other checkpoint; remove {folder} to begin anew."]))
    return Start(settings)


def as_decided(settings: TrainConfig, before: Node) -> TrainConfig:
    """The settings with the sizes of batches that the run found when it began, where they are to be found."""
    count, found = "accumulate_grad_batches", before["trainer"]
    assert isinstance(found, Mapping)
    if settings.step_tokens is not None and count in found and settings.trainer.get(count, 1) == 1:
        settings = replace(settings, step_tokens=None, trainer={**settings.trainer, count: found[count]})
    if settings.max_tokens == "auto":
        settings = replace(settings, max_tokens=before["max_tokens"])  # type: ignore[arg-type]
    return settings


def check_settings(before: Node, now: Node, changed: Sequence[str] = ()) -> None:
    """Raises UserError if a run is to go on with other settings than it began with."""
    known = {key: value for key, value in now.items() if key in before}  # an older version has fewer
    found = [
        f"{name} was {old}, is {new}"
        for name, old, new in differences(before, known)
        if not any(name == key or name.startswith(f"{key}.") for key in changed)
    ]
    if found:
        told = "; ".join(found[:5]) + (f"; and {len(found) - 5} more" if len(found) > 5 else "")
        raise UserError(f"the run began with other settings ({told}); go on with the same, or begin another run.")


def differences(before: Node, now: Node, path: str = "") -> Iterator[tuple[str, object, object]]:
    """Dotted names of settings that are not the same, with both values; places are not compared."""
    for key in dict.fromkeys([*before, *now]):
        if key in PLACES:
            continue
        old, new = before.get(key), now.get(key)
        if isinstance(old, Mapping) and isinstance(new, Mapping):
            yield from differences(old, new, f"{path}{key}.")
        elif old != new:
            yield f"{path}{key}", old, new


def first_start(run_dir: Path) -> dict[str, Any]:
    """The record that a run began with; an empty one where it was stopped before it wrote any, or lost it."""
    try:
        return read_record(run_dir)
    except (OSError, ValueError):
        return {}


def check_data(run_dir: Path, data: DataModule) -> None:
    """Raises UserError if a run is to go on with other data than it began with."""
    began = first_start(run_dir).get("corpus", {})
    for (task, split), print_ in data.fingerprints.items():
        if began and began.get(f"{task}/{split}", {}).get("store") != print_:
            raise UserError(
                f"the {split} data of {task} is not what the run began with; go on with the same files, or begin "
                "another run."
            )
