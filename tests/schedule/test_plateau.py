from __future__ import annotations

import math

import pytest

from seq2seq_pl.errors import UserError
from seq2seq_pl.schedule.plateau import Plateau


def _levels(schedule: Plateau, values: list[float], higher_is_better: bool = True) -> list[float]:
    levels = []
    for value in values:
        schedule.observe(value, higher_is_better)
        levels.append(schedule(0))
    return levels


def test_the_factor_falls_after_two_validations_without_improvement():
    levels = _levels(Plateau(factor=0.5, patience=2), [10.0, 12.0, 11.0, 12.0, 11.0, 13.0, 12.0, 12.0])
    assert levels == [1.0, 1.0, 1.0, 0.5, 0.5, 0.5, 0.5, 0.25]


def test_lower_is_better_where_the_metric_says_so():
    assert _levels(Plateau(factor=0.1, patience=1), [3.0, 2.0, 2.5], higher_is_better=False) == [1.0, 1.0, 0.1]


def test_an_improvement_up_to_the_threshold_does_not_count():
    assert _levels(Plateau(patience=1, threshold=0.5), [1.0, 1.5, 1.75]) == [1.0, 0.5, 0.5]


def test_nan_is_no_improvement():
    assert _levels(Plateau(patience=1), [math.nan, 1.0, math.nan]) == [0.5, 0.5, 0.25]


def test_the_warm_up_is_linear():
    schedule = Plateau(warmup_steps=4)
    assert [schedule(step) for step in range(6)] == [0.25, 0.5, 0.75, 1.0, 1.0, 1.0]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"factor": 1.0}, r"^schedule.factor \(1.0\) must be above 0 and below 1\.$"),
        ({"patience": 0}, r"^schedule.patience \(0\) must be at least 1\.$"),
        ({"warmup_steps": -1}, r"^schedule.warmup_steps \(-1\) must be at least 0\.$"),
        ({"threshold": -0.1}, r"^schedule.threshold \(-0.1\) must be at least 0\.$"),
    ],
)
def test_an_argument_out_of_its_range_is_named(arguments, message):
    with pytest.raises(UserError, match=message):
        Plateau(**arguments)
