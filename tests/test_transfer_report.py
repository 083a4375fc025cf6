"""`transfer`: several tasks in one network beside runs of one task each, on outputs made by hand."""

import csv
import json
import shutil
from pathlib import Path

import pytest

from seq2seq_pl import record
from seq2seq_pl.errors import UserError
from seq2seq_pl.metric.chrf import Chrf
from seq2seq_pl.significance import paired_bootstrap
from seq2seq_pl.transfer_report import report_transfer

METRICS = {
    "translation": {"exact": {"_target_": "seq2seq_pl.metric.exact_match.ExactMatch", "lowercase": False}},
    "g2p": {"pronunciation": {"_target_": "seq2seq_pl.metric.pronunciation.Pronunciation"}},
    "dialogue": {
        "chrf": {"_target_": "seq2seq_pl.metric.chrf.Chrf"},
        "distinct": {"_target_": "seq2seq_pl.metric.distinct.Distinct", "orders": [1]},
    },
}
MONITORS = {"translation": "exact_match", "g2p": "wer", "dialogue": "perplexity"}
RIGHT, WRONG = ["a b c d", "b c d e", "c d e f", "d e f g"], ["x x", "y y", "z z", "w w"]
HALF = [*RIGHT[:2], *WRONG[2:]]
SOURCES = ["1", "2", "3", "4"]
PERPLEXITY = {"value": 4.0, "signature": "per token"}
SAME_TOKENS = {"kept": 4, "target_tokens": 12, "target_unknown": 1, "cut_targets": 0}


def write(folder: Path, **files: list[str]) -> Path:
    """Files of lines, "references_1" being references.1.txt."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, texts in files.items():
        (folder / f"{name.replace('_', '.')}.txt").write_text("".join(f"{text}\n" for text in texts), encoding="utf-8")
    return folder


def outputs(folder: Path, hypotheses: list[str], **further: list[str]) -> Path:
    return write(folder, **{"hypotheses": hypotheses, "references": RIGHT, "sources": SOURCES, **further})


def own(task: str) -> dict[str, object]:
    """The settings that a task has for itself."""
    return {"metric": METRICS[task], "monitor": MONITORS[task], "corpus": {"target": "en"}}


def scores(folder: Path, *tasks: str, **values: float) -> None:
    """What a run says of perplexity, in a file that has to be there for nothing else."""
    named = {f"test/{task}/perplexity": {**PERPLEXITY, "value": values.get(task, 4.0)} for task in tasks}
    (folder / "scores.json").write_text(json.dumps(named))


def finished(folder: Path, config: dict[str, object], *tasks: str, **further: object) -> Path:
    """What training leaves of a run, but for outputs."""
    (folder / ".hydra").mkdir(parents=True)
    (folder / ".hydra" / "overrides.yaml").write_text("[]\n")
    (folder / "checkpoints").mkdir()
    corpus = {f"{task}/test": SAME_TOKENS for task in tasks}
    record.write_record(folder, {"config": config, "corpus": corpus, **further})
    return folder


def alone(folder: Path, task: str, hypotheses: list[str] | None, **further: object) -> Path:
    """A run of one task."""
    cost = {"parameters": 1000, "fit_seconds": 90.0}
    run = finished(folder, {"task_name": task, "mixture": {}, **own(task)}, task, **{**cost, **further})
    if hypotheses is not None:
        scores(outputs(run / "test", hypotheses), task)
    return run


def together(folder: Path, **further: object) -> Path:
    """A run of three tasks, which has half of each right."""
    config = {"task_name": "multitask", "metric": {}, "corpus": {}, "mixture": {task: own(task) for task in METRICS}}
    run = finished(folder, config, *METRICS, **{"parameters": 1200, "fit_seconds": 120.0, **further})
    for task in METRICS:
        outputs(run / "test" / task, HALF)
    scores(run / "test", *METRICS, dialogue=2.0)
    return run


def counted(folder: Path, task: str, **counts: int) -> None:
    """Another count of tokens in a run's record."""
    content = record.read_record(folder)
    content["corpus"] = {f"{task}/test": {**SAME_TOKENS, **counts}}
    record.write_record(folder, content)


@pytest.fixture
def transfer(composed, tmp_path, monkeypatch):
    """Makes the report of directories below an empty one, and returns what the JSON says."""
    monkeypatch.chdir(tmp_path)
    together(tmp_path / "multi")

    def go(*arguments: str, split: str = "test") -> dict:
        settings = (f"++{text}" for text in ("run=multi", "resamples=99", f"split={split}", *arguments))
        report_transfer(composed(*settings, command="transfer"))
        (written,) = tmp_path.rglob(f"transfer_{split}.json")
        return json.loads(written.read_text(encoding="utf-8"))

    return go


