"""Trains a model: `python -m seq2seq_pl.train task=translation`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seq2seq_pl.launch import launch

if TYPE_CHECKING:
    from omegaconf import DictConfig

    from seq2seq_pl.training import Outcome


def train(config: DictConfig) -> float:
    """Trains with a composed config; returns the best monitored score, which sweeps optimise.

    Raises:
        UserError: a mistake of the user's, before any training.
    """
    from seq2seq_pl.config import validate  # late: `--help` shall not wait for torch
    from seq2seq_pl.training import run

    outcome: Outcome = run(validate(config))
    return outcome.best


def main() -> None:
    """The command."""
    launch("train", train)


if __name__ == "__main__":
    main()
