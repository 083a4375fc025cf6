from __future__ import annotations

import pytest

from seq2seq_pl.errors import UserError
from seq2seq_pl.metric.distinct import Distinct


@pytest.mark.parametrize(
    ("hypotheses", "first", "second"),
    [
        (["a b a", "b  a"], 2 / 5, 2 / 5),  # a, b; a b, b a
        (["a b", "c d"], 4 / 4, 2 / 4),  # b c goes beyond its output
        (["a a a a"], 1 / 4, 1 / 4),
        (["a b c", "a b c"], 3 / 6, 2 / 6),  # an output twice
        (["a", "", "b"], 2 / 2, 0),
    ],
)
def test_different_n_grams_are_counted_per_token(hypotheses, first, second):
    scores = Distinct().compute(hypotheses, [["x"]] * len(hypotheses))
    assert scores["distinct1"].value == pytest.approx(100 * first)
    assert scores["distinct2"].value == pytest.approx(100 * second)


def test_the_orders_are_those_asked_for():
    scores = Distinct(orders=[3]).compute(["a b c d"], [["x"]])
    assert {name: score.value for name, score in scores.items()} == {"distinct3": 50.0}


def test_case_is_ignored_only_if_asked():
    assert Distinct().compute(["a A"], [["x"]])["distinct1"].value == 100
    score = Distinct(lowercase=True).compute(["a A"], [["x"]])["distinct1"]
    assert (score.value, score.signature) == (50, "distinct1|case:lc|tok:space|per:token")


@pytest.mark.parametrize("orders", [[], [0, 1], [2, 2]])
def test_orders_that_make_no_sense_are_an_error(orders):
    with pytest.raises(
        UserError, match=r"^metric.distinct.orders \(\[.*\]\) must be one or more different numbers from"
    ):
        Distinct(orders=orders)
