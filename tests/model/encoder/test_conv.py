import pytest
import torch
from torch import Tensor

from seq2seq_pl.errors import UserError
from seq2seq_pl.model.encoder.conv import ConvEncoder


def encoder_of(kernel_size=3, **changed) -> ConvEncoder:
    """E=7, H=4, 2 layers."""
    torch.manual_seed(0)
    settings = {"hidden_size": 4, "layers": 2, "dropout": 0.0, "max_positions": 6, **changed}
    return ConvEncoder(7, kernel_size=kernel_size, **settings)


def read_by_hand(encoder: ConvEncoder, sentence: Tensor) -> Tensor:
    """One sentence (S, E) without padding, token by token -> states (S, H)."""
    size, reach = len(sentence), encoder.reach
    enter, leave = encoder.enter, encoder.leave
    entered = [
        enter.weight @ (word + place) + enter.bias
        for word, place in zip(sentence, encoder.positions.learned.weight, strict=False)
    ]
    states = entered
    for layer in encoder.layers:
        weight, bias, after = layer.convolution.weight, layer.convolution.bias, []
        for s in range(size):
            near = [(k, s + k - reach) for k in range(2 * reach + 1) if 0 <= s + k - reach < size]
            sums = bias + sum(weight[:, :, k] @ states[at] for k, at in near)
            after.append((sums[:4] * sums[4:].sigmoid() + states[s]) / 2**0.5)
        states = after
    return torch.stack([(leave.weight @ z + leave.bias + e) / 2**0.5 for z, e in zip(states, entered, strict=True)])


@pytest.mark.parametrize("layers", [1, 4, 16])
def test_a_stack_of_any_depth_keeps_the_size_of_what_it_reads(layers):
    torch.manual_seed(0)
    encoder = ConvEncoder(60, hidden_size=50, layers=layers, kernel_size=3, dropout=0.0, max_positions=30)
    states = encoder(torch.randn(8, 30, 60), torch.ones(8, 30, dtype=torch.bool)).states
    assert states.std().item() == pytest.approx(0.1, rel=0.3)  # the deviation that the paper's embeddings have


@pytest.mark.parametrize("kernel_size", [1, 3, 5])
def test_each_sentence_is_read_as_by_hand_alone_without_padding(kernel_size):
    encoder, lengths = encoder_of(kernel_size), [3, 6, 1]
    embedded, mask = torch.randn(3, 6, 7), torch.arange(6) < torch.tensor(lengths).unsqueeze(1)
    memory = encoder(embedded, mask)
    assert memory.mask is mask
    assert not memory.final
    for b, length in enumerate(lengths):
        states = read_by_hand(encoder, embedded[b, :length])
        torch.testing.assert_close(memory.states[b, :length], states)
        torch.testing.assert_close(memory.summary[b], states.mean(0))


def test_a_state_sees_layers_times_half_a_kernel_to_either_side():
    encoder, embedded = encoder_of(max_positions=11), torch.randn(1, 11, 7, requires_grad=True)
    encoder(embedded, torch.ones(1, 11, dtype=torch.bool)).states[0, 5].sum().backward()
    assert embedded.grad[0].abs().sum(1).nonzero().squeeze(1).tolist() == [3, 4, 5, 6, 7]


def test_an_even_kernel_is_refused():
    message = (
        r"^model\.encoder\.kernel_size \(4\) must be odd, to reach as far to the left as to the right; try 3 or 5\.$"
    )
    with pytest.raises(UserError, match=message):
        encoder_of(kernel_size=4)


def test_a_source_beyond_the_last_position_is_refused():
    mask = torch.ones(2, 7, dtype=torch.bool)
    message = r"\.max_positions \(6\) is less than the 7 tokens of a text; set more, or set max_source_length=5\.$"
    encoder_of()(torch.randn(2, 6, 7), mask[:, :6])
    with pytest.raises(UserError, match=message):
        encoder_of()(torch.randn(2, 7, 7), mask)


def test_a_value_out_of_range_is_refused_by_its_dotted_name():
    with pytest.raises(UserError, match=r"^model\.encoder\.layers \(0\) must be at least 1\.$"):
        encoder_of(layers=0)
