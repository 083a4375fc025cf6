from functools import partial

import pytest
import torch

from seq2seq_pl.errors import UserError
from seq2seq_pl.model.attention.additive import AdditiveAttention
from seq2seq_pl.model.attention.none import NoAttention
from seq2seq_pl.model.attention.summary import SummaryAttention
from seq2seq_pl.model.bridge.tanh import TanhBridge
from seq2seq_pl.model.bridge.zero import ZeroBridge
from seq2seq_pl.model.decoder.bahdanau import BahdanauDecoder

additive = partial(AdditiveAttention, size=6)


def decoder_of(attention=additive, bridge=TanhBridge, cell="gru", **changed) -> BahdanauDecoder:
    """E=7, H=9, R=4, two layers and a memory of 8; everything that stands between layers is off."""
    torch.manual_seed(0)
    settings = {"hidden_size": 9, "readout_size": 4, "layers": 2, "dropout": 0.0, "output_dropout": 0.0}
    settings |= {"residual": False, "layer_norm": False, "variational_dropout": False, **changed}
    return BahdanauDecoder(7, 8, attention=attention, bridge=bridge, cell=cell, **settings)


@pytest.mark.parametrize("cell", ["rnn", "gru", "lstm"])
@pytest.mark.parametrize("attention", [additive, SummaryAttention, NoAttention])
def test_it_equals_a_loop_of_torchs_cells(memory, torch_cells, advance, cell, attention):
    decoder, embedded = decoder_of(attention=attention, cell=cell), torch.randn(2, 3, 7)
    memory = decoder.prepare(memory)
    outputs, weights = decoder(embedded, memory)
    second = torch.zeros(decoder.recurrent.gates_size, 0) if decoder.context is None else decoder.context.weight
    cells, states = torch_cells(cell, decoder.recurrent, second), decoder.bridge(memory)
    for t in range(3):
        context, seen = decoder.attention(states["hidden"][:, 1:], memory.keys["attention"], memory)
        hidden, states = advance(cells, torch.cat([embedded[:, t], context.squeeze(1)], dim=1), states)
        read = decoder.readout(torch.cat([hidden, embedded[:, t], context.squeeze(1)], dim=1))
        for i in range(4):
            torch.testing.assert_close(outputs[:, t, i], torch.maximum(read[:, 2 * i], read[:, 2 * i + 1]))
        if weights is not None:
            torch.testing.assert_close(weights[:, t : t + 1], seen)
    assert (weights is None) == (attention is not additive)


def test_with_the_summary_for_a_context_every_step_reads_the_summary(memory):
    decoder, embedded = decoder_of(attention=SummaryAttention, layers=1), torch.randn(2, 3, 7)
    layer, own = decoder.recurrent.layers[0], torch.nn.GRU(15, 9, batch_first=True)
    weights = {**layer.state_dict(), "weight_ih_l0": torch.cat([layer.weight_ih_l0, decoder.context.weight], dim=1)}
    own.load_state_dict(weights)
    everywhere = memory.summary.unsqueeze(1).expand(2, 3, 8)
    hidden, _ = own(torch.cat([embedded, everywhere], dim=2), decoder.bridge(memory)["hidden"].transpose(0, 1))
    read = decoder.readout(torch.cat([hidden, embedded, everywhere], dim=2))
    outputs, _ = decoder(embedded, decoder.prepare(memory))
    torch.testing.assert_close(outputs, torch.maximum(read[..., ::2], read[..., 1::2]))


def test_the_attention_keeps_its_own_state(memory, counting):
    decoder = decoder_of(attention=counting)
    _, weights = decoder(torch.randn(2, 3, 7), decoder.prepare(memory))
    assert torch.equal(weights, torch.eye(3, 5).expand(2, 3, 5))


def test_one_mask_of_variational_dropout_serves_all_steps_of_training(memory):
    settings = {"dropout": 0.5, "variational_dropout": True, "residual": True, "layer_norm": True}
    decoder, embedded = decoder_of(attention=NoAttention, **settings).train(), torch.randn(2, 3, 7)
    memory = decoder.prepare(memory)
    torch.manual_seed(1)
    outputs, _ = decoder(embedded, memory)
    torch.manual_seed(1)
    first = decoder.bridge(memory)
    hidden, _ = decoder.recurrent(embedded, {**first, **decoder.recurrent.mask(embedded)})
    read = decoder.readout(torch.cat([hidden, embedded], dim=2))
    torch.testing.assert_close(outputs, torch.maximum(read[..., ::2], read[..., 1::2]))


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


def test_a_readout_size_below_one_is_refused():
    with pytest.raises(UserError, match=r"^model\.decoder\.readout_size \(0\) must be at least 1\.$"):
        decoder_of(readout_size=0)


def test_recurrent_settings_are_refused_by_the_decoders_name():
    with pytest.raises(UserError, match=r"^model\.decoder\.layers \(0\) must be at least 1\.$"):
        decoder_of(layers=0)


def test_a_decoder_that_would_never_see_the_source_is_refused():
    with pytest.raises(UserError, match="hides the source from the decoder"):
        decoder_of(attention=NoAttention, bridge=ZeroBridge)
