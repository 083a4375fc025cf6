from __future__ import annotations

import math
from collections import Counter
from collections.abc import Hashable, Mapping
from dataclasses import replace
from functools import cache
from itertools import pairwise

import pytest
import torch

from seq2seq_pl.decoding.greedy import Greedy
from seq2seq_pl.decoding.sampling import Sampling, _inverse_cdf
from seq2seq_pl.errors import UserError
from seq2seq_pl.values import BOS, EOS, PAD, UNK, Batch, Constraints

A, B, C, D = 4, 5, 6, 7
VOCAB_SIZE = 8
SENTENCES = 2500
TOKENS = {PAD: 0.1, UNK: 0.06, BOS: 0.1, EOS: 0.11, A: 0.27, B: 0.04, C: 0.18, D: 0.14}
"""What a table may say of the next token; its model does not know that PAD and BOS never come."""


def log_of(probs: Mapping[int, float]) -> list[float]:
    return [math.log(probs[token]) if token in probs else -math.inf for token in range(VOCAB_SIZE)]


def drawn_from(
    probs: Mapping[int, float],
    temperature: float = 1.0,
    top_k: int = 0,
    top_p: float = 1.0,
    allow_unknown: bool = True,
) -> dict[int, float]:
    """The distribution of the next token, as the definition has it."""
    heated = {token: probs[token] ** (1 / temperature) for token in sorted(probs) if token not in (PAD, BOS)}
    if not allow_unknown:
        heated.pop(UNK, None)
    ranked = sorted(heated, key=lambda token: -heated[token])[: top_k or None]
    total, share, nucleus = sum(heated[token] for token in ranked), 0.0, []
    for token in ranked:
        if share < top_p:
            nucleus.append(token)
        share += heated[token] / total
    rest = sum(heated[token] for token in nucleus)
    return {token: heated[token] / rest for token in nucleus}


def fits(counts: Counter[Hashable], expected: Mapping[Hashable, float]) -> bool:
    """Pearson's chi-square test at 0.1 %; what is expected less than 5 times counts as one.

    The critical value is Wilson and Hilferty's: df * (1 - 2 / (9 df) + 3.09 sqrt(2 / (9 df)))^3, 22.7 for 6.
    """
    if counts.keys() - expected.keys():
        return False
    draws = sum(counts.values())
    cells = [(counts[one], draws * share) for one, share in expected.items()]
    rare = [cell for cell in cells if cell[1] < 5]
    cells = [cell for cell in cells if cell[1] >= 5] + [(sum(seen for seen, _ in rare), sum(hope for _, hope in rare))]
    statistic = sum((seen - hope) ** 2 / hope for seen, hope in cells if hope)
    freedom = sum(hope > 0 for _, hope in cells) - 1
    spread = 2 / (9 * freedom)
    return statistic < freedom * (1 - spread + 3.09 * math.sqrt(spread)) ** 3


@pytest.fixture
def many(batch_of) -> Batch:
    """Sentences that the tables here do not tell apart, each with numbers of its own."""
    return batch_of([[4 + number] for number in range(SENTENCES)])


@pytest.fixture
def once(table_stepper):
    """A token of `TOKENS`, then the end."""
    return table_stepper(lambda key, prefix: log_of({EOS: 1.0} if prefix else TOKENS))


SETTINGS = [
    {},
    {"temperature": 0.5},
    {"temperature": 3.0},
    {"top_k": 2},
    {"top_p": 0.6},
    {"allow_unknown": False},
    {"temperature": 2.0, "top_k": 5, "top_p": 0.75, "allow_unknown": False},
]


@pytest.mark.parametrize("settings", SETTINGS, ids=str)
def test_tokens_come_as_often_as_the_truncated_distribution_says(once, many, settings):
    found = Sampling(**settings, seed=3).decode(once, many)
    counts = Counter((*one.tokens, EOS)[0] for (one,) in found)
    assert [fits(counts, drawn_from(TOKENS, **others)) for others in SETTINGS] == [
        others == settings for others in SETTINGS
    ]


