"""What holds for every model that the YAML files of conf/model make together, from the day a YAML exists."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from combinations import PARTS, Combination, build_combination, covering
from passes import (
    STEPPED,
    assert_same,
    log_probs_along,
    logits_along,
    mean_loss,
    previous_tokens,
    random_tokens,
    rows_of,
    step_along,
    widened,
)
from torch import Tensor, nn
from torch.nn import functional as F

from seq2seq_pl.model.seq2seq import Seq2Seq
from seq2seq_pl.values import BOS, PAD, UNK, Batch


@pytest.fixture(scope="session")
def combinations() -> list[Combination]:
    return covering()[0]


@pytest.fixture(params=covering()[0], ids=str)
def combination(request) -> Combination:
    return request.param


@pytest.fixture
def make(combination) -> Callable[..., Seq2Seq]:
    """Dropout and seed -> the model of a combination."""

    def made(dropout: float = 0.0, seed: int = 0) -> Seq2Seq:
        return build_combination(combination, dropout, seed)

    return made


@pytest.fixture
def model(make) -> Seq2Seq:
    return make().eval()


# -- which parts fit -------------------------------------------------------------------------------------------------


def test_every_yaml_is_part_of_a_model_that_can_be_built(combinations):
    met = {part for combination in combinations for part in combination.parts}
    assert met == {(kind, name) for kind, names in PARTS.items() for name in names}


@pytest.mark.parametrize("pair", covering()[1], ids=lambda pair: " x ".join("=".join(choice) for choice in pair))
def test_two_choices_that_never_meet_are_refused_with_a_reason(pair):
    why = covering()[1][pair]
    print(why)  # pytest -rP shows the table
    assert any(name in why for _, name in pair), why


def test_sizes_are_what_the_parts_say_they_are(model, batch):
    memory = model.encode(batch)
    outputs, weights = model(batch)
    assert memory.states.shape == (3, 6, model.encoder.output_size)
    assert memory.summary.shape == (3, model.encoder.output_size)
    assert torch.equal(memory.mask, batch.source_mask)
    assert all(state.ndim == 3 and len(state) == 3 for state in memory.final.values())
    assert outputs.shape == (3, 4, model.decoder.output_size)
    logits = logits_along(model, batch, outputs, weights)
    assert logits.shape == (3, 4, 13 + 6 * model.output.copying)
    assert_same(model.logits(batch, outputs, weights), logits[batch.target_mask])
    assert weights is None or weights.shape == (3, 4, 6)


# -- teacher forcing -------------------------------------------------------------------------------------------------


def test_forward_equals_stacked_steps(model, batch):
    memory = model.encode(batch)
    tokens = previous_tokens(batch.target).unsqueeze(1)  # (B, T) -> (B, 1, T)
    stepped_outputs, stepped_weights, _ = step_along(model, memory, model.decoder.start(memory), tokens)
    outputs, weights = model(batch)
    assert_same(outputs, stepped_outputs.squeeze(1))
    assert_same(weights, None if stepped_weights is None else stepped_weights.squeeze(1))


def test_log_probs_of_a_search_equal_those_of_training(model, batch):
    outputs, weights = model(batch)
    log_probs, _ = log_probs_along(model, model.start(batch), previous_tokens(batch.target).unsqueeze(1))
    assert_same(log_probs.squeeze(1), logits_along(model, batch, outputs, weights).log_softmax(-1))
    assert_same(log_probs.exp().sum(-1), torch.ones(3, 1, 4))


@pytest.mark.parametrize("t", [0, 1, 2, 3])
def test_a_target_token_changes_the_outputs_after_its_position_only(model, batch_of, t):
    targets = [[12, 4, 8], [6, 7, 5], [11, 5, 4]]
    batch = batch_of([[5, 10, 4], [9, 4, 7, 7, 6], [8]], targets)
    changed = batch.target.clone()
    changed[:, t] = 9
    outputs, weights = model(batch)
    changed_outputs, changed_weights = model(replace(batch, target=changed))
    # Output t predicts token t and may read tokens 0 to t - 1, so output t + 1 is the first to see token t.
    torch.testing.assert_close(changed_outputs[:, : t + 1], outputs[:, : t + 1], rtol=0, atol=1e-7)
    if weights is not None:
        torch.testing.assert_close(changed_weights[:, : t + 1], weights[:, : t + 1], rtol=0, atol=1e-7)
    if t < 3:
        assert ((changed_outputs[:, t + 1] - outputs[:, t + 1]).abs().amax(-1) > 1e-4).all()


# -- the batch around a sentence -------------------------------------------------------------------------------------


@pytest.mark.parametrize("ratio", [1.0, 0.0])
def test_pad_columns_change_nothing(model, batch, ratio):
    wide_source, wide_copies = (F.pad(tokens, (0, 2), value=PAD) for tokens in (batch.source, batch.copies))
    wider = Batch(wide_source, F.pad(batch.target, (0, 3), value=PAD), batch.index, batch.task, wide_copies)
    memory, wider_memory = model.encode(batch), model.encode(wider)
    real = batch.source_mask
    assert_same(wider_memory.states[:, :6][real], memory.states[real])
    assert_same(wider_memory.summary, memory.summary)
    assert wider_memory.final.keys() == memory.final.keys()
    for name, state in memory.final.items():
        assert_same(wider_memory.final[name], state)
    outputs, weights = model(batch, ratio)
    wider_outputs, wider_weights = model(wider, ratio)
    assert_same(wider_outputs[:, :4][batch.target_mask], outputs[batch.target_mask])
    if weights is not None:
        assert_same(wider_weights[:, :4, :6][batch.target_mask], weights[batch.target_mask])
        assert (wider_weights[:, :, 6:] == 0).all()


def test_permuting_the_batch_permutes_the_output(model, batch):
    order = torch.tensor([2, 0, 1])
    outputs, weights = model(batch)
    permuted_outputs, permuted_weights = model(rows_of(batch, order))
    assert_same(permuted_outputs, outputs[order])
    assert_same(permuted_weights, None if weights is None else weights[order])


def test_the_output_of_a_sentence_does_not_depend_on_its_neighbours(model, batch):
    outputs, weights = model(batch)
    for b in range(3):
        source, target, copies = (
            tokens[b][tokens[b] != PAD].unsqueeze(0) for tokens in (batch.source, batch.target, batch.copies)
        )
        alone, alone_weights = model(Batch(source, target, batch.index[b : b + 1], batch.task, copies))
        assert_same(alone, outputs[b : b + 1, : target.shape[1]])
        if weights is not None:
            assert_same(alone_weights, weights[b : b + 1, : target.shape[1], : source.shape[1]])


def test_attention_weights_are_a_distribution_over_real_tokens(combination, model, batch):
    _, weights = model(batch)
    attention = ("attention", dict(combination.parts)["attention"])
    nothing_to_copy_by = (attention, ("output", "pointer_generator")) in covering()[1]
    assert (weights is None) == nothing_to_copy_by
    if weights is None:
        return
    assert torch.isfinite(weights).all()
    assert (weights >= 0).all()
    assert (weights.masked_select(~batch.source_mask.unsqueeze(1)) == 0).all()
    assert_same(weights.sum(-1), torch.ones(3, 4))


# -- search ----------------------------------------------------------------------------------------------------------


def test_steps_with_several_hypotheses_equal_separate_steps(model, batch):
    tokens = random_tokens(3, 5, 3)
    memory, start = model.encode(batch), widened(model.start(batch), hypotheses=5).states[0]
    outputs, weights, _ = step_along(model, memory, start, tokens)
    for k in range(5):
        alone, alone_weights, _ = step_along(model, memory, model.decoder.start(memory), tokens[:, k : k + 1])
        assert_same(outputs[:, k : k + 1], alone)
        assert_same(None if weights is None else weights[:, k : k + 1], alone_weights)


def test_steps_after_a_reorder_equal_steps_along_the_reordered_prefixes(model, batch):
    prefixes, following = random_tokens(3, 5, 3), random_tokens(3, 4, 2).flip(0)
    parents = torch.tensor([[4, 4, 0, 2], [1, 0, 3, 0], [2, 3, 1, 4]])
    _, state = log_probs_along(model, widened(model.start(batch), hypotheses=5), prefixes)
    reordered, _ = log_probs_along(model, state.reorder(parents), following)
    whole = torch.cat([prefixes[torch.arange(3).unsqueeze(1), parents], following], dim=2)  # (B, K', 3 + 2)
    afresh, _ = log_probs_along(model, widened(model.start(batch), hypotheses=4), whole)
    assert_same(reordered, afresh[:, :, 3:])


def test_steps_after_a_selection_equal_steps_of_the_selected_sentences(model, batch):
    prefixes, following, rows = random_tokens(3, 5, 3), random_tokens(2, 5, 2), torch.tensor([2, 0])
    _, state = log_probs_along(model, widened(model.start(batch), hypotheses=5), prefixes)
    selected, _ = log_probs_along(model, state.select(rows), following)
    kept = rows_of(batch, rows)
    whole = torch.cat([prefixes[rows], following], dim=2)  # (B', K, 3 + 2)
    afresh, _ = log_probs_along(model, widened(model.start(kept), hypotheses=5), whole)
    assert_same(selected, afresh[:, :, 3:])


def test_the_state_is_a_flat_mapping_with_the_same_names_at_every_step(model, batch):
    memory, start = model.encode(batch), widened(model.start(batch), hypotheses=5).states[0]
    assert all(value.shape[:2] == (3, 1) for value in model.decoder.start(memory).values())
    _, _, states = step_along(model, memory, start, random_tokens(3, 5, 3))
    for state in states:
        assert state.keys() == start.keys()
        assert all(isinstance(value, Tensor) and value.shape[:2] == (3, 5) for value in state.values())


# -- modules ---------------------------------------------------------------------------------------------------------


def attributes(model: nn.Module) -> dict[str, object]:
    """What hangs on each module, by identity, and what is in it where it is a container."""
    found: dict[str, object] = {}
    for path, module in model.named_modules():
        for name, value in vars(module).items():
            held = value.values() if isinstance(value, dict) else value if isinstance(value, list | tuple | set) else ()
            found[f"{path}.{name}"] = (id(value), [id(item) for item in held])
            loose = [item for item in (value, *held) if isinstance(item, Tensor) and not isinstance(item, nn.Parameter)]
            assert name == "_buffers" or not loose, f"{path}.{name} holds a tensor"
    return found


def test_no_state_is_kept_on_a_module_between_calls(make, batch):
    model = make(dropout=0.3).train()
    before, buffers = attributes(model), {name: buffer.clone() for name, buffer in model.named_buffers()}
    model(batch)
    model(batch, teacher_forcing_ratio=0.5)
    log_probs_along(model, widened(model.start(batch), hypotheses=2), random_tokens(3, 2, 2))
    assert attributes(model) == before
    assert all(torch.equal(buffer, buffers[name]) for name, buffer in model.named_buffers())


@pytest.mark.parametrize("ratio", [1.0, STEPPED])
def test_gradients_reach_every_parameter_and_are_finite(make, batch, ratio):
    model = make().double().train()
    mean_loss(model, batch, ratio).backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert torch.isfinite(parameter.grad).all(), name
        assert parameter.grad.abs().max() > 1e-10, name  # rounding alone, 1e-17 in float64, is not a gradient


def test_dropout_is_deterministic_given_the_seed(make, batch):
    model = make(dropout=0.4).train()
    drawn = []
    for seed in (3, 3, 4):
        torch.manual_seed(seed)
        drawn.append(model(batch, teacher_forcing_ratio=0.5)[0])
    assert torch.equal(drawn[0], drawn[1])
    assert not torch.allclose(drawn[0], drawn[2])


def test_evaluation_mode_drops_nothing(make, batch):
    assert_same(make(dropout=0.4).eval()(batch)[0], make(dropout=0.0).train()(batch)[0])


def test_a_saved_state_dict_restores_the_model(make, batch):
    model, other, file = make(seed=0).eval(), make(seed=1).eval(), io.BytesIO()
    assert not torch.allclose(other(batch)[0], model(batch)[0])
    torch.save(model.state_dict(), file)
    file.seek(0)
    other.load_state_dict(torch.load(file, weights_only=True))
    for actual, expected in zip(other(batch), model(batch), strict=True):
        assert_same(actual, expected)
    assert_same(other.logits(batch, *other(batch)), model.logits(batch, *model(batch)))


# -- scheduled sampling ----------------------------------------------------------------------------------------------


def test_without_teacher_forcing_the_target_is_never_read(model, batch):
    other = replace(batch, target=torch.where(batch.target_mask, 5, PAD))
    for actual, expected in zip(model(other, 0.0), model(batch, 0.0), strict=True):
        assert actual is expected is None or torch.equal(actual, expected)


def test_without_teacher_forcing_the_outputs_are_those_of_the_greedy_path(model, batch):
    along = logits_along(model, batch, *model(batch, teacher_forcing_ratio=0.0)).log_softmax(-1)
    state, tokens = model.start(batch), torch.full((3, 1), BOS)
    for t in range(4):
        log_probs, state = model.step(tokens, state)
        assert_same(along[:, t], log_probs[:, 0])
        tokens = log_probs.argmax(-1)


def test_stepping_with_full_teacher_forcing_equals_the_fused_path(model, batch):
    for actual, expected in zip(model(batch, STEPPED), model(batch, 1.0), strict=True):
        assert_same(actual, expected)


def test_one_coin_of_torchs_generator_decides_each_step(model, batch):
    torch.manual_seed(11)
    outputs, _ = model(batch, teacher_forcing_ratio=0.5)
    after = torch.rand(())
    torch.manual_seed(11)
    coins = [(torch.rand(()) < 0.5).item() for _ in range(4)]
    assert torch.equal(torch.rand(()), after)
    assert len(set(coins[:3])) == 2
    memory = model.encode(batch)
    state, previous = model.decoder.start(memory), torch.full((3, 1), BOS)
    for t, forced in enumerate(coins):
        embedded = model.target_embedding(previous.masked_fill(previous >= 13, UNK))  # a copied word has no vector
        expected, weights, state = model.decoder.step(embedded, state, memory)
        assert_same(outputs[:, t : t + 1], expected)
        own = logits_along(model, batch, expected, weights).argmax(-1)
        previous = batch.target[:, t : t + 1] if forced else own
