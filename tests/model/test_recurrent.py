import re

import pytest
import torch
from torch import Tensor, nn

from seq2seq_pl.errors import UserError
from seq2seq_pl.model.attention.additive import AdditiveAttention
from seq2seq_pl.model.attention.none import NoAttention
from seq2seq_pl.model.bridge.tanh import TanhBridge
from seq2seq_pl.model.bridge.zero import ZeroBridge
from seq2seq_pl.model.recurrent import RecurrentStack, check_source_is_seen, gru_step, lstm_step, rnn_step

TORCH = {"rnn": nn.RNN, "gru": nn.GRU, "lstm": nn.LSTM}
EVERYTHING = {"residual": True, "layer_norm": True, "variational_dropout": True}
LENGTHS = torch.tensor([4, 6, 1, 6, 3])


def stack_of(cell="gru", layers=2, input_size=3, hidden_size=4, **changed) -> RecurrentStack:
    """Everything that stands between layers is off."""
    settings = {"dropout": 0.0, "bidirectional": False, "residual": False, "layer_norm": False}
    settings |= {"variational_dropout": False, "part": "model.encoder", **changed}
    torch.manual_seed(0)
    return RecurrentStack(cell, input_size, hidden_size, layers=layers, **settings)


def first_states(stack: RecurrentStack) -> dict[str, Tensor]:
    """Random, B=5."""
    return {name: torch.randn(5, len(stack.layers), stack.output_size) for name in stack.names}


