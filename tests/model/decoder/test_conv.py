from functools import partial

import pytest
import torch

from seq2seq_pl.errors import UserError
from seq2seq_pl.interfaces import Attention
from seq2seq_pl.model.attention.additive import AdditiveAttention
from seq2seq_pl.model.attention.none import NoAttention
from seq2seq_pl.model.bridge.tanh import TanhBridge
from seq2seq_pl.model.decoder.conv import ConvDecoder

additive = partial(AdditiveAttention, size=6)


class SummaryAttention(Attention):
    """The summary times the number of queries so far: it has no weights, and a state."""

    def __init__(self, query_size, memory_size):
        super().__init__()
        self.context_size = memory_size

    def keys(self, memory):
        return memory.states[..., :0]

    def forward(self, query, keys, memory, need_weights=True):
        return torch.arange(1, query.shape[1] + 1).view(1, -1, 1) * memory.summary.unsqueeze(1), None

    def start(self, memory):
        return {"asked": torch.zeros(len(memory.mask), 1, 1)}

    def step(self, query, state, keys, memory, need_weights=True):
        asked = state["asked"] + 1
        return asked * memory.summary.unsqueeze(1), None, {"asked": asked}


def decoder_of(attention=additive, **changed) -> ConvDecoder:
    """E=7, H=9, 2 layers and a memory of 8."""
    torch.manual_seed(0)
    settings = {"hidden_size": 9, "layers": 2, "kernel_size": 3, "dropout": 0.0, "output_dropout": 0.0}
    return ConvDecoder(7, 8, attention=attention, bridge=TanhBridge, **settings | {"max_positions": 5} | changed)


@pytest.mark.parametrize("kernel_size", [1, 2, 3])
@pytest.mark.parametrize("hidden_size", [9, 8])
def test_the_outputs_are_those_of_a_loop_over_tokens_taps_and_layers(memory, kernel_size, hidden_size):
    decoder, embedded = decoder_of(kernel_size=kernel_size, hidden_size=hidden_size), torch.randn(2, 3, 7)
    memory = decoder.prepare(memory)
    outputs, weights = decoder(embedded, memory)
    enter, places = decoder.enter, decoder.positions.learned.weight
    for b in range(2):
        entered = [enter.weight @ (embedded[b, t] + places[t]) + enter.bias for t in range(3)]
        states, seen = entered, torch.zeros(3, 5)
        for i, layer in enumerate(decoder.layers):
            weight, bias, after = layer.convolution.convolution.weight, layer.convolution.convolution.bias, []
            for t in range(3):
                taps = [(k, t + k - kernel_size + 1) for k in range(kernel_size) if t + k - kernel_size + 1 >= 0]
                sums = bias + sum(weight[:, :, k] @ states[at] for k, at in taps)
                state = (sums[:hidden_size] * sums[hidden_size:].sigmoid() + states[t]) / 2**0.5
                query = layer.query.weight @ state + layer.query.bias + entered[t]
                queries = query.expand(2, 1, -1)  # of both sentences; that of b is read off
                contexts, looked = layer.attention(queries, memory.keys[f"attention{i}"], memory)
                context = contexts[b, 0]
                if hidden_size != 8:
                    context = layer.resize.weight @ context + layer.resize.bias
                after.append((state + context) / 2**0.5)
                seen[t] += looked[b, 0] / 2
            states = after
        torch.testing.assert_close(outputs[b], torch.stack(states))
        torch.testing.assert_close(weights[b], seen)


def test_the_state_holds_the_last_inputs_of_each_layer_and_the_time(memory):
    decoder, embedded = decoder_of(), torch.randn(2, 1, 7)
    memory = decoder.prepare(memory)
    state = decoder.start(memory)
    for time in range(3):
        assert {name: value.shape for name, value in state.items()} == {
            "time": (2, 1, time, 0),
            "layer0": (2, 1, 2, 9),
            "layer1": (2, 1, 2, 9),
        }
        entered = decoder.enter(embedded + decoder.positions.learned.weight[time])
        _, _, after = decoder.step(embedded, state, memory)
        assert torch.equal(after["layer0"][:, :, 0], state["layer0"][:, :, 1])
        torch.testing.assert_close(after["layer0"][:, :, 1], entered)
        state = after


