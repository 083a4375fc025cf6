from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from seq2seq_pl.decoding.beam import Beam
from seq2seq_pl.decoding.ensemble import Ensemble, combine
from seq2seq_pl.decoding.greedy import Greedy
from seq2seq_pl.errors import UserError
from seq2seq_pl.interfaces import Stepper
from seq2seq_pl.values import BOS, EOS, PAD, Batch, Hypothesis

A, B, C = 4, 5, 6
SPACES = ["probability", "log"]
DECODERS = ["rnn", "transformer"]
SOURCES = [[4], [5, 6, 7], [8, 9]]  # B=3, S=4
SETTINGS = {"beam_size": 3, "n_best": 2, "max_length_extra": 3}


def averaged(rows: list[list[float]], space: str) -> list[float]:
    """The average of distributions, as the definition has it; log-probabilities in and out."""
    columns = [[math.exp(value) for value in column] for column in zip(*rows, strict=True)]
    if space == "probability":
        means = [sum(column) / len(column) for column in columns]
    else:
        means = [math.prod(column) ** (1 / len(column)) for column in columns]
    total = sum(means)
    return [math.log(mean / total) if mean else -math.inf for mean in means]


def along(stepper: Stepper, batch: Batch) -> list[Tensor]:
    """log_probs of three steps with as much reordering and leaving as a search does."""
    state, found = stepper.start(batch), []
    log_probs, state = stepper.step(torch.full((3, 1), BOS), state)
    found.append(log_probs)
    state = state.reorder(torch.zeros(3, 2, dtype=torch.long))
    log_probs, state = stepper.step(torch.tensor([[4, 5], [6, 7], [8, 4]]), state)
    found.append(log_probs)
    state = state.reorder(torch.tensor([[1, 1], [1, 0], [0, 0]])).select(torch.tensor([2, 1]))
    log_probs, state = stepper.step(torch.tensor([[6, 4], [5, 5]]), state)
    return [*found, log_probs]


def assert_same(found: list[list[Hypothesis]], wanted: list[list[Hypothesis]]) -> None:
    for left, right in zip(found, wanted, strict=True):
        assert [(h.tokens, h.finished) for h in left] == [(h.tokens, h.finished) for h in right]
        assert [h.log_prob for h in left] == pytest.approx([h.log_prob for h in right], abs=1e-4)


# -- what is averaged ------------------------------------------------------------------------------------------------


def test_probabilities_are_averaged_one_by_one_or_as_products():
    left, right = torch.tensor([0.5, 0.5]).log(), torch.tensor([0.8, 0.2]).log()
    assert combine([left, right], "probability").exp().tolist() == pytest.approx([0.65, 0.35])
    # sqrt(0.5 * 0.8) = 0.6325 and sqrt(0.5 * 0.2) = 0.3162, of their sum 0.9487
    assert combine([left, right], "log").exp().tolist() == pytest.approx([2 / 3, 1 / 3])


def test_what_one_thinks_impossible_has_half_its_probability_or_none():
    left, right = torch.tensor([0.6, 0.4, 0.0]).log(), torch.tensor([0.0, 0.3, 0.7]).log()
    assert combine([left, right], "probability").exp().tolist() == pytest.approx([0.3, 0.35, 0.35])
    assert combine([left, right], "log").tolist() == pytest.approx([-math.inf, 0.0, -math.inf])


@pytest.mark.parametrize("space", SPACES)
def test_where_nothing_is_possible_nothing_is_not_a_number(space, table_stepper, batch_of):
    nothing = torch.full((2, 1, 5), -math.inf)
    assert combine([nothing, nothing], space).tolist() == nothing.tolist()
    left, right = (table_stepper(lambda key, prefix, one=one: torch.eye(7)[one].log().tolist()) for one in (A, B))
    found = Greedy(max_length=2).decode(Ensemble([left, right], space=space), batch_of([[4]]))
    empty, half = (((), -math.inf)), ((A, A), pytest.approx(2 * math.log(0.5)))
    assert [(one.tokens, one.log_prob) for one in found[0]] == [empty if space == "log" else half]


def test_narrower_members_give_copied_words_no_probability():
    narrow, wide = torch.tensor([[0.5, 0.5]]).log(), torch.tensor([[0.2, 0.4, 0.1, 0.3]]).log()
    assert combine([narrow, wide], "probability").exp().tolist() == [pytest.approx([0.35, 0.45, 0.05, 0.15])]
    with pytest.raises(UserError, match=r"log space .* sizes \(2, 4\), .*; set the ensemble's space to probability\.$"):
        combine([narrow, wide], "log")


@pytest.mark.parametrize("space", SPACES)
def test_the_order_of_the_members_does_not_matter(random_table, batch_of, space):
    members = [random_table(seed, 9) for seed in range(3)]
    for left, right in zip(
        along(Ensemble(members, space=space), batch_of(SOURCES)),
        along(Ensemble(members[::-1], space=space), batch_of(SOURCES)),
        strict=True,
    ):
        torch.testing.assert_close(left, right, atol=1e-6, rtol=0)


# -- members of one kind ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("space", SPACES)
@pytest.mark.parametrize("decoder", [None, *DECODERS])
@pytest.mark.parametrize("size", [1, 3])
def test_an_ensemble_of_a_model_with_itself_is_the_model(random_table, model_of, batch_of, space, decoder, size):
    member = model_of(decoder) if decoder else random_table(0, 11)
    ensemble, batch = Ensemble([member] * size, space=space), batch_of(SOURCES)
    with torch.no_grad():
        for left, right in zip(along(ensemble, batch), along(member, batch), strict=True):
            torch.testing.assert_close(left, right, atol=1e-5, rtol=0)
    assert_same(Beam(**SETTINGS).decode(ensemble, batch), Beam(**SETTINGS).decode(member, batch))


