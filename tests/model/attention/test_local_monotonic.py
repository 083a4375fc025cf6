import pytest
import torch

from seq2seq_pl.errors import UserError
from seq2seq_pl.model.attention.general import GeneralAttention
from seq2seq_pl.model.attention.local_monotonic import MonotonicLocalAttention
from seq2seq_pl.values import Memory


def memory_of(*lengths: int) -> Memory:
    torch.manual_seed(0)
    mask = torch.arange(max(lengths)) < torch.tensor(lengths).unsqueeze(1)
    return Memory(torch.randn(*mask.shape, 8), mask, summary=torch.zeros(len(lengths), 8))


def test_the_window_moves_on_by_one_token_and_stops_at_the_last():
    attention, memory = MonotonicLocalAttention(9, 8, window=1), memory_of(5, 3)
    _, weights = attention(torch.randn(2, 7, 9), attention.keys(memory), memory)
    seen = [[row.nonzero().flatten().tolist() for row in sentence] for sentence in weights]
    assert seen[0] == [[0, 1], [0, 1, 2], [1, 2, 3], [2, 3, 4], [3, 4], [3, 4], [3, 4]]
    assert seen[1] == [[0, 1], [0, 1, 2], [1, 2], [1, 2], [1, 2], [1, 2], [1, 2]]


def test_within_the_window_the_weights_are_general_attentions_divided_by_their_sum():
    attention, general, memory = MonotonicLocalAttention(9, 8, window=2), GeneralAttention(9, 8), memory_of(7, 6)
    general.load_state_dict(attention.state_dict())
    query = torch.randn(2, 4, 9)
    context, weights = attention(query, attention.keys(memory), memory)
    _, everywhere = general(query, general.keys(memory), memory)
    for t in range(4):
        window = slice(max(0, t - 2), t + 3)
        expected = everywhere[:, t, window] / everywhere[:, t, window].sum(-1, keepdim=True)
        torch.testing.assert_close(weights[:, t, window], expected)
    torch.testing.assert_close(context, weights @ memory.states)
    assert attention.context_size == 8


def test_stacked_steps_equal_forward_also_beyond_the_source():
    attention, memory = MonotonicLocalAttention(9, 8, window=1), memory_of(5, 3)
    query, keys = torch.randn(2, 8, 9), attention.keys(memory)
    context, weights = attention(query, keys, memory)
    state = attention.start(memory)
    assert state["time"].tolist() == [[[0]], [[0]]]
    for t in range(8):
        step_context, step_weights, state = attention.step(query[:, t : t + 1], state, keys, memory)
        torch.testing.assert_close(step_context, context[:, t : t + 1])
        torch.testing.assert_close(step_weights, weights[:, t : t + 1])
    assert state["time"].tolist() == [[[8]], [[8]]]
    assert state["time"].dtype == torch.long


def test_hypotheses_of_one_sentence_may_be_at_different_times():
    attention, memory = MonotonicLocalAttention(9, 8, window=1), memory_of(5)
    time = torch.tensor([[[0], [3], [9]]])
    _, weights, after = attention.step(torch.randn(1, 3, 9), {"time": time}, attention.keys(memory), memory)
    assert [row.nonzero().flatten().tolist() for row in weights[0]] == [[0, 1], [2, 3, 4], [3, 4]]
    assert torch.equal(after["time"], time + 1)


def test_its_matrix_learns():
    attention, memory = MonotonicLocalAttention(9, 8, window=1), memory_of(5, 3)
    context, _ = attention(torch.randn(2, 4, 9), attention.keys(memory), memory)
    context.square().sum().backward()
    assert (attention.key.weight.grad != 0).any()


def test_a_window_below_one_is_refused():
    with pytest.raises(UserError, match=r"^model\.attention\.window \(0\) must be at least 1\.$"):
        MonotonicLocalAttention(3, 4, window=0)
