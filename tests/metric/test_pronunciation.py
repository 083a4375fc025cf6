from __future__ import annotations

import pytest
import rapidfuzz
from hypothesis import given, settings
from hypothesis import strategies as st

from seq2seq_pl.metric.error_rate import ErrorRate
from seq2seq_pl.metric.exact_match import ExactMatch
from seq2seq_pl.metric.pronunciation import Pronunciation

WORDS = st.lists(st.sampled_from(["k", "aː", "K", "tʃ"]), min_size=1, max_size=5).map(" ".join)
ITEMS = st.lists(st.tuples(WORDS, st.lists(WORDS, min_size=1, max_size=3)), min_size=1, max_size=5)


def rates(hypotheses: list[str], references: list[list[str]]) -> tuple[float, float]:
    scores = Pronunciation().compute(hypotheses, references)
    return scores["wer"].value, scores["per"].value


@pytest.mark.parametrize(
    ("hypotheses", "references", "wer", "per"),
    [
        (["k aː t"], [["k aː t"]], 0, 0),
        (["k a t", "d o k", "m i"], [["k aː t"], ["d o k"], ["m i"]], 100 / 3, 100 / 8),
        (["d a t"], [["d eɪ t ə", "d a t ə", "d a t"]], 0, 0),  # any accepted pronunciation is right
        (["d a t a"], [["d eɪ t", "d a t ə"]], 100, 100 / 4),  # else the nearest counts: one replacement in four
        (["a t", "k"], [["a"], ["k s t"]], 100, 300 / 4),  # over the corpus, not a mean of 100 and 66.7
        (["a b c d"], [["x"]], 100, 400),  # a word is wrong only once
        (["", "k"], [["k a"], ["k"]], 50, 200 / 3),
        ([" k  aː\t t "], [["k aː t"]], 0, 0),
        (["tʃ a"], [["t ʃ a"]], 100, 200 / 3),  # phonemes, not characters
        (["ae1 t"], [["AE1 t"]], 100, 50),
    ],
)
def test_the_rates_are_those_worked_out_by_hand(hypotheses, references, wer, per):
    assert rates(hypotheses, references) == pytest.approx((wer, per))


def test_of_equally_near_pronunciations_the_longest_counts():
    assert rates(["a b c"], [["a b", "a b c d"]]) == pytest.approx((100, 25))
    assert rates(["a b c"], [["a b c d", "a b"]]) == pytest.approx((100, 25))


@settings(deadline=None, max_examples=60)
@given(ITEMS)
def test_wer_is_what_is_no_exact_match_and_per_is_the_error_rate_of_phonemes(items):
    hypotheses, references = [hypothesis for hypothesis, _ in items], [item for _, item in items]
    found = Pronunciation().compute(hypotheses, references)
    exact = ExactMatch().compute(hypotheses, references)["exact_match"].value
    assert found["wer"].value == pytest.approx(100 - exact)
    assert found["per"] == ErrorRate(unit="phoneme").compute(hypotheses, references)["per"]  # signature and all


def test_signatures_say_how_the_rates_are_counted():
    scores = Pronunciation().compute(["k"], [["k"]])
    assert scores["wer"].signature == "wer|unit:pronunciation|case:mixed|refs:any"
    assert scores["per"].signature == f"per|unit:phoneme|case:mixed|refs:best|rapidfuzz:{rapidfuzz.__version__}"


def test_statistics_are_wrong_words_words_edits_and_phonemes():
    rows = Pronunciation().statistics(["k a", "t"], [["k aː t"], ["t", "d"]]).rows
    assert rows.tolist() == [[1, 1, 2, 3], [0, 1, 0, 1]]
