from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils import parametrizations

from seq2seq_pl.model.parameters import draw_parameters


class Loose(nn.Module):
    """Parameters that belong to no layer, and a second use of an embedding's."""

    def __init__(self, embedding: nn.Embedding) -> None:
        super().__init__()
        self.shared = embedding.weight
        self.matrix = nn.Parameter(torch.randn(3, 2))
        self.vector = nn.Parameter(torch.randn(4))
        self.key_bias = nn.Parameter(torch.randn(1, 1, 4))
        self.scalar = nn.Parameter(torch.tensor(0.5))


class OwnNorm(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.ones(4))


def drawn(model: nn.Module) -> list[tuple[str, tuple[int, ...]]]:
    """Kind and shape of what is drawn, in order; every value becomes 7."""
    found: list[tuple[str, tuple[int, ...]]] = []

    def draw(kind: str, values: Tensor) -> None:
        found.append((kind, tuple(values.shape)))
        values.fill_(7)

    draw_parameters(model, draw)
    return found


def test_a_weight_a_vector_and_a_bias_are_told_apart():
    assert drawn(nn.Linear(3, 2)) == [("matrix", (2, 3)), ("bias", (2,))]
    assert drawn(nn.Linear(3, 1, bias=False)) == [("vector", (1, 3))]
    assert drawn(nn.Conv1d(3, 2, 5)) == [("matrix", (2, 3, 5)), ("bias", (2,))]


@pytest.mark.parametrize(("layer", "gates"), [(nn.RNN, 1), (nn.GRU, 3), (nn.LSTM, 4)])
def test_the_gates_of_recurrent_layers_and_cells_come_one_by_one(layer, gates):
    kinds = [("matrix", (5, 3)), ("recurrent", (5, 5)), ("bias", (5,)), ("bias", (5,))]
    one_by_one = [gate for gate in kinds for _ in range(gates)]
    assert drawn(layer(3, 5)) == one_by_one
    assert drawn(layer(3, 5, bidirectional=True)) == one_by_one * 2
    assert drawn({nn.RNN: nn.RNNCell, nn.GRU: nn.GRUCell, nn.LSTM: nn.LSTMCell}[layer](3, 5)) == one_by_one


def test_every_value_is_overwritten_in_place():
    model = nn.ModuleList([nn.GRU(3, 5, num_layers=2), nn.Linear(3, 1), nn.Conv1d(3, 2, 5), nn.LSTMCell(3, 5)])
    before = list(model.parameters())
    drawn(model)
    assert all(one is other for one, other in zip(before, model.parameters(), strict=True))
    assert all((parameter == 7).all() for parameter in model.parameters())
    assert all(parameter.requires_grad and parameter.is_leaf for parameter in model.parameters())


def test_loose_parameters_are_drawn_and_a_scalar_is_not():
    model = Loose(nn.Embedding(6, 4))
    assert drawn(model)[1:] == [("matrix", (3, 2)), ("vector", (4,)), ("bias", (1, 1, 4))]
    assert model.scalar.item() == 0.5


@pytest.mark.parametrize("embedding_first", [True, False])
def test_a_shared_weight_is_drawn_once_and_as_an_embedding(embedding_first):
    embedding = nn.Embedding(6, 4)
    loose = Loose(embedding)
    model = nn.ModuleList([embedding, loose] if embedding_first else [loose, embedding])
    assert [found for found in drawn(model) if found == ("embedding", (6, 4))] == [("embedding", (6, 4))]
    assert ("matrix", (6, 4)) not in drawn(model)
    assert loose.shared is embedding.weight


def test_the_row_of_pad_stays_zero_where_it_was():
    padded, positions = nn.Embedding(6, 4, padding_idx=0), nn.Embedding(6, 4)
    drawn(nn.ModuleList([padded, positions]))
    assert padded.weight.tolist() == [[0.0] * 4, *([[7.0] * 4] * 5)]
    assert (positions.weight == 7).all()


@pytest.mark.parametrize("norm", [nn.LayerNorm(4), nn.RMSNorm(4), nn.BatchNorm1d(4), nn.GroupNorm(2, 4), OwnNorm()])
def test_normalisation_layers_stay_as_they_are(norm):
    before = {name: value.clone() for name, value in norm.state_dict().items()}
    assert drawn(norm) == []
    assert all(torch.equal(value, before[name]) for name, value in norm.state_dict().items())


def test_a_weight_behind_weight_norm_is_drawn_as_the_weight_itself():
    model = parametrizations.weight_norm(nn.Conv1d(3, 2, 5))
    parameters = list(model.parameters())
    assert sorted(drawn(model)) == [("bias", (2,)), ("matrix", (2, 3, 5))]
    torch.testing.assert_close(model.weight, torch.full((2, 3, 5), 7.0))
    assert all(one is other for one, other in zip(parameters, model.parameters(), strict=True))
    model(torch.randn(1, 3, 6)).square().sum().backward()
    assert all((parameter.grad != 0).any() for parameter in parameters)
