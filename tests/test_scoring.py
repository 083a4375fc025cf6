"""One path from outputs to scores."""

import math

import pytest
import torch

from seq2seq_pl.interfaces import Metric
from seq2seq_pl.metric.bleu import Bleu
from seq2seq_pl.scoring import (
    Item,
    Scorer,
    count_parameters,
    forced_scores,
    higher_is_better,
    merit,
    monitor_names,
    prefix,
    with_baselines,
)
from seq2seq_pl.values import Example, Loss, Score


class Seen(Metric):
    """Remembers what it was asked to score."""

    names = ("seen",)
    higher_is_better = False

    def __init__(self):
        self.calls = []

    def compute(self, hypotheses, references):
        self.calls.append((list(hypotheses), list(references)))
        return {"seen": Score(len(hypotheses), "how many")}


def loss(total, nll, correct, tokens) -> Loss:
    return Loss(*map(torch.tensor, (float(total), float(nll), float(correct), float(tokens))))


def item(index: int) -> Item:
    return Item(index, f"output {index}", Example(f"source {index}", (f"reference {index}", "another")))


def test_a_split_is_scored_once_and_in_its_own_order():
    metric = Seen()
    scorer = Scorer([metric])
    scorer.add(loss(1, 1, 1, 2), [item(2), item(0)])
    scorer.add(loss(1, 1, 1, 2), [item(1)])
    scored = scorer.finish()
    assert [item.index for item in scored.items] == [0, 1, 2]
    ((hypotheses, references),) = metric.calls
    assert hypotheses == ["output 0", "output 1", "output 2"]
    assert references[1] == ("reference 1", "another")
    assert scored.scores["seen"].value == 3


def test_a_sentence_that_two_processes_scored_counts_once():
    scorer = Scorer([Seen()])
    scorer.add(loss(1, 1, 1, 1), [item(0), item(1)])
    scorer.add(loss(1, 1, 1, 1), [item(1)])
    assert scorer.finish().scores["seen"].value == 2


def test_forced_scores_are_means_over_tokens_not_over_batches():
    scorer = Scorer([])
    scorer.add(loss(total=6, nll=4, correct=1, tokens=8), [item(0)])
    scorer.add(loss(total=3, nll=2, correct=2, tokens=2), [item(1)])
    scores = scorer.finish().scores
    assert scores["loss"].value == pytest.approx(9 / 10)
    assert scores["perplexity"].value == pytest.approx(math.exp(6 / 10))
    assert scores["accuracy"].value == pytest.approx(30)


def test_baselines_are_scored_beside_the_outputs_against_the_same_references():
    metric, scorer = Seen(), Scorer([])
    scorer.add(loss(1, 1, 1, 1), [item(1), item(0)])
    scored = scorer.finish()
    found = with_baselines(scored, lambda source: {"whole": source, "nothing": ""}, [metric])
    assert found.items == scored.items
    assert list(found.scores) == [*scored.scores, "whole/seen", "nothing/seen"]
    references = [("reference 0", "another"), ("reference 1", "another")]
    assert metric.calls == [(["source 0", "source 1"], references), (["", ""], references)]
    assert with_baselines(scored, lambda source: {}, [metric]) == scored


@pytest.mark.parametrize(("nll", "tokens", "perplexity"), [(0, 0, 1), (1e9, 1, math.exp(700)), (0, 5, 1)])
def test_perplexity_is_a_number_at_the_extremes(nll, tokens, perplexity):
    assert forced_scores(0, nll, 0, tokens)["perplexity"].value == perplexity


def test_the_monitor_looks_the_right_way():
    metrics = [Bleu(language="en"), Seen()]
    assert [higher_is_better(name, metrics) for name in ("bleu", "seen", "loss", "perplexity", "accuracy")] == [
        True,
        False,
        False,
        False,
        True,
    ]


@pytest.mark.parametrize(
    ("monitor", "value", "expected"),
    [
        ("bleu", 40, 40),
        ("accuracy", 70, 70),
        ("perplexity", 4, 25),  # a token has a probability of 1/4 in the geometric mean
        ("perplexity", 1, 100),
        ("perplexity", math.exp(700), 0),
        ("loss", math.log(4), 25),  # as the perplexity that it would be without label smoothing
        ("seen", 30, 70),  # an error rate
        ("seen", 130, 0),  # which may be above 100 %
    ],
)
def test_the_merit_of_a_score_is_in_percent_and_grows(monitor, value, expected):
    assert merit(monitor, value, [Bleu(language="en"), Seen()]) == pytest.approx(expected)


def test_nothing_that_was_added_has_no_scores():
    assert Scorer([Seen()]).finish() is None


def test_every_score_of_a_split_can_be_monitored():
    scorer = Scorer([Bleu(language="en"), Seen()])
    scorer.add(loss(1, 1, 1, 1), [item(0)])
    assert set(monitor_names(scorer.metrics)) == set(scorer.finish().scores)


def test_every_score_has_a_signature():
    scorer = Scorer([Bleu(language="en")])
    scorer.add(loss(1, 1, 1, 1), [item(0)])
    assert all(score.signature for score in scorer.finish().scores.values())


@pytest.mark.parametrize(("split", "where"), [("valid", "val/t"), ("test", "test/t"), ("test_unseen", "test_unseen/t")])
def test_scores_are_logged_under_their_split(split, where):
    assert prefix(split, "t") == where


def test_tied_weights_count_once_and_frozen_ones_not():
    first, second, frozen = torch.nn.Linear(3, 5, bias=False), torch.nn.Linear(3, 5, bias=False), torch.nn.Linear(2, 2)
    second.weight = first.weight
    assert count_parameters(torch.nn.ModuleList([first, second, frozen.requires_grad_(False)])) == 15
