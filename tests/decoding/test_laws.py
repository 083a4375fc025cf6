"""What holds for every decoding in conf/decoding, from the day its YAML exists."""

from __future__ import annotations

import inspect
import math
from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from hydra.utils import instantiate
from omegaconf import OmegaConf

from seq2seq_pl.errors import UserError
from seq2seq_pl.interfaces import Decoding
from seq2seq_pl.values import BOS, EOS, PAD, Batch, Constraints

CONF = Path(__file__).parents[2] / "conf"
DECODERS = sorted(path.stem for path in (CONF / "model" / "decoder").glob("*.yaml"))
VOCAB_SIZE = 9


@pytest.fixture(params=sorted(path.stem for path in (CONF / "decoding").glob("*.yaml")))
def decoding_with(request) -> Callable[..., Decoding]:
    """Settings that differ from the YAML's -> the decoding; `n_best` is left out where there is none."""

    def make(**settings: object) -> Decoding:
        node = OmegaConf.load(CONF / "decoding" / f"{request.param}.yaml")
        return instantiate(node, **{key: value for key, value in settings.items() if key in node})

    return make


@pytest.fixture
def decoding(decoding_with) -> Decoding:
    return decoding_with()


@pytest.fixture
def sources() -> list[list[int]]:
    """64 sentences of 1 to 5 tokens; the first token is the key of the table."""
    return [[4 + number, *[5] * (number % 5)] for number in range(64)]


# -- hypotheses ------------------------------------------------------------------------------------------------------


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


@pytest.mark.parametrize("n_best", [1, 3])
def test_the_score_of_a_hypothesis_can_be_told_from_its_log_prob(
    decoding_with, random_table, batch_of, sources, n_best
):
    decoding = decoding_with(n_best=n_best)
    for hypotheses in decoding.decode(random_table(9, VOCAB_SIZE, end=1.0), batch_of(sources)):
        for one in hypotheses:
            length = len(one.tokens) + one.finished
            assert one.score == pytest.approx(decoding.score(one.log_prob, length), abs=1e-5)


@pytest.mark.parametrize("n_best", [1, 5])
def test_hypotheses_are_distinct_and_the_best_score_is_first(decoding_with, random_table, batch_of, sources, n_best):
    decoding = decoding_with(n_best=n_best)
    most = 0
    for hypotheses in decoding.decode(random_table(4, VOCAB_SIZE, end=1.0), batch_of(sources)):
        scores = [hypothesis.score for hypothesis in hypotheses]
        assert 1 <= len(scores) <= n_best
        assert scores == sorted(scores, reverse=True)
        assert len({(hypothesis.tokens, hypothesis.finished) for hypothesis in hypotheses}) == len(hypotheses)
        most = max(most, len(hypotheses))
    assert most == (n_best if "n_best" in inspect.signature(type(decoding)).parameters else 1)


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


def test_a_sentence_without_any_possible_token_yields_an_empty_hypothesis(decoding, table_stepper, batch_of):
    for value in (-math.inf, math.nan):
        found = decoding.decode(table_stepper(lambda key, prefix, v=value: [v] * VOCAB_SIZE), batch_of([[4], [5, 6]]))
        assert [[(h.tokens, h.log_prob, h.finished) for h in hypotheses] for hypotheses in found] == [
            [((), -math.inf, False)]
        ] * 2


def test_a_batch_without_sentences_yields_none(decoding, random_table):
    empty = torch.zeros(0, 3, dtype=torch.long)
    assert decoding.decode(random_table(8, VOCAB_SIZE), Batch(empty, empty, torch.zeros(0), "table")) == []


def test_the_steppers_own_tensors_are_left_as_they_are(decoding_with, random_table, batch_of, sources):
    inner, seen = random_table(7, VOCAB_SIZE), []

    class Watching:
        def start(self, batch):
            return inner.start(batch)

        def step(self, tokens, state, need_weights=False):
            log_probs, state = inner.step(tokens, state)
            seen.append((log_probs, log_probs.clone()))
            return log_probs, state

    decoding_with(min_length=2, no_repeat_ngram=2).decode(Watching(), batch_of(sources[:3]))
    assert all(torch.equal(after, before) for after, before in seen)


# -- batches ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("batch_size", [1, 7])
def test_the_output_does_not_depend_on_the_batch_size(decoding, random_table, batch_of, sources, batch_size):
    stepper = random_table(2, VOCAB_SIZE)
    together = decoding.decode(stepper, batch_of(sources))
    parts = [sources[start : start + batch_size] for start in range(0, len(sources), batch_size)]
    apart = [found for part in parts for found in decoding.decode(stepper, batch_of(part))]
    assert_same(apart, together)


