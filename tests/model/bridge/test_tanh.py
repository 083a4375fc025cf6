import math

import torch
from torch import Tensor

from seq2seq_pl.model.bridge.tanh import TanhBridge
from seq2seq_pl.values import Memory


def memory_of(summary: Tensor) -> Memory:
    return Memory(torch.zeros(len(summary), 5, summary.shape[1]), torch.ones(len(summary), 5).bool(), summary)


def test_two_layers_of_three_units_worked_out_by_hand():
    # W sums the two numbers of the summary, 1 + 2 = 3 and 0 + 1 = 1; b adds the row's number to it.
    bridge = TanhBridge(2, 3, layers=2, names=["hidden"])
    bridge.linear["hidden"].weight.data.fill_(1)
    bridge.linear["hidden"].bias.data.copy_(Tensor([0, 1, 2, -3, -4, -5]))
    first = bridge(memory_of(Tensor([[1, 2], [0, 1]])))
    assert list(first) == ["hidden"]
    wanted = [[[3, 4, 5], [0, -1, -2]], [[1, 2, 3], [-2, -3, -4]]]  # (B, L, H)
    expected = [[[math.tanh(unit) for unit in layer] for layer in sentence] for sentence in wanted]
    torch.testing.assert_close(first["hidden"], Tensor(expected))


def test_each_state_has_a_matrix_of_its_own():
    torch.manual_seed(0)
    bridge, summary = TanhBridge(8, 3, layers=2, names=["hidden", "cell"]), torch.randn(4, 8)
    first = bridge(memory_of(summary))
    assert list(first) == ["hidden", "cell"]
    assert not torch.allclose(first["hidden"], first["cell"])
    for name, state in first.items():
        weight, bias = bridge.linear[name].weight, bridge.linear[name].bias
        for layer in range(2):
            rows = slice(3 * layer, 3 * layer + 3)
            torch.testing.assert_close(state[:, layer], torch.tanh(summary @ weight[rows].T + bias[rows]))
