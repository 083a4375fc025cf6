"""Lines in, lines out: `python -m seq2seq_pl.generate run=DIR input=FILE output=FILE`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seq2seq_pl.launch import importing, launch

if TYPE_CHECKING:
    from omegaconf import DictConfig


def generate(config: DictConfig) -> None:
    """Answers every line of the input with one line of output; at a terminal, prompts for lines.

    Raises:
        UserError: a mistake of the user's.
    """
    with importing():
        from seq2seq_pl.generation import generate_lines  # late: `--help` shall not wait for torch

    generate_lines(config)


def main() -> None:
    """The command."""
    launch("generate", generate)


if __name__ == "__main__":
    main()
