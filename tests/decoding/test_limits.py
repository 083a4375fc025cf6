from __future__ import annotations

import math
from dataclasses import replace

import pytest

from seq2seq_pl.decoding.greedy import Greedy
from seq2seq_pl.decoding.limits import Limits
from seq2seq_pl.errors import UserError
from seq2seq_pl.values import Constraints


def test_a_limit_counts_what_comes_after_the_prefix(batch_of):
    limits = Limits(1.5, 2, 9, 0, 0, True)
    batch = batch_of([[4], [4, 5, 6], [4, 5, 6, 7]])
    assert limits.most_tokens(batch).tolist() == [3, 6, 8]  # floor(1.5 * 1, 3, 4) + 2
    prefixed = replace(batch, constraints=(Constraints((4, 4)), Constraints(), Constraints((4, 4))))
    assert limits.most_tokens(prefixed).tolist() == [5, 6, 9]


def test_a_factor_beyond_all_lengths_leaves_the_longest(batch_of):
    for factor in (1e308, 10**400):
        assert Limits(factor, 2, 9, 0, 0, True).most_tokens(batch_of([[4, 5]])).tolist() == [9]


def test_a_search_without_limits_on_tokens_sees_the_stepper_itself(batch_of, random_table):
    stepper = random_table(0, 7)
    assert Limits(1.5, 2, 9, 0, 0, True).rule(stepper, batch_of([[4]])) is stepper
    assert Limits(1.5, 2, 9, 1, 0, True).rule(stepper, batch_of([[4]])) is not stepper


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"max_length_factor": -1.0}, r"^decoding.max_length_factor \(-1.0\) must be at least 0 and finite\.$"),
        ({"max_length_factor": math.nan}, r"^decoding.max_length_factor \(nan\) must be at least 0 and finite\.$"),
        ({"max_length_extra": 0}, r"^decoding.max_length_extra \(0\) must be at least 1\.$"),
        ({"max_length": 0}, r"^decoding.max_length \(0\) must be at least 1\.$"),
        ({"max_length": 10**9}, r"^decoding.max_length \(1000000000\) must be at most 100,000\.$"),
        ({"min_length": -1}, r"^decoding.min_length \(-1\) must be at least 0\.$"),
        ({"no_repeat_ngram": -1}, r"^decoding.no_repeat_ngram \(-1\) must be at least 0\.$"),
        (
            {"min_length": 7, "max_length": 7},
            r"^decoding.min_length \(7\) must be less than decoding.max_length \(7\)\.$",
        ),
    ],
)
def test_an_argument_out_of_its_range_is_named(arguments, message):
    with pytest.raises(UserError, match=message):
        Greedy(**arguments)
