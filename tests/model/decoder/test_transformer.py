from functools import partial

import pytest
import torch
from torch import nn

from seq2seq_pl.errors import UserError
from seq2seq_pl.model.attention.additive import AdditiveAttention
from seq2seq_pl.model.attention.none import NoAttention
from seq2seq_pl.model.bridge.tanh import TanhBridge
from seq2seq_pl.model.decoder.transformer import TransformerDecoder


def decoder_of(attention) -> TransformerDecoder:
    """E=7, H=6 and a memory of 8."""
    torch.manual_seed(0)
    dropouts = {"dropout": 0.0, "attention_dropout": 0.0, "activation_dropout": 0.0}
    sizes = {"hidden_size": 6, "layers": 2, "heads": 2, "feedforward_size": 9, "max_positions": 8}
    parts = {"attention": attention, "bridge": TanhBridge, "norm": "pre", "positions": "sinusoidal"}
    return TransformerDecoder(7, 8, **parts, **sizes, **dropouts)


def test_every_layer_has_an_attention_and_keys_of_its_own(memory):
    decoder = decoder_of(partial(AdditiveAttention, size=5))
    keys = decoder.prepare(memory).keys
    assert keys.keys() == {"attention0", "attention1"}
    for i, layer in enumerate(decoder.layers):
        torch.testing.assert_close(keys[f"attention{i}"], layer.attention.keys(memory))
    assert not torch.allclose(keys["attention0"], keys["attention1"])


def test_a_context_of_another_size_is_brought_to_the_hidden_size(memory):
    decoder = decoder_of(partial(AdditiveAttention, size=5))  # gives a context of the memory's 8
    assert all(isinstance(layer.resize, nn.Linear) for layer in decoder.layers)
    assert decoder(torch.randn(2, 3, 7), decoder.prepare(memory))[0].shape == (2, 3, 6)


def test_the_weights_are_the_last_layers(memory):
    decoder, embedded, seen = decoder_of(partial(AdditiveAttention, size=5)), torch.randn(2, 3, 7), []
    memory = decoder.prepare(memory)
    decoder.layers[1].attention.register_forward_hook(lambda module, given, answer: seen.append(answer[1]))
    _, weights = decoder(embedded, memory)
    assert weights is seen[0]


def test_an_attention_without_context_would_hide_the_source():
    message = r"^model/decoder=transformer sees the source through its attention alone, so model/attention=none would "
    with pytest.raises(UserError, match=message):
        decoder_of(NoAttention)
