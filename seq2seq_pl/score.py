"""How likely given targets are: `python -m seq2seq_pl.score run=DIR input=pairs.tsv output=FILE`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seq2seq_pl.launch import importing, launch

if TYPE_CHECKING:
    from omegaconf import DictConfig


def score(config: DictConfig) -> None:
    """Answers every line of source and target with log-probabilities.

    Raises:
        UserError: a mistake of the user's.
    """
    with importing():
        from seq2seq_pl.likelihood import score_lines  # late: `--help` shall not wait for torch

    score_lines(config)


def main() -> None:
    """The command."""
    launch("score", score)


if __name__ == "__main__":
    main()