@pytest.mark.parametrize("settings", [{}, {"temperature": 0.6, "top_k": 4, "top_p": 0.9}], ids=str)
def test_whole_outputs_come_as_often_as_the_product_of_their_tokens_says(random_table, many, settings):
    table = random_table(1, VOCAB_SIZE)
    common = cache(lambda prefix: table.distribution(0, prefix))
    stepper = replace(table, distribution=lambda key, prefix: common(prefix))
    expected: dict[Hashable, float] = {}

    def grow(prefix: tuple[int, ...], share: float) -> None:
        probs = {token: math.exp(value) for token, value in enumerate(common(prefix))}
        for token, prob in drawn_from(probs, **settings).items():
            if token == EOS or len(prefix) == 2:
                expected[(*prefix, token)] = share * prob
            else:
                grow((*prefix, token), share * prob)

    grow((), 1.0)
    found = Sampling(**settings, max_length=3).decode(stepper, many)
    counts = Counter((*one.tokens, *[EOS] * one.finished) for (one,) in found)
    assert len(counts) > 10
    assert sum(expected.values()) == pytest.approx(1)
    assert fits(counts, expected)


def test_what_the_rules_forbid_is_shared_out_among_the_others(table_stepper, many):
    stepper = table_stepper(lambda key, prefix: log_of(TOKENS))
    batch = replace(many, constraints=(Constraints(prefix=(B,), exclude=((D,), (B, C))),) * SENTENCES)
    found = Sampling(max_length=3, min_length=2, no_repeat_ngram=1).decode(stepper, batch)
    assert {one.tokens[0] for (one,) in found} == {B}
    left = {token: TOKENS[token] for token in (A, UNK)}  # no B twice, no C after B, no D, no EOS before two tokens
    assert fits(Counter(one.tokens[1] for (one,) in found), drawn_from(left))


def test_the_samples_of_a_sentence_are_independent_draws(once, batch_of):
    # Were the 40 of a sentence one and the same, the statistic would be 40 times what it is.
    counts: Counter[Hashable] = Counter()

    def watch(row, candidates):
        if candidates[0].step == 1:
            assert len(candidates) == 40
            counts.update(one.token for one in candidates)

    Sampling(n_best=40).decode(once, batch_of([[4 + number] for number in range(100)]), watch)
    assert fits(counts, drawn_from(TOKENS))


# -- whose numbers they are ------------------------------------------------------------------------------------------


def outputs(found) -> list[list[tuple]]:
    return [[(one.tokens, one.finished, one.log_prob) for one in hypotheses] for hypotheses in found]


@pytest.fixture
def sources() -> list[list[int]]:
    return [[4 + number, *[5] * (number % 5)] for number in range(64)]


@pytest.mark.parametrize("batch_size", [1, 7])
def test_neighbours_and_their_order_change_no_sample(random_table, batch_of, sources, batch_size):
    stepper, sampling = random_table(2, 9), Sampling(temperature=1.5, top_p=0.9, n_best=3)
    together = outputs(sampling.decode(stepper, batch_of(sources)))
    order = torch.randperm(64, generator=torch.Generator().manual_seed(0)).tolist()
    for start in range(0, 64, batch_size):
        rows = order[start : start + batch_size]
        found = outputs(sampling.decode(stepper, batch_of([sources[row] for row in rows])))
        assert found == [together[row] for row in rows]


def test_a_sentence_has_the_numbers_of_its_place_in_the_split(random_table, batch_of):
    batch = replace(batch_of([[4, 5, 6, 7]] * 4), index=torch.tensor([7, 8, 7, 9]))
    found = outputs(Sampling().decode(random_table(3, 9, end=-2.0), batch))
    assert found[0] == found[2]
    assert len({str(one) for one in found}) == 3


