import torch
from torch import Tensor, nn

from seq2seq_pl.model.output.projection import Projection


def test_logits_are_a_matrix_product_with_a_bias():
    output = Projection(2, nn.Embedding(3, 5))
    output.linear.weight.data.copy_(Tensor([[1, 2], [0, -1], [3, 1]]))
    output.linear.bias.data.copy_(Tensor([10, 20, 30]))
    assert output(Tensor([[[4, 5]]])).tolist() == [[[4 + 10 + 10, -5 + 20, 12 + 5 + 30]]]


def test_it_has_one_logit_for_each_word_and_nothing_in_common_with_the_embedding():
    embedding = nn.Embedding(13, 7)
    output = Projection(9, embedding)
    assert output(torch.randn(2, 3, 9)).shape == (2, 3, 13)
    assert output(torch.randn(9)).shape == (13,)
    assert all(parameter is not embedding.weight for parameter in output.parameters())


def test_the_last_layer_apart_makes_the_logits():
    output, outputs = Projection(9, nn.Embedding(13, 7)), torch.randn(2, 3, 9)
    last = output.affine(outputs)
    torch.testing.assert_close(last.inputs @ last.weight.T + last.bias, output(outputs))
