"""Layers beside torch's own, with the same weights."""

from functools import partial

import pytest
import torch
from torch import nn

from seq2seq_pl.errors import UserError
from seq2seq_pl.model.attention.multi_head import MultiHeadAttention
from seq2seq_pl.model.bridge.tanh import TanhBridge
from seq2seq_pl.model.decoder.transformer import TransformerDecoder
from seq2seq_pl.model.encoder.transformer import TransformerEncoder
from seq2seq_pl.model.positions import sinusoids

H, HEADS, INNER = 12, 3, 10
SETTINGS = {
    "hidden_size": H,
    "layers": 2,
    "heads": HEADS,
    "feedforward_size": INNER,
    "positions": "sinusoidal",
    "max_positions": 20,
    "dropout": 0.0,
    "attention_dropout": 0.0,
    "activation_dropout": 0.0,
}


def encoder_of(norm="pre", input_size=H, **changes) -> TransformerEncoder:
    torch.manual_seed(0)
    return TransformerEncoder(input_size, norm=norm, **{**SETTINGS, **changes})


def decoder_of(norm="pre", memory_size=H, **changes) -> TransformerDecoder:
    torch.manual_seed(0)
    attention = partial(MultiHeadAttention, heads=HEADS, size=None, dropout=0.0)
    parts = {"attention": attention, "bridge": TanhBridge}
    return TransformerDecoder(H, memory_size, norm=norm, **parts, **{**SETTINGS, **changes})


def copy_self_attention(theirs: nn.MultiheadAttention, ours) -> None:
    theirs.in_proj_weight.data.copy_(ours.projections.weight)
    theirs.in_proj_bias.data.copy_(ours.projections.bias)
    theirs.out_proj.load_state_dict(ours.out.state_dict())


def copy_attention(theirs: nn.MultiheadAttention, ours: MultiHeadAttention) -> None:
    theirs.in_proj_weight.data.copy_(torch.cat([ours.query.weight, ours.keys_and_values.weight]))
    theirs.in_proj_bias.data.copy_(torch.cat([ours.query.bias, ours.keys_and_values.bias]))
    theirs.out_proj.load_state_dict(ours.out.state_dict())


def shake(module: nn.Module) -> None:
    """Draws the layer norms anew, which begin as ones and zeros."""
    for layer in module.modules():
        if isinstance(layer, nn.LayerNorm):
            nn.init.normal_(layer.weight)
            nn.init.normal_(layer.bias)


def torchs_encoder(ours: TransformerEncoder, norm: str) -> nn.TransformerEncoder:
    pre = norm == "pre"
    layer = nn.TransformerEncoderLayer(H, HEADS, INNER, dropout=0.0, batch_first=True, norm_first=pre)
    theirs = nn.TransformerEncoder(layer, 2, nn.LayerNorm(H) if pre else None, enable_nested_tensor=False)
    for their, our in zip(theirs.layers, ours.layers, strict=True):
        copy_self_attention(their.self_attn, our.attention)
        their.norm1.load_state_dict(our.around_attention.norm.state_dict())
        their.norm2.load_state_dict(our.around_feedforward.norm.state_dict())
        their.linear1.load_state_dict(our.feedforward[0].state_dict())
        their.linear2.load_state_dict(our.feedforward[3].state_dict())
    if pre:
        theirs.norm.load_state_dict(ours.norm.state_dict())
    return theirs


def torchs_decoder(ours: TransformerDecoder, norm: str) -> nn.TransformerDecoder:
    pre = norm == "pre"
    layer = nn.TransformerDecoderLayer(H, HEADS, INNER, dropout=0.0, batch_first=True, norm_first=pre)
    theirs = nn.TransformerDecoder(layer, 2, nn.LayerNorm(H) if pre else None)
    for their, our in zip(theirs.layers, ours.layers, strict=True):
        copy_self_attention(their.self_attn, our.self_attention)
        copy_attention(their.multihead_attn, our.attention)
        their.norm1.load_state_dict(our.around_self_attention.norm.state_dict())
        their.norm2.load_state_dict(our.around_attention.norm.state_dict())
        their.norm3.load_state_dict(our.around_feedforward.norm.state_dict())
        their.linear1.load_state_dict(our.feedforward[0].state_dict())
        their.linear2.load_state_dict(our.feedforward[3].state_dict())
    if pre:
        theirs.norm.load_state_dict(ours.norm.state_dict())
    return theirs


