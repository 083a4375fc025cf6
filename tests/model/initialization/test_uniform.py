import pytest
import torch
from torch import nn

from seq2seq_pl.errors import UserError
from seq2seq_pl.model.initialization.uniform import Uniform


def test_matrices_biases_and_embeddings_are_drawn_from_one_uniform_distribution():
    torch.manual_seed(0)
    model = nn.ModuleDict({"linear": nn.Linear(200, 150), "embedding": nn.Embedding(300, 100), "gru": nn.GRU(60, 90)})
    Uniform(limit=0.08)(model)
    for name, values in model.named_parameters():
        assert values.abs().max() <= 0.08, name
        assert values.abs().max() > 0.07, name
        if values.numel() > 15_000:  # the standard errors are 1 % and 0.6 % of the limit at most
            assert values.mean().item() == pytest.approx(0, abs=0.0025), name
            assert values.std().item() == pytest.approx(0.08 / 3**0.5, rel=0.02), name


def test_pad_stays_zero_and_layer_normalisation_begins_as_the_identity():
    model = nn.ModuleList([nn.Embedding(5, 3, padding_idx=0), nn.LayerNorm(4)])
    Uniform(limit=0.1)(model)
    assert model[0].weight[0].tolist() == [0, 0, 0]
    assert (model[0].weight[1:] != 0).all()
    assert model[1].weight.tolist() == [1] * 4
    assert model[1].bias.tolist() == [0] * 4


def test_torchs_seed_decides(build):
    sizes = {"embedding.size": 7, "encoder.hidden_size": 4, "decoder.hidden_size": 12}
    one, same, other = (build({"initialization": "uniform"}, sizes, (11, 13), seed=seed) for seed in (0, 0, 1))
    parameters = zip(one.parameters(), same.parameters(), other.parameters(), strict=True)
    assert all(torch.equal(a, b) and not torch.equal(a, c) for a, b, c in parameters)


def test_a_limit_that_is_not_above_zero_is_refused():
    with pytest.raises(UserError, match=r"^model\.initialization\.limit \(0\.0\) must be above 0\.$"):
        Uniform(limit=0.0)
