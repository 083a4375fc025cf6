"""Whatever files a corpus comes as, there is a batch for every sentence, or one clear sentence."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings

sys.path.append(str(Path(__file__).parents[1]))  # not this folder: its `requests` is not the library of that name
from fuzz.corpora import Asker, Given, inputs

quick = settings(
    deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck), max_examples=40
)


@pytest.fixture(scope="module")
def asker(tmp_path_factory) -> Asker:
    return Asker(tmp_path_factory.mktemp("corpora"))


@pytest.fixture(scope="module")
def answers(asker) -> list[str]:
    """Of some corpora that are always the same."""
    found: list[str] = []

    @settings(quick, max_examples=200, phases=[Phase.generate])
    @given(inputs())
    def collect(given: Given) -> None:
        found.append(asker.ask(given))

    collect()
    return found


@quick
@given(given=inputs())
def test_a_corpus_gives_batches_or_a_sentence_and_nothing_stays_behind(asker, given):
    asker.ask(given)
    assert not list(asker.folder.iterdir())


def test_both_outcomes_are_met(answers):
    results = answers.count("result")
    assert 0.2 * len(answers) <= results <= 0.8 * len(answers)
    assert len(set(answers)) >= 15


def test_every_sentence_is_clear(answers):
    for line in [line for answer in set(answers) - {"result"} for line in answer.split("\n")]:
        typed = re.sub(r"(.)\1{99,}", r"\1", line)  # a long name is the user's own
        assert len(typed) <= 400, line
        assert line.isprintable(), repr(line)
        assert line.endswith((".", "?")), line
        assert "Traceback" not in line, line
        assert not re.search(r"<.* object at 0x", line), line
