from functools import partial

import pytest
import torch

from seq2seq_pl.errors import UserError
from seq2seq_pl.model.attention.additive import AdditiveAttention
from seq2seq_pl.model.attention.none import NoAttention
from seq2seq_pl.model.bridge.tanh import TanhBridge
from seq2seq_pl.model.decoder.rnn import RNNDecoder

additive = partial(AdditiveAttention, size=6)


def decoder_of(attention=additive, cell="gru", dropout=0.0, output_dropout=0.0) -> RNNDecoder:
    """E=7, H=9 and a memory of 8."""
    torch.manual_seed(0)
    sizes = {"cell": cell, "hidden_size": 9, "layers": 2, "dropout": dropout, "output_dropout": output_dropout}
    return RNNDecoder(7, 8, attention=attention, bridge=TanhBridge, **sizes)


@pytest.mark.parametrize("cell", ["rnn", "gru", "lstm"])
def test_the_output_is_equation_5_of_luong(memory, cell):
    decoder, embedded = decoder_of(cell=cell), torch.randn(2, 3, 7)
    memory = decoder.prepare(memory)
    outputs, weights = decoder(embedded, memory)
    first = {name: state.transpose(0, 1).contiguous() for name, state in decoder.bridge(memory).items()}
    hidden, _ = decoder.recurrent(embedded, tuple(first.values()) if cell == "lstm" else first["hidden"])
    w_hidden, w_context = decoder.combine.weight.split([9, 8], dim=1)
    for b in range(2):
        for t in range(3):
            context = sum(weights[b, t, s] * memory.states[b, s] for s in range(5))
            expected = torch.tanh(w_hidden @ hidden[b, t] + w_context @ context + decoder.combine.bias)
            torch.testing.assert_close(outputs[b, t], expected)


def test_the_attention_asks_with_the_state_after_the_token(memory):
    decoder, embedded = decoder_of(), torch.randn(2, 3, 7)
    memory = decoder.prepare(memory)
    hidden, _ = decoder.recurrent(embedded, decoder.bridge(memory)["hidden"].transpose(0, 1).contiguous())
    _, expected = decoder.attention(hidden, decoder.attention.keys(memory), memory)
    torch.testing.assert_close(decoder(embedded, memory)[1], expected)


def test_without_a_context_the_output_is_the_hidden_state_itself(memory):
    decoder, embedded = decoder_of(attention=NoAttention), torch.randn(2, 3, 7)
    memory = decoder.prepare(memory)
    outputs, weights = decoder(embedded, memory)
    hidden, _ = decoder.recurrent(embedded, decoder.bridge(memory)["hidden"].transpose(0, 1).contiguous())
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
    first = tuple(start[name].squeeze(1).transpose(0, 1).contiguous() for name in start)
    _, final = decoder.recurrent(embedded, first if cell == "lstm" else first[0])
    for state, expected in zip(after.values(), final if cell == "lstm" else [final], strict=True):
        torch.testing.assert_close(state, expected.transpose(0, 1).unsqueeze(1))


def test_prepare_computes_the_keys_and_leaves_the_rest_of_the_memory_alone(memory):
    decoder = decoder_of()
    prepared = decoder.prepare(memory)
    assert torch.equal(prepared.keys["attention"], decoder.attention.key(memory.states))
    assert prepared.states is memory.states
    assert not memory.keys


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
