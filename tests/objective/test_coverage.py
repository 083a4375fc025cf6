from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch

from seq2seq_pl.build import rehearse
from seq2seq_pl.errors import UserError
from seq2seq_pl.objective.coverage import Coverage
from seq2seq_pl.objective.cross_entropy import CrossEntropy

WEIGHTS = torch.tensor(
    [
        [[0.5, 0.5, 0.0], [0.25, 0.25, 0.5], [0.0, 1.0, 0.0]],
        [[1.0, 0.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.5, 0.5]],
    ]
)
MASK = torch.tensor([[True, True, True], [True, True, False]])
LABELS = torch.tensor([3, 6, 4, 4, 0])


@pytest.fixture
def logits() -> torch.Tensor:
    return 3 * torch.randn(5, 7, generator=torch.Generator().manual_seed(0))


def test_the_penalty_is_the_one_worked_out_by_hand(logits):
    loss = Coverage(7, label_smoothing=0.1, coverage_weight=2.0)(logits, LABELS, WEIGHTS, MASK)
    plain = CrossEntropy(7, label_smoothing=0.1)(logits, LABELS)
    # Sums of weights before: (0, 0, 0), (.5, .5, 0), (.75, .75, .5); (0, 0, 0), (1, 0, 0); the last token is padding.
    first, second = (0.25 + 0.25) + 0.75, 1.0
    assert loss.total.item() == pytest.approx(plain.total.item() + 2 * (first + second), rel=1e-6)


def test_the_likelihood_and_the_counts_know_nothing_of_the_penalty(logits):
    loss = Coverage(7, label_smoothing=0.1, coverage_weight=5.0)(logits, LABELS, WEIGHTS, MASK)
    plain = CrossEntropy(7, label_smoothing=0.1)(logits, LABELS)
    assert (loss.nll, loss.correct, loss.tokens) == (plain.nll, plain.correct, plain.tokens)
    assert torch.equal(
        Coverage(7, label_smoothing=0.1, coverage_weight=0.0)(logits, LABELS, WEIGHTS, MASK).total, plain.total
    )


def test_the_gradient_is_the_slope_of_the_loss(logits):
    objective = Coverage(7, label_smoothing=0.1, coverage_weight=2.0)
    scores = torch.randn(2, 3, 4, dtype=torch.double, generator=torch.Generator().manual_seed(1), requires_grad=True)
    wide = logits.double().requires_grad_()
    assert torch.autograd.gradcheck(lambda x, y: objective(x, LABELS, y.softmax(-1), MASK).total, (wide, scores))


def test_attention_that_never_comes_back_costs_nothing(logits):
    loss = Coverage(7, label_smoothing=0.0, coverage_weight=1.0)(logits[:3], LABELS[:3], torch.eye(3)[None], MASK[:1])
    assert torch.equal(loss.total, CrossEntropy(7)(logits[:3], LABELS[:3]).total)


def test_half_precision_weights_are_summed_in_float32(logits):
    weights = WEIGHTS.repeat(1, 1, 100).bfloat16() / 100
    objective = Coverage(7, label_smoothing=0.0, coverage_weight=1.0)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        total = objective(logits, LABELS, weights, MASK).total
    torch.testing.assert_close(total, objective(logits, LABELS, weights.float(), MASK).total)


def test_an_attention_without_weights_is_refused_at_the_start(tiny, corpus_folder, tmp_path):
    settings = tiny(corpus_folder, tmp_path / "run", "objective=coverage")
    rehearse(settings)
    bare = {**settings.model, "attention": {"_target_": "seq2seq_pl.model.attention.none.NoAttention"}}
    with pytest.raises(
        UserError, match=r"^objective=coverage needs attention weights, and the chosen model/attention has"
    ):
        rehearse(replace(settings, model=bare))


@pytest.mark.parametrize("value", [-0.5, math.inf, math.nan])
def test_a_weight_out_of_its_range_is_named(value):
    with pytest.raises(
        UserError, match=rf"^objective\.coverage_weight \({value}\) must be at least 0 and finite; try 1\.$"
    ):
        Coverage(7, label_smoothing=0.0, coverage_weight=value)


def test_a_smoothing_out_of_its_range_is_named():
    with pytest.raises(UserError, match=r"^objective\.label_smoothing \(1\.5\) must be at least 0 and below 1\.$"):
        Coverage(7, label_smoothing=1.5, coverage_weight=1.0)
