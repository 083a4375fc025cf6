"""Reading a run's directory back: its config, its tokenizers, its weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

from omegaconf import OmegaConf
from torch import Tensor

from seq2seq_pl.build import build_model, build_tokenizers
from seq2seq_pl.checkpoint_file import KEY, open_checkpoint
from seq2seq_pl.config import TaskConfig, TrainConfig, validate
from seq2seq_pl.datamodule import Tokenizers
from seq2seq_pl.errors import UserError
from seq2seq_pl.files import typed_path
from seq2seq_pl.model.seq2seq import Seq2Seq

SETTINGS_OF_A_TASK = frozenset(field.name for field in fields(TaskConfig))
"""Settings that each task of a run has for itself."""


@dataclass(frozen=True)
class Saved:
    """What a checkpoint holds of a run: plain values, tokenizers as JSON text, weights by name."""

    config: dict[str, object]
    tokenizers: str
    weights: Mapping[str, Tensor]


def find_checkpoint(run: str, checkpoint: str) -> Path:
    """The checkpoint file of a run directory, by name ("best", "last"), or `run` itself if it is a .ckpt file.

    Raises:
        UserError: not a run directory, or it has no such checkpoint.
    """
    path = typed_path("run", run)
    if path.is_file():
        return path
    folder = checkpoint_folder(run)
    found = typed_path("checkpoint", str(folder / f"{checkpoint}.ckpt"))
    if not found.is_file():
        there = ", ".join(sorted(p.stem for p in folder.glob("*.ckpt"))) or "none"
        raise UserError(f"run={run} has no checkpoint called {checkpoint} (there is: {there}); set checkpoint=NAME.")
    return found


def checkpoint_folder(run: str) -> Path:
    """Where the checkpoints of a run directory are.

    Raises:
        UserError: not a run directory.
    """
    path = typed_path("run", run)
    if not path.is_dir():
        raise UserError(f"run={run}: no such directory; give the directory of a run, such as runs/translation/TIME.")
    folder = path / "checkpoints"
    if not folder.is_dir():
        raise UserError(f"run={run} is not the directory of a run: it has no checkpoints/ in it.")
    return folder


def run_folder(checkpoint: Path) -> Path:
    """The directory of the run that a checkpoint file is of; that of the file where it is alone."""
    return checkpoint.parent.parent if checkpoint.parent.name == "checkpoints" else checkpoint.parent


def read_checkpoint(path: Path) -> Saved:
    """Opens a checkpoint without running code from it.

    Raises:
        UserError: not a checkpoint of ours, damaged, or one that wants to run code.
    """
    content = open_checkpoint(path)
    ours = content[KEY]
    return Saved(ours["config"], ours["tokenizers"], content["state_dict"])


def settings_of(saved: Saved, changes: Mapping[str, object], task: str | None = None) -> TrainConfig:
    """The settings a run was trained with, changed where asked, and checked again.

    Args:
        changes: setting -> new value, or what makes it from the run's; None and empty groups change nothing, a group
            with a `_target_` replaces the run's, one without is laid over it.
        task: of a run of several, the one whose settings change; None changes those of all.
    Raises:
        UserError: no such task, or a setting that cannot be.
    """
    config = OmegaConf.create(dict(saved.config))
    mixture = config.get("mixture") or {}
    if task is not None:
        check_task(task, list(mixture) or [config.task_name])
    for key, value in changes.items():
        if value is None or value == {}:
            continue
        own = mixture and key in SETTINGS_OF_A_TASK
        for node in [mixture[name] for name in mixture if task in (None, name)] if own else [config]:
            if callable(value):
                try:
                    node[key] = value(node[key])
                except UserError as error:
                    hint = " task_name=NAME changes one task alone." if task is None and len(mixture) > 1 else ""
                    raise UserError(f"{error}{hint}") from error
            else:
                whole = not isinstance(value, Mapping) or "_target_" in value
                node[key] = value if whole else _laid_over(OmegaConf.to_container(node[key]), value)
    return validate(config)


def _laid_over(own: object, changes: object) -> object:
    """Settings over settings, group by group; what is no group takes the place of what was there."""
    if not (isinstance(own, Mapping) and isinstance(changes, Mapping)):
        return changes
    return {**own, **{name: _laid_over(own.get(name), value) for name, value in changes.items()}}


def check_task(task: str, known: Sequence[str]) -> None:
    """Raises UserError unless it is one of the tasks."""
    if task not in known:
        raise UserError(f"task_name={task}: the tasks of this run are {', '.join(known)}.")


def chosen_task(settings: TrainConfig, task: str | None) -> str:
    """The task asked for, or the only one.

    Raises:
        UserError: there are several, and none is asked for.
    """
    known = list(settings.tasks)
    if task is None and len(known) > 1:
        raise UserError(f"this run has several tasks; choose one: task_name={known[0]} ({', '.join(known)}).")
    if task is not None:
        check_task(task, known)
    return task or known[0]


def load_tokenizers(saved: Saved, settings: TrainConfig) -> Tokenizers:
    """The tokenizers of the run, trained."""
    tokenizers = build_tokenizers(settings)
    tokenizers.load(saved.tokenizers)
    return tokenizers


def load_model(saved: Saved, settings: TrainConfig, tokenizers: Tokenizers) -> Seq2Seq:
    """The model of the run, trained, and no longer training."""
    sizes = tokenizers.source.vocab_size, tokenizers.target.vocab_size
    model = build_model(settings.model, *sizes, list(settings.tasks))
    prefix = "model."
    weights = {name[len(prefix) :]: value for name, value in saved.weights.items() if name.startswith(prefix)}
    model.load_state_dict(weights)
    return model.eval()
