import pytest
import torch
from torch import Tensor, nn

from seq2seq_pl.errors import UserError
from seq2seq_pl.model.encoder.rnn import RNNEncoder

CELL_CLASSES = {"rnn": nn.RNNCell, "gru": nn.GRUCell, "lstm": nn.LSTMCell}


def read_by_hand(encoder: RNNEncoder, cell: str, sentence: Tensor) -> tuple[Tensor, dict[str, list[Tensor]]]:
    """One sentence (S, E), word by word with torch's single cells -> states (S, H), final states (H,) by layer."""
    weights, inputs, final = dict(encoder.recurrent.named_parameters()), sentence, {"hidden": [], "cell": []}
    for layer in range(encoder.recurrent.num_layers):
        states, ends = [], {"hidden": [], "cell": []}
        for suffix in ["", "_reverse"][: encoder.directions]:
            one = CELL_CLASSES[cell](inputs.shape[1], encoder.recurrent.hidden_size)
            names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
            one.load_state_dict({name: weights[f"{name}_l{layer}{suffix}"] for name in names})
            words, state, outputs = inputs.flip(0) if suffix else inputs, None, []
            for word in words:
                state = one(word, state)
                outputs.append(state[0] if cell == "lstm" else state)
            states.append(torch.stack(outputs[::-1] if suffix else outputs))
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
    torch.manual_seed(0)
    encoder = RNNEncoder(7, cell=cell, hidden_size=4, layers=layers, bidirectional=bidirectional, dropout=0.0)
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
    torch.manual_seed(0)
    encoder = RNNEncoder(7, cell="gru", hidden_size=4, layers=2, bidirectional=True, dropout=0.0)
    memory = encoder(torch.randn(2, 5, 7), torch.tensor([[True] * 5, [True] * 3 + [False] * 2]))
    for b, last in enumerate([4, 2]):
        torch.testing.assert_close(memory.summary[b], torch.cat([memory.states[b, last, :4], memory.states[b, 0, 4:]]))


def test_a_value_out_of_range_is_refused_by_its_dotted_name():
    with pytest.raises(UserError, match=r"^model\.encoder\.hidden_size \(0\) must be at least 1\.$"):
        RNNEncoder(7, cell="gru", hidden_size=0, layers=1, bidirectional=True, dropout=0.0)
