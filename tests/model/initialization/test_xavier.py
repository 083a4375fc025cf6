import pytest
import torch
from torch import Tensor, nn

from seq2seq_pl.errors import UserError
from seq2seq_pl.model.initialization.xavier import Xavier

SIZES = {"embedding.size": 50, "encoder.hidden_size": 4, "decoder.hidden_size": 60}


def assert_uniform(values: Tensor, bound: float) -> None:
    assert values.abs().max().item() == pytest.approx(bound, rel=0.01)
    assert values.abs().max() <= bound
    assert values.std().item() == pytest.approx(bound / 3**0.5, rel=0.03)


def test_the_bound_of_a_matrix_follows_from_its_two_sides():
    torch.manual_seed(0)
    linear, conv = nn.Linear(200, 100), nn.Conv1d(30, 20, 5)
    Xavier(gain=1.0)(nn.ModuleList([linear, conv]))
    assert_uniform(linear.weight, (6 / 300) ** 0.5)
    assert_uniform(conv.weight, (6 / (30 * 5 + 20 * 5)) ** 0.5)
    assert (linear.bias == 0).all()


def test_the_gain_multiplies_the_bound():
    torch.manual_seed(0)
    linear = nn.Linear(200, 100)
    Xavier(gain=0.5)(linear)
    assert_uniform(linear.weight, 0.5 * (6 / 300) ** 0.5)


@pytest.mark.parametrize("layer", [nn.RNN, nn.GRU, nn.LSTM, nn.LSTMCell])
def test_the_gates_of_a_recurrent_layer_are_matrices_of_their_own(layer):
    torch.manual_seed(0)
    model = layer(100, 80)
    Xavier(gain=1.0)(model)
    for name, values in model.named_parameters():
        for gate in values.split(80):
            if "bias" in name:
                assert (gate == 0).all()
            else:
                assert_uniform(gate, (6 / (80 + gate.shape[1])) ** 0.5)


def test_a_vector_counts_as_a_matrix_with_one_row():
    torch.manual_seed(0)
    model = nn.Module()
    model.vector = nn.Parameter(torch.zeros(5000))
    Xavier(gain=1.0)(model)
    assert_uniform(model.vector, (6 / 5001) ** 0.5)


def test_embeddings_have_variance_one_over_size_and_a_zero_row_for_pad_also_where_they_are_the_output_layer(build):
    for output in ("tied", "projection"):
        model = build({"initialization": "xavier", "output": output}, SIZES, (500, 700))
        for embedding in (model.source_embedding, model.target_embedding):
            assert (embedding.weight[0] == 0).all()
            assert embedding.weight[1:].std().item() == pytest.approx(50**-0.5, rel=0.02)
            assert embedding.weight.abs().max() > 3 * 50**-0.5  # Gaussian: the uniform one ends at 1.7 deviations
        if output == "tied":
            assert model.output.weight is model.target_embedding.weight
            assert_uniform(model.output.resize.weight, (6 / 110) ** 0.5)


def test_layer_normalisation_stays_the_identity():
    norm = nn.LayerNorm(4)
    Xavier(gain=1.0)(norm)
    assert (norm.weight.tolist(), norm.bias.tolist()) == ([1] * 4, [0] * 4)


def test_a_gain_that_is_not_above_zero_is_refused():
    with pytest.raises(UserError, match=r"^model\.initialization\.gain \(0\) must be above 0\.$"):
        Xavier(gain=0)
