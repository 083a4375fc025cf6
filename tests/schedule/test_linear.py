from __future__ import annotations

import pytest

from seq2seq_pl.errors import UserError
from seq2seq_pl.schedule.linear import Linear


def test_the_factor_goes_from_start_to_end_and_stays_there():
    schedule = Linear(start=0.9, end=0.1, steps=4)
    assert [schedule(step) for step in range(6)] == pytest.approx([0.9, 0.7, 0.5, 0.3, 0.1, 0.1])
    assert (schedule(0), schedule(4), schedule(10**9)) == (0.9, 0.1, 0.1)


def test_the_factor_may_rise():
    assert Linear(start=0.0, end=0.5, steps=2)(1) == 0.25


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"start": -1.0, "steps": 4}, r"^schedule.start \(-1.0\) must be at least 0 and finite\.$"),
        ({"end": float("inf"), "steps": 4}, r"^schedule.end \(inf\) must be at least 0 and finite\.$"),
        ({"end": -1.0, "steps": 4}, r"^schedule.end \(-1.0\) must be at least 0 and finite\.$"),
        ({"steps": 0}, r"^schedule.steps \(0\) must be at least 1\.$"),
    ],
)
def test_an_argument_out_of_its_range_is_named(arguments, message):
    with pytest.raises(UserError, match=message):
        Linear(**arguments)


def test_without_steps_it_takes_the_whole_training() -> None:
    told, given = Linear(start=0.9, end=0.1), Linear(start=0.9, end=0.1, steps=4)
    told.begin(4)
    given.begin(50)
    assert [told(step) for step in range(6)] == [given(step) for step in range(6)]
