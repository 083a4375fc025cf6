"""One sentence looked into: `python -m seq2seq_pl.inspect run=DIR sentence="The dog sleeps."`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from seq2seq_pl.launch import importing, launch, quoted

if TYPE_CHECKING:
    from omegaconf import DictConfig


def inspect(config: DictConfig) -> None:
    """Writes a page about the output for one sentence, and its pictures to TensorBoard.

    Raises:
        UserError: a mistake of the user's.
    """
    with importing():
        from seq2seq_pl.inspection import inspect_sentence  # late: `--help` shall not wait for torch

    inspect_sentence(config)


def literal(argument: str) -> str:
    """The argument; a sentence in quotes, so that no comma, number or bracket in it means anything to Hydra."""
    name, equals, text = argument.partition("=")
    if name != "sentence" or not equals:
        return argument
    return f"sentence={quoted(text)}"


def main() -> None:
    """The command."""
    sys.argv[1:] = map(literal, sys.argv[1:])
    launch("inspect", inspect)


if __name__ == "__main__":
    main()
