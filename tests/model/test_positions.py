import math

import pytest
import torch

from seq2seq_pl.errors import UserError
from seq2seq_pl.model.positions import Positions, rotate, sinusoids


@pytest.mark.parametrize("size", [6, 5])
def test_sinusoids_are_the_formula_of_the_paper(size):
    encoded = sinusoids(torch.arange(4), size)
    assert encoded.shape == (4, size)
    for place in range(4):
        for column in range(size):
            angle = place / 10000 ** (column // 2 * 2 / size)
            assert encoded[place, column] == pytest.approx(math.cos(angle) if column % 2 else math.sin(angle), abs=1e-6)


@pytest.mark.parametrize("kind", ["sinusoidal", "learned", "rotary"])
def test_the_later_part_of_a_text_gets_the_later_positions(kind):
    positions, embedded = Positions(kind, 6, max_positions=9, part="model.encoder"), torch.randn(2, 7, 6)
    torch.testing.assert_close(positions(embedded[:, 3:], start=3), positions(embedded)[:, 3:])


def test_the_product_of_turned_vectors_depends_on_their_distance_alone():
    query, key = torch.randn(1, 8), torch.randn(1, 8)
    products = [(rotate(query, start + 3) @ rotate(key, start).T).item() for start in (0, 5, 40)]
    assert products == pytest.approx([products[0]] * 3, abs=1e-5)
    assert (rotate(query, 2) @ rotate(key, 0).T).item() != pytest.approx(products[0], abs=1e-3)


def test_turning_keeps_the_length_and_position_zero_turns_nothing():
    vectors = torch.randn(2, 3, 5, 8)
    turned = rotate(vectors)
    torch.testing.assert_close(turned.norm(dim=-1), vectors.norm(dim=-1))
    torch.testing.assert_close(turned[..., 0, :], vectors[..., 0, :])


def test_two_numbers_are_turned_by_one_radian_a_position():
    turned = rotate(torch.tensor([[1.0, 0.0]]), start=2)
    torch.testing.assert_close(turned, torch.tensor([[math.cos(2), math.sin(2)]]))


def test_a_text_longer_than_the_learned_positions_is_refused():
    positions = Positions("learned", 6, max_positions=4, part="model.decoder")
    positions(torch.zeros(1, 4, 6))
    message = r"^model.decoder.max_positions \(4\) is less than the 5 tokens of a text; set more, .*sinusoidal\.$"
    with pytest.raises(UserError, match=message):
        positions(torch.zeros(1, 5, 6))
    with pytest.raises(UserError, match=message):
        positions(torch.zeros(1, 1, 6), start=4)


def test_no_positions_at_all_are_refused():
    with pytest.raises(UserError, match=r"^model.encoder.max_positions \(0\) must be at least 1\.$"):
        Positions("learned", 6, max_positions=0, part="model.encoder")