def test_each_layer_carries_the_state_of_its_own_attention(memory):
    decoder, embedded = decoder_of(SummaryAttention), torch.randn(2, 3, 7)
    memory = decoder.prepare(memory)
    outputs, weights = decoder(embedded, memory)
    assert weights is None
    state = decoder.start(memory)
    assert state.keys() == {"time", "layer0", "layer1", "attention0.asked", "attention1.asked"}
    for t in range(3):
        stepped, weights, state = decoder.step(embedded[:, t : t + 1], state, memory)
        torch.testing.assert_close(stepped, outputs[:, t : t + 1])
        assert weights is None
        assert (state["attention1.asked"] == t + 1).all()


def test_weights_that_nobody_needs_are_not_averaged(memory):
    decoder, embedded = decoder_of(), torch.randn(2, 1, 7)
    memory = decoder.prepare(memory)
    assert decoder(embedded, memory, need_weights=False)[1] is None
    assert decoder.step(embedded, decoder.start(memory), memory, need_weights=False)[1] is None


def test_every_layer_has_keys_of_its_own_and_the_rest_of_the_memory_is_left_alone(memory):
    decoder = decoder_of()
    prepared = decoder.prepare(memory)
    assert prepared.keys.keys() == {"attention0", "attention1"}
    for i, layer in enumerate(decoder.layers):
        assert torch.equal(prepared.keys[f"attention{i}"], layer.attention.key(memory.states))
    assert prepared.states is memory.states
    assert not memory.keys


def test_dropout_falls_on_the_inputs_of_the_layers_and_output_dropout_on_the_outputs(memory):
    embedded = torch.randn(2, 3, 7)
    dropping = decoder_of(dropout=0.5).train()
    memory = dropping.prepare(memory)
    _, _, after = dropping.step(embedded[:, :1], dropping.start(memory), memory)
    kept, entered = after["layer0"][:, 0, -1], dropping.enter(embedded[:, 0] + dropping.positions.learned.weight[0])
    assert 0 < (kept != 0).float().mean() < 1
    torch.testing.assert_close(kept[kept != 0], 2 * entered[kept != 0])

    decoder = decoder_of(output_dropout=0.5)
    dropped, whole = decoder.train()(embedded, memory)[0], decoder.eval()(embedded, memory)[0]
    stayed = dropped != 0
    assert 0 < stayed.float().mean() < 1
    torch.testing.assert_close(dropped[stayed], 2 * whole[stayed])


def test_an_attention_without_context_is_refused_for_it_hides_the_source():
    message = (
        r"^model/decoder=conv sees the source through its attention alone, and this attention shows it nothing "
        r"\(model/attention=none only fits recurrent decoders\); choose another, such as model/attention=additive\.$"
    )
    with pytest.raises(UserError, match=message):
        decoder_of(NoAttention)


def test_a_target_beyond_the_last_position_is_refused_at_once_and_in_steps(memory):
    decoder, embedded = decoder_of(), torch.randn(2, 6, 7)
    memory = decoder.prepare(memory)
    message = (
        r"^model\.decoder\.max_positions \(5\) is less than the 6 tokens of a text; "
        r"set more, or set max_target_length=4 and decoding\.max_length=5\.$"
    )
    with pytest.raises(UserError, match=message):
        decoder(embedded, memory)
    state = decoder.start(memory)
    for t in range(5):
        _, _, state = decoder.step(embedded[:, t : t + 1], state, memory)
    with pytest.raises(UserError, match=message):
        decoder.step(embedded[:, 5:], state, memory)


@pytest.mark.parametrize("name", ["dropout", "output_dropout"])
@pytest.mark.parametrize("value", [1.0, -0.1])
def test_a_dropout_outside_its_range_is_refused(name, value):
    message = rf"^model\.decoder\.{name} \({value}\) must be at least 0 and below 1\.$"
    with pytest.raises(UserError, match=message):
        decoder_of(**{name: value})


def test_a_size_out_of_range_is_refused_by_its_dotted_name():
    with pytest.raises(UserError, match=r"^model\.decoder\.kernel_size \(0\) must be at least 1\.$"):
        decoder_of(kernel_size=0)
