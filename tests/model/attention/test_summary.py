import torch

from seq2seq_pl.model.attention.summary import SummaryAttention


def test_every_query_gets_the_summary_and_no_weights(memory):
    attention = SummaryAttention(9, 8)
    keys = attention.keys(memory)
    context, weights = attention(torch.randn(2, 3, 9), keys, memory)
    assert attention.context_size == 8
    assert keys.shape == (2, 5, 0)
    assert context.shape == (2, 3, 8)
    for t in range(3):
        assert torch.equal(context[:, t], memory.summary)
    assert weights is None
    assert not list(attention.parameters())


def test_gradients_reach_the_summary(memory):
    summary = memory.summary.requires_grad_()
    attention = SummaryAttention(9, 8)
    context, _ = attention(torch.randn(2, 3, 9), attention.keys(memory), memory)
    context.sum().backward()
    assert (summary.grad == 3).all()
