"""How far logs have come, and taking back what came later."""

from __future__ import annotations

from pathlib import Path

from lightning.pytorch.loggers import TensorBoardLogger
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from seq2seq_pl.logger.csv import CsvLogger
from seq2seq_pl.logs import positions, rewind


def loggers(folder: Path) -> list:
    return [CsvLogger(path=str(folder / "metrics.csv")), TensorBoardLogger(folder, name="tensorboard", version="")]


def log(targets: list, *steps: int) -> None:
    for logger in targets:
        for step in steps:
            logger.log_metrics({"a": float(step)}, step)


def seen(folder: Path) -> tuple[list[float], list[float]]:
    found = EventAccumulator(str(folder / "tensorboard"))
    found.Reload()
    rows = (folder / "metrics.csv").read_text().splitlines()[1:]
    return [float(row.split(",")[0]) for row in rows], [event.value for event in found.Scalars("a")]


def test_what_came_later_is_taken_back_and_logged_anew(tmp_path: Path) -> None:
    first = loggers(tmp_path)
    log(first, 1, 2)
    there = positions(first)
    log(first, 3, 4)
    positions(first)  # writes all of it
    assert seen(tmp_path) == ([1, 2, 3, 4], [1, 2, 3, 4])
    second = loggers(tmp_path)
    rewind(second, there)
    log(second, 3)
    assert set(positions(second)) > set(there)
    assert seen(tmp_path) == ([1, 2, 3], [1, 2, 3])


def test_files_that_were_not_there_are_removed(tmp_path: Path) -> None:
    first = loggers(tmp_path)
    log(first, 1)
    positions(first)
    rewind(loggers(tmp_path), {})
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_without_loggers_there_is_nothing(tmp_path: Path) -> None:
    assert positions([]) == {}
    rewind([], {"metrics.csv": 3})
