"""What holds for every metric in conf/metric, from the day its YAML exists."""

from __future__ import annotations

from pathlib import Path

import pytest
from hydra.utils import instantiate
from omegaconf import OmegaConf

from seq2seq_pl.interfaces import Metric

CONF = Path(__file__).parents[2] / "conf" / "metric"
REFERENCES = [
    ["ein kleiner Hund läuft über die Wiese .", "ein Hund rennt"],
    ["zwei Männer stehen am Herd und kochen ."],
]


@pytest.fixture(params=sorted(path.stem for path in CONF.glob("*.yaml")))
def name(request) -> str:
    return request.param


@pytest.fixture
def metric(name) -> Metric:
    tree = OmegaConf.create({"corpus": {"target": "de"}, "metric": {name: OmegaConf.load(CONF / f"{name}.yaml")}})
    return instantiate(tree.metric[name])


def test_the_yaml_takes_its_place_beside_other_metrics(name):
    first = (CONF / f"{name}.yaml").read_text(encoding="utf-8").splitlines()[0]
    assert first == f"# @package metric.{name}"


def test_a_perfect_output_scores_better_than_a_wrong_one(metric):
    perfect = metric.compute([item[0] for item in REFERENCES], REFERENCES)
    wrong = metric.compute(["etwas ganz anderes", "völlig falsch ."], REFERENCES)
    assert perfect.keys() == wrong.keys()
    for name in perfect:
        better, worse = perfect[name].value, wrong[name].value
        assert better > worse if metric.higher_is_better else better < worse


def test_the_order_of_the_items_does_not_change_the_score(metric):
    hypotheses = ["ein Hund läuft über die Wiese .", "zwei Männer kochen am Herd ."]
    assert metric.compute(hypotheses, REFERENCES) == metric.compute(hypotheses[::-1], REFERENCES[::-1])


def test_every_score_carries_a_signature(metric):
    assert all(score.signature for score in metric.compute(["ein Hund", "zwei"], REFERENCES).values())


def test_an_empty_output_can_be_scored(metric):
    assert all(isinstance(score.value, float) for score in metric.compute(["", ""], REFERENCES).values())
