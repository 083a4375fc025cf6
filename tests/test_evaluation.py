"""`evaluate`: any metrics over a run, another checkpoint or plain files, with intervals."""

import csv
import gzip
import json
import math
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from rouge_score.rouge_scorer import RougeScorer

from seq2seq_pl.errors import UserError
from seq2seq_pl.evaluation import evaluate_run, usual_directory
from seq2seq_pl.file_evaluation import evaluate_files

EVERY_METRIC = "metric=[rouge,ter,distinct,error_rate,exact_match,chrf,bleu]"
BUNDLE = ("sources.txt", "hypotheses.txt", "references.txt")


@pytest.fixture(scope="module")
def everything(finished, composed, tmp_path_factory) -> Path:
    """Where the finished run, trained with other metrics, was scored by every metric."""
    folder = tmp_path_factory.mktemp("evaluated") / "everything"
    asked = (f"run={finished}", "trainer=cpu", EVERY_METRIC, "metric.rouge.stemmer=true", "metric.bleu.tokenize=char")
    evaluate_run(composed(*asked, f"output={folder}", command="evaluate"))
    return folder


@pytest.fixture
def evaluate(composed, tmp_path, monkeypatch):
    """Writes files (name -> content) into an empty folder, where plain files are then evaluated."""
    monkeypatch.chdir(tmp_path)

    def go(*overrides: str, **files: object) -> None:
        for name, content in files.items():
            data = content if isinstance(content, bytes) else "".join(f"{line}\n" for line in content).encode()
            (tmp_path / name).write_bytes(data)
        evaluate_files(composed(*overrides, command="evaluate"))

    return go


def scores_in(folder: Path) -> dict:
    return json.loads((folder / "scores.json").read_text(encoding="utf-8"))


