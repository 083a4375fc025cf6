import math

import torch
from torch import Tensor

from seq2seq_pl.model.attention.dot import DotAttention
from seq2seq_pl.model.attention.general import GeneralAttention
from seq2seq_pl.values import Memory


def test_two_tokens_worked_out_by_hand():
    # W = (2, -1): W m = 2 * 1 - 1 * 1 = 1 and 2 * 3 - 1 * 6 = 0; times q = ln 3 the scores are ln 3 and 0.
    attention = GeneralAttention(1, 2)
    attention.key.weight.data.copy_(Tensor([[2, -1]]))
    memory = Memory(Tensor([[[1, 1], [3, 6]]]), torch.ones(1, 2, dtype=torch.bool), summary=torch.zeros(1, 2))
    context, weights = attention(Tensor([[[math.log(3)]]]), attention.keys(memory), memory)
    torch.testing.assert_close(weights, Tensor([[[0.75, 0.25]]]))
    torch.testing.assert_close(context, Tensor([[[1.5, 2.25]]]))


def test_with_the_identity_for_a_matrix_it_is_dot_attention(memory):
    torch.manual_seed(0)
    general, dot, query = GeneralAttention(8, 8), DotAttention(8, 8), torch.randn(2, 3, 8)
    torch.nn.init.eye_(general.key.weight)
    for actual, expected in zip(
        general(query, general.keys(memory), memory), dot(query, memory.states, memory), strict=True
    ):
        torch.testing.assert_close(actual, expected)


def test_it_equals_the_formula_written_as_loops(memory):
    torch.manual_seed(0)
    attention, query = GeneralAttention(9, 8), torch.randn(2, 3, 9)
    context, weights = attention(query, attention.keys(memory), memory)
    assert attention.context_size == 8
    for sentence, length in enumerate([5, 3]):
        for t in range(3):
            seen = memory.states[sentence, :length]
            wanted = torch.stack([query[sentence, t] @ attention.key.weight @ m for m in seen]).softmax(0)
            torch.testing.assert_close(weights[sentence, t, :length], wanted)
            torch.testing.assert_close(context[sentence, t], wanted @ seen)
    context.square().sum().backward()
    assert (attention.key.weight.grad != 0).any()
