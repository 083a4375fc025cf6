"""Which sentences make a batch: sorting, cutting, the plan of an epoch, and the shares of several tasks."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seq2seq_pl.planning import LONGEST, PIECE, by_length, cut, plan, shares, split_to

pairs = st.lists(st.tuples(st.integers(1, 40), st.integers(0, 40)), min_size=1, max_size=80)
budgets = {
    "max_tokens": st.integers(1, 120),
    "max_sentences": st.none() | st.integers(1, 9),
    "seed": st.integers(0, 99),
}
quick = settings(max_examples=60, deadline=None)


def lengths_of(count: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Correlated log-normal lengths, like those of Multi30k with subwords: about 16 tokens a side, both with EOS."""
    rng = np.random.default_rng(seed)
    source = np.exp(2.7 + 0.35 * rng.normal(size=count))
    target = source * np.exp(0.05 + 0.15 * rng.normal(size=count))
    return np.round(source).astype(np.int32) + 1, np.round(target).astype(np.int32) + 1


@quick
@given(pairs=pairs, epoch=st.integers(0, 5), shuffle=st.booleans(), **budgets)
def test_every_sentence_is_in_one_batch_and_every_batch_in_the_budget(pairs, epoch, shuffle, **budget):
    source, target = np.array(pairs).T
    batches = plan(source, target, epoch=epoch, shuffle=shuffle, **budget)
    assert sorted(np.concatenate(batches).tolist()) == list(range(len(pairs)))
    for batch in batches:
        longest = max(source[batch].max(), target[batch].max())
        assert len(batch) == 1 or len(batch) * longest <= budget["max_tokens"]
        assert len(batch) <= (budget["max_sentences"] or len(pairs))


@quick
@given(
    lengths=st.lists(st.integers(1, 40), min_size=1, max_size=80),
    ordered=st.booleans(),
    phase=st.floats(0, 1),
    **budgets,
)
def test_a_cut_takes_as_many_neighbours_as_the_budget_lets_it(lengths, ordered, phase, **budget):
    lengths = sorted(lengths) if ordered else lengths
    max_tokens, max_sentences = budget["max_tokens"], budget["max_sentences"]
    slices = cut(np.array(lengths), max_tokens=max_tokens, max_sentences=max_sentences, phase=phase)
    expected, start = [], 0
    while start < len(lengths):
        rows = 1
        while (
            start + rows < len(lengths)
            and (rows + 1) * max(lengths[start : start + rows + 1]) <= max_tokens
            and rows != max_sentences
        ):
            rows += 1
        rows = max(1, int(rows * phase)) if start == 0 else rows
        expected.append(slice(start, start + rows))
        start += rows
    assert slices == expected


@quick
@given(pairs=pairs, **budgets)
def test_every_epoch_has_the_same_number_of_batches(pairs, **budget):
    source, target = np.array(pairs).T
    assert len({len(plan(source, target, epoch=epoch, shuffle=True, **budget)) for epoch in range(6)}) == 1


def plainly_by_length(source: np.ndarray, target: np.ndarray, order: np.ndarray) -> np.ndarray:
    """By the longer side, then by the difference of the sides, up and down in turn; then as they stand."""

    def keys(i: int) -> tuple[int, int]:
        longest = min(LONGEST, max(int(source[i]), int(target[i])))
        difference = min(LONGEST, max(-LONGEST, int(source[i]) - int(target[i])))
        return longest, difference if longest % 2 else -difference

    return np.array(sorted(order.tolist(), key=keys))


@quick
@given(
    rows=st.lists(st.tuples(*[st.integers(0, 6) | st.integers(LONGEST - 2, 2 * LONGEST + 3)] * 2), min_size=1),
    kind=st.sampled_from([np.int32, np.int64]),
    seed=st.integers(0, 99),
)
def test_sentences_are_sorted_by_both_sides_and_equal_ones_stay_in_order(rows, kind, seed):
    source, target = np.array(rows, dtype=kind).T
    order = np.random.default_rng(seed).permutation(len(rows))
    assert by_length(source, target, order).tolist() == plainly_by_length(source, target, order).tolist()


def test_many_sentences_are_sorted_like_few():
    source, target = lengths_of(PIECE + 100)
    order = np.random.default_rng(0).permutation(len(source))
    assert by_length(source, target, order).tolist() == plainly_by_length(source, target, order).tolist()


@quick
@given(sizes=st.lists(st.integers(1, 9), max_size=9), count=st.integers(0, 60))
def test_the_largest_batches_are_halved_the_first_of_equals_first(sizes, count):
    batches = np.split(np.arange(sum(sizes)), np.cumsum(sizes))[:-1]
    expected = list(batches)
    while len(expected) < count and max(map(len, expected), default=0) > 1:
        at = max(range(len(expected)), key=lambda at: len(expected[at]))
        middle = len(expected[at]) // 2
        expected.append(expected[at][middle:])
        expected[at] = expected[at][:middle]
    assert [batch.tolist() for batch in split_to(batches, count)] == [batch.tolist() for batch in expected]


