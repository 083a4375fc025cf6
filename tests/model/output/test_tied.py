import pytest
import torch
from torch import Tensor, nn

from seq2seq_pl.model.output.tied import TiedProjection
from seq2seq_pl.values import PAD

SIZES = {"embedding.size": 7, "encoder.hidden_size": 5, "decoder.hidden_size": 9}


def test_logits_are_products_with_the_rows_of_the_embedding():
    embedding = nn.Embedding.from_pretrained(Tensor([[1, 2], [0, -1], [3, 1]]))
    output = TiedProjection(2, embedding)
    output.bias.data.copy_(Tensor([10, 20, 30]))
    assert output(Tensor([[[4, 5]]])).tolist() == [[[4 + 10 + 10, -5 + 20, 12 + 5 + 30]]]


def test_an_output_of_another_size_is_brought_to_the_embeddings():
    torch.manual_seed(0)
    embedding, outputs = nn.Embedding(13, 7), torch.randn(2, 3, 9)
    output = TiedProjection(9, embedding)
    torch.testing.assert_close(output(outputs), outputs @ output.resize.weight.T @ embedding.weight.T)


@pytest.mark.parametrize("size", [7, 9])
def test_the_last_layer_apart_makes_the_logits(size):
    torch.manual_seed(0)
    output, outputs = TiedProjection(size, nn.Embedding(13, 7)), torch.randn(2, 3, size)
    last = output.affine(outputs)
    assert last.weight is output.weight
    torch.testing.assert_close(last.inputs @ last.weight.T + last.bias, output(outputs))


@pytest.mark.parametrize(("size", "own"), [(7, 13), (9, 13 + 9 * 7)])
def test_only_the_bias_and_a_change_of_size_are_parameters_of_its_own(size, own):
    embedding = nn.Embedding(13, 7)
    output = TiedProjection(size, embedding)
    mine = [parameter for parameter in output.parameters() if parameter is not embedding.weight]
    assert sum(parameter.numel() for parameter in mine) == own


def test_the_target_embedding_is_shared_and_counted_once(build):
    tied = build({"output": "tied"}, SIZES, (11, 13))
    apart = build({"output": "projection"}, SIZES, (11, 13))
    assert tied.output.weight is tied.target_embedding.weight
    assert tied.output.weight is not tied.source_embedding.weight
    # Projection has 9 * 13 + 13 numbers; tied has the resize, 9 * 7, and the bias, 13.
    count = {name: sum(parameter.numel() for parameter in m.parameters()) for name, m in [("t", tied), ("a", apart)]}
    assert count["a"] - count["t"] == 9 * 13 - 9 * 7


def test_a_step_of_the_optimizer_moves_embedding_and_output_together(build, batch):
    model = build({"output": "tied"}, SIZES, (11, 13))
    before = model.output.weight.detach().clone()
    model.output(model(batch)[0]).logsumexp(-1).sum().backward()
    torch.optim.SGD(model.parameters(), lr=0.1).step()
    assert model.output.weight is model.target_embedding.weight
    assert not torch.allclose(model.target_embedding.weight, before)
    torch.testing.assert_close(model.target_embedding.weight, before - 0.1 * model.output.weight.grad)


def test_pad_learns_as_a_row_of_the_output_layer_only(build, batch):
    for output in ("tied", "projection"):
        model = build({"output": output}, SIZES, (11, 13))
        model.output(model(batch)[0]).logsumexp(-1).sum().backward()
        assert (model.target_embedding.weight.grad[PAD] != 0).any() == (output == "tied")
        assert (model.source_embedding.weight.grad[PAD] == 0).all()


def test_a_state_dict_read_back_is_still_tied(build):
    model, other = (build({"output": "tied"}, SIZES, (11, 13), seed=seed) for seed in (0, 1))
    other.load_state_dict(model.state_dict())
    assert other.output.weight is other.target_embedding.weight
    assert torch.equal(other.output.weight, model.output.weight)