def test_another_seed_draws_other_samples_and_the_same_seed_the_same(random_table, batch_of, sources):
    stepper, batch = random_table(4, 9), batch_of(sources)
    one, again, other = (outputs(Sampling(seed=seed).decode(stepper, batch)) for seed in (1, 1, 2))
    assert one == again
    assert sum(left != right for left, right in zip(one, other, strict=True)) > 50


def test_asking_for_more_samples_keeps_those_that_were_there(random_table, batch_of, sources):
    stepper, batch = random_table(5, 9), batch_of(sources)
    few, some, more = (outputs(Sampling(n_best=n_best).decode(stepper, batch)) for n_best in (1, 2, 5))
    for (first,), two, five in zip(few, some, more, strict=True):
        assert first in two
        assert [one for one in five if one in two] == two


# -- the limits of the settings --------------------------------------------------------------------------------------


@pytest.mark.parametrize("settings", [{"top_k": 1}, {"temperature": 1e-9}, {"temperature": 1e-300}, {"top_p": 1e-9}])
@pytest.mark.parametrize("allow_unknown", [True, False])
def test_what_leaves_only_the_likeliest_token_is_greedy_search(
    random_table, batch_of, sources, settings, allow_unknown
):
    stepper, batch = random_table(6, 9), batch_of(sources)
    found = Sampling(**settings, n_best=2, allow_unknown=allow_unknown).decode(stepper, batch)
    assert outputs(found) == outputs(Greedy(allow_unknown=allow_unknown).decode(stepper, batch))


def test_an_endless_temperature_makes_all_possible_tokens_equal(table_stepper, many):
    possible = {token: TOKENS[token] for token in (A, B, D)}
    stepper = table_stepper(lambda key, prefix: log_of(possible))
    found = Sampling(temperature=1e300, max_length=1).decode(stepper, many)
    assert Sampling(temperature=10**30, max_length=1).decode(stepper, many) == found
    assert fits(Counter(one.tokens for (one,) in found), dict.fromkeys([(A,), (B,), (D,)], 1 / 3))


@pytest.mark.parametrize(
    ("settings", "tokens"),
    [
        ({"top_k": 1}, {C}),
        ({"top_k": 3}, {UNK, A, C}),  # C and the lowest of UNK, A, B and D
        ({"top_k": 3, "allow_unknown": False}, {A, B, C}),
        ({"top_p": 0.4}, {UNK, C}),
        ({"top_p": 0.8}, {UNK, A, B, C}),
        ({"top_k": 4, "top_p": 0.9}, {UNK, A, B, C}),
        ({"top_k": 4, "top_p": 0.75}, {UNK, A, C}),  # shares of these four: 3/9, 2/9, 2/9, 2/9
        ({"top_k": 100}, {UNK, A, B, C, D}),
    ],
)
def test_of_equally_likely_tokens_those_of_lower_id_stay(table_stepper, batch_of, settings, tokens):
    stepper = table_stepper(lambda key, prefix: log_of({UNK: 2 / 11, A: 2 / 11, B: 2 / 11, C: 3 / 11, D: 2 / 11}))
    found = Sampling(**settings, max_length=1).decode(stepper, batch_of([[4 + number] for number in range(100)]))
    assert {one.tokens[0] for (one,) in found} == tokens


def test_no_number_chooses_what_has_no_probability():
    numbers = torch.tensor([[[0.0], [1 - 2**-24], [1.0]]])  # the first and the last that there are, and one too many
    for last, place in ((1e-6, 5), (1e-9, 3)):  # too little to count beside 1.5
        weights = torch.tensor([0.0, 0.0, 0.5, 1.0, 0.0, last, 0.0]).repeat(1, 3, 1)
        assert _inverse_cdf(weights, numbers).flatten().tolist() == [2, place, 3]
    long = torch.cat((torch.rand(1, 2, 50_000, generator=torch.Generator().manual_seed(0)), torch.zeros(1, 2, 99)), 2)
    assert _inverse_cdf(long, numbers[:, :2]).flatten().tolist() == [0, 49_999]


# -- results ---------------------------------------------------------------------------------------------------------


