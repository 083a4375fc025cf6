import pytest
import torch

from seq2seq_pl.errors import UserError
from seq2seq_pl.model.embedding.token import TokenEmbedding
from seq2seq_pl.values import PAD


def test_vectors_are_drawn_with_variance_one_over_size():
    torch.manual_seed(0)
    weight = TokenEmbedding(2000, 64).weight[1:]  # 128 k numbers: the standard error of the deviation is 0.2 %
    assert weight.std().item() == pytest.approx(1 / 8, rel=0.01)
    assert weight.mean().item() == pytest.approx(0, abs=0.002)


def test_scaled_vectors_have_unit_variance_and_are_the_plain_ones_times_the_root_of_the_size():
    plain, scaled = TokenEmbedding(50, 16), TokenEmbedding(50, 16, scale=True)
    scaled.load_state_dict(plain.state_dict())
    tokens = torch.tensor([[5, 49, 4], [7, 2, PAD]])
    torch.testing.assert_close(scaled(tokens), 4 * plain(tokens))
    assert torch.equal(plain(tokens), plain.weight[tokens])


@pytest.mark.parametrize("scale", [False, True])
def test_pad_is_the_zero_vector_and_learns_nothing(scale):
    embedding = TokenEmbedding(9, 7, scale=scale)
    vectors = embedding(torch.tensor([[4, PAD, PAD]]))
    assert vectors.shape == (1, 3, 7)
    assert vectors[0, 1:].tolist() == [[0.0] * 7] * 2
    vectors.sum().backward()
    assert embedding.weight.grad[PAD].tolist() == [0.0] * 7
    assert (embedding.weight.grad[4] != 0).all()


def test_it_can_be_trained_although_pad_was_set_by_hand():
    embedding = TokenEmbedding(9, 7)
    assert embedding.weight.is_leaf
    assert embedding.weight.requires_grad


def test_a_size_below_one_is_refused():
    with pytest.raises(UserError, match=r"^model\.embedding\.size \(0\) must be at least 1\.$"):
        TokenEmbedding(9, 0)
