"""The largest of many numbers by their pieces: the same as torch finds one by one."""

from __future__ import annotations

import pytest
import torch

from seq2seq_pl.decoding.likeliest import PIECE, likeliest

SHAPES = [(3, 2 * PIECE * 6 + 5), (2, 3, PIECE * 20), (2, PIECE * 13 - 1), (4, 7), (2, PIECE)]


@pytest.fixture(autouse=True)
def few_are_many(monkeypatch):
    monkeypatch.setattr("seq2seq_pl.decoding.likeliest.MANY", 1)


@pytest.mark.parametrize("size", [1, 2, 6])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_the_largest_are_found(shape, size):
    torch.manual_seed(0)
    values = torch.randn(shape)
    found, ids = likeliest(values, size)
    assert torch.equal(values.gather(-1, ids), found)
    assert all(len(set(row)) == size for row in ids.flatten(0, -2).tolist())
    expected = values.topk(size).values
    assert torch.equal(found.sort(descending=True).values, expected)


@pytest.mark.parametrize("place", [0, PIECE - 1, PIECE, 12 * PIECE - 1, 12 * PIECE, 12 * PIECE + 4])
@pytest.mark.parametrize("size", [1, 3])
def test_each_place_can_hold_it(place, size):
    values = torch.zeros(2, 12 * PIECE + 5)
    values[:, place] = 1
    found, ids = likeliest(values, size)
    assert found.max() == 1
    assert ids.gather(-1, found.argmax(-1, keepdim=True)).tolist() == [[place]] * 2


def test_of_equals_the_lowest_id_is_the_largest():
    values = torch.zeros(1, 12 * PIECE + 5)
    values[0, [3 * PIECE + 7, 3 * PIECE + 9, 5 * PIECE, 12 * PIECE + 1]] = 1
    assert likeliest(values, 1)[1].item() == 3 * PIECE + 7


@pytest.mark.parametrize("place", [5, 12 * PIECE + 1])
def test_what_is_no_number_comes_first(place):
    values = torch.zeros(1, 12 * PIECE + 5)
    values[0, place] = torch.nan
    for size in (1, 3):
        found, ids = likeliest(values, size)
        assert place in ids.tolist()[0]
        assert found.isnan().any()


def test_nothing_but_the_impossible():
    values = torch.full((2, 12 * PIECE + 5), -torch.inf)
    found, ids = likeliest(values, 3)
    assert found.tolist() == [[-torch.inf] * 3] * 2
    assert all(len(set(row)) == 3 for row in ids.tolist())


def test_no_rows():
    found, ids = likeliest(torch.zeros(0, 12 * PIECE), 3)
    assert found.shape == ids.shape == (0, 3)
