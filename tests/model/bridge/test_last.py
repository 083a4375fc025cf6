import re
from dataclasses import replace

import pytest
import torch

from seq2seq_pl.errors import UserError
from seq2seq_pl.model.bridge.last import LastBridge


def test_layer_l_of_the_decoder_starts_where_layer_l_of_the_encoder_ended(memory):
    first = LastBridge(8, 8, layers=2, names=["hidden", "cell"])(memory)
    assert list(first) == ["hidden", "cell"]
    for name, state in first.items():
        assert torch.equal(state, memory.final[name])


def test_a_decoder_without_cell_states_leaves_those_of_an_lstm_behind(memory):
    first = LastBridge(8, 8, layers=2, names=["hidden"])(memory)
    assert list(first) == ["hidden"]
    assert torch.equal(first["hidden"], memory.final["hidden"])


def test_it_learns_nothing():
    assert not list(LastBridge(8, 8, layers=2, names=["hidden"]).parameters())


def test_unequal_sizes_are_refused_with_both_numbers():
    message = (
        "model/bridge=last copies states, so model.decoder.hidden_size (9) must equal the encoder's "
        "(8, both directions counted); change one or choose model/bridge=tanh."
    )
    with pytest.raises(UserError, match=f"^{re.escape(message)}$"):
        LastBridge(8, 9, layers=2, names=["hidden"])


def test_missing_layers_and_missing_states_are_refused_by_name(memory):
    without_cell = replace(memory, final={"hidden": memory.final["hidden"]})
    message = "needs 2 layers of cell states and the encoder has 2 of hidden; give both the same cell and layers"
    with pytest.raises(UserError, match=re.escape(message)):
        LastBridge(8, 8, layers=2, names=["hidden", "cell"])(without_cell)
    message = "needs 3 layers of hidden, cell states and the encoder has 2 of hidden, 2 of cell; give both"
    with pytest.raises(UserError, match=re.escape(message)):
        LastBridge(8, 8, layers=3, names=["hidden", "cell"])(memory)
    message = "needs 1 layers of hidden states and the encoder has none; give both the same cell and layers"
    with pytest.raises(UserError, match=re.escape(message)):
        LastBridge(8, 8, layers=1, names=["hidden"])(replace(memory, final={}))


def test_a_mismatch_shows_when_the_model_is_built(build):
    settings = {"encoder.hidden_size": 4, "decoder.hidden_size": 8, "encoder.layers": 2}
    with pytest.raises(UserError, match="model/bridge=last needs 1 layers of hidden states"):
        build({"bridge": "last"}, settings, (11, 13))