def lines_in(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").split("\n")[:-1]


# -- a run -----------------------------------------------------------------------------------------------------------


def test_figures_are_those_of_training_and_only_gain_intervals(finished, composed, tmp_path):
    evaluate_run(composed(f"run={finished}", "trainer=cpu", f"output={tmp_path / 'again'}", command="evaluate"))
    first, again = scores_in(finished / "test"), scores_in(tmp_path / "again")
    assert list(again) == list(first)
    for name, score in again.items():
        assert {key: score[key] for key in ("value", "signature")} == first[name]
    assert {name.rpartition("/")[2] for name, score in again.items() if "low" in score} == {"bleu", "chrf"}
    for name in (*BUNDLE, "bleu_by_length.csv"):
        assert (tmp_path / "again" / name).read_bytes() == (finished / "test" / name).read_bytes()


def test_a_run_can_be_scored_by_metrics_it_was_not_trained_with(everything):
    scores = {name.removeprefix("test/translation/"): score for name, score in scores_in(everything).items()}
    assert [*scores][:3] == ["loss", "perplexity", "accuracy"]
    names = {"rouge1", "rouge2", "rougeL", "rougeLsum", "ter", "distinct1", "distinct2", "wer", "exact_match"}
    assert set(scores) == {*names, "chrf", "bleu", "loss", "perplexity", "accuracy"}
    assert "stem:porter" in scores["rouge1"]["signature"]
    assert "tok:char" in scores["bleu"]["signature"]
    without = {name for name, score in scores.items() if "low" not in score}
    assert without == {"loss", "perplexity", "accuracy", "distinct1", "distinct2"}
    assert all(0 <= score["low"] <= score["high"] for name, score in scores.items() if name not in without)
    assert {score["seed"] for name, score in scores.items() if name not in without} == {12345}


def test_the_table_and_the_json_hold_the_same(everything):
    with (everything / "scores.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert {f"{row['split']}/{row['task']}/{row['name']}": float(row["value"]) for row in rows} == {
        name: score["value"] for name, score in scores_in(everything).items()
    }
    (ter,) = (row for row in rows if row["name"] == "ter")
    assert float(ter["high"]) == scores_in(everything)["test/translation/ter"]["high"]


def test_the_first_score_of_each_metric_is_plotted_by_length(everything):
    for name in ("rouge1", "ter", "distinct1", "wer", "exact_match", "chrf", "bleu"):
        assert (everything / f"{name}_by_length.png").is_file()
        assert (everything / f"{name}_by_length.csv").is_file()
    assert not (everything / "rouge2_by_length.csv").exists()


def test_sacrebleus_own_command_finds_the_same_figures_and_intervals(everything):
    files = [str(everything / "references.txt"), "-i", str(everything / "hypotheses.txt")]
    options = ["-m", "bleu", "chrf", "ter", "--tokenize", "char", "--confidence", "-w", "9", "--format", "json"]
    line = [sys.executable, "-m", "sacrebleu", *files, *options]
    found = json.loads(subprocess.run(line, capture_output=True, text=True, check=True).stdout)
    scores = scores_in(everything)
    assert [one["name"].lower().removesuffix("2") for one in found] == ["bleu", "chrf", "ter"]
    halves = []
    for one in found:
        ours = scores[f"test/translation/{one['name'].lower().removesuffix('2')}"]
        assert ours["value"] == pytest.approx(one["score"], abs=1e-8)
        halves.append((ours["high"] - ours["low"]) / 2)
        assert halves[-1] == pytest.approx(one.get("confidence_var", 0), rel=1e-5)  # it adds up in float32
    assert any(half > 0 for half in halves)  # a model this small may get no word right in most samples


def test_rouge_scores_own_scorer_finds_the_same_figures(everything):
    scorer = RougeScorer(["rouge1", "rouge2", "rougeL", "rougeLsum"], use_stemmer=True)
    pairs = list(zip(lines_in(everything / "references.txt"), lines_in(everything / "hypotheses.txt"), strict=True))
    found = [scorer.score(reference, hypothesis) for reference, hypothesis in pairs]
    scores = scores_in(everything)
    for name in ("rouge1", "rouge2", "rougeL", "rougeLsum"):
        mean = 100 * math.fsum(one[name].fmeasure for one in found) / len(found)
        assert scores[f"test/translation/{name}"]["value"] == pytest.approx(mean, abs=1e-9)
    assert scores["test/translation/rougeL"]["value"] > 10, "a model that has learnt nothing makes this weak"


def test_settings_of_a_metric_alone_change_the_runs_own(finished, composed, tmp_path):
    asked = (f"run={finished}", "trainer=cpu", "++metric.bleu.tokenize=char", f"output={tmp_path / 'out'}")
    evaluate_run(composed(*asked, "resamples=0", "bins=[3]", command="evaluate"))
    scores = scores_in(tmp_path / "out")
    assert "tok:char" in scores["test/translation/bleu"]["signature"]
    assert "test/translation/chrf" in scores
    assert not any("low" in score for score in scores.values())
    assert [row.split(",")[0] for row in lines_in(tmp_path / "out" / "bleu_by_length.csv")[1:]] == ["1-3", "4+"]


def test_each_checkpoint_has_a_directory_of_its_own(finished, composed, tmp_path, capsys):
    shutil.copytree(finished / "checkpoints", tmp_path / "run" / "checkpoints")
    for checkpoint in ("best", "last"):
        asked = (f"run={tmp_path / 'run'}", "trainer=cpu", f"checkpoint={checkpoint}", "split=valid", "resamples=0")
        evaluate_run(composed(*asked, command="evaluate"))
        there = tmp_path / "run" / "evaluate" / {"best": "valid", "last": "valid_last"}[checkpoint]
        assert "val/translation/bleu" in scores_in(there)
        assert f"written to {there}" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("checkpoint", "directory"),
    [
        ("run/checkpoints/best.ckpt", "run/evaluate/test"),
        ("run/checkpoints/average.ckpt", "run/evaluate/test_average"),
        ("elsewhere/model.ckpt", "elsewhere/evaluate/test_model"),
    ],
)
def test_the_usual_directory_is_beside_the_checkpoints(checkpoint, directory):
    assert usual_directory(Path(checkpoint), "test") == Path(directory)


# -- plain files -----------------------------------------------------------------------------------------------------


