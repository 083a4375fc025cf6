"""Scores a finished run or a plain file of outputs.

`python -m seq2seq_pl.evaluate run=DIR split=test`, `python -m seq2seq_pl.evaluate hypotheses=FILE references=FILE`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from seq2seq_pl.launch import importing, launch

if TYPE_CHECKING:
    from omegaconf import DictConfig


def evaluate(config: DictConfig) -> None:
    """Scores one split with the settings the run was trained with, but for those given here; or a file as it is.

    Raises:
        UserError: a mistake of the user's.
    """
    if config.get("hypotheses") is None:
        with importing():
            from seq2seq_pl.evaluation import evaluate_run  # late: `--help` shall not wait for torch

        evaluate_run(config)
    else:
        with importing():
            from seq2seq_pl.file_evaluation import evaluate_files  # nor a file of outputs for Lightning

        evaluate_files(config)


def main() -> None:
    """The command."""
    launch("evaluate", evaluate)


if __name__ == "__main__":
    main()
