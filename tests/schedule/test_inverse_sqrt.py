from __future__ import annotations

import pytest

from seq2seq_pl.errors import UserError
from seq2seq_pl.schedule.inverse_sqrt import InverseSqrt


def test_the_factor_rises_linearly_and_falls_with_the_square_root():
    schedule = InverseSqrt(warmup_steps=4)
    assert [schedule(step) for step in range(4)] == [0.25, 0.5, 0.75, 1.0]
    assert schedule(8) == pytest.approx(2 / 3)  # sqrt(4 / 9)
    assert schedule(15) == pytest.approx(1 / 2)  # sqrt(4 / 16)


def test_the_factor_is_equation_3_of_the_paper_divided_by_its_peak():
    hidden_size, warmup = 512, 4000
    schedule = InverseSqrt(warmup_steps=warmup)

    def paper(number: int) -> float:
        return hidden_size**-0.5 * min(number**-0.5, number * warmup**-1.5)

    for number in (1, 7, 3999, 4000, 4001, 100_000):
        assert schedule(number - 1) == pytest.approx(paper(number) / paper(warmup))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"warmup_steps": 0}, r"^schedule.warmup_steps \(0\) must be at least 1\.$"),
    ],
)
def test_an_argument_out_of_its_range_is_named(arguments, message):
    with pytest.raises(UserError, match=message):
        InverseSqrt(**arguments)
