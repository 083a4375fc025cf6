from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache, reduce
from itertools import permutations, product

import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from omegaconf import OmegaConf

from seq2seq_pl.build import build_model
from seq2seq_pl.decoding.beam import Beam
from seq2seq_pl.decoding.constrained_beam import ConstrainedBeam, _Phrases
from seq2seq_pl.errors import UserError
from seq2seq_pl.interfaces import Decoding, Stepper
from seq2seq_pl.model.seq2seq import Seq2Seq
from seq2seq_pl.values import BOS, EOS, PAD, UNK, Batch, Candidate, Constraints, Hypothesis

A, B, C = 4, 5, 6
VOCAB_SIZE = 7
WORDS = (UNK, A, B, C)
IMPOSSIBLE = Hypothesis((), -math.inf, -math.inf, finished=False)


@pytest.fixture(scope="session")
def cached_table(random_table, table_stepper):
    return cache(lambda seed, end=0.0: table_stepper(cache(random_table(seed, VOCAB_SIZE, end).distribution)))


@pytest.fixture(scope="session")
def constrained(batch_of) -> Callable[..., Batch]:
    """One sentence for each of the constraints; they are keys 4, 5, ... of a table."""

    def make(*constraints: Constraints) -> Batch:
        return replace(batch_of([[4 + place] for place in range(len(constraints))]), constraints=constraints)

    return make


def _contains(tokens: Sequence[int], phrase: Sequence[int]) -> bool:
    return any(tuple(tokens[start : start + len(phrase)]) == tuple(phrase) for start in range(len(tokens)))


def _meets(tokens: tuple[int, ...], constraints: Constraints, no_repeat_ngram: int = 0) -> bool:
    grams = [tokens[end - no_repeat_ngram : end] for end in range(no_repeat_ngram, len(tokens) + 1)]
    return (
        tokens[: len(constraints.prefix)] == constraints.prefix
        and all(_contains(tokens, phrase) for phrase in constraints.include)
        and not any(_contains(tokens, phrase) for phrase in constraints.exclude)
        and (not no_repeat_ngram or len(set(grams)) == len(grams))
    )


@cache
def _outputs(limit: int) -> list[tuple[tuple[int, ...], bool]]:
    """All there can be: ended, or cut at the limit."""
    ended = [(tokens, True) for length in range(limit) for tokens in product(WORDS, repeat=length)]
    return [*ended, *((tokens, False) for tokens in product(WORDS, repeat=limit))]


def _best_of_all(stepper, key: int, constraints: Constraints, arguments: dict[str, float]) -> list[Hypothesis]:
    """Every output that meets the constraints, best score first."""
    found = []
    limit = arguments["max_length_extra"] + len(constraints.prefix)
    limit = min(limit, arguments["max_length"])
    if len(constraints.prefix) >= limit:
        return []
    for tokens, finished in _outputs(limit):
        if finished and len(tokens) < arguments["min_length"]:
            continue
        if not arguments["allow_unknown"] and UNK in tokens:
            continue
        if _meets(tokens, constraints, arguments["no_repeat_ngram"]):
            whole = (*tokens, EOS) if finished else tokens
            total = sum(stepper.distribution(key, whole[:place])[token] for place, token in enumerate(whole))
            score = total / len(whole) ** arguments["length_penalty"]
            if total > -math.inf:
                found.append(Hypothesis(tokens, total, score, finished))
    return sorted(found, key=lambda hypothesis: -hypothesis.score)


def _phrases(most: int) -> st.SearchStrategy[tuple[tuple[int, ...], ...]]:
    """Few tokens in all, so that phrases overlap, contain each other and come twice."""
    phrase = st.lists(st.sampled_from((A, B, C, A, B, UNK)), min_size=1, max_size=3).map(tuple)
    return st.lists(phrase, max_size=most).map(tuple)


