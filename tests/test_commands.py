"""The commands as a person types them, on a tiny corpus, each in a process of its own."""

import json
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

pytestmark = pytest.mark.slow

NASTY = (
    (
        b"a b c\n\n   \na\x00b\x1b[31m\x07\n"
        + "a\u2028b\x85c\n\u202eשלום مرحبا\n👩‍👩‍👧‍👦 e\u0301\n".encode()
        + b"a\rb\r\n\xff\xfe \x80\n"
    )
    + b"x" * 100_000
    + b"\n"
    + b"a " * 1_000
    + b"\nno newline at the end"
)


@pytest.fixture
def quiet(tiny_arguments, corpus_folder) -> list[str]:
    """Arguments of a run that draws no pictures."""
    fitting = [argument for argument in tiny_arguments if "attention" not in argument]  # none has no size
    return [*fitting, f"corpus.path={corpus_folder}", "callback=[checkpoint,progress]", "logger=[]"]


def test_train_evaluate_and_generate_agree(command, tmp_path, tiny_arguments, corpus_folder):
    trained = command("train", *tiny_arguments, f"corpus.path={corpus_folder}")
    assert trained.returncode == 0, trained.stderr.decode()
    (run,) = (tmp_path / "runs" / "translation").iterdir()
    assert {"record.json", "checkpoints", "tensorboard", "metrics.csv", "test", ".hydra"} <= {
        path.name for path in run.iterdir()
    }
    said = trained.stdout.decode()
    assert f"python -m seq2seq_pl.generate run={run.relative_to(tmp_path)}" in said
    assert "Traceback" not in trained.stderr.decode()
    assert "Warning" not in trained.stderr.decode()
    assert json.loads((run / "record.json").read_text())["command"][:3] == ["python", "-m", "seq2seq_pl.train"]

    evaluated = command("evaluate", f"run={run}", "trainer=cpu", "resamples=0")  # training works out no intervals
    assert evaluated.returncode == 0, evaluated.stderr.decode()
    assert "Warning" not in evaluated.stderr.decode()
    for name in ("scores.json", "sources.txt", "hypotheses.txt", "references.txt", "bleu_by_length.csv"):
        assert (run / "evaluate" / "test" / name).read_bytes() == (run / "test" / name).read_bytes()

    generated = command("generate", f"run={run}", stdin=(corpus_folder / "test.src").read_bytes())
    assert generated.returncode == 0, generated.stderr.decode()
    assert generated.stdout == (run / "test" / "hypotheses.txt").read_bytes()


def test_generate_keeps_the_lines_aligned_whatever_it_reads(command, finished):
    done = command("generate", f"run={finished}", "device=cpu", stdin=NASTY)
    assert done.returncode == 0, done.stderr.decode()
    answers = done.stdout.split(b"\n")
    assert answers.pop() == b""
    assert len(answers) == NASTY.count(b"\n") + 1
    assert answers[1] == answers[2] == b""
    assert b"cut to max_source_length=128 tokens: 2 lines" in done.stderr
    assert command("generate", f"run={finished}", "batch_size=1", stdin=NASTY).stdout == done.stdout


def test_sacrebleus_own_command_finds_the_same_figure(finished):
    bleu = json.loads((finished / "test" / "scores.json").read_text())["test/translation/bleu"]
    settings = dict(item.split(":", 1) for item in bleu["signature"].split("|") if ":" in item)
    files = [str(finished / "test" / "references.txt"), "-i", str(finished / "test" / "hypotheses.txt")]
    options = ["-m", "bleu", "--tokenize", settings["tok"], "--format", "text", "-b", "-w", "10"]
    line = [sys.executable, "-m", "sacrebleu", *files, *options]
    done = subprocess.run(line, capture_output=True, text=True, check=True)
    assert float(done.stdout) == pytest.approx(bleu["value"], abs=1e-9)


