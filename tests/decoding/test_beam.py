from __future__ import annotations

import math
import random
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from seq2seq_pl.decoding.beam import Beam
from seq2seq_pl.decoding.greedy import Greedy
from seq2seq_pl.errors import UserError
from seq2seq_pl.values import BOS, EOS, PAD, UNK, Batch, Hypothesis, SearchState

CONF = Path(__file__).parents[2] / "conf"
DECODERS = sorted(path.stem for path in (CONF / "model" / "decoder").glob("*.yaml"))
A, B = 4, 5
PENALTIES = [0.0, 0.6, 1.0, 2.5]


def _log(probs: dict[int, float], vocab_size: int = 6) -> list[float]:
    return [math.log(probs[token]) if token in probs else -math.inf for token in range(vocab_size)]


def _all_hypotheses(stepper, key: int, limit: int, length_penalty: float, allow_unknown: bool) -> list[Hypothesis]:
    """Every output of at most `limit` tokens, best score first."""
    found, prefixes = [], [((), 0.0)]
    for length in range(1, limit + 1):
        longer = []
        for prefix, total in prefixes:
            for token, log_prob in enumerate(stepper.distribution(key, prefix)):
                if token in (PAD, BOS) or (token == UNK and not allow_unknown) or log_prob == -math.inf:
                    continue
                now, score = total + log_prob, (total + log_prob) / length**length_penalty
                if token == EOS:
                    found.append(Hypothesis(prefix, now, score, finished=True))
                elif length == limit:
                    found.append(Hypothesis((*prefix, token), now, score, finished=False))
                else:
                    longer.append(((*prefix, token), now))
        prefixes = longer
    return sorted(found, key=lambda hypothesis: -hypothesis.score)


@pytest.mark.parametrize("length_penalty", PENALTIES)
@pytest.mark.parametrize(("seed", "end", "allow_unknown"), [(0, 0.0, True), (1, -2.0, True), (2, 2.0, False)])
def test_an_unpruned_beam_equals_brute_force(random_table, batch_of, length_penalty, seed, end, allow_unknown):
    stepper = random_table(seed, 7, end)  # 3 words, UNK and EOS
    words = 3 + allow_unknown
    whole = sum(words**length for length in range(5))  # all prefixes of up to 4 tokens, with EOS or cut
    beam = Beam(
        beam_size=whole,
        n_best=5,
        length_penalty=length_penalty,
        max_length_factor=1.0,
        max_length_extra=1,
        max_length=4,
        allow_unknown=allow_unknown,
    )
    sources = [[4], [5, 4], [6, 4, 4, 4, 4]]
    for source, found in zip(sources, beam.decode(stepper, batch_of(sources)), strict=True):
        limit = min(len(source) + 1, 4)
        wanted = _all_hypotheses(stepper, source[0], limit, length_penalty, allow_unknown)[:5]
        assert [(h.tokens, h.finished) for h in found] == [(h.tokens, h.finished) for h in wanted]
        assert [h.log_prob for h in found] == pytest.approx([h.log_prob for h in wanted], abs=1e-5)
        assert [h.score for h in found] == pytest.approx([h.score for h in wanted], abs=1e-5)


def test_an_unpruned_beam_returns_every_possible_output_and_no_other(table_stepper, batch_of):
    # (A), (A, B cut), (B): what has probability 0 is no hypothesis, however wide the beam.
    table = {(): {A: 0.5, B: 0.5}, (A,): {EOS: 0.25, B: 0.75}, (B,): {EOS: 1.0}}
    stepper = table_stepper(lambda key, prefix: _log(table.get(prefix, {})))
    beam = Beam(beam_size=9, n_best=9, length_penalty=0.0, max_length=2)
    (found,) = beam.decode(stepper, batch_of([[A]]))
    assert [(h.tokens, h.finished) for h in found] == [((B,), True), ((A, B), False), ((A,), True)]
    assert [h.log_prob for h in found] == pytest.approx([math.log(p) for p in (0.5, 0.375, 0.125)])


@pytest.mark.parametrize("length_penalty", PENALTIES)
@pytest.mark.parametrize("allow_unknown", [True, False])
@pytest.mark.parametrize("end", [0.0, -3.0])
def test_a_beam_of_one_is_greedy_search(random_table, batch_of, length_penalty, allow_unknown, end):
    sources = [[4 + number, *[5] * (number % 3)] for number in range(30)]
    stepper = random_table(3, 8, end)
    beam = Beam(beam_size=1, length_penalty=length_penalty, allow_unknown=allow_unknown, max_length_extra=4)
    greedy = Greedy(allow_unknown=allow_unknown, max_length_extra=4)
    _assert_same(beam.decode(stepper, batch_of(sources)), greedy.decode(stepper, batch_of(sources)))


