"""A search among plausible ids: that of all ids where all are plausible, and each sentence's own where they are not."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from hydra.utils import instantiate
from omegaconf import OmegaConf

from seq2seq_pl.batching import collate
from seq2seq_pl.build import build_model
from seq2seq_pl.interfaces import Decoding
from seq2seq_pl.lexicon import Lexicon
from seq2seq_pl.model.seq2seq import Seq2Seq
from seq2seq_pl.narrowed import Narrowed, Shortlist, decode_narrowed
from seq2seq_pl.values import BOS, EOS, Batch, Constraints

CONF = Path(__file__).parents[1] / "conf"
DECODERS = sorted(path.stem for path in (CONF / "model" / "decoder").glob("*.yaml"))
DECODINGS = sorted(path.stem for path in (CONF / "decoding").glob("*.yaml"))
SOURCES, TARGETS = 80, 31


@pytest.fixture(scope="session")
def model_of(composed) -> Callable[..., Seq2Seq]:
    """A tiny model with these parts whose weights are drawn so large that it has opinions."""

    @cache
    def make(decoder: str, output: str = "projection") -> Seq2Seq:
        sizes = ("embedding.size=8", "encoder.hidden_size=6", "decoder.hidden_size=8", "attention.size=5")
        parts = (f"model/decoder={decoder}", f"model/output={output}")
        config = composed(*parts, *(f"model.{size}" for size in sizes))
        torch.manual_seed(0)
        model = build_model(OmegaConf.to_container(config.model, resolve=True), SOURCES, TARGETS)
        for parameter in model.parameters():
            torch.nn.init.normal_(parameter, std=0.3)
        return model.eval()

    return make


def decoding_of(name: str, **settings: object) -> Decoding:
    """With those of the settings that it has."""
    node = OmegaConf.load(CONF / "decoding" / f"{name}.yaml")
    return instantiate(node, **{key: value for key, value in settings.items() if key in node})


def batch_of(sources: Sequence[Sequence[int]]) -> Batch:
    """Sources without their EOS -> batch; the first token of each is its index."""
    return collate([np.array([*row, EOS]) for row in sources], [], np.array([row[0] for row in sources]), "")


def lists(seed: int = 0) -> Lexicon:
    """Three translations of each source id and two frequent ids, drawn from a seed."""
    draw = np.random.default_rng(seed)
    table = draw.integers(4, TARGETS, (SOURCES, 3)).astype(np.int32)
    return Lexicon(table, np.array([5, 30], dtype=np.int32))


@pytest.fixture
def shortlist() -> Shortlist:
    return Shortlist(lists(), TARGETS)


@pytest.fixture
def everything() -> Shortlist:
    """In which each id is plausible."""
    return Shortlist(replace(lists(), frequent=np.arange(TARGETS, dtype=np.int32)), TARGETS)


@pytest.fixture
def sources() -> list[list[int]]:
    """24 sentences of 1 to 5 tokens."""
    return [[4 + 3 * number, *[5 + number] * (number % 5)] for number in range(24)]


# -- all ids ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("decoding", DECODINGS)
@pytest.mark.parametrize("decoder", DECODERS)
def test_a_list_of_all_ids_gives_what_the_plain_search_gives(model_of, everything, sources, decoder, decoding):
    model, batch, search = model_of(decoder), batch_of(sources), decoding_of(decoding, n_best=2)
    assert_same(decode_narrowed(search, model, batch, everything), search.decode(model, batch))


@pytest.mark.parametrize("decoding", ["greedy", "beam"])
def test_it_does_so_with_a_tied_output_and_with_attention_in_the_score(model_of, everything, sources, decoding):
    batch, search = batch_of(sources), decoding_of(decoding, coverage_penalty=0.5, no_repeat_ngram=2)
    for output in ("tied", "projection"):
        model = model_of("rnn", output)
        assert_same(decode_narrowed(search, model, batch, everything), search.decode(model, batch))


# -- some ids --------------------------------------------------------------------------------------------------------


def test_a_sentence_lists_special_and_frequent_ids_its_translations_and_what_must_occur(shortlist):
    table = lists().translations
    wanted = (Constraints((7, 9), include=((8,), (10, TARGETS)), exclude=((11, 12),)), Constraints())
    batch = replace(batch_of([[4, 6], [40]]), constraints=wanted)
    first, second = (set(row.nonzero().squeeze(1).tolist()) for row in shortlist.listed(batch))
    assert first == {0, 1, 2, 3, 5, 30, 7, 8, 9, 10, *table[EOS], *table[4], *table[6]}
    assert second == {0, 1, 2, 3, 5, 30, *table[EOS], *table[40]}  # not those of padding


@pytest.mark.parametrize("output", ["projection", "tied"])
def test_probabilities_are_the_models_over_the_list_of_each_sentence(model_of, output):
    model, batch = model_of("rnn", output), batch_of([[4, 5], [6], [7, 8, 9]])
    listed = torch.rand(3, TARGETS, generator=torch.Generator().manual_seed(1)) < 0.4
    listed[:, :4] = True
    ids = listed.any(0).nonzero().squeeze(1)
    assert len(ids) < TARGETS
    stepper, place = Narrowed(model, ids, ~listed[:, ids], ""), ids.tolist().index
    small, full = stepper.start(batch), model.start(batch)
    small, full = (state.reorder(torch.zeros(3, 2, dtype=torch.long)) for state in (small, full))
    chosen = [[row.nonzero().squeeze(1)[number].item() for number in (4, 6)] for row in listed]  # K = 2
    steps = [torch.full((3, 2), BOS), torch.tensor(chosen)]
    for tokens in steps:
        found, small = stepper.step(torch.tensor([[place(token) for token in row] for row in tokens.tolist()]), small)
        wanted, full = model.step(tokens, full)
        wanted = wanted.masked_fill(~listed.unsqueeze(1), -math.inf).log_softmax(-1)
        torch.testing.assert_close(found, wanted[..., ids])
    kept = torch.tensor([2, 0])
    rest, whole = small.select(kept), full.select(kept)
    found, wanted = stepper.step(torch.full((2, 2), 4), rest)[0], model.step(ids[torch.full((2, 2), 4)], whole)[0]
    wanted = wanted.masked_fill(~listed[kept].unsqueeze(1), -math.inf).log_softmax(-1)
    torch.testing.assert_close(found, wanted[..., ids])


def test_attention_weights_come_where_they_are_asked_for(model_of):
    model, batch, ids = model_of("rnn"), batch_of([[4, 5], [6]]), torch.arange(6)
    stepper = Narrowed(model, ids, torch.zeros(2, 6, dtype=torch.bool), "")
    tokens = torch.full((2, 1), BOS)
    for needed in (True, False):
        weights = stepper.step(tokens, stepper.start(batch), needed)[1].weights
        wanted = model.step(tokens, model.start(batch), needed)[1].weights
        assert (weights is None) == (not needed)
        if needed:
            torch.testing.assert_close(weights, wanted)


@pytest.mark.parametrize("decoding", DECODINGS)
def test_nothing_is_written_that_a_sentence_does_not_list(model_of, shortlist, sources, decoding):
    batch, model = batch_of(sources), model_of("rnn")
    found = decode_narrowed(decoding_of(decoding, n_best=3), model, batch, shortlist)
    for row, hypotheses in zip(shortlist.listed(batch), found, strict=True):
        assert {token for one in hypotheses for token in one.tokens} <= set(row.nonzero().squeeze(1).tolist())
    plain = decoding_of(decoding).decode(model, batch)
    assert sum(left[0].tokens != right[0].tokens for left, right in zip(found, plain, strict=True)) > 5


@pytest.mark.parametrize("decoding", DECODINGS)
@pytest.mark.parametrize("decoder", DECODERS)
def test_the_output_does_not_depend_on_batches(model_of, shortlist, sources, decoder, decoding):
    model, search = model_of(decoder), decoding_of(decoding, n_best=2)

    def decode(rows: Sequence[Sequence[int]]) -> list:
        return decode_narrowed(search, model, batch_of(rows), shortlist)

    straight = decode(sources)
    assert_same([decode([source])[0] for source in sources], straight)
    assert_same([one for start in range(0, 24, 7) for one in decode(sources[start : start + 7])], straight)
    order = torch.randperm(len(sources), generator=torch.Generator().manual_seed(0)).tolist()
    assert_same(decode([sources[place] for place in order]), [straight[place] for place in order])


# -- constraints -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("decoding", DECODINGS)
def test_the_output_begins_as_it_must_and_has_none_of_what_it_must_not(model_of, shortlist, sources, decoding):
    model, search = model_of("rnn"), decoding_of(decoding, n_best=2)
    free = decode_narrowed(search, model, batch_of(sources), shortlist)
    wanted = []
    for number, (best, *_) in enumerate(free):  # what was written, and what nobody writes
        exclude = ((best.tokens[0],), (20, 21)) if best.tokens else ()
        beginning = tuple({4 + number, 17} - {phrase[0] for phrase in exclude})
        wanted.append(Constraints(beginning, exclude=exclude) if number % 3 else Constraints())
    batch = replace(batch_of(sources), constraints=tuple(wanted))
    for found, unbound, one in zip(decode_narrowed(search, model, batch, shortlist), free, wanted, strict=True):
        for hypothesis in found:
            assert hypothesis.log_prob > -math.inf
            assert hypothesis.tokens[: len(one.prefix)] == one.prefix
            assert not any(phrase == (token,) for token in hypothesis.tokens for phrase in one.exclude)
        if one == Constraints():
            assert_same([found], [unbound])


def test_phrases_that_must_occur_are_found_though_nothing_speaks_for_them(model_of, shortlist, sources):
    wanted = tuple(Constraints(include=((4 + number, 29), (28,))) for number in range(len(sources)))
    batch = replace(batch_of(sources), constraints=wanted)
    for (best, *_), one in zip(
        decode_narrowed(decoding_of("constrained_beam"), model_of("rnn"), batch, shortlist), wanted, strict=True
    ):
        assert 28 in best.tokens
        assert one.include[0] in zip(best.tokens, best.tokens[1:], strict=False)


def test_what_no_vocabulary_has_is_impossible(model_of, shortlist):
    asked = (Constraints((4, TARGETS)), Constraints(include=((TARGETS + 1,),)), Constraints(exclude=((TARGETS, 4),)))
    batch = replace(batch_of([[4], [5], [6]]), constraints=asked)
    (first,), (second,), (third, *_) = decode_narrowed(
        decoding_of("constrained_beam"), model_of("rnn"), batch, shortlist
    )
    for one in (first, second):
        assert (one.tokens, one.log_prob, one.finished) == ((), -math.inf, False)
    assert third.log_prob > -math.inf


def assert_same(found, wanted) -> None:
    for left, right in zip(found, wanted, strict=True):
        assert [h.tokens for h in left] == [h.tokens for h in right]
        assert [h.finished for h in left] == [h.finished for h in right]
        assert [h.log_prob for h in left] == pytest.approx([h.log_prob for h in right], rel=1e-6, abs=1e-5)
        assert [h.score for h in left] == pytest.approx([h.score for h in right], rel=1e-6, abs=1e-5)
