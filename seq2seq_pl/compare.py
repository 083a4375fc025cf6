"""Runs side by side: `python -m seq2seq_pl.compare runs/translation/A runs/translation/B output=compare.html`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seq2seq_pl.launch import importing, launch

if TYPE_CHECKING:
    from omegaconf import DictConfig


def compare(config: DictConfig) -> None:
    """Compares the outputs of runs with those of the first, and writes a page.

    Raises:
        UserError: a mistake of the user's.
    """
    with importing():
        from seq2seq_pl.comparison import compare_runs  # late: `--help` shall not wait for torch

    compare_runs(config)


def main() -> None:
    """The command."""
    launch("compare", compare, positional="runs")


if __name__ == "__main__":
    main()