def test_a_sweep_gives_each_job_its_directory_and_ends_with_a_table(command, tmp_path, quiet):
    done = command("train", "-m", *quiet, "model/attention=none,additive", "seed=1,2", "trainer.max_epochs=1")
    assert done.returncode == 0, done.stderr.decode()
    (sweep,) = (tmp_path / "runs" / "sweeps").iterdir()
    for job in "0123":
        assert (sweep / job / "test" / "scores.json").is_file()
    attentions = {
        json.loads((sweep / job / "record.json").read_text())["config"]["model"]["attention"]["_target_"]
        for job in "0123"
    }
    assert len(attentions) == 2
    assert len((sweep / "results.csv").read_text().splitlines()) == 5


def test_a_mistake_in_one_job_of_a_sweep_leaves_the_others(command, tmp_path, quiet):
    done = command("train", "-m", *quiet, "model.dropout=7,0.1", "trainer.max_epochs=1")
    assert done.returncode == 2
    assert b"dropout (7) must be " in done.stderr
    (sweep,) = (tmp_path / "runs" / "sweeps").iterdir()
    assert (sweep / "1" / "test" / "scores.json").is_file()
    assert not (sweep / "0").exists()
    assert "failed" in (sweep / "results.csv").read_text()


def test_a_run_that_was_stopped_says_how_it_goes_on_and_does(begin, command, tmp_path, quiet):
    process = begin("train", *quiet, "trainer.max_epochs=4000")
    while not list(tmp_path.glob("runs/translation/*/checkpoints/last.ckpt")):
        assert process.poll() is None, process.stderr.read().decode()
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    said = process.communicate(timeout=60)[1].decode()
    assert process.returncode == 128 + signal.SIGTERM
    (run,) = (tmp_path / "runs" / "translation").iterdir()
    way = f"python -m seq2seq_pl.train run={run.relative_to(tmp_path)}"
    assert f"Go on with: {way}\n" in said
    assert "Traceback" not in said
    epochs = torch.load(run / "checkpoints" / "last.ckpt", weights_only=True)["epoch"] + 3
    assert command("train", way.split()[-1], f"trainer.max_epochs={epochs}").returncode == 0
    record = json.loads((run / "record.json").read_text())
    assert record["epochs"] == epochs
    assert len(record["resumed"]) == 1


def test_a_sweep_in_two_processes_goes_on_by_its_own_command(command, tmp_path, quiet):
    two = ("trainer=ddp", "trainer.accelerator=cpu", "trainer.devices=2")
    typed = ("-m", *(argument for argument in quiet if argument != "trainer=cpu"), *two, "seed=1,2", "resume=true")
    done = command("train", *typed)
    assert done.returncode == 0, done.stderr.decode()
    assert b"no earlier run of this command; beginning one" in done.stderr
    assert b"Warning" not in done.stderr
    (sweep,) = (tmp_path / "runs" / "sweeps").iterdir()
    table = (sweep / "results.csv").read_text()
    assert sorted(path.name for path in sweep.iterdir()) == ["0", "1", "multirun.yaml", "results.csv"]
    shutil.rmtree(sweep / "1")
    again = command("train", *typed)
    assert again.returncode == 0, again.stderr.decode()
    assert f"{sweep.relative_to(tmp_path)}/0 is finished" in again.stdout.decode()
    assert [path.name for path in (tmp_path / "runs" / "sweeps").iterdir()] == [sweep.name]
    scores = [
        [row.split(",")[:4] for row in text.splitlines()] for text in (table, (sweep / "results.csv").read_text())
    ]
    assert scores[0] == scores[1]


