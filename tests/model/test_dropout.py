"""Dropout: what is kept, how often, and that it is repeatable."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from seq2seq_pl.model.dropout import Dropout, dropout


@pytest.mark.parametrize("probability", [0.1, 0.5, 0.9])
def test_a_share_is_dropped_and_the_mean_stays(probability):
    torch.manual_seed(1)
    dropped = dropout(torch.ones(400, 250), probability, training=True)
    assert (dropped == 0).double().mean().item() == pytest.approx(probability, abs=0.005)  # three deviations
    assert dropped.double().mean().item() == pytest.approx(1, abs=0.03)
    assert dropped.unique().tolist() == pytest.approx([0, 1 / (1 - probability)], rel=2e-4)


def test_elements_of_a_row_and_of_a_column_are_dropped_independently():
    torch.manual_seed(1)
    dropped = (dropout(torch.ones(500, 400), 0.5, training=True) == 0).double()
    for both in (dropped[:, 1:] * dropped[:, :-1], dropped[1:] * dropped[:-1], dropped[:, 4:] * dropped[:, :-4]):
        assert both.mean().item() == pytest.approx(0.25, abs=0.005)


def test_gradients_flow_where_something_was_kept():
    torch.manual_seed(1)
    vectors = torch.randn(3, 5, requires_grad=True)
    dropped = dropout(vectors, 0.4, training=True)
    dropped.sum().backward()
    torch.testing.assert_close(vectors.grad * vectors, dropped)
    assert 0 < (vectors.grad == 0).sum() < 15


def test_the_seed_of_torch_repeats_it_and_two_calls_differ():
    vectors, found = torch.ones(7, 11), []
    for _ in range(2):
        torch.manual_seed(3)
        found.append([dropout(vectors, 0.5, training=True) for _ in range(2)])
    for first, second in zip(*found, strict=True):
        assert torch.equal(first, second)
    assert not torch.equal(*found[0])


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_the_type_of_the_vectors_stays(dtype):
    assert dropout(torch.ones(3, 5, dtype=dtype), 0.4, training=True).dtype == dtype


@pytest.mark.parametrize(("probability", "training"), [(0.0, True), (0.5, False)])
def test_nothing_is_dropped_and_nothing_drawn_outside_of_training_or_at_0(probability, training):
    torch.manual_seed(1)
    vectors = torch.randn(3, 5)
    before = torch.get_rng_state()
    assert dropout(vectors, probability, training) is vectors
    assert torch.equal(before, torch.get_rng_state())


def test_a_module_drops_in_training_alone():
    torch.manual_seed(1)
    module = nn.Sequential(Dropout(0.5))
    assert (module(torch.ones(50)) == 0).any()
    assert (module.eval()(torch.ones(50)) == 1).all()
    assert str(module[0]) == "Dropout(0.5)"


def test_an_empty_tensor_stays_empty():
    assert dropout(torch.ones(0, 4), 0.5, training=True).shape == (0, 4)
