from __future__ import annotations

import math

import pytest

from seq2seq_pl.errors import UserError
from seq2seq_pl.schedule.inverse_sigmoid import InverseSigmoid


@pytest.mark.parametrize("step", [0, 1, 17, 80])
def test_the_factor_is_the_formula_of_the_paper(step):
    k = 6.0
    assert InverseSigmoid(k=k)(step) == pytest.approx(k / (k + math.exp(step / k)), rel=1e-6)


def test_the_factor_is_one_half_at_k_ln_k():
    assert InverseSigmoid(k=math.e)(0) == pytest.approx(math.e / (math.e + 1))
    assert InverseSigmoid(k=1000)(6908) == pytest.approx(0.5, abs=1e-4)


def test_the_factor_goes_to_0_where_the_exponential_would_overflow():
    assert InverseSigmoid(k=1)(10**9) == 0.0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"k": 0.5}, r"^schedule.k \(0.5\) must be at least 1 and finite\.$"),
        ({"k": math.inf}, r"^schedule.k \(inf\) must be at least 1 and finite\.$"),
    ],
)
def test_an_argument_out_of_its_range_is_named(arguments, message):
    with pytest.raises(UserError, match=message):
        InverseSigmoid(**arguments)