CONSTRAINTS = st.builds(
    Constraints,
    prefix=st.lists(st.sampled_from(WORDS), max_size=2).map(tuple),
    include=_phrases(3),
    exclude=_phrases(2),
)
INCLUDES = st.builds(Constraints, include=_phrases(4))
LIMITS = st.fixed_dictionaries(
    {
        "max_length_factor": st.just(0.0),
        "max_length_extra": st.integers(1, 5),
        "max_length": st.just(5),
        "min_length": st.integers(0, 3),
        "no_repeat_ngram": st.sampled_from((0, 0, 1, 2)),
        "allow_unknown": st.booleans(),
        "length_penalty": st.sampled_from((0.0, 1.0, 2.0)),
    }
)


def _clear(constraints: Constraints, arguments: dict[str, float]) -> bool:
    """Whether a prefix leaves the other rules alone; those of `Ruled` begin after it."""
    return _meets(constraints.prefix, replace(constraints, include=()), arguments["no_repeat_ngram"])


@settings(max_examples=40, deadline=None, derandomize=True)
@given(st.lists(CONSTRAINTS, min_size=1, max_size=3), LIMITS, st.integers(0, 2), st.sampled_from((-3.0, 0.0, 2.0)))
def test_an_unpruned_beam_equals_brute_force(cached_table, constrained, wanted, arguments, seed, end):
    stepper = cached_table(seed, end)
    wanted = [one for one in wanted if _clear(one, arguments)] or [Constraints(include=((A, B),))]
    beam = ConstrainedBeam(beam_size=1400, n_best=4, **arguments)
    for place, found in enumerate(beam.decode(stepper, constrained(*wanted))):
        best = _best_of_all(stepper, 4 + place, wanted[place], arguments)[:4] or [IMPOSSIBLE]
        assert [(h.tokens, h.finished) for h in found] == [(h.tokens, h.finished) for h in best]
        assert [h.log_prob for h in found] == pytest.approx([h.log_prob for h in best], abs=1e-5)
        assert [h.score for h in found] == pytest.approx([h.score for h in best], abs=1e-5)


@settings(max_examples=100, deadline=None, derandomize=True)
@given(st.lists(CONSTRAINTS, min_size=1, max_size=3), LIMITS, st.integers(0, 2), st.sampled_from((1, 2, 3, 5)))
def test_a_pruned_beam_meets_all_constraints_or_says_that_it_cannot(
    cached_table, constrained, wanted, arguments, seed, beam_size
):
    stepper = cached_table(seed)
    wanted = [one for one in wanted if _clear(one, arguments)] or [Constraints(include=((A, B),))]
    beam = ConstrainedBeam(beam_size=beam_size, n_best=beam_size, **arguments)
    for place, found in enumerate(beam.decode(stepper, constrained(*wanted))):
        possible = _best_of_all(stepper, 4 + place, wanted[place], arguments)
        scores = {(h.tokens, h.finished): h.score for h in possible}
        if found != [IMPOSSIBLE]:
            assert [h.score for h in found] == pytest.approx([scores[h.tokens, h.finished] for h in found], abs=1e-5)


@settings(max_examples=120, deadline=None, derandomize=True)
@given(
    st.lists(INCLUDES, min_size=1, max_size=4),
    LIMITS,
    st.integers(0, 2),
    st.sampled_from((1, 2, 5)),
    st.sampled_from(((), (A,), (B, A))),
)
def test_the_length_alone_never_makes_a_pruned_beam_give_up(
    cached_table, constrained, wanted, arguments, seed, beam_size, prefix
):
    arguments = {**arguments, "no_repeat_ngram": 0}
    wanted = [replace(one, prefix=prefix) for one in wanted]
    beam = ConstrainedBeam(beam_size=beam_size, **arguments)
    for one, found in zip(wanted, beam.decode(cached_table(seed), constrained(*wanted)), strict=True):
        limit = min(arguments["max_length_extra"] + len(prefix), arguments["max_length"])
        outputs = [tokens for tokens, _ in _outputs(limit) if arguments["allow_unknown"] or UNK not in tokens]
        exists = any(_meets(tokens, one) for tokens in outputs if len(tokens) in (limit, limit - 1))
        assert (found != [IMPOSSIBLE]) == (exists and len(prefix) < limit)


