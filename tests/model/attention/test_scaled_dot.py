import math

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from seq2seq_pl.errors import UserError
from seq2seq_pl.model.attention.scaled_dot import ScaledDotAttention
from seq2seq_pl.values import Memory


def test_two_tokens_worked_out_by_hand():
    # W_q q = (2 ln 3, 0, 0, 0) and W_k m has m's first number in its first place: products 2 ln 3 and 0.
    # Divided by sqrt(4): scores ln 3 and 0, so the weights are 3/4 and 1/4.
    attention = ScaledDotAttention(1, 2, size=4)
    attention.query.weight.data.copy_(Tensor([[2], [0], [0], [0]]))
    attention.key.weight.data.copy_(Tensor([[1, 0], [0, 1], [3, 3], [4, 4]]))
    memory = Memory(Tensor([[[1, 5], [0, 7]]]), torch.ones(1, 2, dtype=torch.bool), summary=torch.zeros(1, 2))
    context, weights = attention(Tensor([[[math.log(3)]]]), attention.keys(memory), memory)
    torch.testing.assert_close(weights, Tensor([[[0.75, 0.25]]]))
    torch.testing.assert_close(context, Tensor([[[0.75, 5.5]]]))


def test_with_identities_for_projections_it_equals_torchs_attention(memory):
    torch.manual_seed(0)
    attention, query = ScaledDotAttention(8, 8, size=8), torch.randn(2, 3, 8)
    for layer in (attention.query, attention.key):
        torch.nn.init.eye_(layer.weight)
    context, _ = attention(query, attention.keys(memory), memory)
    mask = memory.mask.unsqueeze(1)
    torch.testing.assert_close(context, F.scaled_dot_product_attention(query, memory.states, memory.states, mask))


def test_query_and_memory_may_differ_in_size_and_everything_learns(memory):
    torch.manual_seed(0)
    attention = ScaledDotAttention(9, 8, size=6)
    keys = attention.keys(memory)
    context, weights = attention(torch.randn(2, 3, 9), keys, memory)
    assert attention.context_size == 8
    assert keys.shape == (2, 5, 6)
    assert (context.shape, weights.shape) == ((2, 3, 8), (2, 3, 5))
    context.square().sum().backward()
    assert all((parameter.grad != 0).any() for parameter in attention.parameters())


def test_a_size_below_one_is_refused():
    with pytest.raises(UserError, match=r"^model\.attention\.size \(0\) must be at least 1\.$"):
        ScaledDotAttention(3, 4, size=0)
