"""Trains a finished run again and compares: `python -m seq2seq_pl.reproduce run=runs/translation/TIME`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from seq2seq_pl.launch import importing, launch

if TYPE_CHECKING:
    from omegaconf import DictConfig

EXIT_DIFFERENT = 1


def reproduce(config: DictConfig) -> None:
    """Says what differs between then and now, trains again and compares the scores.

    Raises:
        UserError: a mistake of the user's.
        SystemExit: a score is another one.
    """
    with importing():
        from seq2seq_pl.reproduction import reproduce_run  # late: `--help` shall not wait for torch

    if not reproduce_run(config):
        raise SystemExit(EXIT_DIFFERENT)


def placed(arguments: Sequence[str]) -> list[str]:
    """The arguments with a directory for the new run.

    It is made up here, so that what sys.argv holds is the command that goes on in the same one.
    """
    if any(argument.startswith("++output=") for argument in arguments):
        return list(arguments)
    return [f"++output=runs/reproductions/{datetime.now():%Y-%m-%d_%H-%M-%S}", *arguments]


def main() -> None:
    """The command."""
    launch("reproduce", reproduce, placed=placed)


if __name__ == "__main__":
    main()