def refuses(transfer, *arguments: str, split: str = "test") -> str:
    with pytest.raises(UserError) as caught:
        transfer(*arguments, split=split)
    return str(caught.value)


def row(found: dict, task: str, score: str) -> dict:
    (one,) = (row for row in found["scores"] if (row["task"], row["score"]) == (task, score))
    return one


# -- verdicts --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("hypotheses", "verdict", "gain"),
    [(WRONG, "transfer", 50), (RIGHT, "interference", -50), ([*WRONG[:1], *HALF[1:]], "neither", 25)],
)
def test_a_task_that_is_better_together_is_transfer_and_one_that_is_worse_interference(
    transfer, tmp_path, hypotheses, verdict, gain
):
    # 50 times each sentence, so that half of them more or less is no chance, and one more is
    times = 50 if verdict != "neither" else 1
    many = {"references": RIGHT * times, "sources": SOURCES * times}
    outputs(tmp_path / "multi" / "test" / "translation", HALF * times, **many)
    outputs(alone(tmp_path / "a", "translation", None) / "test", hypotheses * times, **many)
    found = row(transfer("alone=a"), "translation", "exact_match")
    assert (found["verdict"], found["gain"], found["main"]) == (verdict, gain, True)
    assert (found["alone"], found["together"]) == (50 - gain, 50)
    assert (found["p_value"] < 0.05) == (verdict != "neither")
    assert found["low"] <= gain <= found["high"]


def test_where_less_is_better_a_gain_is_less(transfer, tmp_path):
    # 3 of the 4 words wrong alone, 2 together
    alone(tmp_path / "a", "g2p", [RIGHT[0], *WRONG[1:]])
    found = row(transfer("alone=a"), "g2p", "wer")
    assert (found["alone"], found["together"], found["gain"]) == (75, 50, 25)
    assert 0 <= found["low"] <= found["high"]


def test_a_difference_in_every_sample_has_the_smallest_p(transfer, tmp_path):
    # |d_r| is 100 in each of 99 samples, as their mean is: none is farther from it than d, so p = 1 / (1 + 99)
    outputs(tmp_path / "multi" / "test" / "g2p", WRONG)
    alone(tmp_path / "a", "g2p", RIGHT)
    found = row(transfer("alone=a"), "g2p", "wer")
    assert (found["p_value"], found["gain"]) == (0.01, -100)
    assert (found["low"], found["high"], found["verdict"]) == (-100, -100, "interference")


def test_the_test_is_that_of_significance(transfer, tmp_path):
    alone(tmp_path / "a", "dialogue", [RIGHT[3], *HALF[1:]])
    found = row(transfer("alone=a"), "dialogue", "chrf")
    references = [(text,) for text in RIGHT]
    before, after = (Chrf().statistics(texts, references) for texts in ([RIGHT[3], *HALF[1:]], HALF))
    expected = paired_bootstrap(before, after, resamples=99)["chrf"]
    assert found["p_value"] == expected.p_value
    assert (found["low"], found["high"]) == (expected.low, expected.high)
    assert found["gain"] == pytest.approx(expected.difference)


def test_equal_outputs_are_neither(transfer, tmp_path):
    alone(tmp_path / "a", "translation", HALF)
    found = row(transfer("alone=a"), "translation", "exact_match")
    assert (found["gain"], found["p_value"], found["verdict"]) == (0, 1, "neither")


def test_without_samples_nothing_is_tested(transfer, tmp_path):
    alone(tmp_path / "a", "translation", RIGHT)
    found = row(transfer("alone=a", "resamples=0"), "translation", "exact_match")
    assert (found["gain"], found["p_value"], found["verdict"]) == (-50, None, "not tested")


def test_a_score_that_is_no_sum_has_no_test(transfer, tmp_path):
    alone(tmp_path / "a", "dialogue", RIGHT)
    found = transfer("alone=a")
    distinct = row(found, "dialogue", "distinct1")
    assert (distinct["alone"], distinct["p_value"], distinct["verdict"]) == (100 * 7 / 16, None, "not tested")
    assert (
        "There is no test for perplexity, distinct1, which is no sum over sentences of the outputs." in found["notes"]
    )


def test_further_references_count(transfer, tmp_path):
    second = {"references_1": ["", "", WRONG[2], ""]}
    outputs(tmp_path / "multi" / "test" / "translation", HALF, **second)
    outputs(alone(tmp_path / "a", "translation", None) / "test", RIGHT, **second)
    assert row(transfer("alone=a"), "translation", "exact_match")["together"] == 75