def test_the_log_prob_is_that_of_the_model_whatever_it_is_drawn_from(random_table, batch_of, sources):
    stepper = random_table(7, 9)
    sampling = Sampling(temperature=0.5, top_k=4, top_p=0.9, n_best=4)
    for source, hypotheses in zip(sources, sampling.decode(stepper, batch_of(sources)), strict=True):
        for one in hypotheses:
            ids = (*one.tokens, *[EOS] * one.finished)
            wanted = sum(stepper.distribution(source[0], ids[:place])[token] for place, token in enumerate(ids))
            assert one.log_prob == one.score == pytest.approx(wanted, abs=1e-4)


def test_equal_samples_are_merged(table_stepper, batch_of):
    stepper = table_stepper(lambda key, prefix: log_of({EOS: 1.0} if prefix else {A: 0.3, B: 0.7}))
    (found,) = Sampling(n_best=30).decode(stepper, batch_of([[A]]))
    assert [one.tokens for one in found] == [(B,), (A,)]
    assert [one.score for one in found] == pytest.approx([math.log(0.7), math.log(0.3)])


@pytest.mark.parametrize("nothing", [-math.inf, math.nan])
def test_a_sample_that_cannot_go_on_is_left_out_where_another_can(table_stepper, batch_of, nothing):
    table = {(): log_of({A: 0.5, B: 0.5}), (A,): [nothing] * VOCAB_SIZE, (B,): log_of({EOS: 1.0})}
    (found,) = Sampling(n_best=20).decode(
        table_stepper(lambda key, prefix: table.get(prefix, table[A,])), batch_of([[A]])
    )
    assert [(one.tokens, one.finished) for one in found] == [((B,), True)]
    assert found[0].log_prob == pytest.approx(math.log(0.5))


def test_samples_that_have_ended_wait_for_the_others(table_stepper, batch_of):
    def distribution(key: int, prefix: tuple[int, ...]) -> list[float]:
        return log_of({A: 1.0}) if EOS in prefix else log_of({A: 0.5, EOS: 0.5})

    seen = []
    (found,) = Sampling(n_best=16).decode(
        table_stepper(distribution),
        batch_of([[A]]),
        lambda row, candidates: seen.append(Counter(c.fate for c in candidates)),
    )
    assert len(found) > 3
    for one in found:
        length = len(one.tokens) + one.finished
        assert one.tokens == (A,) * len(one.tokens)
        assert one.log_prob == pytest.approx(length * math.log(0.5))
    assert seen[0].total() == 16
    assert all(after.total() == before["live"] for before, after in pairwise(seen))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"temperature": 0.0}, r"^decoding.temperature \(0.0\) must be greater than 0 and finite\.$"),
        ({"temperature": math.inf}, r"^decoding.temperature \(inf\) must be greater than 0 and finite\.$"),
        ({"temperature": math.nan}, r"^decoding.temperature \(nan\) must be greater than 0 and finite\.$"),
        ({"top_k": -1}, r"^decoding.top_k \(-1\) must be at least 1, or 0 for all tokens\.$"),
        ({"top_p": 0.0}, r"^decoding.top_p \(0.0\) must be greater than 0 and at most 1\.$"),
        ({"top_p": 1.1}, r"^decoding.top_p \(1.1\) must be greater than 0 and at most 1\.$"),
        ({"top_p": math.nan}, r"^decoding.top_p \(nan\) must be greater than 0 and at most 1\.$"),
        ({"n_best": 0}, r"^decoding.n_best \(0\) must be at least 1\.$"),
        ({"n_best": 10**9}, r"^decoding.n_best \(1000000000\) must be at most 10,000\.$"),
        ({"seed": -1}, r"^decoding.seed \(-1\) must be at least 0\.$"),
        ({"max_length": 0}, r"^decoding.max_length \(0\) must be at least 1\.$"),
    ],
)
def test_an_argument_out_of_its_range_is_named(arguments, message):
    with pytest.raises(UserError, match=message):
        Sampling(**arguments)