@pytest.mark.parametrize("space", SPACES)
@pytest.mark.parametrize("rules", [{}, {"min_length": 3, "no_repeat_ngram": 1}], ids=str)
def test_a_beam_over_an_ensemble_is_a_beam_over_the_averaged_table(random_table, batch_of, space, rules):
    members = [random_table(seed, 9, end=1.0) for seed in range(3)]
    table = replace(
        members[0],
        distribution=lambda key, prefix: averaged([one.distribution(key, prefix) for one in members], space),
    )
    batch, beam = batch_of([[4 + number, *[5] * (number % 3)] for number in range(12)]), Beam(**SETTINGS, **rules)
    found = beam.decode(Ensemble(members, space=space), batch)
    assert_same(found, beam.decode(table, batch))
    assert [one[0].tokens for one in found] != [one[0].tokens for one in beam.decode(members[0], batch)]


# -- members of different kinds --------------------------------------------------------------------------------------


@pytest.mark.parametrize("space", SPACES)
def test_different_architectures_write_together(model_of, batch_of, space):
    ensemble = Ensemble([model_of(decoder) for decoder in DECODERS], space=space)
    with torch.no_grad():
        for log_probs in along(ensemble, batch_of(SOURCES)):
            torch.testing.assert_close(log_probs.logsumexp(2), torch.zeros(log_probs.shape[:2]), atol=1e-5, rtol=0)


@pytest.mark.parametrize("space", SPACES)
def test_the_log_prob_of_an_output_is_that_of_combined_forced_decoding(model_of, batch_of, space):
    models, batch = [model_of(decoder) for decoder in DECODERS], batch_of(SOURCES)
    found = [best for best, *_ in Beam(**SETTINGS).decode(Ensemble(models, space=space), batch)]
    rows = [[*one.tokens, *[EOS] * one.finished] for one in found]
    longest = max(map(len, rows))
    target = torch.tensor([row + [PAD] * (longest - len(row)) for row in rows])
    read = replace(batch, target=target)
    with torch.no_grad():
        log_probs = combine([model.logits(read, *model(read)).log_softmax(1) for model in models], space)  # (N, V)
    real = read.target_mask
    forced = torch.zeros(target.shape).masked_scatter(real, log_probs.gather(1, target[real].unsqueeze(1)))
    assert [one.log_prob for one in found] == pytest.approx(forced.sum(1).tolist(), abs=1e-4)


@pytest.mark.parametrize("space", SPACES)
def test_each_member_reads_its_own_source(model_of, batch_of, space):
    models = [model_of(decoder) for decoder in DECODERS]
    readings = [batch_of(SOURCES), batch_of([[9, 9, 8, 7, 6], [5], [6, 6]])]
    ensemble = Ensemble(models, space=space, readings=readings)
    with torch.no_grad():
        alone = [along(model, reading) for model, reading in zip(models, readings, strict=True)]
        for found, *members in zip(along(ensemble, readings[0]), *alone, strict=True):
            torch.testing.assert_close(found, combine(members, space), atol=1e-5, rtol=0)


def test_a_model_that_copies_writes_with_one_that_does_not(model_of, batch_of):
    models = [model_of("rnn", "pointer_generator"), model_of("rnn")]
    batch = batch_of(SOURCES)
    unknown = 11 + torch.arange(batch.source.size(1)).expand_as(batch.source)  # each word its own id
    batch = replace(batch, copies=torch.where(batch.source > 4, unknown, batch.source))
    found = Beam(beam_size=11, n_best=11, max_length_extra=3).decode(Ensemble(models, space="probability"), batch)
    written = {token for hypotheses in found for one in hypotheses for token in one.tokens}
    assert max(written) >= 11  # a copied word, which the other model then has to read as unknown


# -- attention weights -----------------------------------------------------------------------------------------------


def test_the_weights_are_the_mean_of_the_members_where_they_look_at_the_same(model_of, batch_of):
    models, batch = [model_of(decoder) for decoder in DECODERS], batch_of(SOURCES)
    others = [batch_of([[9, 9, 8, 7, 6], [5], [6, 6]]), batch_of([[9, 9, 8], [5], [6, 6]])]  # S=6 and S=4
    tokens = torch.full((3, 1), BOS)

    def weights(stepper: Stepper, need_weights: bool = True) -> Tensor | None:
        with torch.no_grad():
            return stepper.step(tokens, stepper.start(batch), need_weights)[1].weights

    alone = [weights(model) for model in models]
    torch.testing.assert_close(weights(Ensemble(models, space="log")), (alone[0] + alone[1]) / 2)
    assert weights(Ensemble(models, space="log"), need_weights=False) is None
    torch.testing.assert_close(
        weights(Ensemble(models, space="log", readings=[batch, batch_of(SOURCES)])), (alone[0] + alone[1]) / 2
    )
    for other in others:
        assert weights(Ensemble(models, space="log", readings=[batch, other])) is None


def test_there_are_no_weights_where_a_member_has_none(random_table, batch_of):
    ensemble, batch = Ensemble([random_table(0, 9)] * 2, space="log"), batch_of(SOURCES)
    assert ensemble.step(torch.full((3, 1), BOS), ensemble.start(batch), need_weights=True)[1].weights is None
