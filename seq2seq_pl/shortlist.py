"""Learns which target tokens are plausible for which source tokens: `python -m seq2seq_pl.shortlist run=DIR`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seq2seq_pl.launch import importing, launch

if TYPE_CHECKING:
    from omegaconf import DictConfig


def shortlist(config: DictConfig) -> None:
    """Writes a run's shortlist, among which `generate` and `evaluate` then search with shortlist=true.

    Raises:
        UserError: a mistake of the user's.
    """
    with importing():
        from seq2seq_pl.shortlisting import make_shortlist  # late: `--help` shall not wait for torch

    make_shortlist(config)


def main() -> None:
    """The command."""
    launch("shortlist", shortlist)


if __name__ == "__main__":
    main()
