"""Whatever `generate` and its neighbours are asked: an answer, or a sentence that says why not."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from omegaconf import DictConfig

sys.path.append(str(Path(__file__).parents[1]))  # not this folder: its `requests` is not the library of that name
from fuzz.answers import lines_of
from fuzz.requests import (
    ABSURD,
    GOOD_RUNS,
    IN,
    ODD_RUNS,
    Asked,
    Asker,
    contents,
    decodings,
    inputs,
    others,
    plain,
)

from seq2seq_pl.file_evaluation import evaluate_files
from seq2seq_pl.generation import Generator
from seq2seq_pl.inspection import inspect_sentence
from seq2seq_pl.launch import quoted
from seq2seq_pl.likelihood import score_lines
from seq2seq_pl.members import open_runs

quickly = settings(
    max_examples=25, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
)


@pytest.fixture(scope="module")
def asker(tmp_path_factory) -> Asker:
    return Asker(tmp_path_factory.mktemp("requests"))


# -- generate --------------------------------------------------------------------------------------------------------


def clear(sentence: str) -> bool:
    """Whether a sentence can be shown to somebody who knows no Python."""
    ours = "Traceback" in sentence or " object at 0x" in sentence
    return len(sentence) <= 400 and sentence[-1] in ".?" and not ours


def test_requests_are_answered_or_refused_in_a_sentence_and_many_are_either(asker):
    answered = []

    @settings(quickly, max_examples=70)
    @given(asked=inputs())
    def ask(asked: Asked) -> None:
        said = asker.ask(asked)
        answered.append(said == "result")
        assert answered[-1] or all(map(clear, said.splitlines())), said

    ask()
    assert 0.2 <= sum(answered) / len(answered) <= 0.8


@settings(quickly, max_examples=8)
@given(
    run=st.sampled_from(["words", "bpe", "copier"]),
    texts=st.lists(st.one_of(plain, others), min_size=2, max_size=6),
    decoding=st.sampled_from(["greedy", "beam", "diverse_beam"]),
)
def test_an_answer_does_not_depend_on_the_other_lines(asker, run, texts, decoding):
    target = {"greedy": "greedy.Greedy", "beam": "beam.Beam", "diverse_beam": "diverse_beam.DiverseBeam"}[decoding]
    changes = {"decoding": {"_target_": f"seq2seq_pl.decoding.{target}"}}
    generator = Generator(open_runs(str(asker.folder / run), "best", changes), "cpu")
    together = generator.answer(texts)
    assert generator.answer(texts[::-1]) == together[::-1]
    assert [generator.answer([text])[0] for text in texts] == together


# -- its neighbours --------------------------------------------------------------------------------------------------


@st.composite
def scorings(draw: st.DrawFn) -> Asked:
    """Calls of `score`."""
    run = draw(st.sampled_from((*GOOD_RUNS, *GOOD_RUNS, *ODD_RUNS)))
    made = [f"run={run}", "input={folder}/in", f"output={{folder}}/out.{draw(st.sampled_from(['txt', 'jsonl']))}"]
    made += ["device=cpu", *draw(decodings())]
    if draw(st.integers(0, 3)) == 3:
        made.append(f"batch_size={draw(st.one_of(ABSURD, st.sampled_from([1, 2])))}")
    side = st.one_of(plain, others).map(lambda text: text.replace("\t", " ").replace("\n", " "))
    pairs = draw(st.lists(st.tuples(side, side).map("\t".join), max_size=5))
    content = "\n".join(pairs).encode("utf-8", "surrogatepass")
    return Asked((*made,), draw(contents("null")) if draw(st.integers(0, 7)) == 7 else content)


def check_scores(config: DictConfig, content: bytes, told: str) -> None:
    """One line of numbers for each of input."""
    written = Path(config.output).read_bytes().decode().split("\n")[:-1]
    assert len(written) == len(lines_of(content))
    for number, line in enumerate(written, start=1):
        if config.output.endswith(".jsonl"):
            found = json.loads(line)
            assert found["line"] == number
            log_prob, pairs = found["log_prob"], found["token_log_probs"]
        else:
            assert len(line.splitlines()) == 1, f"line {number} is several: {line!r}"
            _, log_prob, tokens = line.split("\t")
            pairs = [pair.rpartition(":")[2] for pair in tokens.split(" ")]
        assert log_prob is None or float(log_prob) <= 1e-4
        assert all(one is None or float(one) <= 1e-4 for one in pairs)


@quickly
@given(asked=scorings())
def test_every_scoring_is_done_or_refused_in_a_sentence(asker, asked):
    said = asker.command("score", score_lines, asked, check_scores)
    assert said == "result" or all(map(clear, said.splitlines())), said


SETTINGS_OF_SCORES = {
    "references": (IN, f"[{IN},{IN}]", "{folder}/nowhere", "{folder}", "[]", "null", "~no.such.user/x"),
    "sources": ("{folder}/in", "{folder}/text/test.src", "", "x\x00"),
    "resamples": (0, 1, 2, 39, 40),
    "samples": (0, 1, 100),
    "bins": ("[1,2]", "[5]", "[]", "[2,1]", "[0]", "text", "[a]", "[1.5]"),
    "metric": ("[bleu]", "[chrf,rouge]", "[error_rate,exact_match]", "[distinct]", "ter", "[bleu,nothing]", "[]"),
    "metric.bleu.tokenize": ("char", "none", "nothing"),
    "corpus.target": ("de", "zh", "ja", "5"),
    "output": ("{folder}/out", "{folder}/in", "{folder}/in/out", "~no.such.user/x"),
    "split": ("test",),
    "run": ("{words}",),
    "decoding": ("beam",),
}


@st.composite
def evaluations(draw: st.DrawFn) -> Asked:
    """Calls of `evaluate` on plain files; hypotheses and references are one file, or differ in length."""
    made = ["hypotheses={folder}/in", "references={folder}/in"]
    for name in draw(st.lists(st.sampled_from(sorted(SETTINGS_OF_SCORES)), max_size=3, unique=True)):
        odd = draw(st.integers(0, 5)) == 5
        made.append(f"{name}={draw(ABSURD if odd else st.sampled_from(SETTINGS_OF_SCORES[name]))}")
    return Asked((*made,), draw(contents("null")))


@quickly
@given(asked=evaluations())
def test_every_evaluation_of_files_is_done_or_refused_in_a_sentence(asker, asked):
    said = asker.command("evaluate", evaluate_files, asked, lambda *_: None)
    assert said == "result" or all(map(clear, said.splitlines())), said


SETTINGS_OF_SIGHT = {
    "split": ("test", "valid", "train", "nothing", ""),
    "index": (0, 3, 10**6),
    "checkpoint": ("last", "first"),
    "output": ("{folder}/out.html", "{folder}", "{folder}/in/x.html", "~no.such.user/x"),
    "tensorboard": ("true",),
    "task_name": ("weather",),
    "corpus.path": ("{folder}/nowhere", "{folder}/text"),
}


@st.composite
def inspections(draw: st.DrawFn) -> Asked:
    """Calls of `inspect`."""
    made = [f"run={draw(st.sampled_from((*GOOD_RUNS[:5], *GOOD_RUNS[:5], *ODD_RUNS)))}", "output={folder}/out.html"]
    made += ["device=cpu", "tensorboard=false"]
    text = draw(st.one_of(plain, others, st.just("a " * 200)))
    typed = quoted(text).replace("{", "{{").replace("}", "}}")
    made += [f"sentence={typed}"] if draw(st.integers(0, 3)) else ["index=1"]
    made += draw(decodings())
    for name in draw(st.lists(st.sampled_from(sorted(SETTINGS_OF_SIGHT)), max_size=1)):
        odd = draw(st.integers(0, 5)) == 5
        made.append(f"{name}={draw(ABSURD if odd else st.sampled_from(SETTINGS_OF_SIGHT[name]))}")
    return Asked((*made,), b"")


@quickly
@given(asked=inspections())
def test_every_inspection_is_done_or_refused_in_a_sentence(asker, asked):
    said = asker.command("inspect", inspect_sentence, asked, lambda *_: None)
    assert said == "result" or all(map(clear, said.splitlines())), said