def test_a_run_of_several_tasks_stands_beside_a_run_of_one(command, tmp_path, quiet, corpus_folder, finished):
    tasks = ("translation", "summarization")
    shared = [argument for argument in quiet if not argument.startswith(("corpus", "decoding"))]
    corpora = [f"corpus@mixture.{task}.corpus=parallel_text" for task in tasks]
    decodings = [f"decoding@mixture.{task}.decoding=greedy" for task in tasks]
    settings = {"path": str(corpus_folder), "source": "src", "target": "rev"}
    own = [f"mixture.{task}.corpus.{name}={value}" for task in tasks for name, value in settings.items()]
    chosen = ["task=multitask", "model=seq2seq", "mixture.dialogue=null", *corpora, *decodings, *own]
    done = command("train", *chosen, *shared, "run_dir=several")
    assert done.returncode == 0, done.stderr.decode()

    done = command("transfer", "run=several", str(finished))
    assert done.returncode == 0, done.stderr.decode()
    assert done.stderr == b""
    rows = json.loads((tmp_path / "several" / "transfer_test.json").read_text())["scores"]
    assert [(row["task"], row["score"]) for row in rows] == [
        ("translation", "bleu"),
        ("translation", "chrf"),
        ("summarization", "rouge1"),
    ]
    together = json.loads((tmp_path / "several" / "test" / "scores.json").read_text())
    alone = json.loads((finished / "test" / "scores.json").read_text())
    for row in rows[:2]:
        name = f"test/translation/{row['score']}"
        assert (row["alone"], row["together"]) == (alone[name]["value"], together[name]["value"])

    done = command("compare", str(finished), "several/test/translation", "resamples=50", "trials=0")
    assert done.returncode == 0, done.stderr.decode()
    compared = json.loads((tmp_path / "compare.json").read_text())["differences"]
    assert compared[0]["difference"] == pytest.approx(rows[0]["gain"])


def test_a_line_of_100_000_characters_is_left_out_counted_and_told(command, tmp_path, quiet, write_corpus):
    folder = write_corpus(tmp_path / "corpus")
    for side in ("src", "rev"):
        with (folder / f"train.{side}").open("a") as file:
            file.write("x" * 100_000 + "\n")
    done = command("train", *quiet, f"corpus.path={folder}", "trainer.max_epochs=1")
    assert done.returncode == 0, done.stderr.decode()
    (run,) = (tmp_path / "runs" / "translation").iterdir()
    report = json.loads((run / "record.json").read_text())["corpus"]["translation/train"]
    assert (report["kept"], report["too_long"]) == (60, 1)
    (row,) = (line for line in done.stdout.decode().splitlines() if line.split()[:2] == ["train", "60"])
    assert row.split()[-2] == "1"


BAD_DATA = {
    "files of different length": ({"train.src": b"a\n" * 59}, "train.src has 59 lines but "),
    "bytes that are not UTF-8": ({"valid.rev": b"a\n" * 5 + b"\xff\n"}, "line 6: byte 1 is not UTF-8."),
}


@pytest.mark.parametrize("case", BAD_DATA)
def test_bad_data_is_one_line_and_exit_code_2_and_leaves_no_run(command, tmp_path, quiet, write_corpus, case):
    folder = write_corpus(tmp_path / "corpus")
    files, sentence = BAD_DATA[case]
    for name, content in files.items():
        (folder / name).write_bytes(content)
    done = command("train", *quiet, f"corpus.path={folder}")
    assert done.returncode == 2
    assert sentence in done.stderr.decode()
    assert done.stderr.startswith(b"error: ")
    assert done.stderr.count(b"\n") == 1
    left = [path for path in tmp_path.rglob("*") if path.is_file() and not path.is_relative_to(folder)]
    assert [path for path in left if not path.is_relative_to(tmp_path / ".cache")] == []
    assert not [path for path in left if path.name.startswith(".") and path.name != ".lock"]


def test_a_folder_of_ones_own_with_odd_characters_is_fine(command, tmp_path, quiet, write_corpus):
    folder = write_corpus(tmp_path / "a b=[c], Übung 日本")
    done = command("train", *quiet, f"corpus.path='{folder}'", "trainer=smoke")
    assert done.returncode == 0, done.stderr.decode()
    assert Path(json.loads(next(tmp_path.rglob("record.json")).read_text())["config"]["corpus"]["path"]) == folder