def test_plain_files_have_the_scores_of_the_run_that_wrote_them(evaluate, everything, tmp_path):
    files = {name: (everything / f"{name}.txt").read_bytes() for name in ("hypotheses", "references", "sources")}
    named = [f"{name}={name}" for name in files]
    evaluate(*named, EVERY_METRIC, "metric.rouge.stemmer=true", "metric.bleu.tokenize=char", "output=out", **files)
    ofrun = {name.rpartition("/")[2]: score for name, score in scores_in(everything).items()}
    forced = ("loss", "perplexity", "accuracy")  # which need a model
    assert scores_in(tmp_path / "out") == {name: score for name, score in ofrun.items() if name not in forced}
    for path in everything.glob("*_by_length.csv"):
        assert (tmp_path / "out" / path.name).read_bytes() == path.read_bytes()


def test_without_an_output_only_the_table_is_printed(evaluate, tmp_path, capsys):
    evaluate("hypotheses=h", "references=r", h=["a b c d e"], r=["a b c d e"])
    said = capsys.readouterr().out
    assert ["bleu", "100.00", "100.00", "–", "100.00"] in [line.split() for line in said.splitlines()]
    assert "chrf" in said
    assert "nrefs:1|case:mixed|eff:no|tok:13a|" in said
    assert "written to" not in said
    assert {path.name for path in tmp_path.iterdir()} == {"h", "r"}


def test_scores_by_length_need_the_sources(evaluate, tmp_path):
    evaluate("hypotheses=h", "references=r", "output=out", h=["a b"], r=["a b"])
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"scores.json", "scores.csv"}
    assert lines_in(tmp_path / "out" / "scores.csv")[1].startswith(",,bleu,")  # of no split and no task


def test_an_empty_line_among_further_references_is_none(evaluate, tmp_path):
    asked = ("hypotheses=h", "references=[r,more]", "metric=[error_rate]", "output=out")
    evaluate(*asked, h=["a b c", "a"], r=["a b", "b c"], more=["x", ""])
    # 1 edit of 2 words and 2 of 2; were "" a reference, the second would be 1 of 0.
    assert scores_in(tmp_path / "out")["wer"]["value"] == pytest.approx(100 * 3 / 4)


def test_an_empty_first_reference_is_a_reference(evaluate, tmp_path):
    asked = ("hypotheses=h", "references=r", "metric=[exact_match]", "output=out")
    evaluate(*asked, h=["", "a"], r=["", "a"])
    assert scores_in(tmp_path / "out")["exact_match"]["value"] == 100


def test_compressed_files_are_read_with_and_without_their_suffix(evaluate, tmp_path):
    asked = ("hypotheses=h.gz", "references=r", "metric=[exact_match]", "output=out")
    packed = {"h.gz": gzip.compress("ä b\n".encode()), "r.gz": gzip.compress("ä b\n".encode())}
    evaluate(*asked, **packed)
    assert scores_in(tmp_path / "out")["exact_match"]["value"] == 100


@pytest.mark.parametrize(
    ("overrides", "tokenizer"),
    [
        ([], "13a"),
        (["++corpus.target=zh"], "zh"),
        (["++corpus.target=zh", "metric=[bleu]"], "zh"),
        (["++metric.bleu.tokenize=char"], "char"),
        (["++corpus.target=zh", "++metric.bleu.tokenize=intl"], "intl"),
    ],
)
def test_the_target_language_chooses_the_tokenizer_of_bleu(evaluate, tmp_path, overrides, tokenizer):
    evaluate("hypotheses=h", "references=r", "output=out", *overrides, h=["a b c d e"], r=["a b c d e"])
    assert f"tok:{tokenizer}|" in scores_in(tmp_path / "out")["bleu"]["signature"]
    assert ("chrf" in scores_in(tmp_path / "out")) == ("metric=[bleu]" not in overrides)


# -- mistakes --------------------------------------------------------------------------------------------------------

H, R = "hypotheses=h", "references=r"
FILES = {"h": b"a\nb\n", "r": b"a\nb\n", "long": b"a\nb\nc\n", "none": b"", "latin": b"a\n\xe4\n", "d.gz": b"no gzip"}