# -- without phrases -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("beam_size", [1, 2, 4])
def test_sentences_without_phrases_are_searched_as_by_beam(cached_table, constrained, beam_size):
    some = [Constraints(include=((A, B),)), Constraints(include=((C,), (B, C)), exclude=((A,),))]
    none = [Constraints(), Constraints(prefix=(B, A)), Constraints(exclude=((A, A), (C,)))] * 4
    shared = {"beam_size": beam_size, "n_best": beam_size, "length_penalty": 0.7, "no_repeat_ngram": 2}
    mixed = constrained(*none, *some)
    alone = constrained(*none)
    free = replace(alone, constraints=())
    for stepper in (cached_table(0), cached_table(1, -3.0)):
        beam = Beam(**shared)
        found, told = _watched(ConstrainedBeam(**shared), stepper, mixed)
        wanted, wanted_told = _watched(beam, stepper, alone)
        assert found[: len(none)] == wanted
        assert [one for one in told if one[0] < len(none)] == wanted_told
        assert ConstrainedBeam(**shared).decode(stepper, free) == beam.decode(stepper, free)


def _watched(
    decoding: Decoding, stepper: Stepper, batch: Batch
) -> tuple[list[list[Hypothesis]], list[tuple[int, Sequence[Candidate]]]]:
    told: list[tuple[int, Sequence[Candidate]]] = []
    return decoding.decode(stepper, batch, lambda row, seen: told.append((row, seen))), told


@pytest.mark.parametrize("beam_size", [1, 3])
def test_of_equal_tokens_the_lowest_id_is_written_whether_or_not_a_neighbour_has_phrases(
    table_stepper, constrained, beam_size
):
    even = table_stepper(lambda key, prefix: [math.log(1 / 50)] * 50)
    nothing = Constraints()
    alone = Beam(beam_size=beam_size).decode(even, constrained(nothing))
    beside = ConstrainedBeam(beam_size=beam_size).decode(even, constrained(nothing, Constraints(include=((49, 30),))))
    assert beside[0] == alone[0]
    (found,) = ConstrainedBeam(beam_size=1, max_length=3, allow_unknown=False).decode(
        even, constrained(Constraints(include=((9,), (7,))))
    )
    assert found[0].tokens == (7, 9)  # both go on with a phrase, and are as likely
    _, told = _watched(ConstrainedBeam(beam_size=6), even, constrained(Constraints(include=((4,), (30,)))))
    live = sorted((one for one in told[0][1] if one.fate == "live"), key=lambda one: one.place)
    assert {4, 30} < {one.token for one in live}
    assert [one.token for one in live] == sorted(one.token for one in live)


# -- worked out by hand ----------------------------------------------------------------------------------------------


def _likes(likely: int, log_prob: float = -9.0) -> Callable[[int, tuple[int, ...]], list[float]]:
    """One token has nearly all probability, at every step."""
    return lambda key, prefix: [-0.01 if token == likely else log_prob for token in range(VOCAB_SIZE)]


@pytest.mark.parametrize("beam_size", [1, 2, 7])
@pytest.mark.parametrize(
    ("limit", "phrases", "outputs"),
    [
        (3, ((A, B), (C, A)), [((C, A, B), False)]),  # the one order that fits
        (2, ((A, B), (A,), (B,)), [((A, B), False)]),  # what is within a phrase comes with it
        (2, ((C, C), (C, C)), [((C, C), False)]),  # asked twice is asked once
        (3, ((C, C), (C, C, C)), [((C, C, C), False)]),
        (5, ((A, B, A), (A, B, B), (B, B)), [((A, B, A, B, B), False)]),
        (4, ((A, B, A), (A, B, B), (B, B)), [((), False)]),
    ],
)
def test_phrases_share_tokens_where_the_limit_leaves_no_other_way(
    table_stepper, constrained, limit, phrases, outputs, beam_size
):
    beam = ConstrainedBeam(beam_size=beam_size, max_length=limit)
    (found,) = beam.decode(table_stepper(_likes(EOS)), constrained(Constraints(include=phrases)))
    assert [(h.tokens, h.finished) for h in found] == outputs