@pytest.mark.parametrize("decoder", DECODERS)
def test_a_beam_of_one_is_greedy_search_with_every_decoder(model_of, batch_of, decoder):
    batch = batch_of([[4 + number, *[5 + number] * (number % 4)] for number in range(30)])
    _assert_same(Beam(beam_size=1).decode(model_of(decoder), batch), Greedy().decode(model_of(decoder), batch))


@pytest.mark.parametrize("end", [1 / 50, 0.3])
def test_a_beam_of_one_is_greedy_search_where_all_tokens_are_equal(table_stepper, batch_of, end):
    def distribution(key: int, prefix: tuple[int, ...]) -> list[float]:
        return _log(dict.fromkeys(range(50), 1 / 50) | ({EOS: end} if len(prefix) == key - 2 else {}), 50)

    for allow_unknown in (True, False):
        sources = [[4], [5], [40]]
        _assert_same(
            Beam(beam_size=1, allow_unknown=allow_unknown).decode(table_stepper(distribution), batch_of(sources)),
            Greedy(allow_unknown=allow_unknown).decode(table_stepper(distribution), batch_of(sources)),
        )


def test_a_beam_of_two_finds_what_greedy_search_misses(table_stepper, batch_of):
    # The garden path: A is likelier than B, but nothing good follows it.
    table = {
        (): {A: 0.6, B: 0.4},
        (A,): {A: 0.5, EOS: 0.5},
        (A, A): {EOS: 1.0},
        (B,): {EOS: 0.9, A: 0.1},
        (B, A): {EOS: 1.0},
    }
    stepper = table_stepper(lambda key, prefix: _log(table.get(prefix, {})))
    best = []
    for beam_size in (1, 2, 3, 4):
        ((hypothesis,),) = Beam(beam_size=beam_size, length_penalty=0.0).decode(stepper, batch_of([[A]]))
        best.append(hypothesis.log_prob)
        assert hypothesis.tokens == ((A,) if beam_size == 1 else (B,))
    assert best[0] == pytest.approx(math.log(0.3))
    assert best[1:] == pytest.approx([math.log(0.36)] * 3)


@pytest.mark.parametrize(
    ("length_penalty", "tokens", "score"),
    [
        (0.0, (A,), math.log(0.5 * 0.6)),  # sums: ln 0.3 against ln 0.25
        (0.3, (A,), math.log(0.5 * 0.6) / 2**0.3),  # they meet at ln(ln 0.3 / ln 0.25) / ln(2 / 3) = 0.347
        (0.4, (B, B), math.log(0.25) / 3**0.4),
        (1.0, (B, B), math.log(0.25) / 3),  # means over 2 and 3 tokens, EOS counted: -0.602 against -0.462
    ],
)
def test_the_length_penalty_decides_between_short_and_long(table_stepper, batch_of, length_penalty, tokens, score):
    table = {
        (): {A: 0.5, B: 0.5},
        (A,): {EOS: 0.6, A: 0.4},
        (A, A): {A: 1.0},
        (B,): {B: 0.5, A: 0.5},
        (B, B): {EOS: 1.0},
        (B, A): {A: 1.0},
    }
    stepper = table_stepper(lambda key, prefix: _log(table.get(prefix, {A: 0.1})))
    ((hypothesis,),) = Beam(beam_size=2, length_penalty=length_penalty).decode(stepper, batch_of([[A]]))
    assert hypothesis.tokens == tokens
    assert hypothesis.score == pytest.approx(score)


@pytest.mark.parametrize(
    ("length_penalty", "outputs"),
    [
        (0.0, {(): math.log(0.4), (A,): math.log(0.35 * 0.9)}),
        (1.0, {(A,): math.log(0.35 * 0.9) / 2, (B,): math.log(0.25 * 0.95) / 2}),  # -0.578, -0.719; ln 0.4 = -0.916
    ],
)
def test_of_more_hypotheses_than_places_the_best_scores_stay(table_stepper, batch_of, length_penalty, outputs):
    # One ends at step 1 and two at step 2, where the beam has two places.
    table = {(): {EOS: 0.4, A: 0.35, B: 0.25}, (A,): {EOS: 0.9, A: 0.1}, (B,): {EOS: 0.95, A: 0.05}}
    stepper = table_stepper(lambda key, prefix: _log(table.get(prefix, {})))
    (found,) = Beam(beam_size=2, n_best=2, length_penalty=length_penalty).decode(stepper, batch_of([[A]]))
    assert [h.tokens for h in found] == list(outputs)
    assert [h.score for h in found] == pytest.approx(list(outputs.values()))


