from functools import partial

import pytest
import torch

from seq2seq_pl.errors import UserError
from seq2seq_pl.model.attention.additive import AdditiveAttention
from seq2seq_pl.model.attention.none import NoAttention
from seq2seq_pl.model.bridge.tanh import TanhBridge
from seq2seq_pl.model.bridge.zero import ZeroBridge
from seq2seq_pl.model.decoder.rnn import RNNDecoder

additive = partial(AdditiveAttention, size=6)


def decoder_of(attention=additive, bridge=TanhBridge, cell="gru", **changed) -> RNNDecoder:
    """E=7, H=9, two layers and a memory of 8; everything that stands between layers is off."""
    torch.manual_seed(0)
    settings = {"hidden_size": 9, "layers": 2, "dropout": 0.0, "output_dropout": 0.0}
    settings |= {"residual": False, "layer_norm": False, "variational_dropout": False, **changed}
    return RNNDecoder(7, 8, attention=attention, bridge=bridge, cell=cell, **settings)


@pytest.mark.parametrize("cell", ["rnn", "gru", "lstm"])
def test_the_output_is_equation_5_of_luong(memory, cell):
    decoder, embedded = decoder_of(cell=cell), torch.randn(2, 3, 7)
    memory = decoder.prepare(memory)
    outputs, weights = decoder(embedded, memory)
    hidden, _ = decoder.recurrent(embedded, decoder.bridge(memory))
    w_hidden, w_context = decoder.combine.weight.split([9, 8], dim=1)
    for b in range(2):
        for t in range(3):
            context = sum(weights[b, t, s] * memory.states[b, s] for s in range(5))
            expected = torch.tanh(w_hidden @ hidden[b, t] + w_context @ context + decoder.combine.bias)
            torch.testing.assert_close(outputs[b, t], expected)


def test_the_attention_asks_with_the_state_after_the_token(memory):
    decoder, embedded = decoder_of(), torch.randn(2, 3, 7)
    memory = decoder.prepare(memory)
    hidden, _ = decoder.recurrent(embedded, decoder.bridge(memory))
    _, expected = decoder.attention(hidden, decoder.attention.keys(memory), memory)
    torch.testing.assert_close(decoder(embedded, memory)[1], expected)


def test_without_a_context_the_output_is_the_hidden_state_itself(memory):
    decoder, embedded = decoder_of(attention=NoAttention), torch.randn(2, 3, 7)
    memory = decoder.prepare(memory)
    outputs, weights = decoder(embedded, memory)
    hidden, _ = decoder.recurrent(embedded, decoder.bridge(memory))
    assert torch.equal(outputs, hidden)
    assert weights is None
    assert decoder.combine is None


@pytest.mark.parametrize(("cell", "names"), [("gru", {"hidden"}), ("lstm", {"hidden", "cell"})])
def test_the_state_is_what_the_bridge_made_then_what_the_cell_left(memory, cell, names):
    decoder, embedded = decoder_of(cell=cell), torch.randn(2, 1, 7)
    memory = decoder.prepare(memory)
    start = decoder.start(memory)
    assert start.keys() == names
    for name, state in decoder.bridge(memory).items():
        assert torch.equal(start[name], state.unsqueeze(1))
    outputs, weights, after = decoder.step(embedded, start, memory)
    assert outputs.shape == (2, 1, 9)
    assert weights.shape == (2, 1, 5)
    _, final = decoder.recurrent(embedded, decoder.bridge(memory))
    torch.testing.assert_close(after, {name: state.unsqueeze(1) for name, state in final.items()})


def test_prepare_computes_the_keys_and_leaves_the_rest_of_the_memory_alone(memory):
    decoder = decoder_of()
    prepared = decoder.prepare(memory)
    assert torch.equal(prepared.keys["attention"], decoder.attention.key(memory.states))
    assert prepared.states is memory.states
    assert not memory.keys


def test_one_mask_of_variational_dropout_serves_all_steps_of_training(memory):
    settings = {"dropout": 0.5, "variational_dropout": True, "residual": True, "layer_norm": True}
    decoder, embedded = decoder_of(**settings).train(), torch.randn(2, 3, 7)
    memory = decoder.prepare(memory)
    torch.manual_seed(1)
    expected, _ = decoder(embedded, memory)
    torch.manual_seed(1)
    state, outputs = decoder.start(memory), []
    assert state["mask"].shape == (2, 1, 1, 9)
    for token in embedded.split(1, dim=1):
        output, _, state = decoder.step(token, state, memory)
        outputs.append(output)
    torch.testing.assert_close(torch.cat(outputs, dim=1), expected)
    assert decoder.eval().start(memory).keys() == {"hidden"}


def test_output_dropout_falls_on_the_outputs_and_scales_what_stays(memory):
    decoder, embedded = decoder_of(output_dropout=0.5), torch.randn(2, 3, 7)
    memory = decoder.prepare(memory)
    dropped, kept = decoder.train()(embedded, memory)[0], decoder.eval()(embedded, memory)[0]
    stayed = dropped != 0
    assert 0 < stayed.float().mean() < 1
    torch.testing.assert_close(dropped[stayed], 2 * kept[stayed])


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