@pytest.mark.parametrize(("beam_size", "wait"), [(1, 0), (2, 4), (5, 4)])
def test_a_phrase_that_is_unlikely_anywhere_else_comes_at_the_very_end(table_stepper, constrained, beam_size, wait):
    # B until the limit of 6 tokens; A C is likely after four B. A beam of 1 has a place for who is nearest only.
    def distribution(key: int, prefix: tuple[int, ...]) -> list[float]:
        log_probs = _likes(B)(key, prefix)
        if prefix == (B,) * 4:
            log_probs[A] = -0.5
        if prefix == (B, B, B, B, A):
            log_probs[C] = -0.5
        return log_probs

    beam = ConstrainedBeam(beam_size=beam_size, max_length=6)
    ((best,),) = beam.decode(table_stepper(distribution), constrained(Constraints(include=((A, C),))))
    assert (best.tokens, best.finished) == ((*(B,) * wait, A, C, *(B,) * (4 - wait)), False)
    assert best.log_prob == pytest.approx(-0.01 * 4 - 0.5 * 2 if wait else -0.01 * 4 - 9 * 2)


def test_every_bank_has_its_share_of_the_beam(table_stepper, constrained):
    # Four places for those that lack 2 tokens, 1 and none; the odd place is for those that lack none.
    batch = constrained(Constraints(include=((A, C),)))
    _, told = _watched(ConstrainedBeam(beam_size=4, max_length=9), table_stepper(_likes(B)), batch)
    texts: list[tuple[int, ...]] = [()]
    lacking = []
    for row, seen in told:
        assert row == 0
        live = sorted((one for one in seen if one.fate == "live"), key=lambda one: one.place)
        texts = [(*texts[one.parent], one.token) for one in live]
        lacking.append(sorted(0 if _contains(text, (A, C)) else 2 - (text[-1] == A) for text in texts))
    assert lacking[:2] == [[1, 2, 2, 2], [0, 1, 1, 2]]  # one can lack none then, so those that lack 1 have its place
    assert lacking[2:7] == [[0, 0, 1, 2]] * 5
    assert lacking[7:] == [[0, 0, 1, 1], [0, 0, 0, 0]]  # room for 1 more token, and for none


def test_what_ends_is_kept_beside_a_full_beam(table_stepper, constrained):
    # A ends at once, and cannot come second. The two places are then for two without A, both likelier.
    table = {
        (A,): [0.0 if token == EOS else -math.inf for token in range(VOCAB_SIZE)],
        (B,): [-math.inf if token == A else -0.1 * token for token in range(VOCAB_SIZE)],
    }
    stepper = table_stepper(lambda key, prefix: table.get(prefix, _likes(B)(key, prefix)))
    batch = constrained(Constraints(include=((A,),)))
    (found,), told = _watched(ConstrainedBeam(beam_size=2, n_best=2), stepper, batch)
    fates = {(one.parent, one.token): one.fate for one in told[1][1]}
    assert fates == {(0, UNK): "live", (0, B): "live", (0, C): "pruned", (1, EOS): "kept"}
    assert (A,) in {hypothesis.tokens for hypothesis in found}


def test_a_beam_full_of_what_ended_soon_goes_on_to_what_is_better(table_stepper, constrained):
    # A is unlikely before B B B, and the end is likely after it: A and B A have filled a beam of two by step 3.
    def distribution(key: int, prefix: tuple[int, ...]) -> list[float]:
        if A in prefix:
            return _likes(EOS)(key, prefix)
        likely = A if prefix == (B, B, B) else B
        return [-0.1 if token == likely else -3.0 for token in range(VOCAB_SIZE)]

    batch = constrained(Constraints(include=((A,),)))
    ((best,),), told = _watched(ConstrainedBeam(beam_size=2), table_stepper(distribution), batch)
    assert sum(one.fate == "kept" for _, seen in told[:3] for one in seen) == 2
    assert best.tokens == (B, B, B, A)
    assert best.score == pytest.approx(-0.41 / 5)


