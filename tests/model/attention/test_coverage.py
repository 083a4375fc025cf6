import math

import pytest
import torch
from torch import Tensor

from seq2seq_pl.errors import UserError
from seq2seq_pl.model.attention.additive import AdditiveAttention
from seq2seq_pl.model.attention.coverage import CoverageAttention
from seq2seq_pl.values import Memory


def stepped(attention: CoverageAttention, query: Tensor, memory: Memory) -> tuple[Tensor, Tensor, list[Tensor]]:
    """Query (B, T, Q) one at a time -> context (B, T, H), weights (B, T, S), the coverage before and after each."""
    keys, state, contexts, rows = attention.keys(memory), attention.start(memory), [], []
    coverage = [state["coverage"]]
    for t in range(query.shape[1]):
        context, weights, state = attention.step(query[:, t : t + 1], state, keys, memory)
        contexts.append(context)
        rows.append(weights)
        coverage.append(state["coverage"])
    return torch.cat(contexts, dim=1), torch.cat(rows, dim=1), coverage


def test_three_steps_worked_out_by_hand():
    # Scores are v tanh(m + w c) with w = -1, v = 2: m is atanh(ln 3 / 2) and 0, so at first 3/4 and 1/4.
    attention = CoverageAttention(1, 1, size=1)
    for layer, value in [("query", 0), ("key", 1), ("coverage", -1), ("energy", 2)]:
        getattr(attention, layer).weight.data.fill_(value)
    attention.key.bias.data.zero_()
    m = math.atanh(math.log(3) / 2)
    memory = Memory(Tensor([[[m], [0]]]), torch.ones(1, 2, dtype=torch.bool), summary=torch.zeros(1, 1))
    coverage, expected = [0.0, 0.0], []
    for _ in range(3):
        raw = [math.exp(2 * math.tanh(state - seen)) for state, seen in zip([m, 0], coverage, strict=True)]
        expected.append([value / sum(raw) for value in raw])
        coverage = [seen + weight for seen, weight in zip(coverage, expected[-1], strict=True)]
    assert expected[0] == pytest.approx([0.75, 0.25])
    context, weights = attention(torch.ones(1, 3, 1), attention.keys(memory), memory)
    torch.testing.assert_close(weights, Tensor([expected]))
    torch.testing.assert_close(context, Tensor([[[m * first] for first, _ in expected]]))


def test_the_first_query_is_additive_attentions_and_all_are_where_coverage_has_no_weight(memory):
    torch.manual_seed(0)
    attention, additive, query = CoverageAttention(9, 8, size=6), AdditiveAttention(9, 8, size=6), torch.randn(2, 3, 9)
    additive.load_state_dict({k: v for k, v in attention.state_dict().items() if not k.startswith("coverage")})
    keys = attention.keys(memory)
    _, expected = additive(query, keys, memory)
    _, weights = attention(query, keys, memory)
    torch.testing.assert_close(weights[:, 0], expected[:, 0])
    assert not torch.allclose(weights[:, 1], expected[:, 1], atol=1e-3)
    attention.coverage.weight.data.zero_()
    torch.testing.assert_close(attention(query, keys, memory)[1], expected)


def test_stacked_steps_equal_forward_and_the_coverage_is_the_sum_of_the_weights(memory):
    torch.manual_seed(0)
    attention, query = CoverageAttention(9, 8, size=6), torch.randn(2, 4, 9)
    context, weights = attention(query, attention.keys(memory), memory)
    step_context, step_weights, coverage = stepped(attention, query, memory)
    torch.testing.assert_close(context, step_context)
    torch.testing.assert_close(weights, step_weights)
    assert coverage[0].shape == (2, 1, 5)
    assert (coverage[0] == 0).all()
    for t in range(4):
        torch.testing.assert_close(coverage[t + 1], weights[:, : t + 1].sum(1, keepdim=True))
    assert attention.context_size == 8


def test_gradients_flow_through_the_coverage_into_earlier_queries_and_every_parameter(memory):
    torch.manual_seed(0)
    attention, query = CoverageAttention(9, 8, size=6), torch.randn(2, 3, 9, requires_grad=True)
    context, _ = attention(query, attention.keys(memory), memory)
    context[:, 2].square().sum().backward()  # the last query's context alone
    assert (query.grad.abs().amax(-1) > 1e-6).all()
    assert all((parameter.grad != 0).any() for parameter in attention.parameters())


def test_hypotheses_of_one_sentence_have_coverages_of_their_own(memory):
    torch.manual_seed(0)
    attention, query = CoverageAttention(9, 8, size=6), torch.randn(2, 3, 9)
    keys, coverage = attention.keys(memory), torch.rand(2, 3, 5) * 3
    _, weights, after = attention.step(query, {"coverage": coverage}, keys, memory)
    for k in range(3):
        one = slice(k, k + 1)
        _, alone, after_alone = attention.step(query[:, one], {"coverage": coverage[:, one]}, keys, memory)
        torch.testing.assert_close(weights[:, one], alone)
        torch.testing.assert_close(after["coverage"][:, one], after_alone["coverage"])


def test_a_size_below_one_is_refused():
    with pytest.raises(UserError, match=r"^model\.attention\.size \(0\) must be at least 1\.$"):
        CoverageAttention(3, 4, size=0)