# -- perplexity ------------------------------------------------------------------------------------------------------


def test_perplexities_are_compared_where_the_tokens_are_the_same(transfer, tmp_path):
    alone(tmp_path / "a", "dialogue", RIGHT)
    found = row(transfer("alone=a"), "dialogue", "perplexity")
    assert (found["alone"], found["together"], found["gain"], found["main"]) == (4, 2, 2, True)
    assert (found["p_value"], found["verdict"], found["signature"]) == (None, "not tested", "per token")


def test_perplexities_of_different_tokens_are_compared_per_character(transfer, tmp_path):
    # 4 sentences of 7 characters and EOS: 2 bits x (12 + 4) tokens / 32 alone, 1 bit x (44 + 4) tokens / 32 together
    counted(alone(tmp_path / "a", "dialogue", RIGHT), "dialogue", target_unknown=0)
    counted(tmp_path / "multi", "dialogue", target_unknown=0, target_tokens=44)
    found = transfer("alone=a")
    perplexity, bits = row(found, "dialogue", "perplexity"), row(found, "dialogue", "bits/char")
    assert (perplexity["alone"], perplexity["together"], perplexity["gain"]) == (4, 2, None)
    assert perplexity["verdict"] == "incomparable"
    assert (bits["alone"], bits["together"], bits["gain"], bits["verdict"]) == (1, 1.5, -0.5, "not tested")
    note = "perplexity of dialogue is per token, and the runs cut the texts into different tokens."
    assert note in found["notes"]


@pytest.mark.parametrize("count", ["target_unknown", "cut_targets"])
def test_a_text_that_the_tokens_do_not_hold_has_no_bits(transfer, tmp_path, count):
    counted(alone(tmp_path / "a", "dialogue", RIGHT), "dialogue", **{"target_unknown": 0, count: 3})
    found = transfer("alone=a")
    assert row(found, "dialogue", "perplexity")["verdict"] == "incomparable"
    assert "bits/char" not in {one["score"] for one in found["scores"]}


def test_a_record_of_another_test_set_says_nothing_of_tokens(transfer, tmp_path):
    for run in (alone(tmp_path / "a", "dialogue", RIGHT), tmp_path / "multi"):
        counted(run, "dialogue", kept=5)
    assert row(transfer("alone=a"), "dialogue", "perplexity")["verdict"] == "incomparable"


def test_a_missing_score_is_told_with_its_file(transfer, tmp_path):
    (alone(tmp_path / "a", "dialogue", RIGHT) / "test" / "scores.json").unlink()
    expected = "a/test/scores.json has no test/dialogue/perplexity, the score by which this task was monitored."
    assert refuses(transfer, "alone=a") == expected


# -- runs ------------------------------------------------------------------------------------------------------------


def test_a_task_without_a_run_alone_has_a_row_that_says_so(transfer, tmp_path, capsys):
    alone(tmp_path / "a", "translation", RIGHT)
    found = transfer("alone=a")
    assert [(one["task"], one["score"], one["verdict"]) for one in found["scores"][1:]] == [
        ("g2p", "wer", "no run alone"),
        ("dialogue", "perplexity", "no run alone"),
    ]
    assert [(one["alone"], one["together"]) for one in found["scores"][1:]] == [(None, 50), (None, 2)]
    (said,) = (line for line in capsys.readouterr().out.splitlines() if "dialogue" in line)
    assert said.split() == ["dialogue", "perplexity", "2.00", "no", "run", "alone"]


def test_the_monitored_score_is_first_and_the_others_follow(transfer, tmp_path):
    for task in METRICS:
        alone(tmp_path / task, task, RIGHT)
    found = transfer("alone=[dialogue,g2p,translation]")
    assert found["alone"] == {task: f"{task}/test" for task in METRICS}
    assert [(one["task"], one["score"], one["main"]) for one in found["scores"]] == [
        ("translation", "exact_match", True),
        ("g2p", "wer", True),
        ("g2p", "per", False),
        ("dialogue", "perplexity", True),
        ("dialogue", "chrf", False),
        ("dialogue", "distinct1", False),
    ]


