import pytest
import torch
from torch import nn
from torch.nn import functional as F

from seq2seq_pl.errors import UserError
from seq2seq_pl.model.initialization.orthogonal import Orthogonal

SIZES = {"embedding.size": 7, "encoder.hidden_size": 4, "decoder.hidden_size": 12}


@pytest.mark.parametrize("layer", [nn.RNN, nn.GRU, nn.LSTM, nn.RNNCell, nn.GRUCell, nn.LSTMCell])
def test_every_gates_recurrent_matrix_is_orthogonal_and_no_two_are_the_same(layer):
    torch.manual_seed(0)
    model = layer(5, 6)
    Orthogonal(std=0.01)(model)
    stacked = next(values for name, values in model.named_parameters() if name.startswith("weight_hh"))
    gates = stacked.split(6)
    for gate in gates:
        torch.testing.assert_close(gate @ gate.T, torch.eye(6))
    assert len({gate[0, 0].item() for gate in gates}) == len(gates)


def test_other_matrices_and_embeddings_are_gaussian_and_biases_zero():
    torch.manual_seed(0)
    model = nn.ModuleDict(
        {"linear": nn.Linear(200, 150), "embedding": nn.Embedding(300, 100, padding_idx=0), "gru": nn.GRU(200, 90)}
    )
    Orthogonal(std=0.01)(model)
    for values in (model["linear"].weight, model["embedding"].weight[1:], model["gru"].weight_ih_l0):
        assert values.numel() > 29_000  # the standard error of the deviation is 0.4 %, of the mean 0.6 %
        assert values.std().item() == pytest.approx(0.01, rel=0.02)
        assert values.mean().item() == pytest.approx(0, abs=0.0002)
        assert values.abs().max() > 0.03  # a uniform distribution of this deviation ends at 0.017
    for values in (
        model["linear"].bias,
        model["gru"].bias_ih_l0,
        model["gru"].bias_hh_l0,
        model["embedding"].weight[0],
    ):
        assert (values == 0).all()


def test_the_vector_of_an_attentions_energy_is_zero_so_that_at_first_all_tokens_weigh_the_same(build, batch):
    model = build({"initialization": "orthogonal", "attention": "additive", "decoder": "rnn"}, SIZES, (11, 13))
    assert (model.decoder.attention.energy.weight == 0).all()
    _, weights = model(batch)
    for b, length in enumerate([4, 6, 1]):
        torch.testing.assert_close(weights[b, :, :length], torch.full((4, length), 1 / length))


def test_layer_normalisation_stays_the_identity():
    norm = nn.LayerNorm(4)
    Orthogonal(std=0.01)(norm)
    assert (norm.weight.tolist(), norm.bias.tolist()) == ([1] * 4, [0] * 4)


@pytest.mark.parametrize("attention", ["additive", "concat", "coverage"])
def test_a_model_whose_energy_begins_at_zero_learns_and_so_does_its_energy(build, batch, attention):
    model = build({"initialization": "orthogonal", "attention": attention, "decoder": "rnn"}, SIZES, (11, 13))
    before = {name: values.detach().clone() for name, values in model.decoder.attention.named_parameters()}
    optimizer, losses = torch.optim.Adam(model.parameters(), lr=0.02), []
    for _ in range(300):
        loss = F.cross_entropy(model.logits(batch, *model(batch)), batch.target[batch.target_mask])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[0] == pytest.approx(torch.tensor(13.0).log().item(), abs=0.01)
    model.eval()  # the last loss of training depends on what was dropped in that step
    assert F.cross_entropy(model.logits(batch, *model(batch)), batch.target[batch.target_mask]) < losses[0] / 2
    for name, values in model.decoder.attention.named_parameters():
        assert not torch.equal(values, before[name]), name


def test_a_deviation_that_is_not_above_zero_is_refused():
    with pytest.raises(UserError, match=r"^model\.initialization\.std \(-0\.1\) must be above 0\.$"):
        Orthogonal(std=-0.1)