def test_the_output_does_not_depend_on_the_order_of_the_batch(decoding, random_table, batch_of, sources):
    stepper = random_table(3, VOCAB_SIZE)
    order = torch.randperm(len(sources), generator=torch.Generator().manual_seed(0)).tolist()
    shuffled = decoding.decode(stepper, batch_of([sources[place] for place in order]))
    straight = decoding.decode(stepper, batch_of(sources))
    assert_same(shuffled, [straight[place] for place in order])


@pytest.mark.parametrize("decoder", DECODERS)
def test_a_models_output_does_not_depend_on_batches(decoding_with, model_of, batch_of, sources, decoder):
    decoding, model = decoding_with(n_best=2), model_of(decoder)
    straight = decoding.decode(model, batch_of(sources))
    parts = [sources[start : start + 7] for start in range(0, len(sources), 7)]
    assert_same([found for part in parts for found in decoding.decode(model, batch_of(part))], straight)
    alone = [decoding.decode(model, batch_of([source]))[0] for source in sources[:10]]
    assert_same(alone, straight[:10])
    shuffled = torch.randperm(len(sources), generator=torch.Generator().manual_seed(0)).tolist()
    by_length = sorted(range(len(sources)), key=lambda place: len(sources[place]))
    for order in (shuffled, by_length):
        again = decoding.decode(model, batch_of([sources[place] for place in order]))
        assert_same(again, [straight[place] for place in order])


@pytest.mark.parametrize("decoder", DECODERS)
def test_a_models_hypothesis_has_the_log_prob_of_forced_decoding(decoding, model_of, batch_of, sources, decoder):
    model = model_of(decoder)
    batch = batch_of(sources)
    best = [hypotheses[0] for hypotheses in decoding.decode(model, batch)]
    rows = [[*one.tokens, *[EOS] * one.finished] for one in best]
    longest = max(map(len, rows))
    target = torch.tensor([row + [PAD] * (longest - len(row)) for row in rows])
    read = replace(batch, target=target)
    with torch.no_grad():
        log_probs = model.logits(read, *model(read)).log_softmax(-1)  # (N, V)
    real = read.target_mask
    forced = torch.zeros(target.shape).masked_scatter(real, log_probs.gather(1, target[real].unsqueeze(1)))
    assert [one.log_prob for one in best] == pytest.approx(forced.sum(1).tolist(), abs=1e-4)


# -- limits and constraints ------------------------------------------------------------------------------------------


def test_the_end_comes_after_the_minimum_length(decoding_with, random_table, batch_of, sources):
    stepper = random_table(10, VOCAB_SIZE, end=3.0)
    lengths = [len(found[0].tokens) for found in decoding_with(min_length=4).decode(stepper, batch_of(sources))]
    assert min(lengths) == 4
    assert any(len(found[0].tokens) < 4 for found in decoding_with().decode(stepper, batch_of(sources)))


@pytest.mark.parametrize("size", [1, 2, 3])
def test_no_ngram_comes_twice_where_it_may_not(decoding_with, random_table, batch_of, sources, size):
    stepper = random_table(11, 7, end=-2.0)

    def repeats(decoding: Decoding) -> int:
        count = 0
        for best, *_ in decoding.decode(stepper, batch_of(sources)):
            grams = [best.tokens[start : start + size] for start in range(len(best.tokens) - size + 1)]
            count += len(grams) - len(set(grams))
        return count

    assert repeats(decoding_with()) > 0
    assert repeats(decoding_with(no_repeat_ngram=size)) == 0


def test_the_output_begins_as_it_must_and_has_none_of_what_it_must_not(decoding_with, random_table, batch_of, sources):
    stepper, draw = random_table(12, VOCAB_SIZE, end=1.0), torch.Generator().manual_seed(3)
    wanted = []
    for number in range(len(sources)):
        word = lambda: int(torch.randint(4, VOCAB_SIZE, (), generator=draw))  # noqa: E731
        prefix = tuple(word() for _ in range(number % 4))
        exclude = ((word(),), (word(), word())) if number % 3 else ()
        wanted.append(Constraints(prefix, exclude=tuple(phrase for phrase in exclude if not within(phrase, prefix))))
    batch = replace(batch_of(sources), constraints=tuple(wanted))
    decoding = decoding_with(n_best=3)
    free = decoding.decode(stepper, batch_of(sources))
    broken = 0
    for found, unbound, one in zip(decoding.decode(stepper, batch), free, wanted, strict=True):
        for hypothesis in found:
            assert hypothesis.log_prob > -math.inf
            assert meets(hypothesis.tokens, one)
        if not one.prefix and not one.exclude:
            assert_same([found], [unbound])
        broken += not meets(unbound[0].tokens, one)
    assert broken > 20  # so that they were worth asking for


