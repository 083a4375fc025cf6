import pytest
import torch
from torch import Tensor, nn

from seq2seq_pl.errors import UserError
from seq2seq_pl.model.output.pointer_generator import PointerGenerator
from seq2seq_pl.values import PAD, UNK, Batch

VOCAB_SIZE = 5


@pytest.fixture
def output() -> PointerGenerator:
    torch.manual_seed(0)
    return PointerGenerator(3, nn.Embedding(VOCAB_SIZE, 7))


def half_and_half(probs: list[float]) -> PointerGenerator:
    """P_vocab is given, and p_gen is 1/4, whatever the decoder says."""
    output = PointerGenerator(2, nn.Embedding(len(probs), 7))
    for layer, bias in ((output.linear, torch.tensor(probs).log()), (output.generation, torch.tensor([1 / 3]).log())):
        layer.weight.data.zero_()
        layer.bias.data.copy_(bias)
    return output


def test_the_mixture_is_the_one_worked_out_by_hand():
    # Source: "4 x 4 y x" with x = 6 and y = 7 outside a vocabulary of 6; the last column is padding.
    copies = torch.tensor([[4, 6, 4, 7, 6, PAD]])
    weights = torch.tensor([[0.1, 0.2, 0.3, 0.4, 0.0, 0.0]])
    mixed = half_and_half([0.1, 0.1, 0.1, 0.1, 0.2, 0.4])(torch.randn(1, 2), weights, copies).exp()[0]
    written = [0.025, 0.025, 0.025, 0.025, 0.05, 0.1]
    copied = [0, 0, 0, 0, 0.75 * (0.1 + 0.3), 0, 0.75 * 0.2, 0.75 * 0.4, 0, 0, 0, 0]
    torch.testing.assert_close(mixed, torch.tensor(copied) + torch.tensor([*written, 0, 0, 0, 0, 0, 0]))
    assert mixed.sum().item() == pytest.approx(1)
    assert (mixed[8:] == 0).all()


def test_what_cannot_be_is_exactly_impossible_and_every_word_of_the_vocabulary_is_possible(output):
    copies, weights = torch.tensor([[5, 4, 6, PAD]]), torch.tensor([[0.5, 0.5, 0.0, 0.0]])
    mixed = output(1e4 * torch.randn(1, 3), weights, copies)[0]
    assert torch.isneginf(mixed).tolist() == [False] * 6 + [True] * 3  # 6 has weight 0; no source word is 7 or 8
    assert output.copying


@pytest.mark.parametrize("shape", [(2, 4), (4,), ()])
def test_the_gradient_is_the_slope_of_the_mixture(output, shape):
    output.double()
    torch.manual_seed(1)
    outputs = torch.randn(*shape, 3, dtype=torch.double, requires_grad=True)
    scores = torch.randn(*shape, 6, dtype=torch.double, requires_grad=True)
    copies = torch.tensor([4, 6, 4, 5, 6, PAD]).expand(*shape, 6)  # 4 and 6 stand twice, 9 and 10 nowhere

    def possible(outputs: Tensor, scores: Tensor, *_: Tensor) -> Tensor:
        weights = scores.masked_fill(copies == PAD, -torch.inf).softmax(-1)
        return output(outputs, weights, copies)[..., :7]

    assert torch.autograd.gradcheck(possible, (outputs, scores, *output.parameters()))


@pytest.mark.parametrize("weights", [[0.0, 1.0, 0.0], [1.0, 0.0, 0.0], [1e-42, 1.0, 0.0]])
@pytest.mark.parametrize("gate", [-1e4, 0.0, 1e4])
@pytest.mark.parametrize("label", [0, 4, 5, 6, 7])
def test_no_gradient_is_ever_not_a_number(output, weights, gate, label):
    outputs, weights = torch.randn(1, 3, requires_grad=True), torch.tensor([weights], requires_grad=True)
    output.generation.bias.data.fill_(gate)
    mixed = output(outputs, weights, torch.tensor([[5, 4, PAD]]))
    nn.functional.cross_entropy(mixed, torch.tensor([label])).backward()
    for tensor in (outputs, weights, *output.parameters()):
        assert tensor.grad.isfinite().all()


def test_it_is_computed_in_float32_whatever_the_model_computes_in(output):
    outputs, weights = torch.randn(2, 3), torch.tensor([[0.5, 0.25, 0.25]] * 2)
    copies = torch.tensor([[5, 4, 5], [3, 4, 6]])
    with torch.autocast("cpu", dtype=torch.bfloat16):
        mixed = output(outputs, weights.bfloat16(), copies)
    assert mixed.dtype == torch.float32
    torch.testing.assert_close(mixed.exp().sum(-1), torch.ones(2))
    torch.testing.assert_close(mixed, output(outputs, weights, copies), rtol=0.05, atol=0.05)
    assert output.bfloat16()(outputs.bfloat16(), weights.bfloat16(), copies).dtype == torch.float32


def test_a_word_outside_the_vocabulary_is_learnt_and_searched_as_its_own(build, batch):
    model = build({"output": "pointer_generator"}, {"embedding.size": 7}, (11, 13)).eval()
    assert [14 in row for row in batch.copies] == [True, False, False]  # 14 = 13 + 1, its second unknown word
    target = torch.tensor([[4, 14, 3]] * 3)
    read = Batch(batch.source, target, batch.index, batch.task, batch.copies)
    nll = -model.logits(read, *model(read)).view(3, 3, -1)[:, 1, 14]
    assert nll.isinf().tolist() == [False, True, True]
    copied, unknown = (model.step(torch.full((3, 1), token), model.start(batch))[0] for token in (14, UNK))
    assert torch.equal(copied, unknown)  # it has no vector of its own


def test_an_attention_without_weights_is_refused_when_the_model_is_built(build):
    with pytest.raises(UserError, match=r"^model/output=pointer_generator copies by attention weights, and the chosen"):
        build({"output": "pointer_generator", "attention": "none", "bridge": "last"}, {}, (11, 13))