@quick
@given(pairs=pairs, epoch=st.integers(0, 5), **budgets)
def test_a_plan_is_the_sorted_sentences_cut_and_shuffled(pairs, epoch, seed, **budget):
    source, target = np.array(pairs).T
    longest = np.maximum(source, target)
    rng = np.random.default_rng([seed, epoch])
    order = plainly_by_length(source, target, rng.permutation(len(pairs)))
    count = 1 + len(cut(longest[order], **budget))
    expected = [order]
    if count > 2:
        slices = cut(longest[order], phase=float(rng.random()), **budget)
        batches = split_to([order[rows] for rows in slices], count)
        expected = [batches[at] for at in rng.permutation(len(batches))]
    found = plan(source, target, seed=seed, epoch=epoch, shuffle=True, **budget)
    assert [batch.tolist() for batch in found] == [batch.tolist() for batch in expected]
    assert {batch.dtype for batch in found} == {np.dtype(np.int64)}


def test_a_sentence_longer_than_the_budget_has_a_batch_of_its_own():
    lengths = np.array([2, 50, 3])
    batches = plan(lengths, lengths, max_tokens=6, max_sentences=None, seed=0, epoch=0, shuffle=False)
    assert [batch.tolist() for batch in batches] == [[1], [2, 0]]


@pytest.mark.parametrize("budget", [10**12, 2**63, 10**30])
def test_a_budget_beyond_all_sentences_puts_them_into_one_batch(budget):
    source, target = lengths_of(50)
    (batch,) = plan(source, target, max_tokens=budget, max_sentences=budget, seed=0, epoch=0, shuffle=False)
    assert sorted(batch.tolist()) == list(range(50))


def test_without_shuffle_the_longest_come_first_whatever_the_epoch():
    source, target = lengths_of(500)
    first, other = (
        plan(source, target, max_tokens=300, max_sentences=9, seed=epoch, epoch=epoch, shuffle=False)
        for epoch in (0, 7)
    )
    longest = [np.maximum(source, target)[batch].max() for batch in first]
    assert longest == sorted(longest, reverse=True)
    assert [batch.tolist() for batch in first] == [batch.tolist() for batch in other]


def test_a_plan_depends_on_seed_and_epoch_and_on_nothing_else():
    source, target = lengths_of(500)

    def batches(seed: int, epoch: int) -> list[list[int]]:
        plan_ = plan(source, target, max_tokens=300, max_sentences=None, seed=seed, epoch=epoch, shuffle=True)
        return [batch.tolist() for batch in plan_]

    assert batches(1, 0) == batches(1, 0)
    assert batches(1, 0) != batches(1, 1)
    assert batches(1, 0) != batches(2, 0)


def test_sentences_have_other_neighbours_in_the_next_epoch():
    source, target = lengths_of(20_000)
    together = []
    for epoch in (0, 1):
        where = np.empty(20_000, dtype=np.int64)
        for number, batch in enumerate(
            plan(source, target, max_tokens=4096, max_sentences=None, seed=1, epoch=epoch, shuffle=True)
        ):
            where[batch] = number
        left, right = np.random.default_rng(0).integers(20_000, size=(2, 500_000))
        together.append(where[left] == where[right])
    assert (together[0] & together[1]).sum() < 0.65 * together[0].sum()


@pytest.mark.parametrize("shuffle", [True, False])
def test_padding_is_under_five_percent(shuffle):
    source, target = lengths_of(20_000)
    cells = 0
    for batch in plan(source, target, max_tokens=4096, max_sentences=None, seed=1, epoch=0, shuffle=shuffle):
        cells += len(batch) * (source[batch].max() + target[batch].max())
    assert 1 - (source.sum() + target.sum()) / cells < 0.05


def test_shares_are_numbers_at_the_lowest_temperature():
    assert shares([4000, 1000, 1000], [1.0, 1.0, 1e30], 1e-9) == [6000, 1, 1]


def test_shares_follow_size_weight_and_temperature():
    assert shares([90, 10], [1.0, 1.0], 1.0) == [90, 10]
    assert shares([90, 10], [1.0, 1.0], 2.0) == [75, 25]  # sqrt 90 : sqrt 10 = 3 : 1
    assert shares([50, 50], [1.0, 3.0], 1.0) == [25, 75]
    assert shares([1000, 1], [1.0, 1e-9], 1.0) == [1001, 1]
    assert sum(shares([7, 11, 13], [1.0, 1.0, 1.0], 3.0)) == 31
