import pytest
import torch
from torch import nn

from seq2seq_pl.errors import UserError
from seq2seq_pl.model.attention.multi_head import MultiHeadAttention
from seq2seq_pl.values import Memory


def multi_head(query_size=6, memory_size=8, heads=3, size=None, dropout=0.0) -> MultiHeadAttention:
    torch.manual_seed(0)
    return MultiHeadAttention(query_size, memory_size, heads=heads, size=size, dropout=dropout)


@pytest.mark.parametrize("need_weights", [True, False])
def test_it_is_torchs_multi_head_attention(memory, need_weights):
    ours, query = multi_head(), torch.randn(2, 4, 6)
    theirs = nn.MultiheadAttention(6, 3, kdim=8, vdim=8, batch_first=True)
    key, value = ours.keys_and_values.weight.data.chunk(2)
    theirs.q_proj_weight.data.copy_(ours.query.weight)
    theirs.k_proj_weight.data.copy_(key)
    theirs.v_proj_weight.data.copy_(value)
    theirs.in_proj_bias.data.copy_(torch.cat([ours.query.bias, ours.keys_and_values.bias]))
    theirs.out_proj.load_state_dict(ours.out.state_dict())
    expected = theirs(query, memory.states, memory.states, key_padding_mask=~memory.mask)
    context, weights = ours(query, ours.keys(memory), memory, need_weights)
    torch.testing.assert_close(context, expected[0])
    if need_weights:
        torch.testing.assert_close(weights, expected[1])
    else:
        assert weights is None


def test_one_head_with_plain_projections_worked_out_by_hand():
    # Scores 2 * 0 / sqrt(1) = 0 and 2 * ln(3) / 2 = ln 3, so the weights are 1/4 and 3/4.
    attention = multi_head(query_size=1, memory_size=1, heads=1)
    for layer, weight in ((attention.query, [2.0]), (attention.keys_and_values, [0.5, 4.0]), (attention.out, [1.0])):
        layer.weight.data.copy_(torch.tensor(weight).unsqueeze(1))
        layer.bias.data.zero_()
    states = torch.tensor([[[0.0], [3.0]]]).log1p() / torch.tensor(4.0).log() * torch.tensor(3.0).log()
    memory = Memory(states, torch.ones(1, 2, dtype=torch.bool), summary=torch.zeros(1, 1))
    context, weights = attention(torch.tensor([[[1.0]]]), attention.keys(memory), memory)
    torch.testing.assert_close(weights, torch.tensor([[[0.25, 0.75]]]))
    torch.testing.assert_close(context, torch.tensor([[[4 * 0.75 * torch.tensor(3.0).log()]]]))


def test_the_size_is_the_querys_unless_it_is_set():
    assert multi_head().context_size == 6
    assert multi_head(size=9).context_size == 9


def test_dropout_falls_on_the_weights_in_training_and_not_on_what_is_shown(memory):
    attention, query = multi_head(dropout=0.5).train(), torch.randn(2, 4, 6)
    keys = attention.keys(memory)
    dropped, shown = attention(query, keys, memory)
    whole, weights = attention.eval()(query, keys, memory)
    torch.testing.assert_close(shown, weights)
    assert not torch.allclose(dropped, whole)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"heads": 4}, r"model.attention.size \(6\) must be divisible by model.attention.heads \(4\); try 4 or 8\."),
        ({"heads": 7}, r"model.attention.size \(6\) must be divisible by model.attention.heads \(7\); try 7\."),
        ({"heads": 0}, r"model.attention.heads \(0\) must be at least 1\."),
        ({"size": 0}, r"model.attention.size \(0\) must be at least 1\."),
        ({"dropout": 1.0}, r"model.attention.dropout \(1.0\) must be at least 0 and below 1\."),
    ],
)
def test_what_cannot_be_is_refused(settings, message):
    with pytest.raises(UserError, match=f"^{message}$"):
        multi_head(**settings)
