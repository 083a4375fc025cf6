"""Averages a run's last checkpoints: `python -m seq2seq_pl.average run=DIR last=5`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seq2seq_pl.launch import importing, launch

if TYPE_CHECKING:
    from omegaconf import DictConfig


def average(config: DictConfig) -> None:
    """Writes the mean of the weights of a run's last epochs into one more checkpoint.

    Raises:
        UserError: a mistake of the user's.
    """
    with importing():
        from seq2seq_pl.averaging import average_run  # late: `--help` shall not wait for torch

    average_run(config)


def main() -> None:
    """The command."""
    launch("average", average)


if __name__ == "__main__":
    main()
