from __future__ import annotations

import pytest

from seq2seq_pl.metric.replies import Replies


def replies(*hypotheses: str, **settings: object) -> tuple[float, float]:
    scores = Replies(**settings).compute(hypotheses, [["x"]] * len(hypotheses))
    return scores["dull"].value, scores["mean_length"].value


@pytest.mark.parametrize(
    ("hypotheses", "dull", "mean_length"),
    [
        (["i don't know .", "yes", "i don't know .", "no , never"], 200 / 4, 12 / 4),
        (["i  don't\tknow", " i don't know ", "no"], 200 / 3, 7 / 3),  # any white space is one space
        (["a b", "ab"], 100 / 2, 3 / 2),  # but no space is none
        (["yes", "no", "yes", "no", "so"], 200 / 5, 1),  # two are the most common; one of them counts
        (["", " ", "yes"], 200 / 3, 1 / 3),  # to say nothing is a reply, too
    ],
)
def test_the_scores_are_those_worked_out_by_hand(hypotheses, dull, mean_length):
    assert replies(*hypotheses) == pytest.approx((dull, mean_length))


@pytest.mark.parametrize("count", [1, 7])
def test_one_reply_to_everything_is_as_dull_as_can_be_and_no_reply_twice_the_least(count):
    assert replies(*["i don't know"] * count)[0] == 100
    assert replies(*map(str, range(count)))[0] == pytest.approx(100 / count)


def test_case_is_ignored_only_if_asked():
    texts = ("I see", "i see", "Oh")
    assert replies(*texts)[0] == pytest.approx(100 / 3)
    assert replies(*texts, lowercase=True)[0] == pytest.approx(200 / 3)


def test_the_signatures_say_how_the_figures_were_made():
    scores = Replies(lowercase=True).compute(["a"], [["a"]])
    assert scores["dull"].signature == "dull|case:lc|space:normalized|per:output"
    assert scores["mean_length"].signature == "mean_length|tok:space|per:output"
    assert Replies().compute(["a"], [["a"]])["dull"].signature == "dull|case:mixed|space:normalized|per:output"