@pytest.mark.parametrize("norm", ["pre", "post"])
def test_the_encoder_and_the_decoder_are_torchs_transformer(norm):
    encoder, decoder = encoder_of(norm), decoder_of(norm)
    shake(encoder)
    shake(decoder)
    source, target = torch.randn(2, 5, H), torch.randn(2, 4, H)
    mask = torch.tensor([[True] * 5, [True] * 3 + [False] * 2])
    memory = decoder.prepare(encoder(source, mask))
    states = torchs_encoder(encoder, norm)(source + sinusoids(torch.arange(5), H), src_key_padding_mask=~mask)
    torch.testing.assert_close(memory.states[mask], states[mask])
    for row, length in ((0, 5), (1, 3)):
        torch.testing.assert_close(memory.summary[row], states[row, :length].mean(0))
    outputs = torchs_decoder(decoder, norm)(
        target + sinusoids(torch.arange(4), H),
        states,
        tgt_mask=nn.Transformer.generate_square_subsequent_mask(4),
        memory_key_padding_mask=~mask,
        tgt_is_causal=True,
    )
    torch.testing.assert_close(decoder(target, memory)[0], outputs)


@pytest.mark.parametrize("positions", ["sinusoidal", "learned", "rotary"])
@pytest.mark.parametrize("norm", ["pre", "post"])
def test_steps_from_the_cache_equal_the_whole(memory, norm, positions):
    decoder, target = decoder_of(norm, memory_size=8, positions=positions), torch.randn(2, 4, H)
    memory = decoder.prepare(memory)
    outputs, weights = decoder(target, memory)
    state = decoder.start(memory)
    for t in range(4):
        step, step_weights, state = decoder.step(target[:, t : t + 1], state, memory)
        torch.testing.assert_close(step, outputs[:, t : t + 1])
        torch.testing.assert_close(step_weights, weights[:, t : t + 1])
    assert state["layer1.written"].shape == (2, 1, 4, 2 * H)


@pytest.mark.parametrize("positions", ["sinusoidal", "learned", "rotary"])
def test_the_order_of_the_source_matters(positions):
    encoder, source = encoder_of(positions=positions), torch.randn(1, 4, H)
    mask = torch.ones(1, 4, dtype=torch.bool)
    assert not torch.allclose(encoder(source.flip(1), mask).summary, encoder(source, mask).summary, atol=1e-4)


def test_without_weights_the_outputs_are_the_same(memory):
    decoder, target = decoder_of(memory_size=8), torch.randn(2, 4, H)
    memory = decoder.prepare(memory)
    outputs, weights = decoder(target, memory, need_weights=False)
    assert weights is None
    torch.testing.assert_close(outputs, decoder(target, memory)[0])


@pytest.mark.parametrize("name", ["dropout", "attention_dropout", "activation_dropout"])
def test_every_dropout_drops_in_training(memory, name):
    mask, source = torch.ones(2, 5, dtype=torch.bool), torch.randn(2, 5, H)
    for part, settings in ((encoder_of(), {"mask": mask}), (decoder_of(memory_size=8), {"memory": memory})):
        dropping = encoder_of(**{name: 0.5}) if "mask" in settings else decoder_of(memory_size=8, **{name: 0.5})
        if "memory" in settings:
            settings = {"memory": part.prepare(memory)}
        plain, dropped = part.train()(source, **settings), dropping.train()(source, **settings)
        states = (plain.states, dropped.states) if "mask" in settings else (plain[0], dropped[0])
        assert not torch.allclose(*states)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"heads": 5}, r"hidden_size \(12\) must be divisible by PART.heads \(5\); try 10 or 15\."),
        ({"layers": 0}, r"layers \(0\) must be at least 1\."),
        ({"feedforward_size": 0}, r"feedforward_size \(0\) must be at least 1\."),
        ({"dropout": 1.0}, r"dropout \(1.0\) must be at least 0 and below 1\."),
        ({"attention_dropout": -0.1}, r"attention_dropout \(-0.1\) must be at least 0 and below 1\."),
        ({"activation_dropout": 2}, r"activation_dropout \(2\) must be at least 0 and below 1\."),
        (
            {"heads": 4, "positions": "rotary"},
            r"hidden_size \(12\) / PART.heads \(4\) must be even for positions=rotary; try hidden_size=16\.",
        ),
    ],
)
@pytest.mark.parametrize("side", ["encoder", "decoder"])
def test_what_cannot_be_is_refused(side, changes, message):
    make = encoder_of if side == "encoder" else decoder_of
    with pytest.raises(UserError, match=f"^model.{side}.{message.replace('PART', f'model.{side}')}$"):
        make(**changes)