@pytest.mark.parametrize("beam_size", [1, 2, 3])
def test_nine_phrases_that_overlap_are_written_in_the_room_of_all(constrained, table_stepper, beam_size):
    phrases = tuple((A + place, A + place + 1) for place in range(9))
    stepper = table_stepper(lambda key, prefix: [-1.0 + 0.01 * token for token in range(20)])
    for limit in (18, 25):
        (found,) = ConstrainedBeam(beam_size=beam_size, max_length=limit, max_length_extra=30).decode(
            stepper, constrained(Constraints(include=phrases))
        )
        assert all(_contains(found[0].tokens, phrase) for phrase in phrases)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.lists(st.lists(st.sampled_from((A, B, C)), min_size=1, max_size=4).map(tuple), min_size=1, max_size=5))
def test_the_least_limit_is_the_length_of_the_shortest_text_with_all_phrases(table_stepper, constrained, phrases):
    shortest = min(len(_merged(order)) for order in permutations(phrases))
    stepper = table_stepper(_likes(UNK))
    for limit in (shortest - 1, shortest, shortest + 1):
        if limit:
            beam = ConstrainedBeam(beam_size=1, max_length=limit, max_length_extra=30)
            (found,) = beam.decode(stepper, constrained(Constraints(include=tuple(phrases))))
            assert (found == [IMPOSSIBLE]) == (limit < shortest)
            assert found == [IMPOSSIBLE] or all(_contains(found[0].tokens, phrase) for phrase in phrases)


@settings(max_examples=200, deadline=None, derandomize=True)
@given(
    st.lists(st.lists(st.integers(4, 8), min_size=1, max_size=4).map(tuple), min_size=1, max_size=4),
    st.lists(st.integers(4, 9), max_size=5),
)
@example([(4, 5, 6), (6, 7), (5, 8)], [4, 5])  # 5 goes on with either, not with both
def test_what_a_hypothesis_lacks_is_the_length_of_the_shortest_way_to_all_phrases(phrases, text):
    automaton = _Phrases(phrases, allow_unknown=True)
    start = reduce(automaton.after, text, (0, ()))
    assert automaton.missing(start) == [one for one in dict.fromkeys(phrases) if not _contains(text, one)]
    reached, ways = {start}, deque([(start, 0)])
    while automaton.missing(ways[0][0]):
        state, length = ways.popleft()
        further = {automaton.after(state, token) for token in range(4, 9)} - reached
        reached |= further
        ways.extend((one, length + 1) for one in further)
    assert automaton.lacking(start) == ways[0][1]
    for token in automaton.wanted(start):
        assert automaton.lacking(automaton.after(start, token)) >= ways[0][1] - 1
    assert not automaton.missing(start) or ways[0][1] - 1 in {
        automaton.lacking(automaton.after(start, token)) for token in automaton.wanted(start)
    }


def _merged(phrases: Sequence[tuple[int, ...]]) -> tuple[int, ...]:
    """One after the other, each as far within what is before it as can be."""
    text: tuple[int, ...] = ()
    for phrase in phrases:
        if not _contains(text, phrase):
            shared = next(size for size in range(len(phrase), -1, -1) if text[len(text) - size :] == phrase[:size])
            text = (*text, *phrase[shared:])
    return text