def test_parameters_and_minutes_of_all_single_runs_stand_beside_those_of_the_one(transfer, tmp_path, capsys):
    alone(tmp_path / "a", "translation", RIGHT)
    alone(tmp_path / "b", "g2p", RIGHT, fit_seconds=30)
    found = transfer("alone=[a,b]")["networks"]
    assert found["all_alone"] == {"parameters": 2000, "minutes": 2.0}
    assert found["together"] == {"parameters": 1200, "minutes": 2.0}
    assert found["alone"]["g2p"] == {"parameters": 1000, "minutes": 0.5}
    printed = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["all", "2", "alone", "2,000", "2.0"] in printed
    assert ["3", "tasks", "together", "1,200", "2.0"] in printed


def test_what_no_record_says_is_unknown(transfer, tmp_path, capsys):
    alone(tmp_path / "a", "translation", RIGHT)
    alone(tmp_path / "b", "g2p", RIGHT, fit_seconds=None)
    found = transfer("alone=[a,b]")["networks"]
    assert found["all_alone"] == {"parameters": 2000, "minutes": None}
    assert ["g2p", "alone", "1,000", "unknown"] in [line.split() for line in capsys.readouterr().out.splitlines()]


def test_a_sweep_stands_for_its_runs_and_may_have_the_run_of_several_tasks_too(transfer, tmp_path, capsys):
    alone(tmp_path / "sweep" / "0", "translation", RIGHT)
    alone(tmp_path / "sweep" / "1", "g2p", None)
    shutil.move(tmp_path / "multi", tmp_path / "sweep" / "2")
    found = transfer("run=sweep/2", "alone=sweep")
    assert (found["alone"], found["left_out"]) == ({"translation": "sweep/0/test"}, ["sweep/1"])
    said = " ".join(capsys.readouterr().out.split())
    assert "left out, as it has no outputs of one task for split=test: sweep/1" in said
    assert "written to sweep/2/transfer_test.json and transfer_test.csv" in said


def test_outputs_of_evaluate_are_read_where_training_wrote_none(transfer, tmp_path):
    alone(tmp_path / "a", "g2p", RIGHT)
    for run, folder in (("a", "evaluate/valid"), ("multi", "evaluate/valid/g2p")):
        outputs(tmp_path / run / folder, HALF)
    assert row(transfer("alone=a", split="valid"), "g2p", "wer")["alone"] == 50
    assert row(transfer("alone=a"), "g2p", "wer")["alone"] == 0


def test_a_task_that_is_alone_with_its_split_has_no_folder_of_its_own(transfer, tmp_path):
    outputs(alone(tmp_path / "a", "translation", RIGHT) / "test_unseen", RIGHT)
    folder = outputs(tmp_path / "multi" / "test_unseen", HALF)
    (folder / "scores.json").write_text('{"test_unseen/translation/exact_match": {"value": 50}}')
    (found,) = transfer("alone=a", split="test_unseen")["scores"]
    assert (found["task"], found["alone"], found["together"]) == ("translation", 100, 50)


def test_a_mixture_of_one_is_a_run_of_one_task(transfer, tmp_path):
    config = {"task_name": "multitask", "metric": {}, "mixture": {"g2p": own("g2p")}}
    outputs(finished(tmp_path / "a", config) / "test", RIGHT)
    assert row(transfer("alone=a"), "g2p", "wer")["alone"] == 0
    expected = "run (a) is a run of one task, g2p; give the directory of a run of several tasks."
    assert refuses(transfer, "run=a", "alone=a") == expected


def test_training_on_other_files_is_told(transfer, tmp_path):
    for run, digest in ((alone(tmp_path / "a", "g2p", RIGHT), "1"), (tmp_path / "multi", "2")):
        content = record.read_record(run)
        content["corpus"] = {"g2p/train": {"sha256": [digest]}}
        record.write_record(run, content)
    assert "g2p was learnt alone from other files than together." in transfer("alone=a")["notes"]


