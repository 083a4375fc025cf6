from __future__ import annotations

import pytest

from seq2seq_pl.errors import UserError
from seq2seq_pl.schedule.exponential import Exponential


def test_the_factor_falls_by_the_same_ratio_to_the_floor():
    schedule = Exponential(start=0.8, decay=0.5, floor=0.15)
    assert [schedule(step) for step in range(5)] == pytest.approx([0.8, 0.4, 0.2, 0.15, 0.15])


def test_a_decay_of_1_is_none():
    assert Exponential(decay=1.0)(10**9) == 1.0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"decay": 0.0}, r"^schedule.decay \(0.0\) must be above 0 and at most 1\.$"),
        ({"decay": 1.1}, r"^schedule.decay \(1.1\) must be above 0 and at most 1\.$"),
        ({"decay": 0.5, "floor": -0.1}, r"^schedule.floor \(-0.1\) must be from 0 to schedule.start \(1.0\)\.$"),
        ({"decay": 0.5, "start": float("inf")}, r"^schedule.start \(inf\) must be at least 0 and finite\.$"),
        ({"decay": 0.5, "floor": 2.0}, r"^schedule.floor \(2.0\) must be from 0 to schedule.start \(1.0\)\.$"),
    ],
)
def test_an_argument_out_of_its_range_is_named(arguments, message):
    with pytest.raises(UserError, match=message):
        Exponential(**arguments)
