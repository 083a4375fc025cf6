"""Several tasks in one model: what each has of its own, and that nothing of it touches another's."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from passes import STEPPED, assert_same, log_probs_along, mean_loss, previous_tokens
from torch import Tensor

from seq2seq_pl.model.seq2seq import Seq2Seq
from seq2seq_pl.values import Batch

TASKS = ("first", "type", "train")  # two are what a method of ModuleDict is called
FAMILIES = {
    "recurrent": {},
    "transformer": {"encoder": "transformer", "attention": "multi_head", "decoder": "transformer"},
    "pointer_generator": {"output": "pointer_generator"},
    "tied": {"output": "tied"},
}
SIZES = {f"{part}.{key}": 2 for part in ("encoder", "decoder") for key in ("layers", "heads")}
SIZES |= {"embedding.size": 6, "attention.size": 5, "attention.heads": 2, "dropout": 0.0}
SIZES |= {"encoder.hidden_size": 6, "encoder.layers": 1, "encoder.bidirectional": False, "encoder.cell": "gru"}
SIZES |= {"decoder.hidden_size": 8, "decoder.cell": "gru", "encoder.feedforward_size": 7, "decoder.feedforward_size": 9}


@pytest.fixture(params=FAMILIES)
def family(request) -> str:
    return request.param


@pytest.fixture(params=["output", "decoder"])
def separate(request) -> str:
    return request.param


@pytest.fixture
def make(build, family, separate) -> Callable[..., Seq2Seq]:
    def made(seed: int = 0) -> Seq2Seq:
        return build(FAMILIES[family], {**SIZES, "separate": separate}, (11, 13), seed=seed, tasks=TASKS)

    return made


@pytest.fixture
def model(make) -> Seq2Seq:
    return make().eval()


def own_parts(separate: str, task: str) -> tuple[str, ...]:
    """How the names of the parameters begin that belong to a task alone."""
    kinds = ("output", "decoder") if separate == "decoder" else ("output",)
    return tuple(f"{kind}." if task == TASKS[0] else f"own_{kind}s.of_{task}." for kind in kinds)


def log_probs(model: Seq2Seq, batch: Batch, ratio: float = 1.0) -> Tensor:
    return model.logits(batch, *model(batch, ratio)).log_softmax(-1)


@pytest.mark.parametrize("task", TASKS)
def test_a_batch_teaches_what_is_shared_and_its_own_task_and_no_other(model, separate, batch, task):
    mean_loss(model, replace(batch, task=task)).backward()
    parts = {one: own_parts(separate, one) for one in TASKS}
    names = [name for name, _ in model.named_parameters()]
    assert all(any(name.startswith(start) for name in names) for start in parts[task])
    for name, parameter in model.named_parameters():
        (whose,) = [one for one in TASKS if name.startswith(parts[one])] or [task]
        assert (parameter.grad is not None and bool(parameter.grad.any())) == (whose == task), name


@pytest.mark.parametrize("task", TASKS)
def test_the_parts_of_each_task_keep_the_law_of_training_and_search(model, batch, task):
    own = replace(batch, task=task)
    forced = log_probs(model, own)
    assert_same(log_probs(model, own, STEPPED), forced)
    along, _ = log_probs_along(model, model.start(own), previous_tokens(own.target).unsqueeze(1))  # (B, 1, T, V)
    assert_same(along.squeeze(1)[own.target_mask], forced)


def test_each_task_answers_in_its_own_way(model, batch):
    answers = [log_probs(model, replace(batch, task=task)) for task in TASKS]
    assert not torch.allclose(answers[0], answers[1])
    assert not torch.allclose(answers[1], answers[2])
    assert torch.equal(log_probs(model, replace(batch, task="unheard of")), answers[0])


def test_a_saved_state_dict_restores_every_task(make, batch):
    model, other, file = make(seed=0).eval(), make(seed=1).eval(), io.BytesIO()
    torch.save(model.state_dict(), file)
    file.seek(0)
    other.load_state_dict(torch.load(file, weights_only=True))
    for task in TASKS:
        assert torch.equal(*(log_probs(one, replace(batch, task=task)) for one in (model, other)))


def test_what_is_shared_is_there_once(build, family):
    sizes = {}
    for separate in ("none", "output", "decoder"):
        model = build(FAMILIES[family], {**SIZES, "separate": separate}, (11, 13), tasks=TASKS)
        sizes[separate] = sum(parameter.numel() for parameter in model.parameters())
    alone = build(FAMILIES[family], SIZES, (11, 13))
    output, decoder = (sum(p.numel() for p in part.parameters()) for part in (alone.output, alone.decoder))
    tied = alone.target_embedding.weight.numel() if family == "tied" else 0  # one matrix of all outputs
    assert sizes["none"] == sum(parameter.numel() for parameter in alone.parameters())
    assert sizes["output"] - sizes["none"] == 2 * (output - tied)
    assert sizes["decoder"] - sizes["output"] == 2 * decoder


def test_one_task_alone_has_nothing_of_its_own(build):
    model = build({}, {**SIZES, "separate": "decoder"}, (11, 13), tasks=("only",))
    assert not [*model.own_decoders, *model.own_outputs]
