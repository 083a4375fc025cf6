import re

import pytest
import torch
from torch import nn

from seq2seq_pl.errors import UserError
from seq2seq_pl.model.recurrent import from_named, recurrent_layers, state_names, to_named


def layers(cell="gru", hidden_size=4, **changed):
    settings = {"layers": 2, "dropout": 0.0, "bidirectional": False, "part": "model.encoder", **changed}
    return recurrent_layers(cell, 3, hidden_size, **settings)


@pytest.mark.parametrize(("cell", "torch_class"), [("rnn", nn.RNN), ("gru", nn.GRU), ("lstm", nn.LSTM)])
def test_a_cell_name_stands_for_torchs_module(cell, torch_class):
    made = layers(cell, bidirectional=True, dropout=0.25)
    assert type(made) is torch_class
    assert (made.input_size, made.hidden_size, made.num_layers) == (3, 4, 2)
    assert (made.bidirectional, made.batch_first, made.dropout) == (True, True, 0.25)


def test_a_single_layer_has_no_dropout_between_layers_and_no_warning():
    assert layers(layers=1, dropout=0.5).dropout == 0.0


@pytest.mark.parametrize("cell", ["rnn", "gru", "lstm"])
def test_states_are_named_batch_first_and_come_back_as_torch_wants_them(cell):
    _, final = layers(cell)(torch.randn(5, 6, 3))
    named = to_named(final)
    assert tuple(named) == state_names(cell)
    assert all(state.shape == (5, 2, 4) for state in named.values())  # (B, L, H)
    back = from_named(named)
    for actual, expected in zip(back, final, strict=True) if cell == "lstm" else [(back, final)]:
        assert torch.equal(actual, expected)
        assert actual.is_contiguous()


def test_hidden_is_the_first_of_an_lstms_two_states():
    _, (hidden, cell) = layers("lstm")(torch.randn(5, 6, 3))
    named = to_named((hidden, cell))
    assert torch.equal(named["hidden"][3, 1], hidden[1, 3])
    assert torch.equal(named["cell"][3, 1], cell[1, 3])


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"cell": "LSTM"}, "model.encoder.cell (LSTM) must be one of rnn, gru, lstm."),
        ({"hidden_size": 0}, "model.encoder.hidden_size (0) must be at least 1."),
        ({"layers": 0}, "model.encoder.layers (0) must be at least 1."),
        ({"dropout": 1.0}, "model.encoder.dropout (1.0) must be at least 0 and below 1."),
        ({"dropout": -0.1}, "model.encoder.dropout (-0.1) must be at least 0 and below 1."),
        ({"layers": 0, "part": "model.decoder"}, "model.decoder.layers (0) must be at least 1."),
    ],
)
def test_a_value_out_of_range_is_refused_by_its_dotted_name(changed, message):
    with pytest.raises(UserError, match=f"^{re.escape(message)}$"):
        layers(**changed)
