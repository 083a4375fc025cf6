"""Whatever is typed after `train` ends in a run or in clear sentences."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings

sys.path.append(str(Path(__file__).parents[1]))  # not this folder: its `requests` is not the library of that name
from fuzz.settings import Asker, CommandLine, inputs

SHORT = settings(
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.generate, Phase.shrink],
)


@pytest.fixture(scope="module")
def asker(tmp_path_factory) -> Asker:
    return Asker(tmp_path_factory.mktemp("settings") / "asker")


def assert_clear(said: str) -> None:
    """Every line is a sentence for a person."""
    for sentence in said.splitlines():
        assert sentence.strip(), said
        assert sentence.endswith((".", "?")), sentence
        assert len(sentence) <= 400, sentence
        assert "Traceback" not in sentence, sentence
        assert " object at 0x" not in sentence, sentence


@pytest.fixture(scope="module")
def answers(asker) -> list[str]:
    """Of some command lines that are always the same."""
    met: list[str] = []

    @settings(SHORT, max_examples=40, phases=[Phase.generate])
    @given(inputs())
    def ask(given: CommandLine) -> None:
        met.append(asker.ask(given))

    ask()
    return met


def test_a_command_line_ends_in_a_run_or_in_clear_sentences(answers):
    for said in answers:
        if said != "result":
            assert_clear(said)


def test_runs_and_mistakes_are_both_met(answers):
    assert 0.2 <= answers.count("result") / len(answers) <= 0.8


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("seed=3",), "result"),
        (("model=transformer", "model/attention=multi_head"), "result"),
        (("experiment=null", "callback=null"), "result"),
        (("trainer.precision=8",), "trainer.precision (8) must be one of "),
        (("+trainer.limit_predict_batches=abc",), "trainer.limit_predict_batches (abc) must be "),
        (("++trainer.limit_test_batches=0.01",), "trainer: You requested to check 0.01 of the `test_dataloader` but "),
        (("+trainer.val_check_interval=3",), "trainer: `val_check_interval` (3) must be less than or equal to "),
        (("seed=4294967296",), "seed (4294967296) must be at least 0 and at most 4294967295."),
        (("run_dir=~nobody_here/x",), "run_dir=~nobody_here/x: there is no home directory of that name."),
        (("run_dir=/dev/null/x",), "/dev/null/x cannot be used: not a directory."),
        (
            ("+callback.own._target_=lightning.pytorch.callbacks.LearningRateMonitor",),
            "trainer: Cannot use `LearningRateMonitor` callback with `Trainer` that has no logger.",
        ),
    ],
)
def test_what_was_found_stays_found(asker, arguments, said):
    assert asker.ask(CommandLine(arguments)).startswith(said)
