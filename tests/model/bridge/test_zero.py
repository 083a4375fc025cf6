import torch

from seq2seq_pl.model.bridge.zero import ZeroBridge


def test_every_state_is_zero_and_of_the_decoders_shape(memory):
    first = ZeroBridge(8, 3, layers=4, names=["hidden", "cell"])(memory)
    assert list(first) == ["hidden", "cell"]
    for state in first.values():
        assert torch.equal(state, torch.zeros(2, 4, 3))


def test_it_learns_nothing_and_says_that_it_is_blind():
    bridge = ZeroBridge(8, 3, layers=4, names=["hidden"])
    assert not list(bridge.parameters())
    assert bridge.blind


def test_states_have_the_precision_of_the_memory(memory):
    half = type(memory)(memory.states, memory.mask, memory.summary.bfloat16())
    assert ZeroBridge(8, 3, layers=4, names=["hidden"])(half)["hidden"].dtype == torch.bfloat16