def test_what_is_cut_takes_only_the_places_still_free(table_stepper, batch_of):
    # The empty output is kept at step 1, so one of the two live hypotheses has a place at the limit of 2 tokens; the
    # other would have the better score (ln 0.28 / 2 = -0.64 against ln 0.3 = -1.20).
    table = {(): {EOS: 0.3, A: 0.7}, (A,): {A: 0.6, B: 0.4}}
    stepper = table_stepper(lambda key, prefix: _log(table.get(prefix, {})))
    (found,) = Beam(beam_size=2, n_best=2, max_length=2).decode(stepper, batch_of([[A]]))
    assert [(h.tokens, h.finished) for h in found] == [((A, A), False), ((), True)]


def test_of_equal_hypotheses_the_lower_id_is_first(table_stepper, batch_of):
    table = {(): {A: 0.5, B: 0.5}, (A,): {EOS: 1.0}, (B,): {EOS: 1.0}}
    stepper = table_stepper(lambda key, prefix: _log(table.get(prefix, {})))
    (found,) = Beam(beam_size=2, n_best=2).decode(stepper, batch_of([[A]]))
    assert [h.tokens for h in found] == [(A,), (B,)]


def test_a_hypothesis_that_runs_into_nan_leaves_the_others_alone(table_stepper, batch_of):
    table = {(): {A: 0.6, B: 0.4}, (B,): {EOS: 0.5, A: 0.5}, (B, A): {EOS: 1.0}}
    stepper = table_stepper(lambda key, prefix: [math.nan] * 6 if prefix == (A,) else _log(table.get(prefix, {})))
    (found,) = Beam(beam_size=2, n_best=2, length_penalty=0.0).decode(stepper, batch_of([[A]]))
    assert [h.tokens for h in found] == [(B,), (B, A)]
    assert [h.log_prob for h in found] == pytest.approx([math.log(0.2)] * 2)


def test_the_search_ends_when_no_live_hypothesis_can_overtake(table_stepper, batch_of):
    # EOS has 0.9 at once; what goes on has at most 0.1, and with a penalty of 0 a sum never rises.
    steps = []

    def distribution(key: int, prefix: tuple[int, ...]) -> list[float]:
        steps.append(len(prefix))
        return _log({EOS: 0.9, A: 0.1} if not prefix else {A: 1.0})

    ((hypothesis,),) = Beam(beam_size=3, length_penalty=0.0).decode(table_stepper(distribution), batch_of([[A]]))
    assert hypothesis.tokens == ()
    assert max(steps) == 0
    # With two wanted, it has to go on to the limit: 1.5 * 1 + 10 tokens.
    (found,) = Beam(beam_size=3, n_best=2, length_penalty=0.0).decode(table_stepper(distribution), batch_of([[A]]))
    assert [h.tokens for h in found] == [(), (A,) * 11]


@pytest.mark.parametrize("length_penalty", PENALTIES)
def test_stopping_early_does_not_change_the_best(random_table, batch_of, length_penalty):
    # n_best = beam_size leaves nothing to stop early for: only the full beam or the limit ends that search.
    sources = [[4 + number] for number in range(40)]
    stepper = random_table(5, 8)
    some, whole = (
        Beam(beam_size=4, n_best=n_best, length_penalty=length_penalty).decode(stepper, batch_of(sources))
        for n_best in (2, 4)
    )
    _assert_same(some, [hypotheses[:2] for hypotheses in whole])


def test_states_follow_the_hypotheses_and_sentences_they_belong_to(batch_of):
    """A stepper that keeps its history only in its state must score as one that is handed the whole prefix."""
    generator = torch.Generator().manual_seed(0)
    table = (2 * torch.randn(13, 11, generator=generator)).log_softmax(1)

    class Running:
        def start(self, batch: Batch) -> SearchState:
            return SearchState((), ({"sum": batch.source[:, :1]},))

        def step(
            self, tokens: torch.Tensor, state: SearchState, need_weights: bool = False
        ) -> tuple[torch.Tensor, SearchState]:
            total = 3 * state.states[0]["sum"] + tokens  # (B, K)
            return table[total % 13], SearchState((), ({"sum": total},))

    sources = [[4 + number] for number in range(9)]
    for source, found in zip(sources, Beam(beam_size=4, n_best=4).decode(Running(), batch_of(sources)), strict=True):
        for hypothesis in found:
            key, log_prob, previous = source[0], 0.0, BOS
            for token in [*hypothesis.tokens, *[EOS] * hypothesis.finished]:
                key = 3 * key + previous
                log_prob += table[key % 13, token].item()
                previous = token
            assert hypothesis.log_prob == pytest.approx(log_prob, abs=1e-4)


