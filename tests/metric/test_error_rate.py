from __future__ import annotations

import pytest
import rapidfuzz
from hypothesis import given, settings
from hypothesis import strategies as st

from seq2seq_pl.errors import UserError
from seq2seq_pl.metric.error_rate import ErrorRate

WORDS = st.lists(st.sampled_from(["a", "ab", "B", "ß"]), max_size=6)


def rate(hypotheses: list[str], references: list[list[str]], **options: object) -> float:
    metric = ErrorRate(**options)
    return metric.compute(hypotheses, references)[metric.names[0]].value


def textbook(a: list[str], b: list[str]) -> int:
    """Levenshtein's recurrence, row by row."""
    row = list(range(len(b) + 1))
    for i, left in enumerate(a, start=1):
        above, row = row, [i]
        for j, right in enumerate(b, start=1):
            row.append(min(above[j] + 1, row[j - 1] + 1, above[j - 1] + (left != right)))
    return row[-1]


@pytest.mark.parametrize(
    ("hypotheses", "references", "value"),
    [
        (["the cat sat"], [["the cat sat"]], 0),
        (["the  bat\tsat down"], [["the cat sat"]], 200 / 3),  # a replacement, an insertion
        (["a b", "c"], [["a b c d"], ["c"]], 200 / 5),  # over the corpus, not a mean of 50 and 0
        (["c d a b"], [["a b c d"]], 100),  # no phrase moves, unlike TER
        (["a b c d"], [["x"]], 400),
    ],
)
def test_the_rate_is_that_worked_out_by_hand(hypotheses, references, value):
    assert rate(hypotheses, references) == pytest.approx(value)


@settings(deadline=None, max_examples=60)
@given(WORDS, WORDS)
def test_edits_are_those_of_the_textbook(hypothesis, reference):
    rows = ErrorRate().statistics([" ".join(hypothesis)], [[" ".join(reference)]]).rows
    assert rows.tolist() == [[textbook(hypothesis, reference), len(reference)]]


def test_the_reference_of_the_fewest_edits_counts_and_of_those_the_longest():
    assert rate(["a b c"], [["a b x y", "a b", "a b c d"]]) == pytest.approx(100 / 4)
    assert rate(["a b c"], [["a b c d", "a b"]]) == pytest.approx(100 / 4)


@pytest.mark.parametrize(
    ("unit", "name", "value"),
    [("word", "wer", 50), ("phoneme", "per", 50), ("character", "cer", 100 * 1 / 7)],
)
def test_the_unit_names_the_rate(unit, name, value):
    score = ErrorRate(unit=unit).compute(["kat sat"], [["cat  sat"]])
    assert list(score) == [name]
    assert score[name].value == pytest.approx(value)
    assert score[name].signature == f"{name}|unit:{unit}|case:mixed|refs:best|rapidfuzz:{rapidfuzz.__version__}"


def test_phonemes_are_not_letters():
    assert rate(["K AE1 T S"], [["K AA1 T"]], unit="phoneme") == pytest.approx(200 / 3)


def test_a_lost_space_is_one_character():
    assert rate(["thecat"], [["the cat"]], unit="character") == pytest.approx(100 / 7)
    assert rate(["thecat"], [["the cat"]]) == pytest.approx(100)


def test_case_is_ignored_only_if_asked():
    assert rate(["The Cat"], [["the cat"]]) == 100
    assert rate(["The Cat"], [["the cat"]], lowercase=True) == 0
    assert "|case:lc|" in ErrorRate(lowercase=True).compute(["a"], [["a"]])["wer"].signature


def test_empty_references_ask_for_empty_outputs():
    assert rate(["", ""], [[""], [""]]) == 0
    assert rate(["a b", ""], [[""], [""]]) == 100
    assert rate(["a b", ""], [[""], ["x y z w"]]) == pytest.approx(600 / 4)


def test_an_unknown_unit_is_an_error():
    with pytest.raises(UserError, match=r"^metric.error_rate.unit \(wer\) must be one of word, phoneme, character\.$"):
        ErrorRate(unit="wer")