def steps_along(stack: RecurrentStack, inputs: Tensor, states: dict[str, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
    """Inputs (B, T, E), states (B, 1, L, H) -> outputs (B, T, H), last states (B, 1, L, H)."""
    outputs = []
    for gates in stack.gates(inputs).split(1, dim=1):
        output, after = stack.step(gates, states)
        states = {**states, **after}
        outputs.append(output)
    return torch.cat(outputs, dim=1), states


# -- single steps ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("step", "cell_class", "states"),
    [(rnn_step, nn.RNNCell, 1), (gru_step, nn.GRUCell, 1), (lstm_step, nn.LSTMCell, 2)],
)
def test_a_step_from_input_gates_is_torchs_cell(step, cell_class, states):
    torch.manual_seed(0)
    cell, inputs, state = cell_class(3, 4), torch.randn(2, 5, 3), tuple(torch.randn(states, 2, 5, 4))
    gates = inputs @ cell.weight_ih.T + cell.bias_ih
    after = step(gates, state, cell.weight_hh, cell.bias_hh)
    flat = tuple(one.flatten(0, 1) for one in state)
    expected = cell(inputs.flatten(0, 1), flat if states == 2 else flat[0])
    for actual, wanted in zip(after, expected if states == 2 else (expected,), strict=True):
        torch.testing.assert_close(actual, wanted.view(2, 5, 4))


# -- nothing between the layers --------------------------------------------------------------------------------------


@pytest.mark.parametrize("cell", ["rnn", "gru", "lstm"])
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("layers", [1, 3])
def test_the_same_seed_draws_torchs_own_layers_which_compute_the_same(cell, bidirectional, layers):
    stack = stack_of(cell, layers, bidirectional=bidirectional)
    torch.manual_seed(0)
    own = TORCH[cell](3, 4, num_layers=layers, bidirectional=bidirectional, batch_first=True)
    for ours, theirs in zip(stack.parameters(), own.parameters(), strict=True):
        assert torch.equal(ours, theirs)
    inputs = torch.randn(5, 6, 3)
    outputs, last = stack(inputs, {})
    expected, final = own(inputs)
    torch.testing.assert_close(outputs, expected)
    for name, state in zip(stack.names, final if cell == "lstm" else (final,), strict=True):
        by_direction = state.view(layers, -1, 5, 4)  # (L, directions, B, H)
        torch.testing.assert_close(last[name], torch.cat(by_direction.unbind(1), dim=-1).transpose(0, 1))


@pytest.mark.parametrize("cell", ["rnn", "gru", "lstm"])
def test_it_goes_on_from_the_states_it_left(cell):
    stack, inputs = stack_of(cell), torch.randn(5, 6, 3)
    outputs, last = stack(inputs, {})
    before, middle = stack(inputs[:, :2], {})
    after, end = stack(inputs[:, 2:], middle)
    torch.testing.assert_close(torch.cat([before, after], dim=1), outputs)
    torch.testing.assert_close(end, last)


# -- between the layers ----------------------------------------------------------------------------------------------


def test_residual_connections_and_normalisation_stand_where_the_formula_says():
    stack = stack_of("gru", layers=3, residual=True, layer_norm=True)
    nn.init.normal_(stack.norms[0].weight)
    inputs = torch.randn(5, 6, 3)
    first, _ = stack.layers[0](inputs)
    second = stack.norms[0](first)  # no residual: sizes 3 and 4 differ
    third = stack.norms[1](stack.layers[1](second)[0]) + second
    torch.testing.assert_close(stack(inputs, {})[0], stack.layers[2](third)[0] + third)
    assert len(stack.norms) == 2
    same_size = stack_of("gru", layers=1, input_size=4, residual=True)
    inputs = torch.randn(5, 6, 4)
    torch.testing.assert_close(same_size(inputs, {})[0], same_size.layers[0](inputs)[0] + inputs)


@pytest.mark.parametrize("variational", [False, True])
@pytest.mark.parametrize("lengths", [None, LENGTHS])
def test_dropout_falls_between_layers_and_variational_dropout_holds_its_mask_through_time(
    variational, lengths, monkeypatch
):
    monkeypatch.setattr(
        "seq2seq_pl.model.recurrent.can_scan", lambda inputs: False
    )  # torch's own layers, which tell what they read
    stack = stack_of("lstm", layers=2, dropout=0.5, variational_dropout=variational, hidden_size=40).train()
    seen = []
    stack.layers[0].register_forward_hook(lambda layer, given, answer: seen.append(answer[0]))
    stack.layers[1].register_forward_pre_hook(lambda layer, given: seen.append(given[0]))
    inputs = torch.randn(5, 6, 3)
    stack(inputs, stack.mask(inputs), lengths)
    if lengths is not None:
        seen = [nn.utils.rnn.pad_packed_sequence(packed, batch_first=True)[0] for packed in seen]
    given, read = seen
    kept = read != 0
    torch.testing.assert_close(read[kept], 2 * given[kept])
    assert 0.3 < kept[given != 0].float().mean() < 0.7
    real = torch.ones(5, 6, dtype=torch.bool) if lengths is None else torch.arange(6) < lengths.unsqueeze(1)
    held = [(kept[b, real[b]] == kept[b, 0]).all().item() for b in range(5) if real[b].sum() > 1]
    assert all(held) if variational else not any(held)
    assert len({tuple(row.tolist()) for row in kept[:, 0]}) == 5


@pytest.mark.parametrize("cell", ["rnn", "gru", "lstm"])
def test_steps_equal_the_fused_call_with_the_same_masks(cell):
    stack = stack_of(cell, layers=3, dropout=0.5, **EVERYTHING).train()
    first, inputs = first_states(stack), torch.randn(5, 6, 3)
    start = stack.start(first)
    assert start["mask"].shape == (5, 1, 2, 4)
    outputs, last = stack(inputs, {name: state.squeeze(1) for name, state in start.items()})
    stepped, after = steps_along(stack, inputs, start)
    torch.testing.assert_close(stepped, outputs)
    torch.testing.assert_close(after, {**start, **{name: state.unsqueeze(1) for name, state in last.items()}})


@pytest.mark.parametrize("cell", ["rnn", "gru", "lstm"])
def test_what_stands_behind_the_last_token_is_neither_read_nor_written(cell):
    stack = stack_of(cell, bidirectional=True, dropout=0.5, **EVERYTHING).train()
    inputs = torch.randn(5, 6, 3)
    mask = stack.mask(inputs)["mask"]
    outputs, last = stack(inputs, {"mask": mask}, LENGTHS)
    for b, length in enumerate(LENGTHS):
        alone, ends = stack(inputs[b : b + 1, :length], {"mask": mask[b : b + 1]})
        torch.testing.assert_close(outputs[b : b + 1, :length], alone)
        torch.testing.assert_close({name: state[b : b + 1] for name, state in last.items()}, ends)
        assert not outputs[b, length:].any()


@pytest.mark.parametrize(
    "changed", [{"layers": 1}, {"dropout": 0.0}, {"variational_dropout": False}, {"training": False}], ids=str
)
def test_a_mask_is_drawn_only_where_it_would_drop_something(changed):
    settings = {"layers": 2, "dropout": 0.5, "variational_dropout": True, "training": True, **changed}
    training = settings.pop("training")
    stack = stack_of(**settings).train(training)
    first = first_states(stack)
    assert stack.mask(first["hidden"]) == {}
    assert stack.start(first).keys() == {"hidden"}


def test_masks_differ_between_sentences_and_layers_and_keep_the_mean():
    stack = stack_of(layers=3, dropout=0.2, variational_dropout=True, hidden_size=400).train()
    mask = stack.mask(torch.zeros(5, 1))["mask"]
    assert mask.shape == (5, 2, 400)
    assert mask.unique().tolist() == pytest.approx([0.0, 1.25], rel=1e-4)
    assert mask.mean().item() == pytest.approx(1, abs=0.05)
    assert len({tuple(row.tolist()) for row in mask.flatten(0, 1)}) == 10


# -- settings --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"cell": "LSTM"}, "model.encoder.cell (LSTM) must be one of rnn, gru, lstm."),
        ({"hidden_size": 0}, "model.encoder.hidden_size (0) must be at least 1."),
        ({"layers": 0}, "model.encoder.layers (0) must be at least 1."),
        ({"dropout": 1.0}, "model.encoder.dropout (1.0) must be at least 0 and below 1."),
        ({"dropout": -0.1}, "model.encoder.dropout (-0.1) must be at least 0 and below 1."),
        ({"layers": 0, "part": "model.decoder"}, "model.decoder.layers (0) must be at least 1."),
    ],
)
def test_a_value_out_of_range_is_refused_by_its_dotted_name(changed, message):
    with pytest.raises(UserError, match=f"^{re.escape(message)}$"):
        stack_of(**changed)


def test_a_bridge_and_an_attention_that_both_look_at_nothing_are_refused():
    zero, tanh = (made(8, 4, layers=1, names=["hidden"]) for made in (ZeroBridge, TanhBridge))
    none, additive = NoAttention(4, 8), AdditiveAttention(4, 8, size=6)
    for bridge, attention in [(zero, additive), (tanh, none), (tanh, additive)]:
        check_source_is_seen(bridge, attention)
    with pytest.raises(UserError, match=r"model/attention=none.*model/bridge=zero.* hides the source from the decoder"):
        check_source_is_seen(zero, none)
