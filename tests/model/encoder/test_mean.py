import pytest
import torch

from seq2seq_pl.errors import UserError
from seq2seq_pl.model.encoder.mean import MeanEncoder

MASK = torch.tensor([[True] * 5, [True] * 3 + [False] * 2])


def encoder() -> MeanEncoder:
    """E=7, H=4."""
    torch.manual_seed(0)
    return MeanEncoder(7, hidden_size=4)


def test_a_state_is_a_linear_function_of_its_token_and_the_summary_their_mean():
    mean, embedded = encoder(), torch.randn(2, 5, 7)
    memory = mean(embedded, MASK)
    assert memory.mask is MASK
    assert not memory.final
    for b, length in enumerate([5, 3]):
        states = [mean.linear.weight @ embedded[b, s] + mean.linear.bias for s in range(length)]
        torch.testing.assert_close(memory.states[b, :length], torch.stack(states))
        torch.testing.assert_close(memory.summary[b], sum(states) / length)


def test_the_order_of_the_words_does_not_change_the_summary():
    mean, embedded, order = encoder(), torch.randn(2, 5, 7), torch.tensor([2, 0, 1, 3, 4])
    torch.testing.assert_close(mean(embedded[:, order], MASK).summary, mean(embedded, MASK).summary)


def test_a_size_below_one_is_refused():
    with pytest.raises(UserError, match=r"^model\.encoder\.hidden_size \(0\) must be at least 1\.$"):
        MeanEncoder(7, hidden_size=0)
