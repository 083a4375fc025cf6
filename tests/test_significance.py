"""How sure a score is, and whether two systems differ."""

import random
import tracemalloc
from functools import partial

import numpy as np
import pytest
from sacrebleu.metrics.bleu import BLEU
from sacrebleu.metrics.chrf import CHRF
from sacrebleu.metrics.ter import TER
from sacrebleu.significance import PairedTest

from seq2seq_pl import significance
from seq2seq_pl.errors import UserError
from seq2seq_pl.metric.bleu import Bleu
from seq2seq_pl.metric.chrf import Chrf
from seq2seq_pl.metric.rouge import Rouge
from seq2seq_pl.metric.ter import Ter
from seq2seq_pl.significance import (
    Interval,
    Paired,
    approximate_randomization,
    interval,
    paired_bootstrap,
    seed_interval,
    student_t,
)
from seq2seq_pl.values import Statistics

VOCABULARY = ["the", "a", "cat", "dog", "house", "tree", "sees", "eats", "under", "over", "with", "small", "big", "old"]
RESAMPLES, TRIALS = 120, 150
TESTS = [partial(paired_bootstrap, resamples=200), partial(approximate_randomization, trials=300)]
SACREBLEU = [(BLEU(), Bleu()), (CHRF(), Chrf()), (CHRF(word_order=2), Chrf(word_order=2)), (TER(), Ter())]


def means(*values: float) -> Statistics:
    """A score that is the mean of one number a sentence."""
    rows = np.array([(value, 1.0) for value in values])
    return Statistics(rows, lambda sums: {"mean": float(sums[0] / sums[1])})


def noisy(text: str, noise: float, rng: random.Random) -> str:
    return " ".join(word if rng.random() > noise else rng.choice(VOCABULARY) for word in text.split())


def systems(sentences: int, *noises: float) -> tuple[list[str], list[list[str]]]:
    """References, and outputs that have of each word another one with some probability."""
    rng = random.Random(11)
    references = [" ".join(rng.choices(VOCABULARY, k=rng.randint(3, 12))) for _ in range(sentences)]
    return references, [[noisy(text, noise, rng) for text in references] for noise in noises]


# -- against sacreBLEU -----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def texts() -> tuple[list[str], list[str], list[list[str]]]:
    """Outputs of two systems and two streams of references; the second system is better by little."""
    references, (baseline, system, second) = systems(40, 0.38, 0.3, 0.3)
    return baseline, system, [references, second]


def theirs(texts, metric, kind, samples):
    baseline, system, streams = texts
    _, scores = PairedTest(
        [("a", baseline), ("b", system)], {"it": metric}, streams, kind, samples, n_ar_confidence=RESAMPLES
    )()
    return next(results for name, results in scores.items() if name != "System")


def ours(texts, metric):
    baseline, system, streams = texts
    references = list(zip(*streams, strict=True))
    return metric.statistics(baseline, references), metric.statistics(system, references)


@pytest.mark.parametrize(("reference", "metric"), SACREBLEU, ids=["bleu", "chrf", "chrf++", "ter"])
def test_p_values_and_intervals_are_those_of_sacrebleu(texts, reference, metric, monkeypatch):
    monkeypatch.delenv("SACREBLEU_SEED", raising=False)
    a, b = ours(texts, metric)
    (name,) = metric.names

    first, second = theirs(texts, reference, "bs", RESAMPLES)
    tested = paired_bootstrap(a, b, resamples=RESAMPLES)[name]
    assert tested.p_value == second.p_value
    assert tested.difference == pytest.approx(second.score - first.score, abs=1e-9)
    for statistics, result in ((a, first), (b, second)):
        found = interval(statistics, resamples=RESAMPLES)[name]
        # sacreBLEU sums and divides in float32: 24 bits of a number up to 100.
        assert (found.high - found.low) / 2 == pytest.approx(result.ci, abs=5e-5)
        assert found.mean == pytest.approx(result.mean, abs=5e-5)

    _, second = theirs(texts, reference, "ar", TRIALS)
    monkeypatch.setattr("seq2seq_pl.significance.ROUNDING", -1e-9)  # sacreBLEU counts no ties
    assert approximate_randomization(a, b, trials=TRIALS)[name].p_value == second.p_value
    assert 0.01 < second.p_value < 0.9, "the comparison should not be one of extremes"


# -- what holds for both tests ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("test", TESTS, ids=["bootstrap", "randomization"])
@pytest.mark.parametrize("metric", [Bleu(), Rouge()], ids=["bleu", "rouge"])
def test_a_system_does_not_differ_from_itself(test, metric):
    references, (outputs,) = systems(9, 0.3)
    statistics = metric.statistics(outputs, [[text] for text in references])
    for paired in test(statistics, statistics).values():
        assert (paired.difference, paired.p_value) == (0, 1)
        assert paired.low in (0, None)


@pytest.mark.parametrize("test", TESTS, ids=["bootstrap", "randomization"])
def test_a_big_real_difference_is_not_chance(test):
    references, (poor, good) = systems(50, 0.6, 0.1)
    for metric in (Bleu(), Rouge(), Ter()):
        a, b = (metric.statistics(outputs, [[text] for text in references]) for outputs in (poor, good))
        for paired in test(a, b).values():
            assert paired.p_value <= 0.01
            assert (paired.difference > 0) == metric.higher_is_better