def _weights(key: int, prefix: tuple[int, ...], source_length: int) -> list[float]:
    """Attention that depends on everything that was written."""
    rng = random.Random(f"{key} {prefix}")
    drawn = [rng.random() ** 3 for _ in range(source_length)]
    return [value / sum(drawn) for value in drawn]


class Attending:
    """A table with attention."""

    def __init__(self, table) -> None:
        self.table = table

    def start(self, batch: Batch) -> SearchState:
        state = self.table.start(batch)
        lengths = batch.source_mask.sum(1, keepdim=True)
        return SearchState((), ({**state.states[0], "length": lengths},))

    def step(
        self, tokens: torch.Tensor, state: SearchState, need_weights: bool = False
    ) -> tuple[torch.Tensor, SearchState]:
        log_probs, after = self.table.step(tokens, SearchState((), (state.states[0],)))
        prefix = after.states[0]["prefix"]
        lengths = state.states[0]["length"].expand(prefix.shape[:2])
        weights = torch.zeros(*prefix.shape[:2], 6)
        for row, each in enumerate(prefix.tolist()):
            for place, (key, _, *written) in enumerate(each):
                length = int(lengths[row, place])
                weights[row, place, :length] = torch.tensor(_weights(key, tuple(written), length))
        states = ({**after.states[0], "length": lengths},)
        return log_probs, SearchState((), states, weights if need_weights else None)


def _plainly(table, source: list[int], beam: Beam, limit: int) -> list[Hypothesis]:
    """The search that `Beam` describes, hypothesis by hypothesis and without any early end but a full beam."""
    ranking, key, length = beam.ranking, source[0], len(source) + 1
    live, kept = [((), 0.0, [0.0] * length)], []

    def score(log_prob: float, step: int, coverage: list[float]) -> float:
        divisor = step if ranking.normalization == "power" else (5 + step) / 6
        seen = sum(math.log(min(max(value, 1e-6), 1.0)) for value in coverage)
        return log_prob / divisor**ranking.length_penalty + ranking.coverage_penalty * seen

    for step in range(1, limit + 1):
        longer = []
        for place, (tokens, total, coverage) in enumerate(live):
            looked = [a + b for a, b in zip(coverage, _weights(key, tokens, length), strict=True)]
            for token, log_prob in enumerate(table.distribution(key, tokens)):
                if token not in (PAD, BOS):
                    longer.append((total + log_prob, -place, -token, tokens, looked))
        longer.sort(reverse=True)
        for total, _, token, tokens, coverage in longer[: ranking.beam_size]:
            if -token == EOS:
                kept.append(Hypothesis(tokens, total, score(total, step, coverage), finished=True))
        kept = sorted(kept, key=lambda one: -one.score)[: ranking.beam_size]
        live = [(((*tokens, -token)), total, cov) for total, _, token, tokens, cov in longer if -token != EOS]
        live = live[: ranking.beam_size]
        if ranking.stopping == "full" and len(kept) == ranking.beam_size:
            break
    else:
        free = ranking.beam_size - len(kept)
        kept += [Hypothesis(ids, total, score(total, limit, cov), finished=False) for ids, total, cov in live[:free]]
    return sorted(kept, key=lambda one: -one.score)[: ranking.n_best]


@pytest.mark.parametrize("stopping", ["full", "exact"])
@pytest.mark.parametrize("normalization", ["power", "wu"])
@pytest.mark.parametrize(("length_penalty", "coverage_penalty"), [(0.0, 0.0), (1.0, 0.0), (0.7, 0.4), (2.0, 0.1)])
def test_the_search_is_the_one_described(
    random_table, batch_of, stopping, normalization, length_penalty, coverage_penalty
):
    beam = Beam(
        beam_size=3,
        n_best=2,
        length_penalty=length_penalty,
        normalization=normalization,
        coverage_penalty=coverage_penalty,
        stopping=stopping,
        max_length_extra=4,
    )
    table = random_table(21, 8, 0.5)
    sources = [[4 + number, *[5] * (number % 5)] for number in range(40)]
    for source, found in zip(sources, beam.decode(Attending(table), batch_of(sources)), strict=True):
        wanted = _plainly(table, source, beam, math.floor(1.5 * len(source)) + 4)
        assert [(h.tokens, h.finished) for h in found] == [(h.tokens, h.finished) for h in wanted]
        assert [h.score for h in found] == pytest.approx([h.score for h in wanted], abs=1e-5)


