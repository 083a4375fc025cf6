import re
from functools import partial

import pytest
import torch

from seq2seq_pl.errors import UserError
from seq2seq_pl.model.attention.additive import AdditiveAttention
from seq2seq_pl.model.attention.none import NoAttention
from seq2seq_pl.model.bridge.tanh import TanhBridge
from seq2seq_pl.model.decoder.conditional_gru import ConditionalGRUDecoder

additive = partial(AdditiveAttention, size=6)


def decoder_of(attention=additive, **changed) -> ConditionalGRUDecoder:
    """E=7, H=9, R=4 and a memory of 8."""
    torch.manual_seed(0)
    settings = {"hidden_size": 9, "readout_size": 4, "output_dropout": 0.0, **changed}
    return ConditionalGRUDecoder(7, 8, attention=attention, bridge=TanhBridge, **settings)


def test_it_equals_a_loop_of_torchs_cells(memory):
    decoder, embedded = decoder_of(), torch.randn(2, 3, 7)
    memory = decoder.prepare(memory)
    outputs, weights = decoder(embedded, memory)
    state = decoder.bridge(memory)["hidden"].squeeze(1)
    w_state, w_token, w_context = decoder.readout.weight.split([9, 7, 8], dim=1)
    for t in range(3):
        between = decoder.first(embedded[:, t], state)
        context, seen = decoder.attention(between.unsqueeze(1), memory.keys["attention"], memory)
        state = decoder.second(context.squeeze(1), between)
        read = state @ w_state.T + embedded[:, t] @ w_token.T + context.squeeze(1) @ w_context.T
        torch.testing.assert_close(outputs[:, t], torch.tanh(read + decoder.readout.bias))
        torch.testing.assert_close(weights[:, t : t + 1], seen)


def test_the_attention_keeps_its_own_state(memory, counting):
    decoder = decoder_of(attention=counting)
    _, weights = decoder(torch.randn(2, 3, 7), decoder.prepare(memory))
    assert torch.equal(weights, torch.eye(3, 5).expand(2, 3, 5))


def test_output_dropout_falls_on_the_outputs_and_scales_what_stays(memory):
    decoder, embedded = decoder_of(output_dropout=0.5), torch.randn(2, 3, 7)
    memory = decoder.prepare(memory)
    dropped, kept = decoder.train()(embedded, memory)[0], decoder.eval()(embedded, memory)[0]
    stayed = dropped != 0
    assert 0 < stayed.float().mean() < 1
    torch.testing.assert_close(dropped[stayed], 2 * kept[stayed])


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"hidden_size": 0}, "model.decoder.hidden_size (0) must be at least 1."),
        ({"readout_size": 0}, "model.decoder.readout_size (0) must be at least 1."),
        ({"output_dropout": 1.0}, "model.decoder.output_dropout (1.0) must be at least 0 and below 1."),
        ({"output_dropout": -0.1}, "model.decoder.output_dropout (-0.1) must be at least 0 and below 1."),
    ],
)
def test_a_value_out_of_range_is_refused_by_its_dotted_name(changed, message):
    with pytest.raises(UserError, match=f"^{re.escape(message)}$"):
        decoder_of(**changed)


def test_an_attention_without_a_context_is_refused():
    with pytest.raises(UserError, match=r"^model/decoder=conditional_gru .*choose another .*model/decoder=rnn\.$"):
        decoder_of(attention=NoAttention)
