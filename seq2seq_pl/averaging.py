"""The mean of the weights that a run had after its last epochs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from omegaconf import DictConfig
from rich.console import Console
from torch import Tensor

from seq2seq_pl.command_config import AverageConfig, read
from seq2seq_pl.errors import UserError
from seq2seq_pl.files import complete
from seq2seq_pl.saved import checkpoint_folder, read_checkpoint


def average_run(config: DictConfig) -> None:
    """Writes <run>/checkpoints/average.ckpt and says what went in, and what to type next.

    Raises:
        UserError: not a run, or one without so many epoch files of one model.
    """
    asked = read(AverageConfig, config)
    folder = checkpoint_folder(asked.run)
    files = epoch_files(folder)
    if not files:
        raise UserError(
            f"run={asked.run} has no epoch files; train with 'callback=[checkpoint,every_epoch,...]' to keep them."
        )
    if len(files) < asked.last:
        raise UserError(
            f"last ({asked.last}) is more than the epoch files of run={asked.run}, which has {len(files)}; "
            f"set last={len(files)}, or train for more epochs with callback/every_epoch."
        )
    chosen = files[-asked.last :]
    weights = mean_weights(chosen)
    content = torch.load(chosen[-1], map_location="cpu", weights_only=True)
    with complete(folder / "average.ckpt") as file:
        torch.save({**content, "state_dict": weights}, file)
    say = Console().print
    say(
        f"{folder / 'average.ckpt'}: the mean of {', '.join(file.name for file in chosen)}",
        highlight=False,
        soft_wrap=True,
    )
    say("[bold]next[/bold]")
    command = f"python -m seq2seq_pl.evaluate run={asked.run} checkpoint=average split=valid"
    say(f"  {command}", soft_wrap=True, markup=False, highlight=False)


def epoch_files(folder: Path) -> list[Path]:
    """What callback/every_epoch kept, oldest epoch first."""
    return sorted(folder.glob("epoch_*.ckpt"), key=lambda path: (len(path.name), path.name))


def mean_weights(files: Sequence[Path]) -> dict[str, Tensor]:
    """The mean of the weights of some checkpoints, section 6.1 of https://arxiv.org/abs/1706.03762.

    Added up in float64; what is no floating-point number is as in the last file.

    Raises:
        UserError: the files do not hold the same weights in the same shapes.
    """
    weights = dict(read_checkpoint(files[-1]).weights)
    sums = {name: value.to(torch.float64, copy=True) for name, value in weights.items() if value.is_floating_point()}
    for file in files[:-1]:
        others = read_checkpoint(file).weights
        for name in {**weights, **others}:
            shapes = [tuple(held[name].shape) if name in held else None for held in (others, weights)]
            if shapes[0] != shapes[1]:
                raise UserError(
                    f"{file.name} and {files[-1].name} are not of one training: {name} is of shape "
                    f"{shapes[0]} and {shapes[1]}; remove the older files from {file.parent}."
                )
        for name, value in sums.items():
            value += others[name]
    return {**weights, **{name: (value / len(files)).to(weights[name].dtype) for name, value in sums.items()}}
