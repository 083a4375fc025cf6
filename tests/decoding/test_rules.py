from __future__ import annotations

import math
from dataclasses import replace

import torch

from seq2seq_pl.decoding.rules import Ruled
from seq2seq_pl.values import BOS, EOS, Constraints

A, B, C = 4, 5, 6
EQUAL = [math.log(1 / 7)] * 7


def _allowed(stepper: Ruled, batch, *written: int) -> set[int]:
    """The tokens from EOS on that may follow what was written."""
    state = stepper.start(batch)
    for token in (BOS, *written):
        log_probs, state = stepper.step(torch.tensor([[token]]), state)
    assert set(log_probs[0, 0].tolist()) <= {log_probs.max().item(), -math.inf}  # what may come keeps its own
    return {token for token in range(EOS, 7) if log_probs[0, 0, token] > -math.inf}


def _ruled(table_stepper, *, min_length=0, no_repeat_ngram=0, prefix=()) -> Ruled:
    stepper = table_stepper(lambda key, prefix: EQUAL)
    return Ruled(stepper, min_length=min_length, no_repeat_ngram=no_repeat_ngram, prefixes=[prefix])


def test_the_end_waits_for_the_minimum_length(table_stepper, batch_of):
    ruled = _ruled(table_stepper, min_length=2)
    assert _allowed(ruled, batch_of([[A]])) == {A, B, C}
    assert _allowed(ruled, batch_of([[A]]), A) == {A, B, C}
    assert _allowed(ruled, batch_of([[A]]), A, B) == {EOS, A, B, C}


def test_an_ngram_is_written_once(table_stepper, batch_of):
    ruled = _ruled(table_stepper, no_repeat_ngram=2)
    assert _allowed(ruled, batch_of([[A]]), A, B) == {EOS, A, B, C}
    assert _allowed(ruled, batch_of([[A]]), A, B, A) == {EOS, A, C}
    assert _allowed(ruled, batch_of([[A]]), A, B, A, C, A) == {EOS, A}
    assert _allowed(_ruled(table_stepper, no_repeat_ngram=1), batch_of([[A]]), A, C) == {EOS, B}


def test_excluded_phrases_are_never_completed(table_stepper, batch_of):
    batch = replace(batch_of([[A]]), constraints=(Constraints(exclude=((C,), (A, B), (B, A, B))),))
    ruled = _ruled(table_stepper)
    assert _allowed(ruled, batch) == {EOS, A, B}
    assert _allowed(ruled, batch, A) == {EOS, A}
    assert _allowed(ruled, batch, B, A) == {EOS, A}
    assert _allowed(ruled, batch, A, A) == {EOS, A}
    assert _allowed(ruled, batch, B) == {EOS, A, B}


def test_the_prefix_comes_before_all_other_rules(table_stepper, batch_of):
    batch = replace(batch_of([[A]]), constraints=(Constraints((C, C), exclude=((C,),)),))
    ruled = _ruled(table_stepper, min_length=3, no_repeat_ngram=1, prefix=(C, C))
    assert _allowed(ruled, batch) == {C}
    assert _allowed(ruled, batch, C) == {C}
    assert _allowed(ruled, batch, C, C) == {A, B}


def test_each_sentence_and_each_hypothesis_has_its_own_rules(table_stepper, batch_of):
    constraints = (Constraints((B,)), Constraints(exclude=((A, A), (C,))), Constraints())
    batch = replace(batch_of([[A], [B], [C]]), constraints=constraints)
    stepper = table_stepper(lambda key, prefix: EQUAL)
    ruled = Ruled(stepper, min_length=0, no_repeat_ngram=0, prefixes=[one.prefix for one in constraints])
    log_probs, state = ruled.step(torch.full((3, 1), BOS), ruled.start(batch))
    forbidden = log_probs[:, 0, EOS:] == -math.inf
    assert forbidden.tolist() == [[True, True, False, True], [False, False, False, True], [False] * 4]
    # Two hypotheses for each of the last two sentences, the second of which writes A.
    state = state.select(torch.tensor([1, 2])).reorder(torch.zeros(2, 2, dtype=torch.long))
    log_probs, state = ruled.step(torch.tensor([[B, A], [B, A]]), state)
    forbidden = log_probs[..., EOS:] == -math.inf
    assert forbidden.tolist() == [[[False, False, False, True], [False, True, False, True]], [[False] * 4] * 2]
    # Their places are changed.
    log_probs, _ = ruled.step(torch.tensor([[A, A], [A, A]]), state.reorder(torch.tensor([[1, 0], [1, 0]])))
    assert (log_probs[0, :, A] == -math.inf).tolist() == [True, True]
    assert (log_probs[1, :, EOS:] > -math.inf).all()