@pytest.mark.parametrize("test", TESTS, ids=["bootstrap", "randomization"])
def test_who_comes_first_changes_the_sign_alone(test):
    a, b = means(3, 1, 4, 1, 5, 9, 2), means(2, 7, 1, 8, 2, 8, 1)
    there, back = test(a, b)["mean"], test(b, a)["mean"]
    assert back.difference == -there.difference
    assert back.p_value == there.p_value
    if there.low is not None:
        assert (back.low, back.high) == pytest.approx((-there.high, -there.low))


@pytest.mark.parametrize("test", TESTS, ids=["bootstrap", "randomization"])
def test_systems_of_different_sentences_are_refused(test):
    with pytest.raises(UserError, match=r"^a paired test needs .* same sentences; the first has 2, the second 3\.$"):
        test(means(1, 2), means(1, 2, 3))


def test_a_seed_repeats_and_another_does_not():
    a, b = means(3, 1, 4, 1, 5, 9, 2), means(2, 7, 1, 8, 2, 8, 1)
    for call in (
        lambda seed: interval(a, resamples=80, seed=seed),
        lambda seed: paired_bootstrap(a, b, resamples=80, seed=seed),
        lambda seed: approximate_randomization(a, b, trials=80, seed=seed),
    ):
        assert call(1) == call(1)
        assert any(call(1) != call(seed) for seed in (2, 3))


def test_blocks_change_nothing(monkeypatch):
    a, b = means(3, 1, 4, 1, 5, 9, 2), means(2, 7, 1, 8, 2, 8, 1)

    def everything():
        bootstrap = paired_bootstrap(a, b, resamples=77)
        return interval(a, resamples=77), bootstrap, approximate_randomization(a, b, trials=177)

    whole = everything()
    for size in (1, 7 * 10, 7 * 64):
        monkeypatch.setattr(significance, "BLOCK", size)
        assert everything() == whole


@pytest.mark.parametrize("test", TESTS, ids=["bootstrap", "randomization"])
def test_memory_does_not_grow_with_the_samples(test):
    a, b = means(*np.arange(40_000) % 7), means(*np.arange(40_000) % 5)
    tracemalloc.start()
    try:
        test(a, b)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 48 * 2**20  # the indices of all samples alone would be 61 MiB


# -- worked out by hand ----------------------------------------------------------------------------------------------


def test_the_bootstrap_is_that_worked_out_by_hand():
    # One sentence: every sample is the sentence itself. d_r = 2, |d_r| - mean = 0 does not exceed |d| = 2.
    assert interval(means(3), resamples=4) == {"mean": Interval(3, 3, 3)}
    assert paired_bootstrap(means(3), means(5), resamples=4) == {"mean": Paired(2, 1 / 5, 2, 2)}


def test_an_interval_leaves_out_a_fortieth_at_each_end():
    # 80 samples of two sentences that have 0 and 1: the mean of each sample is 0, 1/2 or 1.
    drawn = np.random.default_rng(5).choice(2, size=(80, 2))
    ordered = sorted(drawn.mean(1))
    found = interval(means(0, 1), resamples=80, seed=5)["mean"]
    assert found == Interval(ordered[2], ordered[77], pytest.approx(sum(ordered) / 80))


def test_the_bootstrap_interval_is_about_that_of_the_normal_distribution():
    values = np.random.default_rng(3).normal(10, 2, size=400)
    found = interval(means(*values))["mean"]
    half = 1.96 * values.std() / 20
    assert found.mean == pytest.approx(values.mean(), abs=0.02)
    assert (found.low, found.high) == pytest.approx((values.mean() - half, values.mean() + half), abs=0.03)


def test_a_randomization_is_that_worked_out_by_hand():
    # Four sentences, each better by 1: |d| = 1, and |d_r| = 1 in the 2 of 16 ways to exchange all or nothing.
    found = approximate_randomization(means(1, 2, 3, 4), means(2, 3, 4, 5))["mean"]
    assert found.difference == 1
    assert found.p_value == pytest.approx(2 / 16, abs=0.01)
    # One sentence is better and all else is equal: every trial is as far apart.
    assert approximate_randomization(means(1, 2, 3), means(1, 2, 4))["mean"] == Paired(pytest.approx(1 / 3), 1)
    # Two sentences better by 8, one worse by 1, one the same: the sum is 15, and 17 or -17 in the trials that exchange
    # the third alone of these three, or the first two alone, and 15 or -15 in those that exchange none or all of them:
    # 4 of 8 ways.
    a, b = means(0, 0, 1, 4), means(8, 8, 0, 4)
    found = approximate_randomization(a, b)["mean"]
    assert found.difference == 15 / 4
    assert found.p_value == pytest.approx(4 / 8, abs=0.015)


# -- runs that differ by seed ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("freedom", "wanted"),
    [(1, 12.706205), (2, 4.302653), (3, 3.182446), (4, 2.776445), (9, 2.262157), (30, 2.042272), (120, 1.979930)],
)
def test_quantiles_of_student_are_those_of_the_tables(freedom, wanted):
    assert student_t(freedom) == pytest.approx(wanted, abs=1e-6)


def test_an_interval_over_seeds_is_that_worked_out_by_hand():
    # Mean 30, s = 1: 30 +- 4.302653 / sqrt(3).
    found = seed_interval([29, 31, 30])
    assert found.mean == 30
    assert (found.low, found.high) == pytest.approx((30 - 2.484138, 30 + 2.484138), abs=1e-6)
    assert seed_interval([7.5, 7.5]) == Interval(7.5, 7.5, 7.5)


def test_one_run_has_no_interval_over_seeds():
    with pytest.raises(UserError, match=r"^an interval over seeds needs at least 2 runs, not 1; train with more seeds"):
        seed_interval([30.0])
