from __future__ import annotations

import math

import pytest
import torch
from torch.nn import functional as F

from seq2seq_pl.errors import UserError
from seq2seq_pl.objective.cross_entropy import CrossEntropy
from seq2seq_pl.values import Affine

SMOOTHINGS = [0.0, 0.1, 0.7]
smoothings = pytest.mark.parametrize("label_smoothing", SMOOTHINGS)


@pytest.fixture
def logits() -> torch.Tensor:
    return 3 * torch.randn(5, 7, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def labels() -> torch.Tensor:
    return torch.tensor([3, 6, 4, 4, 0])


def test_the_sums_are_those_worked_out_by_hand():
    # Probabilities 1/2, 1/4, 1/4 and 1/8, 1/8, 3/4; labels 0 and 1; e = 0.3, so 0.8 for the label and 0.1 for others.
    logits = torch.tensor([[0.5, 0.25, 0.25], [0.125, 0.125, 0.75]]).log()
    loss = CrossEntropy(3, label_smoothing=0.3)(logits, torch.tensor([0, 1]))
    first = 0.8 * math.log(2) + 0.2 * math.log(4)
    second = 0.9 * math.log(8) + 0.1 * math.log(4 / 3)
    assert loss.total.item() == pytest.approx(first + second)
    assert loss.nll.item() == pytest.approx(math.log(2) + math.log(8))
    assert (loss.correct.item(), loss.tokens.item()) == (1, 2)


@smoothings
def test_the_loss_is_that_of_torch(logits, labels, label_smoothing):
    loss = CrossEntropy(7, label_smoothing=label_smoothing)(logits, labels)
    total = F.cross_entropy(logits, labels, label_smoothing=label_smoothing, reduction="sum")
    torch.testing.assert_close(loss.total, total)
    torch.testing.assert_close(loss.nll, F.cross_entropy(logits, labels, reduction="sum"))
    assert loss.correct == (logits.argmax(1) == labels).sum()


@smoothings
def test_the_gradient_is_that_of_torch(logits, labels, label_smoothing):
    ours, theirs = logits.clone().requires_grad_(), logits.clone().requires_grad_()
    (CrossEntropy(7, label_smoothing=label_smoothing)(ours, labels).total * 2.5).backward()
    (F.cross_entropy(theirs, labels, label_smoothing=label_smoothing, reduction="sum") * 2.5).backward()
    torch.testing.assert_close(ours.grad, theirs.grad)


@smoothings
def test_the_gradient_is_the_slope_of_the_loss(logits, labels, label_smoothing):
    objective = CrossEntropy(7, label_smoothing=label_smoothing)
    wide = logits.double().requires_grad_()
    assert torch.autograd.gradcheck(lambda x: objective(x, labels).total, wide)


@smoothings
def test_only_the_total_has_a_gradient(logits, labels, label_smoothing):
    loss = CrossEntropy(7, label_smoothing=label_smoothing)(logits.requires_grad_(), labels)
    assert loss.total.requires_grad
    assert not any(value.requires_grad for value in (loss.nll, loss.correct, loss.tokens))


@smoothings
def test_half_precision_logits_are_summed_in_float32(logits, labels, label_smoothing):
    half = logits.bfloat16()
    wide = half.float().requires_grad_()
    half.requires_grad_()
    objective = CrossEntropy(7, label_smoothing=label_smoothing)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss = objective(half, labels)
    wanted = objective(wide, labels)
    assert loss.total.dtype == loss.nll.dtype == torch.float32
    torch.testing.assert_close((loss.total, loss.nll), (wanted.total, wanted.nll))
    loss.total.backward()
    wanted.total.backward()
    assert half.grad.dtype == torch.bfloat16
    torch.testing.assert_close(half.grad, wide.grad.bfloat16())


@smoothings
def test_no_tokens_make_zeros_and_not_nan(label_smoothing):
    logits = torch.zeros(0, 7, requires_grad=True)
    loss = CrossEntropy(7, label_smoothing=label_smoothing)(logits, torch.zeros(0, dtype=torch.long))
    assert [value.item() for value in (loss.total, loss.nll, loss.correct, loss.tokens)] == [0, 0, 0, 0]
    loss.total.backward()
    assert logits.grad.shape == (0, 7)


@smoothings
def test_huge_logits_do_not_overflow(label_smoothing):
    logits = torch.tensor([[1e4, -1e4, 0.0]], requires_grad=True)
    loss = CrossEntropy(3, label_smoothing=label_smoothing)(logits, torch.tensor([0]))
    loss.total.backward()
    assert loss.nll == 0
    assert logits.grad.isfinite().all()


def test_ids_beyond_the_vocabulary_get_no_share_and_may_be_impossible(logits, labels):
    # Two ids more than the vocabulary's 7, the second of which no sentence has; smoothing is over the 7 alone.
    more = torch.cat([logits, logits[:, :1] + 1, torch.full((5, 1), -math.inf)], dim=1).requires_grad_()
    labels = torch.where(labels == 6, 7, labels)
    loss = CrossEntropy(7, label_smoothing=0.1)(more, labels)
    log_probs = more.log_softmax(1)
    nll = -log_probs[torch.arange(5), labels].sum()
    torch.testing.assert_close(loss.total, 0.9 * nll - 0.1 * log_probs[:, :7].mean(1).sum())
    (wanted,) = torch.autograd.grad(0.9 * nll - 0.1 * log_probs[:, :7].mean(1).sum(), more, retain_graph=True)
    loss.total.backward()
    torch.testing.assert_close(more.grad, wanted.nan_to_num(0.0))


@pytest.mark.parametrize("value", [-0.1, 1.0, math.nan])
def test_a_smoothing_out_of_its_range_is_named(value):
    message = rf"^objective.label_smoothing \({value}\) must be at least 0 and below 1\.$"
    with pytest.raises(UserError, match=message):
        CrossEntropy(7, label_smoothing=value)


# -- without the logits of all tokens at once ------------------------------------------------------------------------


@pytest.fixture
def last() -> Affine:
    """Seven tokens, inputs of 5, a vocabulary of 11."""
    generator = torch.Generator().manual_seed(0)
    shapes = (7, 5), (11, 5), (11,)
    return Affine(*(torch.randn(shape, generator=generator, dtype=torch.double).requires_grad_() for shape in shapes))


@pytest.fixture
def few(monkeypatch) -> torch.Tensor:
    """Labels of the seven tokens, of which two are taken at once."""
    monkeypatch.setattr("seq2seq_pl.objective.cross_entropy.AT_ONCE", {True: 25, False: 25})
    return torch.tensor([3, 10, 4, 4, 0, 7, 1])


@smoothings
def test_rows_at_a_time_the_loss_and_all_gradients_are_those_of_the_logits(last, few, label_smoothing):
    objective, tensors, found = CrossEntropy(11, label_smoothing=label_smoothing), astuple_of(last), []
    for loss in (objective.over(last, few), objective(F.linear(*tensors), few)):
        found.append(((loss.total, loss.nll, loss.correct), torch.autograd.grad(loss.total * 2.5, tensors)))
        assert loss.tokens == 7
        assert not any(value.requires_grad for value in (loss.nll, loss.correct, loss.tokens))
    torch.testing.assert_close(*found)


@pytest.mark.parametrize("near", [1, 2 * 11, 1 << 19])
@smoothings
def test_in_float32_they_are_made_in_the_place_of_the_logits(last, few, label_smoothing, near, monkeypatch):
    monkeypatch.setattr("seq2seq_pl.objective.cross_entropy.NEAR", near)
    tensors = [tensor.detach().float().requires_grad_() for tensor in astuple_of(last)]
    objective, found = CrossEntropy(11, label_smoothing=label_smoothing), []
    for loss in (objective.over(Affine(*tensors), few), objective(F.linear(*tensors), few)):
        found.append(((loss.total, loss.nll, loss.correct), torch.autograd.grad(loss.total * 2.5, tensors)))
    torch.testing.assert_close(*found)


def test_its_gradients_can_be_had_once(last, few):
    total = CrossEntropy(11).over(last, few).total
    total.backward(retain_graph=True)
    with pytest.raises(RuntimeError, match=r"^the gradients of this loss can be had once$"):
        total.backward()


def test_without_gradients_none_are_made(last, few):
    with torch.no_grad():
        loss = CrossEntropy(11).over(last, few)
    assert not loss.total.requires_grad
    torch.testing.assert_close(loss.total, F.cross_entropy(F.linear(*astuple_of(last)), few, reduction="sum"))


def test_a_label_that_is_as_good_as_impossible_has_a_finite_loss(few):
    last = Affine(torch.full((7, 1), 200.0), torch.arange(11.0).unsqueeze(1), torch.zeros(11))
    assert CrossEntropy(11).over(last, few).nll.item() == pytest.approx(200 * (70 - few.sum().item()))


def test_in_mixed_precision_products_are_made_in_half_and_sums_in_float32(last, few):
    tensors = [tensor.detach().float().requires_grad_() for tensor in astuple_of(last)]
    objective = CrossEntropy(11, label_smoothing=0.1)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss = objective.over(Affine(*tensors), few)
    wanted = objective.over(last, few)
    assert loss.total.dtype == loss.nll.dtype == torch.float32
    torch.testing.assert_close((loss.total, loss.nll), (wanted.total.float(), wanted.nll.float()), rtol=0.02, atol=0)
    found, expected = torch.autograd.grad(loss.total, tensors), torch.autograd.grad(wanted.total, astuple_of(last))
    for own, other in zip(found, expected, strict=True):
        assert own.dtype == torch.float32
        torch.testing.assert_close(own, other.float(), rtol=0.05, atol=0.05)


def astuple_of(last: Affine) -> tuple[torch.Tensor, ...]:
    """Inputs, weight and bias."""
    return last.inputs, last.weight, last.bias
