"""How far the logs of a run have come, and how to take back what was logged after a checkpoint.

So an interrupted run that goes on leaves the rows and events of one that was never interrupted.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from lightning.pytorch.loggers import Logger, TensorBoardLogger

from seq2seq_pl.logger.csv import CsvLogger, keep_rows


def positions(loggers: Iterable[Logger]) -> dict[str, int]:
    """Rows of a CSV file and bytes of TensorBoard's files, by file name; everything logged so far is written first."""
    found = {}
    for logger in loggers:
        if isinstance(logger, CsvLogger):
            logger.save()
            found[logger.path.name] = logger.rows
        elif isinstance(logger, TensorBoardLogger):
            logger.experiment.flush()
            found |= {path.name: path.stat().st_size for path in _events(logger)}
    return found


def rewind(loggers: Iterable[Logger], to: Mapping[str, int]) -> None:
    """Takes back what came after `positions`, before a logger opens a file; what is not named there did not exist."""
    for logger in loggers:
        if isinstance(logger, CsvLogger):
            if to.get(logger.path.name, 0):
                keep_rows(logger.path, to[logger.path.name])
            else:
                logger.path.unlink(missing_ok=True)
        elif isinstance(logger, TensorBoardLogger):
            for path in _events(logger):
                if path.name in to:
                    with path.open("r+b") as file:
                        file.truncate(min(to[path.name], path.stat().st_size))
                else:
                    path.unlink()


def _events(logger: TensorBoardLogger) -> list[Path]:
    return sorted(Path(logger.log_dir).rglob("events.out.tfevents.*"))