def test_a_prefix_that_fills_the_limit_is_impossible(decoding_with, random_table, batch_of):
    limits = {"max_length_factor": 0.0, "max_length_extra": 1, "max_length": 3}
    batch = replace(batch_of([[4], [5]]), constraints=(Constraints((4, 4, 4)), Constraints((4, 4))))
    (full,), (cut, *_) = decoding_with(**limits).decode(random_table(13, VOCAB_SIZE), batch)
    assert (full.tokens, full.log_prob, full.finished) == ((), -math.inf, False)
    assert cut.tokens[:2] == (4, 4)


@pytest.mark.parametrize(
    "asked", [Constraints((4, 5, 6), exclude=((5, 6),)), Constraints((4, VOCAB_SIZE)), Constraints((PAD,))]
)
def test_a_prefix_that_cannot_be_is_impossible(decoding, random_table, batch_of, asked):
    batch = replace(batch_of([[4], [5]]), constraints=(asked, Constraints(exclude=((VOCAB_SIZE, 4), (4, VOCAB_SIZE)))))
    (impossible,), (free, *_) = decoding.decode(random_table(13, VOCAB_SIZE), batch)
    assert (impossible.tokens, impossible.log_prob, impossible.finished) == ((), -math.inf, False)
    assert free.log_prob > -math.inf


def test_phrases_that_must_occur_are_met_or_refused(request, decoding, random_table, batch_of):
    batch = replace(batch_of([[4], [5]]), constraints=(Constraints(include=((6, 7),)), Constraints()))
    if request.node.callspec.params["decoding_with"] == "constrained_beam":
        assert within((6, 7), decoding.decode(random_table(14, VOCAB_SIZE), batch)[0][0].tokens)
    else:
        with pytest.raises(UserError, match="set decoding=constrained_beam"):
            decoding.decode(random_table(14, VOCAB_SIZE), batch)


# -- what is watched -------------------------------------------------------------------------------------------------


def test_the_candidates_that_are_watched_lead_to_the_hypotheses(decoding_with, random_table, batch_of, sources):
    steps: dict[int, list[list]] = defaultdict(list)
    decoding = decoding_with(n_best=2)
    batch = batch_of(sources[:20])
    found = decoding.decode(
        random_table(15, VOCAB_SIZE), batch, lambda row, candidates: steps[row].append(list(candidates))
    )
    assert_same(found, decoding.decode(random_table(15, VOCAB_SIZE), batch))
    for row, hypotheses in enumerate(found):
        live, reached = {0: ((), 0.0)}, {}
        for number, candidates in enumerate(steps[row], start=1):
            after = {}
            for one in candidates:
                tokens, log_prob = live[one.parent]
                assert one.step == number
                assert one.log_prob <= log_prob + 1e-6
                assert (one.place >= 0) == (one.fate == "live")
                if one.fate == "kept":
                    assert one.token == EOS
                    reached[tokens, True] = one.log_prob
                elif one.fate == "live":
                    after[one.place] = ((*tokens, one.token), one.log_prob)
                    reached[(*tokens, one.token), False] = one.log_prob
            live = after
        for one in hypotheses:
            assert reached[one.tokens, one.finished] == pytest.approx(one.log_prob, abs=1e-5)


def within(phrase: tuple[int, ...], tokens: tuple[int, ...]) -> bool:
    return any(tokens[start : start + len(phrase)] == phrase for start in range(len(tokens) - len(phrase) + 1))


def meets(tokens: tuple[int, ...], one: Constraints) -> bool:
    return tokens[: len(one.prefix)] == one.prefix and not any(within(phrase, tokens) for phrase in one.exclude)


def assert_same(found, wanted) -> None:
    for left, right in zip(found, wanted, strict=True):
        assert [h.tokens for h in left] == [h.tokens for h in right]
        assert [h.finished for h in left] == [h.finished for h in right]
        assert [h.log_prob for h in left] == pytest.approx([h.log_prob for h in right], rel=1e-6, abs=1e-5)
        assert [h.score for h in left] == pytest.approx([h.score for h in right], rel=1e-6, abs=1e-5)
