"""Products with wide matrices: whichever library makes them, they are the same."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from seq2seq_pl.products import linear, log_softmax


@pytest.fixture(params=[(3, 5), (2, 3, 5), (0, 5)], ids=str)
def given(request) -> tuple[torch.Tensor, ...]:
    """Inputs (..., 5), weight (7, 5), bias (7,)."""
    torch.manual_seed(0)
    return torch.randn(request.param), torch.randn(7, 5), torch.randn(7)


@pytest.mark.parametrize("onednn", [True, False])
def test_the_product_is_that_of_torch(given, onednn, monkeypatch):
    monkeypatch.setattr("seq2seq_pl.products.has_onednn", lambda: onednn and torch.backends.mkldnn.is_available())
    torch.testing.assert_close(linear(*given), F.linear(*given))


def test_inputs_may_have_gaps(given):
    inputs, weight, bias = given
    wide = torch.cat([inputs, inputs], dim=-1)[..., 5:]
    torch.testing.assert_close(linear(wide, weight, bias), F.linear(inputs, weight, bias))


def test_gradients_flow_where_they_are_wanted(given):
    given = [tensor.requires_grad_() for tensor in given]
    found = [torch.autograd.grad(make(*given).square().sum(), given) for make in (linear, F.linear)]
    torch.testing.assert_close(*found)


def test_other_precisions_are_left_to_torch(given):
    wide = [tensor.double() for tensor in given]
    assert linear(*wide).dtype == torch.float64
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert linear(*given).dtype == torch.bfloat16


@pytest.mark.parametrize("shape", [(3, 7), (2, 3, 7), (0, 7), (65, 8_004)], ids=str)
def test_log_probabilities_take_the_place_of_logits(shape):
    torch.manual_seed(0)
    logits = 5 * torch.randn(shape)
    logits[..., 2] = -torch.inf
    expected = logits.log_softmax(-1)
    with torch.no_grad():
        found = log_softmax(logits)
    assert found.data_ptr() == logits.data_ptr()
    assert torch.equal(found, expected)


def test_logits_stay_where_a_gradient_is_wanted():
    logits = torch.randn(2, 7, requires_grad=True)
    before = logits.detach().clone()
    log_softmax(logits)[0, 0].backward()
    assert torch.equal(logits, before)
    assert logits.grad is not None


def test_logits_that_share_memory_stay():
    row = torch.randn(7)
    with torch.no_grad():
        found = log_softmax(row.expand(3, 7))
    torch.testing.assert_close(found.exp().sum(-1), torch.ones(3))
    assert not torch.equal(found[0], row)
