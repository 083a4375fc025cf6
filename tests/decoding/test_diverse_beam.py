from __future__ import annotations

import math

import pytest

from seq2seq_pl.decoding.beam import Beam
from seq2seq_pl.decoding.diverse_beam import DiverseBeam
from seq2seq_pl.errors import UserError
from seq2seq_pl.values import EOS

A, B, C = 4, 5, 6


def _log(probs: dict[int, float]) -> list[float]:
    return [math.log(probs[token]) if token in probs else -math.inf for token in range(7)]


def _found(decoding, stepper, batch) -> list[list[tuple]]:
    return [[(one.tokens, one.finished) for one in found] for found in decoding.decode(stepper, batch)]


@pytest.fixture
def sources() -> list[list[int]]:
    return [[4 + number, *[5] * (number % 3)] for number in range(30)]


@pytest.mark.parametrize("length_penalty", [0.0, 1.0])
def test_one_group_is_a_beam(random_table, batch_of, sources, length_penalty):
    stepper, batch = random_table(1, 8, 1.0), batch_of(sources)
    diverse = DiverseBeam(beam_size=3, groups=1, n_best=3, length_penalty=length_penalty)
    assert _found(diverse, stepper, batch) == _found(
        Beam(beam_size=3, n_best=3, length_penalty=length_penalty), stepper, batch
    )


def test_groups_that_do_not_mind_each_other_find_the_same(random_table, batch_of, sources):
    stepper, batch = random_table(2, 8, 1.0), batch_of(sources)
    alike = DiverseBeam(beam_size=6, groups=3, diversity_strength=0.0, n_best=6)
    assert _found(alike, stepper, batch) == _found(Beam(beam_size=2, n_best=2), stepper, batch)


def test_a_later_group_pays_for_what_earlier_ones_write(table_stepper, batch_of):
    # Two groups of one. The first takes A A; the second finds A at ln 0.6 - 1 below B at ln 0.4, and after B it finds
    # A, which the first writes in the same step, at ln 0.7 - 1 below C at ln 0.3.
    table = {
        (): {A: 0.6, B: 0.4},
        (A,): {A: 0.9, EOS: 0.1},
        (B,): {A: 0.7, C: 0.3},
        (A, A): {EOS: 1.0},
        (B, C): {EOS: 1.0},
        (B, A): {EOS: 1.0},
    }
    stepper = table_stepper(lambda key, prefix: _log(table[prefix]))
    diverse = DiverseBeam(beam_size=2, groups=2, diversity_strength=1.0, n_best=2, length_penalty=0.0)
    (found,) = diverse.decode(stepper, batch_of([[A]]))
    assert [one.tokens for one in found] == [(A, A), (B, C)]
    assert [one.log_prob for one in found] == pytest.approx([math.log(0.6 * 0.9), math.log(0.4 * 0.3)])
    assert [one.score for one in found] == [one.log_prob for one in found]
    mild = DiverseBeam(beam_size=2, groups=2, diversity_strength=0.5, n_best=2, length_penalty=0.0)
    assert [one.tokens for one in mild.decode(stepper, batch_of([[A]]))[0]] == [(A, A), (B, A)]  # ln 0.7 - 0.5 > ln 0.3


def test_of_equal_hypotheses_that_of_the_earlier_group_is_first(table_stepper, batch_of):
    table = {(): {A: 0.5, B: 0.5}}
    stepper = table_stepper(lambda key, prefix: _log(table.get(prefix, {EOS: 1.0})))
    diverse = DiverseBeam(beam_size=2, groups=2, n_best=2)
    assert _found(diverse, stepper, batch_of([[A]])) == [[((A,), True), ((B,), True)]]


def test_to_end_costs_nothing(table_stepper, batch_of):
    table = {(): {EOS: 0.9, A: 0.1}}
    stepper = table_stepper(lambda key, prefix: _log(table.get(prefix, {EOS: 1.0})))
    diverse = DiverseBeam(beam_size=2, groups=2, diversity_strength=100.0, n_best=2, length_penalty=0.0)
    (found,) = diverse.decode(stepper, batch_of([[A]]))
    assert [one.tokens for one in found] == [()]


def test_the_penalty_makes_groups_differ(random_table, batch_of, sources):
    stepper, batch = random_table(3, 12, -1.0), batch_of(sources)

    def different(strength: float) -> int:
        """Words that the best and the worst hypothesis do not share, place by place."""
        decoding = DiverseBeam(beam_size=4, groups=4, diversity_strength=strength, n_best=4)
        pairs = [(found[0].tokens, found[-1].tokens) for found in decoding.decode(stepper, batch)]
        return sum(a != b for one, other in pairs for a, b in zip(one, other, strict=False))

    assert different(0.0) == 0
    assert different(0.5) > 100


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"groups": 10**30}, r"^decoding.groups \(10{30}\) must be at most 10,000\.$"),
        ({"diversity_strength": 1e39}, r"^decoding.diversity_strength \(1e\+39\) must be at most 1,000\.$"),
        ({"groups": 0}, r"^decoding.groups \(0\) must be at least 1\.$"),
        (
            {"beam_size": 7, "groups": 3},
            r"^decoding.beam_size \(7\) must be divisible by decoding.groups \(3\); try 9\.$",
        ),
        ({"n_best": 7}, r"^decoding.n_best \(7\) must be from 1 to decoding.beam_size \(6\)\.$"),
        ({"diversity_strength": -1.0}, r"^decoding.diversity_strength \(-1.0\) must be at least 0 and finite\.$"),
    ],
)
def test_an_argument_out_of_its_range_is_named(arguments, message):
    with pytest.raises(UserError, match=message):
        DiverseBeam(**arguments)
