import torch

from seq2seq_pl.model.attention.none import NoAttention


def test_it_gives_an_empty_context_and_no_weights(memory):
    attention = NoAttention(9, 8)
    keys = attention.keys(memory)
    context, weights = attention(torch.randn(2, 3, 9), keys, memory)
    assert attention.context_size == 0
    assert keys.shape == (2, 5, 0)
    assert context.shape == (2, 3, 0)
    assert weights is None
    assert not list(attention.parameters())
