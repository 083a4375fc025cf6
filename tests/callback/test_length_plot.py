from __future__ import annotations

import csv
from collections.abc import Callable

import pytest
from matplotlib.image import imread

from seq2seq_pl.callback.length_plot import LengthPlot
from seq2seq_pl.errors import UserError


def rows(path: object) -> list[dict[str, str]]:
    with open(path, encoding="utf-8") as file:  # type: ignore[call-overload]
        return list(csv.DictReader(file))


def test_a_test_leaves_a_picture_and_a_table(score: Callable) -> None:
    run = score(LengthPlot(bins=[1, 3]))
    assert imread(run.directory / "test" / "bleu_by_length.png").ndim == 3
    found = rows(run.directory / "test" / "bleu_by_length.csv")
    # SOURCES by words: two of 1 (the Chinese one and "&amp;"), two of 2, two of 3, one of 6.
    assert [(row["source_length"], row["sentences"]) for row in found] == [("1", "2"), ("2-3", "4"), ("4+", "1")]
    assert all(row["unit"] == "words" and "tok:13a" in row["signature"] for row in found)
    assert run.events().Tags()["images"] == ["test/translation/bleu_by_length"]


def test_a_validation_on_its_own_is_plotted_too(score: Callable) -> None:
    run = score(LengthPlot(), how="validate")
    assert (run.directory / "valid" / "bleu_by_length.csv").is_file()
    assert run.events().Tags()["images"] == ["val/translation/bleu_by_length"]


def test_a_validation_within_a_training_is_not(fit: Callable) -> None:
    assert not list(fit(LengthPlot()).directory.rglob("*_by_length*"))


def test_several_tasks_have_a_folder_each(score: Callable, tiny: Callable, make_batch: Callable) -> None:
    batches = [make_batch([(2, 3), (4, 2)], task=task) for task in ("g2p", "translation")]
    run = score(LengthPlot(), module=tiny(tasks=("translation", "g2p")), batches=batches)
    for task in ("translation", "g2p"):
        assert (run.directory / "test" / task / "bleu_by_length.png").is_file()


def test_needs_no_logger(score: Callable) -> None:
    assert (score(LengthPlot(), loggers=False).directory / "test" / "bleu_by_length.png").is_file()


@pytest.mark.parametrize("bins", [[0, 5], [5, 5], [10, 5]])
def test_bins_that_do_not_grow_are_refused(bins: list[int]) -> None:
    message = (
        rf"callback\.length_plot\.bins \(\[{bins[0]}, {bins[1]}\]\) must grow from at least 1, such as \[5, 10, 20\]\."
    )
    with pytest.raises(UserError, match=message):
        LengthPlot(bins=bins)
