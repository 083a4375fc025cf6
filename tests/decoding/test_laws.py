"""What holds for every decoding in conf/decoding, from the day its YAML exists."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch
from hydra.utils import instantiate
from omegaconf import OmegaConf

from seq2seq_pl.interfaces import Decoding
from seq2seq_pl.values import BOS, EOS, PAD, Batch

CONF = Path(__file__).parents[2] / "conf" / "decoding"
VOCAB_SIZE = 9


@pytest.fixture(params=sorted(path.stem for path in CONF.glob("*.yaml")))
def decoding(request) -> Decoding:
    return instantiate(OmegaConf.load(CONF / f"{request.param}.yaml"))


@pytest.fixture
def sources() -> list[list[int]]:
    """64 sentences of 1 to 5 tokens; the first token is the key of the table."""
    return [[4 + number, *[5] * (number % 5)] for number in range(64)]


def test_a_hypothesis_has_the_log_prob_of_stepping_along_its_tokens(decoding, random_table, batch_of, sources):
    stepper = random_table(1, VOCAB_SIZE)
    for source, hypotheses in zip(sources, decoding.decode(stepper, batch_of(sources)), strict=True):
        for hypothesis in hypotheses:
            state, total = stepper.start(batch_of([source])), 0.0
            wanted = [*hypothesis.tokens, *[EOS] * hypothesis.finished]
            for previous, token in zip([BOS, *wanted], wanted, strict=False):
                log_probs, state = stepper.step(torch.tensor([[previous]]), state)
                total += log_probs[0, 0, token].item()
            assert hypothesis.log_prob == pytest.approx(total, abs=1e-4)


@pytest.mark.parametrize("batch_size", [1, 7])
def test_the_output_does_not_depend_on_the_batch_size(decoding, random_table, batch_of, sources, batch_size):
    stepper = random_table(2, VOCAB_SIZE)
    together = decoding.decode(stepper, batch_of(sources))
    parts = [sources[start : start + batch_size] for start in range(0, len(sources), batch_size)]
    apart = [found for part in parts for found in decoding.decode(stepper, batch_of(part))]
    _assert_same(apart, together)


def test_the_output_does_not_depend_on_the_order_of_the_batch(decoding, random_table, batch_of, sources):
    stepper = random_table(3, VOCAB_SIZE)
    order = torch.randperm(len(sources), generator=torch.Generator().manual_seed(0)).tolist()
    shuffled = decoding.decode(stepper, batch_of([sources[place] for place in order]))
    straight = decoding.decode(stepper, batch_of(sources))
    _assert_same(shuffled, [straight[place] for place in order])


def test_hypotheses_are_distinct_and_the_best_score_is_first(decoding, random_table, batch_of, sources):
    for hypotheses in decoding.decode(random_table(4, VOCAB_SIZE), batch_of(sources)):
        scores = [hypothesis.score for hypothesis in hypotheses]
        assert scores
        assert scores == sorted(scores, reverse=True)
        assert len({(hypothesis.tokens, hypothesis.finished) for hypothesis in hypotheses}) == len(hypotheses)


@pytest.mark.parametrize("end", [-50.0, 0.0])
def test_no_hypothesis_exceeds_the_limit_of_its_sentence(decoding, random_table, batch_of, sources, end):
    for source, hypotheses in zip(
        sources, decoding.decode(random_table(5, VOCAB_SIZE, end), batch_of(sources)), strict=True
    ):
        limit = math.floor(1.5 * len(source)) + 10
        for hypothesis in hypotheses:
            assert len(hypothesis.tokens) + hypothesis.finished <= limit
            if not hypothesis.finished:
                assert len(hypothesis.tokens) == limit
        assert end == 0 or not hypotheses[0].finished


def test_special_tokens_other_than_unknown_are_never_written(decoding, random_table, batch_of, sources):
    found = decoding.decode(random_table(6, VOCAB_SIZE), batch_of(sources))
    written = {token for hypotheses in found for hypothesis in hypotheses for token in hypothesis.tokens}
    assert written
    assert not written & {PAD, BOS, EOS}


def test_the_steppers_own_tensors_are_left_as_they_are(decoding, random_table, batch_of, sources):
    inner, seen = random_table(7, VOCAB_SIZE), []

    class Watching:
        def start(self, batch):
            return inner.start(batch)

        def step(self, tokens, state):
            log_probs, state = inner.step(tokens, state)
            seen.append((log_probs, log_probs.clone()))
            return log_probs, state

    decoding.decode(Watching(), batch_of(sources[:3]))
    assert all(torch.equal(after, before) for after, before in seen)


def test_a_sentence_without_any_possible_token_yields_an_empty_hypothesis(decoding, table_stepper, batch_of):
    for value in (-math.inf, math.nan):
        found = decoding.decode(table_stepper(lambda key, prefix, v=value: [v] * VOCAB_SIZE), batch_of([[4], [5, 6]]))
        assert [[(h.tokens, h.log_prob, h.finished) for h in hypotheses] for hypotheses in found] == [
            [((), -math.inf, False)]
        ] * 2


def test_a_batch_without_sentences_yields_none(decoding, random_table):
    empty = torch.zeros(0, 3, dtype=torch.long)
    assert decoding.decode(random_table(8, VOCAB_SIZE), Batch(empty, empty, torch.zeros(0), "table")) == []


def _assert_same(found, wanted) -> None:
    for left, right in zip(found, wanted, strict=True):
        assert [h.tokens for h in left] == [h.tokens for h in right]
        assert [h.finished for h in left] == [h.finished for h in right]
        assert [h.log_prob for h in left] == pytest.approx([h.log_prob for h in right], abs=1e-5)
        assert [h.score for h in left] == pytest.approx([h.score for h in right], abs=1e-5)
