"""Recurrent layers over whole sequences: what torch's own layers compute, and their gradients."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence

from seq2seq_pl.model.scan import can_scan, scanned

TORCH = {"rnn": nn.RNN, "gru": nn.GRU, "lstm": nn.LSTM}
LENGTHS = {"all": None, "ragged": [2, 6, 1, 4, 6], "single": [1, 1, 1, 1, 1]}
cells = pytest.mark.parametrize("cell", TORCH)
directions = pytest.mark.parametrize("bidirectional", [False, True])
lengths = pytest.mark.parametrize("lengths", LENGTHS.values(), ids=LENGTHS)


def given(cell, bidirectional, lengths):
    """A layer, inputs (5, 6, 3), packed where there are lengths, and first states (directions, 5, 4)."""
    torch.manual_seed(0)
    layer = TORCH[cell](3, 4, bidirectional=bidirectional, batch_first=True).double()
    inputs = torch.randn(5, 6, 3, dtype=torch.double, requires_grad=True)
    shape = (1 + bidirectional, 5, 4)
    first = tuple(torch.randn(shape, dtype=torch.double, requires_grad=True) for _ in range(1 + (cell == "lstm")))
    return layer, inputs, first


def packed(inputs, lengths):
    """The inputs as they are given to a layer."""
    return pack_padded_sequence(inputs, lengths, batch_first=True, enforce_sorted=False) if lengths else inputs


def flat(answer):
    """Outputs and last states, outputs of packed inputs as their data."""
    outputs, last = answer
    return outputs if isinstance(outputs, torch.Tensor) else outputs.data, last


@cells
@directions
@lengths
@pytest.mark.parametrize("zeros", [False, True])
def test_outputs_last_states_and_all_gradients_are_those_of_torch(cell, bidirectional, lengths, zeros):
    layer, inputs, first = given(cell, bidirectional, lengths)
    states = None if zeros else first if cell == "lstm" else first[0]
    found = []
    for run in (layer, lambda *arguments: scanned(cell, layer, *arguments)):
        outputs, last = flat(run(packed(inputs, lengths), states))
        last = last if isinstance(last, tuple) else (last,)
        generator = torch.Generator().manual_seed(1)  # slopes that differ from place to place
        slopes = [torch.randn(value.shape, generator=generator, dtype=torch.double) for value in (outputs, *last)]
        total = sum((value * slope).sum() for value, slope in zip((outputs, *last), slopes, strict=True))
        wanted = [*layer.parameters(), inputs, *(() if zeros else first)]
        found.append((outputs, last, torch.autograd.grad(total, wanted)))
    torch.testing.assert_close(*found)


@cells
def test_the_gradient_is_the_slope(cell):
    layer, inputs, first = given(cell, True, LENGTHS["ragged"])

    def outputs(inputs, *first):
        states = first if cell == "lstm" else first[0]
        return flat(scanned(cell, layer, packed(inputs, LENGTHS["ragged"]), states))[0]

    assert torch.autograd.gradcheck(outputs, (inputs, *first))


@cells
def test_nothing_that_was_given_is_written_to(cell):
    layer, inputs, first = given(cell, False, None)
    before = [value.detach().clone() for value in (inputs, *first)]
    flat(scanned(cell, layer, inputs, first if cell == "lstm" else first[0]))[0].sum().backward()
    for value, old in zip((inputs, *first), before, strict=True):
        assert torch.equal(value, old)


def test_other_precisions_are_left_to_torch():
    assert can_scan(torch.ones(2))
    assert not can_scan(torch.ones(2, dtype=torch.bfloat16))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert not can_scan(torch.ones(2))
