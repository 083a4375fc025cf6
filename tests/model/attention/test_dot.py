import math
import re

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from seq2seq_pl.errors import UserError
from seq2seq_pl.model.attention.dot import DotAttention
from seq2seq_pl.values import Memory


def test_two_tokens_worked_out_by_hand():
    # q . m = ln 3 * 1 + 0 * 5 and ln 3 * 0 + 0 * 7: scores ln 3 and 0, weights 3/4 and 1/4.
    attention = DotAttention(2, 2)
    memory = Memory(Tensor([[[1, 5], [0, 7]]]), torch.ones(1, 2, dtype=torch.bool), summary=torch.zeros(1, 2))
    context, weights = attention(Tensor([[[math.log(3), 0]]]), attention.keys(memory), memory)
    torch.testing.assert_close(weights, Tensor([[[0.75, 0.25]]]))
    torch.testing.assert_close(context, Tensor([[[0.75, 5.5]]]))


def test_it_equals_torchs_attention_without_a_scale(memory):
    torch.manual_seed(0)
    attention, query = DotAttention(8, 8), torch.randn(2, 3, 8)
    context, weights = attention(query, attention.keys(memory), memory)
    mask = memory.mask.unsqueeze(1)
    expected = F.scaled_dot_product_attention(query, memory.states, memory.states, mask, scale=1)
    torch.testing.assert_close(context, expected)
    torch.testing.assert_close(weights @ memory.states, context)
    assert (weights[1, :, 3:] == 0).all()


def test_it_learns_nothing_and_its_keys_are_the_memory_itself(memory):
    attention = DotAttention(8, 8)
    assert not list(attention.parameters())
    assert attention.keys(memory) is memory.states
    assert attention.context_size == 8


def test_unequal_sizes_are_refused_with_both_numbers_and_the_way_out():
    message = (
        "model/attention=dot multiplies states, so model.decoder.hidden_size (9) must equal the encoder's "
        "(8, both directions counted); change one or choose model/attention=general."
    )
    with pytest.raises(UserError, match=f"^{re.escape(message)}$"):
        DotAttention(9, 8)