def test_going_on_until_nothing_can_overtake_finds_better_scores(random_table, batch_of):
    sources = [[4 + number] for number in range(60)]
    full, exact = (
        Beam(beam_size=3, stopping=stopping).decode(random_table(22, 8, 1.0), batch_of(sources))
        for stopping in ("full", "exact")
    )
    gains = [after[0].score - before[0].score for before, after in zip(full, exact, strict=True)]
    assert min(gains) >= 0
    assert max(gains) > 0.1


def test_wus_divisor_is_that_of_their_paper():
    # ((5 + 7) / (5 + 1))^0.6 = 2^0.6
    assert Beam(normalization="wu", length_penalty=0.6).score(-3.0, 7) == pytest.approx(-3 / 2**0.6)
    assert Beam(length_penalty=0.6).score(-3.0, 7) == pytest.approx(-3 / 7**0.6)


def test_the_coverage_penalty_is_that_of_their_paper():
    # beta * (ln 0.5 + ln 1 + ln 0.25): what was attended to more than once counts as once.
    beam = Beam(coverage_penalty=0.2)
    score = beam.score(-3.0, 2, torch.tensor([0.5, 1.25, 0.25]))
    assert score == pytest.approx(-3 / 2 + 0.2 * (math.log(0.5) + math.log(0.25)))


def test_the_score_with_coverage_is_that_of_attention_over_the_whole_output(model_of, batch_of):
    beam, model = Beam(coverage_penalty=0.3), model_of("rnn")
    sources = [[4 + number, *[5 + number] * (number % 5)] for number in range(20)]
    for source, (best, *_) in zip(sources, beam.decode(model, batch_of(sources)), strict=True):
        target = torch.tensor([[*best.tokens, *[EOS] * best.finished]])
        with torch.no_grad():
            _, weights = model(replace(batch_of([source]), target=target))
        assert best.score == pytest.approx(beam.score(best.log_prob, target.size(1), weights[0].sum(0)), abs=1e-4)


def test_a_coverage_penalty_without_attention_is_refused(random_table, batch_of):
    with pytest.raises(UserError, match=r"^decoding.coverage_penalty needs attention weights, and this model has none"):
        Beam(coverage_penalty=0.1).decode(random_table(0, 8), batch_of([[4]]))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"beam_size": 0}, r"^decoding.beam_size \(0\) must be at least 1\.$"),
        ({"beam_size": 10**30}, r"^decoding.beam_size \(10{30}\) must be at most 10,000\.$"),
        ({"length_penalty": 1e30}, r"^decoding.length_penalty \(1e\+30\) must be at most 5\.$"),
        ({"coverage_penalty": 10**30}, r"^decoding.coverage_penalty \(10{30}\) must be at most 1,000\.$"),
        ({"length_penalty": -0.5}, r"^decoding.length_penalty \(-0.5\) must be at least 0 and finite\.$"),
        ({"coverage_penalty": math.inf}, r"^decoding.coverage_penalty \(inf\) must be at least 0 and finite\.$"),
        ({"normalization": "mean"}, r"^decoding.normalization \(mean\) must be power or wu\.$"),
        ({"stopping": "never"}, r"^decoding.stopping \(never\) must be full or exact\.$"),
        ({"n_best": 0}, r"^decoding.n_best \(0\) must be from 1 to decoding.beam_size \(5\)\.$"),
        ({"n_best": 6}, r"^decoding.n_best \(6\) must be from 1 to decoding.beam_size \(5\)\.$"),
    ],
)
def test_an_argument_out_of_its_range_is_named(arguments, message):
    with pytest.raises(UserError, match=message):
        Beam(**arguments)


def _assert_same(found, wanted) -> None:
    for left, right in zip(found, wanted, strict=True):
        assert [(h.tokens, h.finished) for h in left] == [(h.tokens, h.finished) for h in right]
        assert [h.log_prob for h in left] == pytest.approx([h.log_prob for h in right], abs=1e-5)
