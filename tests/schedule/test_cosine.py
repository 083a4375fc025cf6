from __future__ import annotations

import math

import pytest

from seq2seq_pl.errors import UserError
from seq2seq_pl.schedule.cosine import Cosine


def test_the_factor_rises_linearly_and_falls_along_half_a_cosine():
    schedule = Cosine(warmup_steps=2, total_steps=6, final_factor=0.2)
    root = math.sqrt(0.5)  # cos(pi / 4)
    falling = [0.2 + 0.8 * (1 + cosine) / 2 for cosine in (root, 0.0, -root)]
    assert [schedule(step) for step in range(6)] == pytest.approx([0.5, 1.0, *falling, 0.2])


def test_the_factor_stays_where_it_is_after_the_end():
    schedule = Cosine(warmup_steps=2, total_steps=6, final_factor=0.2)
    assert schedule(6) == schedule(10**9) == pytest.approx(0.2)


def test_without_warm_up_the_first_step_has_the_peak():
    assert Cosine(warmup_steps=0, total_steps=6)(0) == 1.0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"warmup_steps": -1, "total_steps": 6}, r"^schedule.warmup_steps \(-1\) must be at least 0\.$"),
        (
            {"warmup_steps": 6, "total_steps": 6},
            r"^schedule.total_steps \(6\) must be at least 2 and above schedule.warmup_steps \(6\)\.$",
        ),
        (
            {"warmup_steps": 0, "total_steps": 1},
            r"^schedule.total_steps \(1\) must be at least 2 and above schedule.warmup_steps \(0\)\.$",
        ),
        (
            {"warmup_steps": 2, "total_steps": 6, "final_factor": 1.5},
            r"^schedule.final_factor \(1.5\) must be from 0 to 1\.$",
        ),
    ],
)
def test_an_argument_out_of_its_range_is_named(arguments, message):
    with pytest.raises(UserError, match=message):
        Cosine(**arguments)


def test_without_a_total_it_ends_with_the_training() -> None:
    told, given = Cosine(warmup_steps=2), Cosine(warmup_steps=2, total_steps=9)
    told.begin(9)
    given.begin(50)
    assert [told(step) for step in range(12)] == [given(step) for step in range(12)]


def test_a_training_shorter_than_the_warm_up_only_warms_up() -> None:
    schedule = Cosine(warmup_steps=4)
    schedule.begin(3)
    assert [schedule(step) for step in range(3)] == [0.25, 0.5, 0.75]
