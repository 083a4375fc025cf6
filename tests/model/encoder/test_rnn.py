import pytest
import torch
from torch import Tensor, nn

from seq2seq_pl.errors import UserError
from seq2seq_pl.model.encoder.rnn import RNNEncoder

CELL_CLASSES = {"rnn": nn.RNNCell, "gru": nn.GRUCell, "lstm": nn.LSTMCell}


def encoder_of(cell="gru", hidden_size=4, layers=2, bidirectional=True, **changed) -> RNNEncoder:
    """E=7; everything that stands between layers is off."""
    torch.manual_seed(0)
    between = {"dropout": 0.0, "residual": False, "layer_norm": False, "variational_dropout": False}
    settings = {"backward": False, **between, **changed}
    return RNNEncoder(7, cell=cell, hidden_size=hidden_size, layers=layers, bidirectional=bidirectional, **settings)


def read_by_hand(encoder: RNNEncoder, cell: str, sentence: Tensor) -> tuple[Tensor, dict[str, list[Tensor]]]:
    """One sentence (S, E), word by word with torch's single cells -> states (S, H), final states (H,) by layer."""
    inputs, final = sentence, {"hidden": [], "cell": []}
    for layer in encoder.recurrent.layers:
        weights, states, ends = dict(layer.named_parameters()), [], {"hidden": [], "cell": []}
        for suffix in ["_l0", "_l0_reverse"][: 1 + layer.bidirectional]:
            one = CELL_CLASSES[cell](inputs.shape[1], layer.hidden_size)
            one.load_state_dict({name: weights[name + suffix] for name in one.state_dict()})
            backward = suffix.endswith("reverse")
            words, state, outputs = inputs.flip(0) if backward else inputs, None, []
            for word in words:
                state = one(word, state)
                outputs.append(state[0] if cell == "lstm" else state)
            states.append(torch.stack(outputs[::-1] if backward else outputs))
            ends["hidden"].append(outputs[-1])
            if cell == "lstm":
                ends["cell"].append(state[1])
        inputs = torch.cat(states, dim=1)
        for name, parts in ends.items():
            final[name] += [torch.cat(parts)] if parts else []
    return inputs, {name: layers for name, layers in final.items() if layers}


@pytest.mark.parametrize("cell", ["rnn", "gru", "lstm"])
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("layers", [1, 2])
def test_each_sentence_is_read_as_cells_read_it_alone_without_padding(cell, bidirectional, layers):
    encoder = encoder_of(cell, layers=layers, bidirectional=bidirectional)
    lengths = [3, 6, 1]
    embedded, mask = torch.randn(3, 6, 7), torch.arange(6) < torch.tensor(lengths).unsqueeze(1)
    memory = encoder(embedded, mask)
    assert memory.states.shape == (3, 6, encoder.output_size) == (3, 6, 8 if bidirectional else 4)
    assert memory.mask is mask
    for b, length in enumerate(lengths):
        states, final = read_by_hand(encoder, cell, embedded[b, :length])
        torch.testing.assert_close(memory.states[b, :length], states)
        assert memory.final.keys() == final.keys()
        for name, by_layer in final.items():
            torch.testing.assert_close(memory.final[name][b], torch.stack(by_layer))
        torch.testing.assert_close(memory.summary[b], final["hidden"][-1])


def test_the_summary_joins_the_last_forward_state_and_the_first_backward_state():
    encoder = encoder_of()
    memory = encoder(torch.randn(2, 5, 7), torch.tensor([[True] * 5, [True] * 3 + [False] * 2]))
    for b, last in enumerate([4, 2]):
        torch.testing.assert_close(memory.summary[b], torch.cat([memory.states[b, last, :4], memory.states[b, 0, 4:]]))


def test_a_value_out_of_range_is_refused_by_its_dotted_name():
    with pytest.raises(UserError, match=r"^model\.encoder\.hidden_size \(0\) must be at least 1\.$"):
        encoder_of(hidden_size=0)


def test_settings_reach_the_layers_and_masks_are_drawn_in_training():
    encoder = encoder_of(dropout=0.5, residual=True, layer_norm=True, variational_dropout=True)
    stack, embedded, mask = encoder.recurrent, torch.randn(2, 5, 7), torch.ones(2, 5, dtype=torch.bool)
    assert len(stack.norms) == 1
    torch.manual_seed(1)
    states = encoder.train()(embedded, mask).states
    torch.manual_seed(1)
    expected, last = stack(embedded, stack.mask(embedded))
    torch.testing.assert_close(states, expected)
    assert last.keys() == {"hidden"}
    assert not torch.allclose(states, encoder.eval()(embedded, mask).states)


def test_backward_is_the_mirrored_source_and_mirrored_states():
    forward, backward = encoder_of("lstm", bidirectional=False), encoder_of("lstm", bidirectional=False, backward=True)
    backward.load_state_dict(forward.state_dict())
    sentence, mask = torch.randn(1, 5, 7), torch.tensor([[True] * 3 + [False] * 2])
    mirrored = torch.cat([sentence[:, :3].flip(1), sentence[:, 3:]], dim=1)
    memory, expected = backward(sentence, mask), forward(mirrored, mask)
    torch.testing.assert_close(memory.states[:, :3], expected.states[:, :3].flip(1))
    torch.testing.assert_close(memory.summary, expected.summary)
    for name, final in expected.final.items():
        torch.testing.assert_close(memory.final[name], final)


def test_backward_and_both_directions_at_once_are_refused():
    message = r"^model.encoder.backward=true reads one direction: set model.encoder.bidirectional=false\.$"
    with pytest.raises(UserError, match=message):
        encoder_of(bidirectional=True, backward=True)
