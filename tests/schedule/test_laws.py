"""What holds for every schedule in conf/schedule, from the day its YAML exists."""

from __future__ import annotations

import io
import math
from pathlib import Path

import pytest
import torch
from hydra.utils import instantiate
from omegaconf import OmegaConf
from torch.optim.lr_scheduler import LambdaLR

from seq2seq_pl.interfaces import Schedule

CONF = Path(__file__).parents[2] / "conf" / "schedule"


def _schedule(name: str) -> Schedule:
    """The schedule of a YAML, for a training of 5000 steps."""
    schedule = instantiate(OmegaConf.load(CONF / f"{name}.yaml"))
    schedule.begin(5000)
    return schedule


names = pytest.mark.parametrize("name", sorted(path.stem for path in CONF.glob("*.yaml")))


@names
def test_a_factor_is_a_number_from_0_to_1(name):
    schedule = _schedule(name)
    for step in (0, 1, 2, 999, 1000, 4000, 5000, 10_000, 1_000_000_000):
        factor = schedule(step)
        assert isinstance(factor, float)
        assert 0 <= factor <= 1


@names
def test_a_factor_rises_to_1_and_falls_from_there(name):
    schedule = _schedule(name)
    factors = [schedule(step) for step in range(6000)]
    top = factors.index(max(factors))
    assert factors[top] == pytest.approx(1, abs=2e-3)  # inverse sigmoid starts at k / (k + 1)
    assert factors[: top + 1] == sorted(factors[: top + 1])
    assert factors[top:] == sorted(factors[top:], reverse=True)


@names
def test_a_factor_depends_on_the_step_and_not_on_the_calls_before(name):
    used, fresh = _schedule(name), _schedule(name)
    for step in range(20):
        used(step)
    assert used(7) == fresh(7)


@names
def test_observing_scores_never_raises_the_factor(name):
    schedule = _schedule(name)
    before = schedule(5)
    for value in (3.0, 2.0, math.nan, 1.0):
        schedule.observe(value, higher_is_better=True)
        assert schedule(5) <= before


@names
def test_lambda_lr_saves_and_restores_a_schedule(name):
    def start() -> tuple[Schedule, torch.optim.Optimizer, LambdaLR]:
        schedule = _schedule(name)
        optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(2))], lr=0.5)
        return schedule, optimizer, LambdaLR(optimizer, schedule)

    schedule, optimizer, scheduler = start()
    for _ in range(6):
        optimizer.step()
        scheduler.step()
        schedule.observe(1.0, higher_is_better=True)
    buffer = io.BytesIO()
    torch.save(scheduler.state_dict(), buffer)
    buffer.seek(0)
    restored, _, other = start()
    other.load_state_dict(torch.load(buffer, weights_only=True))
    assert vars(restored) == vars(schedule)
    assert [restored(step) for step in range(9)] == [schedule(step) for step in range(9)]
    assert other.last_epoch == scheduler.last_epoch
