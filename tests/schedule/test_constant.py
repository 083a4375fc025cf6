from __future__ import annotations

import math

import pytest

from seq2seq_pl.errors import UserError
from seq2seq_pl.schedule.constant import Constant


def test_the_factor_is_the_value_at_every_step():
    schedule = Constant(value=0.25)
    assert [schedule(step) for step in (0, 1, 10**9)] == [0.25] * 3


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"value": -1.0}, r"^schedule.value \(-1.0\) must be at least 0 and finite\.$"),
        ({"value": math.inf}, r"^schedule.value \(inf\) must be at least 0 and finite\.$"),
        ({"value": math.nan}, r"^schedule.value \(nan\) must be at least 0 and finite\.$"),
    ],
)
def test_an_argument_out_of_its_range_is_named(arguments, message):
    with pytest.raises(UserError, match=message):
        Constant(**arguments)
