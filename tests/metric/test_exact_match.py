from __future__ import annotations

import pytest

from seq2seq_pl.metric.exact_match import ExactMatch

REFERENCES = [["Zanthor sleeps ."], ["a dog", "the dog"], ["x"], [""]]


@pytest.mark.parametrize(
    ("hypotheses", "value"),
    [
        (["Zanthor sleeps .", "the dog", "x", ""], 100.0),
        ([" Zanthor \t sleeps\u3000.", "a  dog", "y", "z"], 50.0),
        (["Zanthor sleeps.", "the", "X", "-"], 0.0),
    ],
)
def test_outputs_that_equal_a_reference_are_counted(hypotheses, value):
    score = ExactMatch().compute(hypotheses, REFERENCES)["exact_match"]
    assert score.value == value
    assert score.signature == "exact match|case:mixed|space:normalized"


def test_case_is_ignored_only_if_asked():
    texts = ["ZANTHOR sleeps .", "A Dog", "X", ""]
    assert ExactMatch().compute(texts, REFERENCES)["exact_match"].value == 25.0
    score = ExactMatch(lowercase=True).compute(texts, REFERENCES)["exact_match"]
    assert (score.value, score.signature) == (100.0, "exact match|case:lc|space:normalized")
