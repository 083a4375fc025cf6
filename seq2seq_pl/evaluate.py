"""Scores a finished run: `python -m seq2seq_pl.evaluate run=DIR split=test`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seq2seq_pl.launch import launch

if TYPE_CHECKING:
    from omegaconf import DictConfig


def evaluate(config: DictConfig) -> None:
    """Scores one split with the settings the run was trained with, but for those given here.

    Raises:
        UserError: a mistake of the user's.
    """
    from seq2seq_pl.evaluation import evaluate_run  # late: `--help` shall not wait for torch

    evaluate_run(config)


def main() -> None:
    """The command."""
    launch("evaluate", evaluate)


if __name__ == "__main__":
    main()