@pytest.mark.parametrize(
    ("overrides", "sentence"),
    [
        ([], "there is nothing to score; set run=DIR, or hypotheses=FILE references=FILE."),
        ([H, R, "run=x"], "run and hypotheses are both set; leave out "),
        ([H], "hypotheses needs references: set references=FILE, or references=[FILE,FILE] for several."),
        ([H, "references=[]"], "hypotheses needs references: "),
        ([R], "references belongs to plain files: set hypotheses=FILE too; a run has its own references."),
        (["sources=h", "run=x"], "sources belongs to plain files: set hypotheses=FILE too; "),
        ([H, "references=long"], "h has 2 lines but long has 3; long is longer, by 1. Line i of "),
        (["hypotheses=long", R], "long has 3 lines but r has 2; long is longer, by 1. Line i of "),
        ([H, "references=[r,long]"], "h has 2 lines but long has 3; long is longer, by 1. Line i of "),
        ([H, R, "sources=long"], "h has 2 lines but long has 3; long is longer, by 1. Line i of "),
        ([H, "references=none"], "references (none) is empty; there is nothing to score."),
        ([H, "references=latin"], "latin, line 2: byte 1 is not UTF-8. Convert the file"),
        ([H, "references=d"], "d.gz: the gzip file is damaged after line 0 "),
        ([H, "references=lnog"], "references (lnog): no such file, seen from "),
        ([H, "references=."], "references (.) is a directory; give a file."),
        ([H, R, "output=r"], "output (r) is a file; give a directory."),
        ([H, R, "output=r/out"], "output (r/out): r is a file; give a directory."),
        ([H, R, "output='~no.such.user/x'"], "output=~no.such.user/x: there is no home directory of that name."),
        ([H, "references='~no.such.user/x'"], "references=~no.such.user/x: there is no home directory of that name."),
        ([H, R, "resamples=1000000000"], "resamples (1000000000) must be at most 100,000."),
        ([H, R, "bins=[3,1000001]"], "bins (1000001): a bin must end at 1,000,000 or before."),
        ([H, R, "bins=[3,2]"], "bins ([3, 2]) must grow from at least 1, such as [5, 10, 20]."),
        ([H, R, "resamples=-1"], "resamples (-1) must be at least 0."),
        ([H, R, "batch_size=3", "++corpus.path=x"], "batch_size, corpus.path: changes nothing about a file of "),
        ([H, R, "decoding=greedy"], "decoding: changes nothing about a file of outputs; leave it out, or set run=DIR."),
        ([H, R, "+metric.rouge.stemmer=true"], "metric.rouge has settings but is not chosen; set metric=[bleu,chrf,"),
        ([H, R, "+metric.bleu=5"], "metric.bleu (5) must be a group of settings"),
        ([H, R, "++metric.bleu.tokenise=5"], "metric.bleu.tokenise: no such argument of Bleu; did you mean tokenize?"),
        ([H, R, "++metric.bleu.language='${corpus.tarket}'"], "metric: Interpolation key 'corpus.tarket' not found."),
    ],
)
def test_a_mistake_is_a_sentence_and_leaves_nothing(composed, tmp_path, monkeypatch, overrides, sentence):
    monkeypatch.chdir(tmp_path)
    for name, content in FILES.items():
        (tmp_path / name).write_bytes(content)
    config = composed(
        *overrides,
        *([] if any(text.startswith("output=") for text in overrides) else ["output=out"]),
        command="evaluate",
    )
    with pytest.raises(UserError) as caught:
        (evaluate_run if config.hypotheses is None else evaluate_files)(config)
    assert str(caught.value).startswith(sentence)
    assert "\n" not in str(caught.value)
    assert {path.name for path in tmp_path.iterdir()} == set(FILES)


@pytest.mark.slow
def test_the_command_scores_plain_files_and_answers_a_mistake_in_a_line(command, tmp_path):
    (tmp_path / "h").write_text("a b c d e\n")
    (tmp_path / "r").write_text("a b c d e\n")
    done = command("evaluate", "hypotheses=h", "references=[r,r]", "metric=[bleu,ter]", "corpus.target=zh")
    assert done.returncode == 0, done.stderr.decode()
    assert done.stderr == b""
    assert b"nrefs:2|case:mixed|eff:no|tok:zh|" in done.stdout
    refused = command("evaluate", "hypotheses=h", "references=rr", "metric.bleu.tokenize=char")
    assert (refused.returncode, refused.stdout) == (2, b"")
    assert refused.stderr.startswith(b"error: references (rr): no such file, seen from ")
    assert refused.stderr.count(b"\n") == 1
