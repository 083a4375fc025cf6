import math
import re

import pytest
import torch
from torch import Tensor

from seq2seq_pl.errors import UserError
from seq2seq_pl.model.attention.local import LocalAttention
from seq2seq_pl.values import Memory


def place(attention: LocalAttention, portion: float) -> None:
    """Has a query of ones point at this portion of the source: v . tanh(W q) = logit."""
    attention.hidden.weight.data.fill_(1)
    logit = math.log(portion / (1 - portion))
    attention.position.weight.data.fill_(logit / math.tanh(attention.hidden.in_features))


def memory_of(tokens: int, padding: int = 0) -> Memory:
    """One sentence; state s is (s + 1, 1)."""
    states = torch.stack([torch.arange(1, tokens + padding + 1.0), torch.ones(tokens + padding)], dim=1)
    mask = torch.arange(tokens + padding) < tokens
    return Memory(states.unsqueeze(0), mask.unsqueeze(0), summary=torch.zeros(1, 2))


def test_a_window_of_two_tokens_to_each_side_worked_out_by_hand():
    # 8 real tokens of 9 and p = 8 * 0.4 = 3.2: the window is 1.2 to 5.2, tokens 2 to 5. With D = 2, sigma is 1.
    # W_a = (ln 2 / 8, 0) and q = 1: the scores are (s + 1) ln 2 / 8, so align is proportional to 2^(s / 8).
    attention = LocalAttention(1, 2, window=2, size=1)
    place(attention, 0.4)
    attention.key.weight.data.copy_(Tensor([[math.log(2) / 8, 0]]))
    memory = memory_of(8, padding=1)
    context, weights = attention(torch.ones(1, 1, 1), attention.keys(memory), memory)
    raw = [2 ** (s / 8) * math.exp(-((s - 3.2) ** 2) / 2) for s in range(2, 6)]
    expected = [0, 0, *(value / sum(raw) for value in raw), 0, 0, 0]
    torch.testing.assert_close(weights, Tensor([[expected]]))
    torch.testing.assert_close(context, weights @ memory.states)


def test_the_gaussian_falls_on_the_softmax_over_the_window_and_is_renormalised(memory):
    torch.manual_seed(0)
    attention, query = LocalAttention(9, 8, window=1, size=6), torch.randn(2, 3, 9)
    _, weights = attention(query, attention.keys(memory), memory)
    assert attention.context_size == 8
    assert attention.keys(memory).shape == (2, 5, 9)
    w_a, w, v = attention.key.weight, attention.hidden.weight, attention.position.weight[0]
    for sentence, length in enumerate([5, 3]):
        for t in range(3):
            q = query[sentence, t]
            p = (length * torch.sigmoid(v @ torch.tanh(w @ q))).item()
            window = [s for s in range(length) if p - 1 <= s <= p + 1]
            align = torch.stack([q @ w_a @ memory.states[sentence, s] for s in window]).softmax(0)
            weighted = align * Tensor([math.exp(-((s - p) ** 2) / (2 * 0.5**2)) for s in window])
            expected = torch.zeros(5)
            expected[window] = weighted / weighted.sum()
            torch.testing.assert_close(weights[sentence, t], expected)


@pytest.mark.parametrize("logit", [-1e4, -90.0, 0.0, 17.0, 1e4])
@pytest.mark.parametrize("tokens", [1, 2, 7])
def test_a_window_always_holds_a_real_token_wherever_it_is(logit, tokens):
    attention = LocalAttention(1, 2, window=1, size=1)
    attention.hidden.weight.data.fill_(100)
    attention.position.weight.data.fill_(logit)
    memory = memory_of(tokens, padding=3)
    query = torch.ones(1, 1, 1, requires_grad=True)
    context, weights = attention(query, attention.keys(memory), memory)
    torch.testing.assert_close(weights.sum(), torch.tensor(1.0))
    assert (weights[..., tokens:] == 0).all()
    context.sum().backward()
    assert all(parameter.grad.isfinite().all() for parameter in [query, *attention.parameters()])


def test_the_place_is_a_portion_of_the_real_tokens_not_of_the_padded_ones():
    attention = LocalAttention(1, 2, window=1, size=1)
    place(attention, 0.7)
    for padding in (0, 6):
        memory = memory_of(10, padding)
        _, weights = attention(torch.ones(1, 1, 1), attention.keys(memory), memory)
        assert weights[0, 0].argmax().item() == 7


def test_the_place_learns_and_so_does_everything_else(memory):
    torch.manual_seed(0)
    attention = LocalAttention(9, 8, window=2, size=6)
    context, _ = attention(torch.randn(2, 3, 9), attention.keys(memory), memory)
    context.square().sum().backward()
    for name in ("key", "hidden", "position"):
        assert (getattr(attention, name).weight.grad != 0).any()


def test_bfloat16_points_at_single_tokens_of_a_long_source():
    attention = LocalAttention(1, 2, window=1, size=1)
    place(attention, 0.5)  # a logit of 0 is exact in bfloat16
    memory = memory_of(1203)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        _, weights = attention(torch.ones(1, 1, 1), attention.keys(memory), memory)
    assert weights[0, 0].nonzero().flatten().tolist() == [601, 602]  # p = 601.5


@pytest.mark.parametrize(("name", "settings"), [("window", (0, 6)), ("size", (2, 0))])
def test_a_value_below_one_is_refused(name, settings):
    window, size = settings
    with pytest.raises(UserError, match=re.escape(f"model.attention.{name} (0) must be at least 1.")):
        LocalAttention(3, 4, window=window, size=size)