def test_the_table_is_written_as_csv_too(transfer, tmp_path):
    alone(tmp_path / "a", "g2p", RIGHT)
    found = transfer("alone=a")["scores"]
    with (tmp_path / "multi" / "transfer_test.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [{key: "" if value is None else str(value) for key, value in one.items()} for one in found] == rows


# -- mistakes --------------------------------------------------------------------------------------------------------


def test_a_single_run_without_counterpart_is_refused(transfer, tmp_path):
    config = {"task_name": "summarization", "mixture": {}, **own("g2p")}
    outputs(finished(tmp_path / "a", config) / "test", RIGHT)
    expected = "alone (a) is a run of summarization, which is no task of multi (translation, g2p, dialogue)."
    assert refuses(transfer, "alone=a") == expected


def test_two_runs_of_one_task_are_refused(transfer, tmp_path):
    for name in ("a", "b"):
        alone(tmp_path / name, "g2p", RIGHT)
    expected = "alone: a and b are both runs of g2p; leave one out."
    assert refuses(transfer, "alone=[a,b]") == expected


@pytest.mark.parametrize("typed", ["multi", "multi/test/g2p"])
def test_several_tasks_are_not_one_alone(transfer, typed):
    expected = f"alone ({typed}) is a run of several tasks (translation, g2p, dialogue); give runs of one task each."
    assert refuses(transfer, f"alone={typed}") == expected


def test_outputs_of_an_unknown_task_are_refused(transfer, tmp_path):
    outputs(tmp_path / "a", RIGHT)
    expected = "alone (a): no record.json says which task this is; give the directory of a run."
    assert refuses(transfer, "alone=a") == expected


def test_another_test_set_is_refused_with_the_first_line_that_differs(transfer, tmp_path):
    run = alone(tmp_path / "a", "g2p", RIGHT)
    write(run / "test", sources=[*SOURCES[:2], "x", "y"])
    same = "runs can only be compared on the same sentences."
    expected = f"a/test/sources.txt and multi/test/g2p/sources.txt differ in line 3; {same}"
    assert refuses(transfer, "alone=a") == expected
    outputs(run / "test", RIGHT, references=[*RIGHT[:3], "x"])
    expected = f"a/test/references.txt and multi/test/g2p/references.txt differ in line 4; {same}"
    assert refuses(transfer, "alone=a") == expected
    outputs(run / "test", RIGHT[:3], references=RIGHT[:3], sources=SOURCES[:3])
    expected = f"a/test/sources.txt and multi/test/g2p/sources.txt have 3 and 4 lines; {same}"
    assert refuses(transfer, "alone=a") == expected
    outputs(run / "test", RIGHT, references_1=WRONG)
    expected = f"there is a/test/references.1.txt but no multi/test/g2p/references.1.txt; {same}"
    assert refuses(transfer, "alone=a") == expected


def test_what_is_no_run_of_several_tasks_is_refused(transfer, tmp_path):
    alone(tmp_path / "a", "g2p", RIGHT)
    several = "give the directory of a run of several tasks."
    assert refuses(transfer, "run=a", "alone=a") == f"run (a) is a run of one task, g2p; {several}"
    assert (
        refuses(transfer, "run=multi/test", "alone=a")
        == f"run (multi/test) has no record.json of a run in it; {several}"
    )
    expected = f"run (mutli): no such directory, seen from {tmp_path}; did you mean multi?"
    assert refuses(transfer, "run=mutli", "alone=a") == expected
    expected = "run (multi/record.json): is a file; give the directory of a run."
    assert refuses(transfer, "run=multi/record.json", "alone=a") == expected


def test_a_split_without_outputs_is_told_how_to_make_them(transfer, tmp_path):
    run = alone(tmp_path / "a", "g2p", RIGHT)
    command = "(there is: test); make them with python -m seq2seq_pl.evaluate"
    assert refuses(transfer, "alone=a", split="valid") == (
        f"run (multi) has no outputs of split=valid {command} run=multi split=valid"
    )
    outputs(tmp_path / "multi" / "evaluate" / "valid" / "g2p", HALF)
    assert refuses(transfer, "alone=a", split="valid") == (
        f"alone (a) has no outputs of split=valid {command} run=a split=valid"
    )
    shutil.rmtree(run / "checkpoints")
    assert refuses(transfer, "alone=a", split="valid").startswith("alone (a): neither a run nor a sweep nor outputs; ")


MISTAKES = {
    "alone=[]": "alone ([]) must be the directory of a run of one task, or a list of some: alone=[A,B].",
    "alone=b": "alone (b): no such directory, seen from ",
    "alone=2026": "alone (2026): no such directory, seen from ",
    "run=2026": "run (2026) must be a text.",
    "alone=???": "alone: is needed; write alone=...",
    "resamples=-1": "resamples (-1) must be at least 0.",
    "splits=test": "splits: no such setting; did you mean split?",
}


@pytest.mark.parametrize("setting", MISTAKES)
def test_a_setting_that_cannot_be_is_refused(transfer, tmp_path, setting):
    alone(tmp_path / "a", "g2p", RIGHT)
    assert refuses(transfer, "alone=a", setting).startswith(MISTAKES[setting])


def test_a_report_that_cannot_be_written_is_told(transfer, tmp_path):
    alone(tmp_path / "a", "g2p", RIGHT)
    (tmp_path / "multi" / "transfer_test.json").mkdir()
    expected = "run (multi): transfer_test.json cannot be written: Is a directory."
    assert refuses(transfer, "alone=a") == expected
