from functools import partial

import pytest
import torch

from seq2seq_pl.errors import UserError
from seq2seq_pl.model.attention.additive import AdditiveAttention
from seq2seq_pl.model.attention.none import NoAttention
from seq2seq_pl.model.bridge.tanh import TanhBridge
from seq2seq_pl.model.bridge.zero import ZeroBridge
from seq2seq_pl.model.decoder.input_feeding import InputFeedingDecoder

additive = partial(AdditiveAttention, size=6)


def decoder_of(attention=additive, bridge=TanhBridge, cell="gru", **changed) -> InputFeedingDecoder:
    """E=7, H=9, two layers and a memory of 8; everything that stands between layers is off."""
    torch.manual_seed(0)
    settings = {"hidden_size": 9, "layers": 2, "dropout": 0.0, "output_dropout": 0.0}
    settings |= {"residual": False, "layer_norm": False, "variational_dropout": False, **changed}
    return InputFeedingDecoder(7, 8, attention=attention, bridge=bridge, cell=cell, **settings)


@pytest.mark.parametrize("cell", ["rnn", "gru", "lstm"])
@pytest.mark.parametrize("attention", [additive, NoAttention])
def test_it_equals_a_loop_of_torchs_cells(memory, torch_cells, advance, cell, attention):
    decoder, embedded = decoder_of(attention=attention, cell=cell), torch.randn(2, 3, 7)
    memory = decoder.prepare(memory)
    outputs, weights = decoder(embedded, memory)
    cells = torch_cells(cell, decoder.recurrent, decoder.feed.weight)
    states, fed = decoder.bridge(memory), torch.zeros(2, 9)
    for t in range(3):
        hidden, states = advance(cells, torch.cat([embedded[:, t], fed], dim=1), states)
        context, seen = decoder.attention(hidden.unsqueeze(1), memory.keys["attention"], memory)
        both = torch.cat([hidden, context.squeeze(1)], dim=1)
        fed = torch.tanh(both @ decoder.combine.weight.T + decoder.combine.bias)
        torch.testing.assert_close(outputs[:, t], fed)
        if weights is not None:
            torch.testing.assert_close(weights[:, t : t + 1], seen)
    assert (weights is None) == (attention is NoAttention)


def test_the_attention_keeps_its_own_state(memory, counting):
    decoder = decoder_of(attention=counting)
    _, weights = decoder(torch.randn(2, 3, 7), decoder.prepare(memory))
    assert torch.equal(weights, torch.eye(3, 5).expand(2, 3, 5))


def test_dropout_falls_on_the_outputs_but_not_on_what_is_fed_back(memory):
    decoder, embedded = decoder_of(output_dropout=0.5), torch.randn(2, 3, 7)
    memory = decoder.prepare(memory)
    dropped, kept = decoder.train()(embedded, memory)[0], decoder.eval()(embedded, memory)[0]
    stayed = dropped != 0
    assert 0 < stayed.float().mean() < 1
    torch.testing.assert_close(dropped[stayed], 2 * kept[stayed])
    output, _, state = decoder.train().step(embedded[:, :1], decoder.start(memory), memory)
    torch.testing.assert_close(state["fed"], kept[:, :1])
    assert not torch.allclose(output, kept[:, :1])


def test_what_stands_between_layers_does_so_at_every_step_with_one_mask(memory):
    settings = {"dropout": 0.5, "variational_dropout": True, "residual": True, "layer_norm": True}
    decoder, embedded = decoder_of(layers=3, **settings).train(), torch.randn(2, 3, 7)
    memory = decoder.prepare(memory)
    torch.manual_seed(1)
    outputs, _ = decoder(embedded, memory)
    torch.manual_seed(1)
    state, (first, second, third) = decoder.start(memory), decoder.recurrent.layers
    masks = state["mask"].squeeze(1)  # (B, 1, L - 1, H) -> (B, L - 1, H)
    fed = torch.cat([torch.zeros(2, 1, 9), outputs[:, :-1]], dim=1)
    both = torch.nn.GRU(16, 9, batch_first=True)
    joined = torch.cat([first.weight_ih_l0, decoder.feed.weight], dim=1)
    both.load_state_dict({**first.state_dict(), "weight_ih_l0": joined})
    states = state["hidden"].squeeze(1).transpose(0, 1).contiguous().split(1)  # L times (1, B, H)
    below = decoder.recurrent.norms[0](both(torch.cat([embedded, fed], dim=2), states[0])[0])
    middle = decoder.recurrent.norms[1](second(below * masks[:, :1], states[1])[0]) + below
    hidden = third(middle * masks[:, 1:], states[2])[0] + middle
    context, _ = decoder.attention(hidden, memory.keys["attention"], memory)
    expected = torch.tanh(decoder.combine(torch.cat([hidden, context], dim=2)))
    torch.testing.assert_close(outputs, expected)


@pytest.mark.parametrize("output_dropout", [1.0, -0.1])
def test_an_output_dropout_outside_its_range_is_refused(output_dropout):
    message = rf"^model\.decoder\.output_dropout \({output_dropout}\) must be at least 0 and below 1\.$"
    with pytest.raises(UserError, match=message):
        decoder_of(output_dropout=output_dropout)


def test_recurrent_settings_are_refused_by_the_decoders_name():
    with pytest.raises(UserError, match=r"^model\.decoder\.cell \(elman\) must be one of rnn, gru, lstm\.$"):
        decoder_of(cell="elman")


def test_a_decoder_that_would_never_see_the_source_is_refused():
    with pytest.raises(UserError, match="hides the source from the decoder"):
        decoder_of(attention=NoAttention, bridge=ZeroBridge)
