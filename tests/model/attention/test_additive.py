import math

import pytest
import torch
from torch import Tensor

from seq2seq_pl.errors import UserError
from seq2seq_pl.model.attention.additive import AdditiveAttention
from seq2seq_pl.values import Memory


def set_weights(attention: AdditiveAttention, **values: Tensor) -> None:
    """Named as in the formula: W of the query, U and b of the memory, v."""
    layers = {
        "W": attention.query.weight,
        "U": attention.key.weight,
        "b": attention.key.bias,
        "v": attention.energy.weight,
    }
    for name, parameter in layers.items():
        parameter.data.copy_(values[name])


def test_two_tokens_worked_out_by_hand():
    # W q = 2 * 0.5 = 1. U m + b = -3 + 2 = -1 for the first token and -2 + 2 = 0 for the second.
    # tanh(0) = 0 and tanh(1); with v = ln 3 / tanh(1) the scores are 0 and ln 3, so the weights are 1/4 and 3/4.
    attention = AdditiveAttention(1, 2, size=1)
    v = math.log(3) / math.tanh(1)
    set_weights(attention, W=Tensor([[2]]), U=Tensor([[1, 0]]), b=Tensor([2]), v=Tensor([[v]]))
    memory = Memory(Tensor([[[-3, 8], [-2, 4]]]), torch.ones(1, 2, dtype=torch.bool), summary=torch.zeros(1, 2))
    context, weights = attention(Tensor([[[0.5]]]), attention.keys(memory), memory)
    torch.testing.assert_close(weights, Tensor([[[0.25, 0.75]]]))
    torch.testing.assert_close(context, Tensor([[[-3 / 4 - 6 / 4, 8 / 4 + 12 / 4]]]))


def test_a_single_real_token_takes_all_the_weight():
    torch.manual_seed(0)
    attention = AdditiveAttention(3, 2, size=4)
    mask = torch.tensor([[True, False, False]])
    memory = Memory(torch.tensor([[[5.0, -6.0], [1.0, 1.0], [9.0, 9.0]]]), mask, summary=torch.zeros(1, 2))
    context, weights = attention(torch.randn(1, 2, 3), attention.keys(memory), memory)
    assert weights.tolist() == [[[1.0, 0.0, 0.0]] * 2]
    assert context.tolist() == [[[5.0, -6.0]] * 2]


def test_it_equals_the_formula_written_as_loops(memory):
    torch.manual_seed(0)
    attention, query = AdditiveAttention(9, 8, size=6), torch.randn(2, 3, 9)
    context, weights = attention(query, attention.keys(memory), memory)
    assert attention.context_size == 8
    assert attention.keys(memory).shape == (2, 5, 6)
    w, u, b, v = attention.query.weight, attention.key.weight, attention.key.bias, attention.energy.weight[0]
    for sentence in range(2):
        for t in range(3):
            seen = [m for m, real in zip(memory.states[sentence], memory.mask[sentence], strict=True) if real]
            scores = [v @ torch.tanh(w @ query[sentence, t] + u @ m + b) for m in seen]
            total = sum(score.exp() for score in scores)
            wanted = [score.exp() / total for score in scores]
            expected = sum(weight * m for weight, m in zip(wanted, seen, strict=True))
            torch.testing.assert_close(weights[sentence, t, : len(seen)], torch.stack(wanted))
            torch.testing.assert_close(context[sentence, t], expected)


def test_what_stands_under_pad_is_never_seen(memory):
    torch.manual_seed(0)
    attention, query = AdditiveAttention(9, 8, size=6), torch.randn(2, 3, 9)
    before = attention(query, attention.keys(memory), memory)
    memory.states[~memory.mask] = 1e4
    after = attention(query, attention.keys(memory), memory)
    assert all(torch.equal(*pair) for pair in zip(before, after, strict=True))


def test_a_size_below_one_is_refused():
    with pytest.raises(UserError, match=r"^model\.attention\.size \(0\) must be at least 1\.$"):
        AdditiveAttention(3, 4, size=0)
