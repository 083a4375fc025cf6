"""What several tasks did to each other: `python -m seq2seq_pl.transfer run=MULTI alone=[A,B,C]`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seq2seq_pl.launch import importing, launch

if TYPE_CHECKING:
    from omegaconf import DictConfig


def transfer(config: DictConfig) -> None:
    """Compares a run of several tasks with runs of one task each, and writes a table.

    Raises:
        UserError: a mistake of the user's.
    """
    with importing():
        from seq2seq_pl.transfer_report import report_transfer  # late: `--help` shall not wait for torch

    report_transfer(config)


def main() -> None:
    """The command."""
    launch("transfer", transfer, positional="alone")


if __name__ == "__main__":
    main()
