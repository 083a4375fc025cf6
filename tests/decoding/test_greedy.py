from __future__ import annotations

import math

import pytest

from seq2seq_pl.decoding.greedy import Greedy
from seq2seq_pl.values import EOS, UNK

A, B = 4, 5
IMPOSSIBLE = -math.inf


def _log(probs: dict[int, float]) -> list[float]:
    return [math.log(probs[token]) if token in probs else IMPOSSIBLE for token in range(6)]


@pytest.fixture
def worked(table_stepper):
    """After nothing A (0.6), after A UNK (0.5), after A UNK EOS (0.8)."""
    table = {
        (): {A: 0.6, B: 0.4},
        (A,): {UNK: 0.5, B: 0.3, EOS: 0.2},
        (A, UNK): {EOS: 0.8, A: 0.2},
        (A, B): {EOS: 0.7, A: 0.3},
    }
    return table_stepper(lambda key, prefix: _log(table[prefix]))


def test_the_likeliest_token_is_taken_at_every_step(worked, batch_of):
    ((hypothesis,),) = Greedy().decode(worked, batch_of([[A]]))
    assert hypothesis.tokens == (A, UNK)
    assert hypothesis.finished
    assert hypothesis.log_prob == hypothesis.score == pytest.approx(math.log(0.6 * 0.5 * 0.8))


def test_unknown_is_not_written_where_it_is_not_allowed(worked, batch_of):
    ((hypothesis,),) = Greedy(allow_unknown=False).decode(worked, batch_of([[A]]))
    assert hypothesis.tokens == (A, B)
    assert hypothesis.log_prob == pytest.approx(math.log(0.6 * 0.3 * 0.7))


def test_of_equally_likely_tokens_the_lowest_id_is_taken(table_stepper, batch_of):
    table = {(): {UNK: 0.5, EOS: 0.5}, (UNK,): {EOS: 0.5, B: 0.5}}
    ((hypothesis,),) = Greedy().decode(table_stepper(lambda key, prefix: _log(table[prefix])), batch_of([[A]]))
    assert hypothesis.tokens == (UNK,)
    assert hypothesis.finished


@pytest.mark.parametrize(
    ("arguments", "limits"),
    [
        ({"max_length_factor": 0.5, "max_length_extra": 2}, [2, 3, 4]),  # floor(0.5 * 1, 3, 5) + 2
        ({"max_length_factor": 2.0, "max_length_extra": 1, "max_length": 6}, [3, 6, 6]),
    ],
)
def test_each_sentence_is_cut_at_its_own_limit(table_stepper, batch_of, arguments, limits):
    endless = table_stepper(lambda key, prefix: _log({B: 1.0}))
    found = Greedy(**arguments).decode(endless, batch_of([[A], [A] * 3, [A] * 5]))
    assert [hypotheses[0].tokens for hypotheses in found] == [(B,) * limit for limit in limits]
    assert not any(hypotheses[0].finished for hypotheses in found)
