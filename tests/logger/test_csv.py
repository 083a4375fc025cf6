"""Logged numbers as CSV."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from seq2seq_pl.errors import UserError
from seq2seq_pl.logger.csv import CsvLogger, keep_rows


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "metrics.csv"


def logged(path: Path, *rows: tuple[int, dict[str, float]], **settings: int) -> CsvLogger:
    logger = CsvLogger(path=str(path), **settings)
    for step, row in rows:
        logger.log_metrics(row, step)
    logger.finalize("success")
    return logger


def test_a_row_a_call_and_a_column_a_name(path: Path) -> None:
    logger = logged(path, (1, {"b": 0.5}), (2, {"a": torch.tensor(2.0), "b": 1e-7}), (3, {}))
    assert path.read_text() == "a,b,step\n,0.5,1\n2.0,1e-07,2\n,,3\n"
    assert logger.rows == 3


def test_rows_are_written_when_there_are_enough(path: Path) -> None:
    logger = CsvLogger(path=str(path), flush_every_n_rows=2)
    logger.log_metrics({"a": 1}, 1)
    assert not path.exists()
    logger.log_metrics({"a": 2}, 2)
    logger.log_metrics({"a": 3}, 3)
    assert path.read_text() == "a,step\n1.0,1\n2.0,2\n"


def test_a_name_that_comes_later_is_a_further_column(path: Path) -> None:
    logger = logged(path, (1, {"a": 1.0}))
    logger.log_metrics({"b": 2.0}, 2)
    logger.save()
    assert path.read_text() == "a,b,step\n1.0,,1\n,2.0,2\n"


def test_another_logger_goes_on_with_the_file(path: Path) -> None:
    logged(path, (1, {"a": 1.0}))
    assert logged(path, (2, {"a": 2.0}), (3, {"c": 3.0})).rows == 3
    assert path.read_text() == "a,c,step\n1.0,,1\n2.0,,2\n,3.0,3\n"


def test_rows_are_counted_where_nothing_was_logged_yet(path: Path) -> None:
    logged(path, (1, {"a": 1.0}))
    assert logged(path).rows == 1


@pytest.mark.parametrize("torn", ["", "3.0", "3.0,", '"'])
def test_later_rows_are_taken_back_and_so_is_a_torn_one(path: Path, torn: str) -> None:
    logged(path, (1, {"a": 1.0}), (2, {"a": 2.0}))
    path.write_text(path.read_text() + torn)
    keep_rows(path, 2)
    assert path.read_text() == "a,step\n1.0,1\n2.0,2\n"
    keep_rows(path, 1)
    assert path.read_text() == "a,step\n1.0,1\n"


def test_nothing_is_taken_back_from_no_file(path: Path) -> None:
    keep_rows(path, 3)
    assert not path.exists()


def test_a_number_out_of_range_is_told(path: Path) -> None:
    with pytest.raises(UserError, match=r"logger\.csv\.flush_every_n_rows \(0\) must be at least 1\."):
        CsvLogger(path=str(path), flush_every_n_rows=0)


def test_a_directory_is_no_file_for_it(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"^logger\.csv\.path \(.*\) is a directory; it must be the name of a file\.$"):
        CsvLogger(path=str(tmp_path))