@pytest.mark.parametrize(
    ("constraints", "arguments"),
    [
        (Constraints(include=((A, PAD),)), {}),
        (Constraints(include=((BOS,), (A,))), {}),
        (Constraints(include=((A,), (B, EOS))), {}),
        (Constraints(include=((UNK,),)), {"allow_unknown": False}),
        (Constraints(include=((99,),)), {}),
        (Constraints(include=((A, B, C),), exclude=((B, C),)), {}),
        (Constraints(include=((A, A),)), {"no_repeat_ngram": 1}),
        (Constraints(include=((A, B), (B, A))), {"no_repeat_ngram": 1}),
        (Constraints(include=((A, B), (C, C))), {"max_length": 3}),
        (Constraints(include=((B, C),), prefix=(A, A, B)), {"max_length": 3}),
        (Constraints(include=((B, C),), prefix=(A, A)), {"max_length": 3}),
        (Constraints(include=((A, B),), prefix=(PAD,)), {}),
    ],
)
@pytest.mark.parametrize("beam_size", [1, 4])
def test_what_cannot_be_had_is_an_empty_hypothesis_beside_others_that_can(
    cached_table, constrained, constraints, arguments, beam_size
):
    possible = Constraints(include=((C,),))
    beam = ConstrainedBeam(beam_size=beam_size, **arguments)
    found = beam.decode(cached_table(0), constrained(possible, constraints, possible))
    assert found[1] == [IMPOSSIBLE]
    assert all(C in hypotheses[0].tokens for hypotheses in (found[0], found[2]))


def test_a_phrase_of_probability_zero_cannot_be_had(table_stepper, constrained):
    stepper = table_stepper(lambda key, prefix: [-math.inf if token == B else -1.5 for token in range(VOCAB_SIZE)])
    batch = constrained(Constraints(include=((A, B),)), Constraints(include=((A,),)))
    without, with_a = ConstrainedBeam(beam_size=3).decode(stepper, batch)
    assert without == [IMPOSSIBLE]
    assert A in with_a[0].tokens


# -- laws ------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def many(batch_of) -> Batch:
    """24 sentences of 1 to 4 tokens; every fourth asks for nothing."""
    wanted = [Constraints(include=((A, B), (C,))), Constraints(), Constraints(include=((B, B, A),), exclude=((C,),))]
    wanted.append(Constraints(include=((UNK, A), (A, B), (B, C, A)), prefix=(B,)))
    sources = [[4 + number, *[5] * (number % 4)] for number in range(24)]
    return replace(batch_of(sources), constraints=tuple(wanted * 6))


def _rows(batch: Batch, rows: Sequence[int]) -> Batch:
    source = batch.source[list(rows)]
    source = source[:, : (source != PAD).sum(1).max()]
    return replace(batch, source=source, constraints=tuple(batch.constraints[row] for row in rows))


@pytest.mark.parametrize("beam_size", [1, 3, 10])
def test_neighbours_and_their_order_change_nothing(cached_table, many, beam_size):
    stepper = cached_table(3)
    beam = ConstrainedBeam(beam_size=beam_size, n_best=beam_size, length_penalty=0.5)
    together = beam.decode(stepper, many)
    order = torch.randperm(24, generator=torch.Generator().manual_seed(1)).tolist()
    shuffled = beam.decode(stepper, _rows(many, order))
    assert [shuffled[order.index(row)] for row in range(24)] == together
    for size in (1, 5):
        parts = [_rows(many, range(start, min(start + size, 24))) for start in range(0, 24, size)]
        assert [found for part in parts for found in beam.decode(stepper, part)] == together


def test_what_is_told_leads_to_what_is_found(cached_table, many):
    found, told = _watched(ConstrainedBeam(beam_size=3, n_best=3), cached_table(4), many)
    for row, hypotheses in enumerate(found):
        texts, kept = [()], set()
        for step, seen in enumerate((seen for place, seen in told if place == row), start=1):
            assert len(seen) <= 2 * 3
            assert [one.score for one in seen] == sorted((one.score for one in seen), reverse=True)
            assert {one.step for one in seen} <= {step}
            assert len({(one.parent, one.token) for one in seen}) == len(seen)
            kept |= {(texts[one.parent], True) for one in seen if one.fate == "kept"}
            live = sorted((one for one in seen if one.fate == "live"), key=lambda one: one.place)
            assert [one.place for one in live] == list(range(len(live)))
            assert [one.log_prob for one in live] == sorted((one.log_prob for one in live), reverse=True)
            texts = [(*texts[one.parent], one.token) for one in live]
        assert {(h.tokens, h.finished) for h in hypotheses} <= kept | {(text, False) for text in texts}


