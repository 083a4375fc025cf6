import torch
from torch import Tensor

from seq2seq_pl.model.bridge.linear import LinearBridge
from seq2seq_pl.model.bridge.tanh import TanhBridge
from seq2seq_pl.values import Memory


def memory_of(summary: Tensor) -> Memory:
    return Memory(torch.zeros(len(summary), 5, summary.shape[1]), torch.ones(len(summary), 5).bool(), summary)


def test_two_layers_of_three_units_worked_out_by_hand():
    # W sums the two numbers of the summary, 1 + 2 = 3 and 0 + 1 = 1; b adds the row's number to it.
    bridge = LinearBridge(2, 3, layers=2, names=["hidden"])
    bridge.linear["hidden"].weight.data.fill_(1)
    bridge.linear["hidden"].bias.data.copy_(Tensor([0, 1, 2, -3, -4, -5]))
    first = bridge(memory_of(Tensor([[1, 2], [0, 1]])))
    assert list(first) == ["hidden"]
    assert first["hidden"].tolist() == [[[3, 4, 5], [0, -1, -2]], [[1, 2, 3], [-2, -3, -4]]]  # (B, L, H)


def test_each_state_has_a_matrix_of_its_own_and_squashed_it_is_the_tanh_bridge():
    torch.manual_seed(0)
    linear, squashed = (kind(8, 3, layers=2, names=["hidden", "cell"]) for kind in (LinearBridge, TanhBridge))
    squashed.load_state_dict(linear.state_dict())
    memory = memory_of(torch.randn(4, 8))
    first, expected = linear(memory), squashed(memory)
    assert list(first) == ["hidden", "cell"]
    assert not torch.allclose(first["hidden"], first["cell"])
    for name, state in first.items():
        torch.testing.assert_close(state.tanh(), expected[name])


def test_it_looks_at_the_memory():
    assert not LinearBridge(8, 3, layers=2, names=["hidden"]).blind
