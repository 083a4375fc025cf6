"""What holds for every metric in conf/metric, from the day its YAML exists."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hydra.utils import instantiate
from omegaconf import OmegaConf

from seq2seq_pl.errors import UserError
from seq2seq_pl.interfaces import Metric

CONF = Path(__file__).parents[2] / "conf" / "metric"
YAMLS = sorted(path.stem for path in CONF.glob("*.yaml"))
CHOICES = (
    *((name, {}) for name in YAMLS),
    ("bleu", {"lowercase": True}),
    ("chrf", {"word_order": 2}),
    ("distinct", {"orders": [3, 1]}),
    ("error_rate", {"unit": "character"}),
    ("error_rate", {"unit": "phoneme", "lowercase": True}),
    ("rouge", {"tokenizer": "words", "sentences": "punctuation"}),
    ("rouge", {"stemmer": True}),
    ("rouge_mean", {"tokenizer": "words", "sentences": "punctuation"}),
    ("replies", {"lowercase": True}),
    ("ter", {"normalized": True, "no_punct": True, "asian_support": True, "case_sensitive": True}),
)
"""What the laws are held to: every YAML as it is, and some with other settings."""

REFERENCE_FREE = {"distinct", "replies"}
"""Metrics that say how outputs are among themselves; none can be right or wrong."""

MADE_OF_NO_SUMS = {"distinct", "replies"}
"""Metrics that look at all outputs together."""

JUDGING = [chosen for chosen in CHOICES if chosen[0] not in REFERENCE_FREE]
MADE_OF_SUMS = [chosen for chosen in CHOICES if chosen[0] not in MADE_OF_NO_SUMS]

REFERENCES = [
    ["ein kleiner Hund läuft über die Wiese .", "ein Hund rennt"],
    ["zwei Männer stehen am Herd und kochen ."],
]
OUTPUTS = ["ein Hund läuft .", "", "Männer kochen am Herd. Sie stehen .", "ein Kind lacht laut .", "ein Hund"]
RAGGED = [*REFERENCES, ["zwei Männer kochen .", "sie kochen", "am Herd stehen Männer"], [""], ["ein Hund"]]


def made(name: str, settings: dict[str, object]) -> Metric:
    node = OmegaConf.merge(OmegaConf.load(CONF / f"{name}.yaml")[name], settings)
    return instantiate(OmegaConf.create({"corpus": {"target": "de"}, "metric": {name: node}}).metric[name])


@pytest.fixture(params=CHOICES, ids=str)
def chosen(request) -> tuple[str, dict[str, object]]:
    return request.param


@pytest.fixture
def name(chosen) -> str:
    return chosen[0]


@pytest.fixture
def metric(chosen) -> Metric:
    return made(*chosen)


@pytest.mark.parametrize("yaml", YAMLS)
def test_the_yaml_takes_its_place_beside_other_metrics(yaml):
    assert [*OmegaConf.load(CONF / f"{yaml}.yaml")] == [yaml]  # by no package, which no task could have its own of


def test_names_are_what_is_computed_in_their_order(metric):
    assert tuple(metric.compute(OUTPUTS, RAGGED)) == metric.names


def test_no_two_metrics_have_a_name_in_common():
    names = [name for yaml in YAMLS if yaml != "pronunciation" for name in made(yaml, {}).names]
    assert len(set(names)) == len(names)
    assert set(made("pronunciation", {}).names) == {"wer", "per"}  # as its field calls them; error_rate has one of both


@pytest.mark.parametrize("chosen", JUDGING, indirect=True, ids=str)
def test_a_perfect_output_scores_better_than_a_wrong_one(metric):
    perfect = metric.compute([item[0] for item in REFERENCES], REFERENCES)
    wrong = metric.compute(["etwas ganz anderes", "völlig falsch ."], REFERENCES)
    for score in metric.names:
        better, worse = perfect[score].value, wrong[score].value
        assert better > worse if metric.higher_is_better else better < worse


def test_only_what_has_no_use_for_references_has_the_same_score_with_others(metric, name):
    scores = [metric.compute(OUTPUTS, references) for references in (RAGGED, [[text] for text in OUTPUTS])]
    assert (scores[0] == scores[1]) == (name in REFERENCE_FREE)


def test_the_order_of_the_items_does_not_change_the_score(metric):
    hypotheses = ["ein Hund läuft über die Wiese .", "zwei Männer kochen am Herd ."]
    assert metric.compute(hypotheses, REFERENCES) == metric.compute(hypotheses[::-1], REFERENCES[::-1])


def test_every_score_carries_a_signature(metric):
    signatures = [score.signature for score in metric.compute(["ein Hund", "zwei"], REFERENCES).values()]
    assert all(signatures)
    assert len(set(signatures)) == len(signatures)


def test_scores_of_one_signature_were_made_alike():
    known: dict[tuple[str, str], float] = {}
    for chosen in CHOICES:
        for name, score in made(*chosen).compute(OUTPUTS, RAGGED).items():
            assert known.setdefault((name, score.signature), score.value) == score.value


def test_an_empty_output_can_be_scored(metric):
    assert all(isinstance(score.value, float) for score in metric.compute(["", ""], REFERENCES).values())


def test_empty_outputs_for_empty_references_can_be_scored(metric):
    assert all(isinstance(score.value, float) for score in metric.compute([""], [[""]]).values())


@pytest.mark.parametrize("references", [RAGGED, [item[:1] for item in RAGGED]], ids=["several", "one"])
@pytest.mark.parametrize("sample", [[0, 1, 2, 3, 4], [0], [2, 4], [4, 2, 2, 0, 4]], ids=str)
@pytest.mark.parametrize("chosen", MADE_OF_SUMS, indirect=True, ids=str)
def test_summed_statistics_of_any_sample_give_its_score(metric, references, sample):
    statistics = metric.statistics(OUTPUTS, references)
    assert statistics is not None
    assert statistics.rows.dtype == np.float64
    assert len(statistics.rows) == len(OUTPUTS)
    wanted = metric.compute([OUTPUTS[i] for i in sample], [references[i] for i in sample])
    found = statistics.finish(statistics.rows[sample].sum(0))
    assert tuple(found) == metric.names
    assert all(type(value) is float for value in found.values())
    assert found == pytest.approx({score: value.value for score, value in wanted.items()}, abs=1e-9)


def test_only_what_looks_at_all_outputs_together_is_made_of_no_sums(metric, name):
    assert (metric.statistics(OUTPUTS, RAGGED) is None) == (name in MADE_OF_NO_SUMS)


def test_nothing_to_score_is_an_error(metric, name):
    with pytest.raises(UserError, match=rf"^metric\.{name}: there are no hypotheses to score; is the split empty\?$"):
        metric.compute([], [])


def test_an_item_without_reference_is_named(metric, name):
    if name in REFERENCE_FREE:
        assert metric.compute(OUTPUTS, [[]] * len(OUTPUTS)) == metric.compute(OUTPUTS, RAGGED)
        return
    for judge in (metric.compute, metric.statistics):
        with pytest.raises(UserError, match=rf"^metric\.{name}: item 2 has no reference; every item needs at least on"):
            judge(["a", "b"], [["a"], []])
