"""Trains a model: `python -m seq2seq_pl.train task=translation`. An interrupted run goes on by `run=DIR`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hydra.core.hydra_config import HydraConfig

from seq2seq_pl.continuation import placed, settings_of_run
from seq2seq_pl.launch import importing, launch

if TYPE_CHECKING:
    from omegaconf import DictConfig

    from seq2seq_pl.training import Outcome


def train(config: DictConfig) -> float:
    """Trains with a composed config; returns the best monitored score, which sweeps optimise.

    Raises:
        UserError: a mistake of the user's, before any training.
    """
    with importing():
        from seq2seq_pl.config import validate  # late: `--help` shall not wait for torch
        from seq2seq_pl.processes import train as run

    changed: list[str] = []
    directory, resume = config.get("run"), bool(config.get("resume"))
    if directory is not None:
        config, changed = settings_of_run(directory, HydraConfig.get().overrides.task)
    outcome: Outcome = run(validate(config), resume=resume or directory is not None, changed=changed)
    return outcome.best


def main() -> None:
    """The command."""
    launch("train", train, placed=placed)


if __name__ == "__main__":
    main()
