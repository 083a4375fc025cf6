"""The scores of additive attention: the formula, its slopes, and that pieces change nothing."""

from __future__ import annotations

import pytest
import torch

from seq2seq_pl.model.additive import additive_scores


@pytest.fixture
def given() -> tuple[torch.Tensor, ...]:
    """Query (5, 3, 4), keys (5, 2, 4), energy (4,)."""
    torch.manual_seed(0)
    return tuple(torch.randn(shape, dtype=torch.double, requires_grad=True) for shape in ((5, 3, 4), (5, 2, 4), (4,)))


def formula(query, keys, energy):
    return torch.tanh(query.unsqueeze(2) + keys.unsqueeze(1)) @ energy


@pytest.mark.parametrize("at_once", [1, 2 * 24, 1000])
def test_scores_and_gradients_are_those_of_the_formula(given, at_once, monkeypatch):
    monkeypatch.setattr("seq2seq_pl.model.additive.AT_ONCE", at_once)
    slope, found = torch.randn(5, 3, 2, dtype=torch.double), []
    for scored in (additive_scores, formula):
        scores = scored(*given)
        found.append((scores, torch.autograd.grad((scores * slope).sum(), given)))
    torch.testing.assert_close(*found)


def test_the_gradient_is_the_slope(given):
    assert torch.autograd.gradcheck(additive_scores, given)


def test_large_and_small_sums_are_as_exact_as_float32_is():
    query, keys = torch.tensor([[[-1e4], [1e4], [1e-3], [0.0]]]), torch.zeros(1, 1, 1)
    scores = additive_scores(query, keys, torch.tensor([3.0]))
    torch.testing.assert_close(scores.flatten(), torch.tensor([-3.0, 3.0, 3e-3, 0.0]), rtol=0, atol=1e-6)


@pytest.mark.parametrize("at_once", [1, 1000])
def test_without_gradients_they_are_the_same_and_nothing_is_kept(given, at_once, monkeypatch):
    monkeypatch.setattr("seq2seq_pl.model.additive.AT_ONCE", at_once)
    with torch.no_grad():
        scores = additive_scores(*given)
        torch.testing.assert_close(scores, formula(*given))
    assert scores.grad_fn is None


def test_an_empty_batch_has_no_scores():
    assert additive_scores(torch.ones(0, 3, 4), torch.ones(0, 2, 4), torch.ones(4)).shape == (0, 3, 2)