def test_the_steppers_own_tensors_are_left_as_they_are(cached_table, many):
    inner, seen = cached_table(5), []

    class Watching:
        def start(self, batch):
            return inner.start(batch)

        def step(self, tokens, state, need_weights=False):
            log_probs, state = inner.step(tokens, state)
            seen.append((log_probs, log_probs.clone()))
            return log_probs, state

    ConstrainedBeam(beam_size=2).decode(Watching(), many)
    assert all(torch.equal(after, before) for after, before in seen)


def test_score_is_what_a_hypothesis_is_ranked_by(cached_table, many):
    beam = ConstrainedBeam(beam_size=3, length_penalty=0.6)
    for hypotheses in beam.decode(cached_table(0), many):
        length = len(hypotheses[0].tokens) + hypotheses[0].finished
        assert beam.score(hypotheses[0].log_prob, length) == pytest.approx(hypotheses[0].score)


# -- models ----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="session", params=["projection", "pointer_generator"])
def model(request, composed, tiny_arguments) -> Seq2Seq:
    config = composed(*tiny_arguments, f"model/output={request.param}")
    torch.manual_seed(0)
    node = OmegaConf.to_container(config.model, resolve=True)
    assert isinstance(node, dict)
    return build_model(node, 12, 11).eval()


def test_models_write_phrases_and_without_them_what_beam_writes(model, batch_of):
    batch = batch_of([[5, 6, 7], [4], [11, 8, 9, 10, 5], [6, 6]])
    copies = torch.where(batch.source == 11, 11, batch.source) if model.output.copying else None  # no target word
    wanted = (Constraints(include=((7, 8), (9,))), Constraints(), Constraints(include=((10, 4, 10),)), Constraints())
    if model.output.copying:
        wanted = (*wanted[:2], Constraints(include=((11, 4), (10,))), wanted[3])
    batch = replace(batch, copies=copies, constraints=wanted)
    for beam_size in (1, 4):
        found = ConstrainedBeam(beam_size=beam_size).decode(model, batch)
        free = Beam(beam_size=beam_size).decode(model, replace(batch, constraints=()))
        assert [found[row][0].tokens for row in (1, 3)] == [free[row][0].tokens for row in (1, 3)]
        for row in (0, 2):
            (best,) = found[row]
            assert all(_contains(best.tokens, phrase) for phrase in wanted[row].include)
            assert best.log_prob == pytest.approx(_forced(model, _alone(batch, row), best), abs=1e-4)


def _alone(batch: Batch, row: int) -> Batch:
    copies = None if batch.copies is None else batch.copies[row : row + 1]
    return Batch(batch.source[row : row + 1], batch.target[:1], batch.index[:1], batch.task, copies)


@torch.no_grad()
def _forced(stepper: Stepper, batch: Batch, hypothesis: Hypothesis) -> float:
    """The log-probability of stepping along its tokens."""
    state, total = stepper.start(batch), 0.0
    whole = [*hypothesis.tokens, *[EOS] * hypothesis.finished]
    for previous, token in zip([BOS, *whole], whole, strict=False):
        log_probs, state = stepper.step(torch.tensor([[previous]]), state)
        total += log_probs[0, 0, token].item()
    return total


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"beam_size": 0}, r"^decoding.beam_size \(0\) must be at least 1\.$"),
        ({"n_best": 11}, r"^decoding.n_best \(11\) must be from 1 to decoding.beam_size \(10\)\.$"),
        ({"length_penalty": -0.5}, r"^decoding.length_penalty \(-0.5\) must be at least 0 and finite\.$"),
        ({"max_length": 0}, r"^decoding.max_length \(0\) must be at least 1\.$"),
    ],
)
def test_an_argument_out_of_its_range_is_named(arguments, message):
    with pytest.raises(UserError, match=message):
        ConstrainedBeam(**arguments)
