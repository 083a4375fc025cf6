import math

import pytest
import torch
from torch import Tensor

from seq2seq_pl.errors import UserError
from seq2seq_pl.model.attention.additive import AdditiveAttention
from seq2seq_pl.model.attention.concat import ConcatAttention
from seq2seq_pl.values import Memory


def test_two_tokens_worked_out_by_hand():
    # W [q; m] = 2 * 0.5 + 1 * m_1 + 0 * m_2 = 1 - 1 = 0 for the first token and 1 + 0 = 1 for the second.
    # tanh(0) = 0 and tanh(1); with v = ln 3 / tanh(1) the scores are 0 and ln 3, so the weights are 1/4 and 3/4.
    attention = ConcatAttention(1, 2, size=1)
    attention.hidden.weight.data.copy_(Tensor([[2, 1, 0]]))
    attention.energy.weight.data.fill_(math.log(3) / math.tanh(1))
    memory = Memory(Tensor([[[-1, 8], [0, 4]]]), torch.ones(1, 2, dtype=torch.bool), summary=torch.zeros(1, 2))
    context, weights = attention(Tensor([[[0.5]]]), attention.keys(memory), memory)
    torch.testing.assert_close(weights, Tensor([[[0.25, 0.75]]]))
    torch.testing.assert_close(context, Tensor([[[-0.25, 5]]]))


def test_it_is_additive_attention_with_the_columns_of_one_matrix_and_no_bias(memory):
    torch.manual_seed(0)
    concat, additive, query = ConcatAttention(9, 8, size=6), AdditiveAttention(9, 8, size=6), torch.randn(2, 3, 9)
    additive.query.weight.data.copy_(concat.hidden.weight[:, :9])
    additive.key.weight.data.copy_(concat.hidden.weight[:, 9:])
    additive.key.bias.data.zero_()
    additive.energy.load_state_dict(concat.energy.state_dict())
    actual, expected = (attention(query, attention.keys(memory), memory) for attention in (concat, additive))
    for one, other in zip(actual, expected, strict=True):
        torch.testing.assert_close(one, other)


def test_it_has_one_matrix_one_vector_and_both_learn(memory):
    torch.manual_seed(0)
    attention = ConcatAttention(9, 8, size=6)
    assert [parameter.shape for parameter in attention.parameters()] == [(6, 17), (1, 6)]
    assert attention.context_size == 8
    context, _ = attention(torch.randn(2, 3, 9), attention.keys(memory), memory)
    context.square().sum().backward()
    assert (attention.hidden.weight.grad[:, :9] != 0).any()
    assert (attention.hidden.weight.grad[:, 9:] != 0).any()
    assert (attention.energy.weight.grad != 0).any()


def test_a_size_below_one_is_refused():
    with pytest.raises(UserError, match=r"^model\.attention\.size \(0\) must be at least 1\.$"):
        ConcatAttention(3, 4, size=0)
