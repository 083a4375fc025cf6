import copy
import re

import pytest
import torch
from torch import nn

from seq2seq_pl.errors import UserError
from seq2seq_pl.model.convolution import GatedConvolution, check_settings, learned_positions, normed


@pytest.mark.parametrize("kernel_size", [1, 2, 3])
def test_a_gated_convolution_is_a_loop_over_positions_and_taps(kernel_size):
    torch.manual_seed(0)
    gated = GatedConvolution(4, kernel_size)
    nn.init.normal_(gated.convolution.bias)
    weight, bias, inputs = gated.convolution.weight, gated.convolution.bias, torch.randn(2, 5 + kernel_size - 1, 4)
    outputs = gated(inputs)
    assert outputs.shape == (2, 5, 4)
    for b in range(2):
        for t in range(5):
            sums = bias + sum(weight[:, :, k] @ inputs[b, t + k] for k in range(kernel_size))  # (2 H,)
            torch.testing.assert_close(outputs[b, t], sums[:4] * torch.sigmoid(sums[4:]))


def test_a_step_is_one_position_of_the_convolution():
    torch.manual_seed(0)
    gated, inputs = GatedConvolution(4, kernel_size=3), torch.randn(2, 7, 4)
    windows = inputs.unfold(1, 3, 1).transpose(-1, -2)  # (B, T, H, k) -> (B, T, k, H)
    torch.testing.assert_close(gated.step(windows), gated(inputs))


def test_first_weights_have_the_variance_of_the_paper_and_first_biases_are_zero():
    torch.manual_seed(0)
    gated, linear = GatedConvolution(60, kernel_size=3).convolution, normed(nn.Linear(150, 90))
    for layer, variance in ((gated, 4 / 180), (linear, 1 / 150)):
        assert layer.weight.mean().item() == pytest.approx(0, abs=0.04 * variance**0.5)
        assert layer.weight.var().item() == pytest.approx(variance, rel=0.05)
        assert (layer.bias == 0).all()


def test_a_small_signal_keeps_its_variance_through_a_gate():
    torch.manual_seed(0)
    inputs = 0.01 * torch.randn(8, 40, 60)
    assert GatedConvolution(60, kernel_size=3)(inputs).var().item() == pytest.approx(1e-4, rel=0.05)


def test_the_norm_of_a_neurons_weights_is_a_parameter_and_their_direction_another():
    torch.manual_seed(0)
    layer = normed(nn.Linear(7, 4))
    norms, directions = (parameter for name, parameter in layer.named_parameters() if name != "bias")
    assert (norms.shape, directions.shape) == ((4, 1), (4, 7))
    torch.testing.assert_close(layer.weight.norm(dim=1, keepdim=True), norms)
    before = layer.weight.detach().clone()
    with torch.no_grad():
        directions *= 3
    torch.testing.assert_close(layer.weight, before)
    with torch.no_grad():
        norms *= 2
    torch.testing.assert_close(layer.weight, 2 * before)


def test_a_copy_has_weights_of_its_own():
    torch.manual_seed(0)
    gated, inputs = GatedConvolution(4, kernel_size=3), torch.randn(2, 7, 4)
    twin, before = copy.deepcopy(gated), gated(inputs)
    torch.testing.assert_close(twin(inputs), before)
    for parameter in twin.parameters():
        nn.init.ones_(parameter)
    assert torch.equal(gated(inputs), before)
    assert not torch.allclose(twin(inputs), before)


def test_the_vector_of_a_place_is_added_to_the_token_in_unit_variance():
    torch.manual_seed(0)
    learned, embedded = learned_positions("model.encoder", 7, 400, "or write less"), torch.randn(2, 4, 7)
    torch.testing.assert_close(learned(embedded), embedded + learned.learned.weight[:4])
    assert learned.learned.weight.std().item() == pytest.approx(1, abs=0.05)
    message = (
        r"^model\.encoder\.max_positions \(400\) is less than the 401 tokens of a text; set more, or write less\.$"
    )
    with pytest.raises(UserError, match=message):
        learned(torch.randn(2, 401, 7))


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"hidden_size": 0}, "model.decoder.hidden_size (0) must be at least 1."),
        ({"layers": 0}, "model.decoder.layers (0) must be at least 1."),
        ({"kernel_size": 0}, "model.decoder.kernel_size (0) must be at least 1."),
        ({"max_positions": 0}, "model.decoder.max_positions (0) must be at least 1."),
        ({"dropout": 1.0}, "model.decoder.dropout (1.0) must be at least 0 and below 1."),
        ({"dropout": -0.1}, "model.decoder.dropout (-0.1) must be at least 0 and below 1."),
    ],
)
def test_a_value_out_of_range_is_refused_by_its_dotted_name(changed, message):
    settings = {"hidden_size": 4, "layers": 2, "kernel_size": 3, "max_positions": 9, "dropout": 0.0}
    check_settings("model.decoder", **settings)
    with pytest.raises(UserError, match=f"^{re.escape(message)}$"):
        check_settings("model.decoder", **{**settings, **changed})
