"""`reproduce`: what differs between then and now, and whether the same training comes out again."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import lightning as L
import pytest
import torch

from seq2seq_pl import training
from seq2seq_pl.build import build_trainer
from seq2seq_pl.config import TrainConfig, validate
from seq2seq_pl.errors import Stopped, UserError
from seq2seq_pl.record import environment, read_record, write_record
from seq2seq_pl.reproduction import Pair, moved, of_environment, reproduce_run, weights_digest
from seq2seq_pl.training import run

QUIET = ("callback=[checkpoint]", "logger=[]", "trainer.max_epochs=1")
SAME = "nothing differs between then and now"


@pytest.fixture
def reproduce(composed, tmp_path) -> Callable[..., bool]:
    """Reproduces a run into tmp_path/again."""

    def go(directory: Path, *overrides: str) -> bool:
        places = (f"run={directory}", f"output={tmp_path / 'again'}", f"cache_dir={tmp_path / 'cache'}")
        return reproduce_run(composed(*places, *overrides, command="reproduce"))

    return go


@pytest.fixture
def then(finished, tmp_path) -> Callable[..., Path]:
    """A copy of the finished run, as if it were of this moment but for what a function does to its record."""

    def make(change: Callable[[dict], object] = lambda record: None) -> Path:
        directory = tmp_path / "run"
        if not directory.is_dir():
            shutil.copytree(finished, directory)
        record = read_record(finished) | {"environment": environment()}
        change(record)
        write_record(directory, record)
        return directory

    return make


@pytest.fixture
def small(tiny, corpus_folder, tmp_path) -> Callable[..., TrainConfig]:
    """The settings of a run in tmp_path/run that takes a moment."""

    def make(*overrides: str) -> TrainConfig:
        return tiny(corpus_folder, tmp_path / "run", *QUIET, *overrides)

    return make


def words(text: str) -> str:
    return " ".join(text.split())


def listing(directory: Path) -> dict[Path, int]:
    return {path: path.stat().st_mtime_ns for path in directory.rglob("*")}


def report(tmp_path: Path) -> dict:
    return json.loads((tmp_path / "again" / "reproduction.json").read_text())


# -- once more -------------------------------------------------------------------------------------------------------


def test_a_run_comes_out_again_in_another_directory_and_another_score_is_told(
    then, reproduce, finished, tmp_path, capsys
):
    directory = then()
    before = listing(finished), listing(directory)
    assert reproduce(directory)
    said = words(capsys.readouterr().out)
    assert said.startswith(SAME)
    assert "best val/translation/bleu" in said
    assert "weights: identical, to the bit" in said
    assert said.endswith("identical")
    assert (listing(finished), listing(directory)) == before
    again = tmp_path / "again"
    for name in ("test/hypotheses.txt", "test/scores.json"):
        assert (again / name).read_bytes() == (finished / name).read_bytes()
    assert {path.name for path in finished.iterdir()} | {"reproduction.json"} == {path.name for path in again.iterdir()}
    content = report(tmp_path)
    assert (content["differences"], content["identical"]) == ([], True)
    assert set(content["scores"]) == {"best val/translation/bleu", *read_record(finished)["scores"]}
    assert content["weights"]["then"] == content["weights"]["now"]

    def change(record: dict) -> None:
        record["scores"]["test/translation/bleu"]["value"] += 0.25
        record["scores"]["test/translation/old"] = {"value": 1.0, "signature": "plain"}
        del record["scores"]["test/translation/loss"]

    trained = (again / "checkpoints" / "last.ckpt").stat().st_mtime_ns
    assert not reproduce(then(change))
    assert (again / "checkpoints" / "last.ckpt").stat().st_mtime_ns == trained, "what is done is not done again"
    said = words(capsys.readouterr().out)
    assert said.endswith(f"3 of {len(content['scores']) + 1} scores differ")
    value = read_record(finished)["scores"]["test/translation/bleu"]["value"]
    assert f"test/translation/bleu {value + 0.25:.4f} {value:.4f} -0.25" in said
    assert report(tmp_path)["scores"]["test/translation/old"] == {"then": 1.0, "now": None}
    assert report(tmp_path)["identical"] is False


def test_a_run_without_checkpoints_has_its_settings_from_its_record(small, reproduce, tmp_path, capsys):
    run(small("callback=[]", "mixing_temperature=inf"))
    assert reproduce(tmp_path / "run")
    assert report(tmp_path)["weights"] is None
    assert "weights" not in capsys.readouterr().out
    assert read_record(tmp_path / "again")["config"]["mixing_temperature"] == "inf"


def test_a_run_that_went_on_for_more_epochs_is_trained_for_as_many(small, reproduce, tmp_path):
    run(small())
    run(small("trainer.max_epochs=2"), resume=True, changed=["trainer.max_epochs"])
    assert "resumed" in read_record(tmp_path / "run")
    assert reproduce(tmp_path / "run")
    assert read_record(tmp_path / "again")["epochs"] == 2


def test_a_run_of_several_tasks_comes_out_again(composed, tiny_arguments, corpus_folder, reproduce, tmp_path):
    tasks = ("translation", "summarization")
    shared = [one for one in tiny_arguments if not one.startswith(("corpus", "decoding"))]
    corpora = [f"corpus@mixture.{task}.corpus=parallel_text" for task in tasks]
    decodings = [f"decoding@mixture.{task}.decoding=greedy" for task in tasks]
    settings = {"path": str(corpus_folder), "source": "src", "target": "rev"}
    own = [f"++mixture.{task}.corpus.{name}={value}" for task in tasks for name, value in settings.items()]
    chosen = ["task=multitask", "model=seq2seq", "mixture.dialogue=null", *corpora, *decodings, *own, *shared, *QUIET]
    run(validate(composed(*chosen, f"run_dir={tmp_path / 'run'}", f"cache_dir={tmp_path / 'cache'}")))

    shutil.copytree(corpus_folder, tmp_path / "corpus")
    assert reproduce(tmp_path / "run", f"+mixture.summarization.corpus.path={tmp_path / 'corpus'}")
    names = set(report(tmp_path)["scores"])
    assert {"test/translation/bleu", "test/summarization/rouge1"} <= names
    assert any(re.fullmatch("best val/.*/combined", name) for name in names)


def test_an_interrupted_attempt_goes_on(small, reproduce, tmp_path, monkeypatch, capsys):
    run(small("trainer.max_epochs=2"))

    class CtrlC(L.Callback):
        def on_train_batch_start(self, trainer, module, batch, batch_idx):
            if trainer.global_step == 2:
                os.kill(os.getpid(), signal.SIGINT)

    def with_ctrl_c(settings: TrainConfig) -> L.Trainer:
        trainer = build_trainer(settings)
        trainer.callbacks.insert(0, CtrlC())
        return trainer

    with monkeypatch.context() as patch:
        patch.setattr(training, "build_trainer", with_ctrl_c)
        with pytest.raises(Stopped) as stopped:
            reproduce(tmp_path / "run")
    told = r"Stopped by Ctrl-C after 3 steps\. Go on with: python -m seq2seq_pl\.reproduce"
    assert re.match(told, stopped.value.sentence)
    assert report(tmp_path)["identical"] is None
    assert reproduce(tmp_path / "run")
    assert "going on after 3 steps" in capsys.readouterr().out
    assert report(tmp_path)["identical"] is True


def test_everything_below_the_runs_directory_is_moved_and_nothing_else(small, tmp_path):
    settings = small("callback=[checkpoint,every_epoch]", "logger=[csv,tensorboard]")
    old = settings.run_dir
    settings.corpus["path"] = f"{old}/corpus"
    settings.callback["checkpoint"]["dirpath"] = f"{old}0/checkpoints"
    there = moved(settings, tmp_path / "new")
    assert there.run_dir == str(tmp_path / "new")
    assert there.callback["every_epoch"]["dirpath"] == str(tmp_path / "new" / "checkpoints")
    assert there.logger["csv"]["path"] == str(tmp_path / "new" / "metrics.csv")
    assert there.logger["tensorboard"]["save_dir"] == str(tmp_path / "new")
    assert there.callback["checkpoint"]["dirpath"] == f"{old}0/checkpoints"
    assert there.corpus["path"] == f"{old}/corpus"


def test_the_digest_of_weights_is_of_their_bytes_in_the_order_of_their_names():
    weights = {"b": torch.tensor(1.5), "a": torch.tensor([[1, 2], [3, 4]]).T, "c": torch.ones(3, dtype=torch.bfloat16)}
    parts = [b"".join(n.to_bytes(8, "little") for n in (1, 3, 2, 4)), b"\x00\x00\xc0\x3f", b"\x80\x3f" * 3]
    assert weights_digest(weights) == sha256(b"".join(parts)).hexdigest()


@pytest.mark.parametrize(
    ("before", "after", "same"),
    [(0.1, 0.1, True), (0.1, 0.1 + 1e-16, False), (float("nan"), float("nan"), True), (0.0, float("nan"), False)],
)
def test_scores_are_the_same_to_the_last_digit(before, after, same):
    assert Pair("bleu", before, after).same == same


# -- what differs ----------------------------------------------------------------------------------------------------


def test_a_check_alone_trains_nothing(then, reproduce, tmp_path, capsys):
    def change(record: dict) -> None:
        record["environment"]["packages"]["torch"] = "0.4.1"
        record["corpus"]["translation/valid"]["store"] = "0123456789abcdef"

    store = read_record(then())["corpus"]["translation/valid"]["store"]
    assert reproduce(then(change), "only_check=true")
    said = words(capsys.readouterr().out)
    assert f"torch 0.4.1 {torch.__version__}" in said
    assert f"token ids of translation/valid 0123456789abcdef {store}" in said
    assert "may add up numbers in another order" in said
    assert not (tmp_path / "again").exists()


CHANGED = sha256(b"-a").hexdigest()[:7]
THEN = {
    "python": "3.11.7",
    "packages": {"torch": "2.6.0", "numpy": "2.0.0"},
    "system": "Linux",
    "processor": {"name": "A", "cores": 2, "torch_threads": 2},
    "gpus": [],
    "git": {"commit": "1234567890", "diff": ""},
}


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({}, []),
        ({"git": {"commit": "abcdef0123", "diff": ""}}, [("git commit", "1234567", "abcdef0")]),
        ({"git": None}, [("git commit", "1234567", "none")]),
        ({"git": {"commit": "1234567890", "diff": "-a"}}, [("uncommitted changes", "none", CHANGED)]),
        ({"python": "3.12.1"}, [("python", "3.11.7", "3.12.1")]),
        ({"packages": {"torch": "2.6.0", "numpy": "2.1.0", "new": "1"}}, [("numpy", "2.0.0", "2.1.0")]),
        ({"processor": {"name": "A", "cores": 4, "torch_threads": 4}}, [("threads", "2", "4")]),
        ({"processor": {"name": "B", "cores": 2, "torch_threads": 2}}, [("processor", "A", "B")]),
        ({"gpus": ["H", "H"]}, [("GPUs", "none", "H, H")]),
        ({"system": "Linux, a day later"}, []),
    ],
)
def test_code_packages_and_machine_are_compared(change, told):
    assert [(one.what, one.then, one.now) for one in of_environment(THEN, THEN | change)] == told
    assert [(one.what, one.now, one.then) for one in of_environment(THEN | change, THEN)] == told
    assert list(of_environment({}, THEN | change)) == [], "what the record does not say is not compared"


def test_another_corpus_is_refused_and_a_copy_of_the_same_is_not(then, reproduce, corpus_folder, tmp_path, capsys):
    folder = Path(shutil.copytree(corpus_folder, tmp_path / "corpus"))
    moved_there = f"++corpus.path={folder}"
    assert reproduce(then(), "only_check=true", moved_there)
    assert capsys.readouterr().out.strip() == SAME
    (folder / "valid.rev").write_text((folder / "valid.rev").read_text().replace("a", "A"))
    with pytest.raises(UserError, match=r"^the corpus is another one .*: the files of translation/valid have changed"):
        reproduce(then(), moved_there)
    first, second = (sha256((at / "valid.rev").read_bytes()).hexdigest()[:7] for at in (corpus_folder, folder))
    shown = re.search(r"files of translation/valid (\w+), (\w+) (\w+), (\w+)", words(capsys.readouterr().out))
    assert shown
    assert (shown[1], shown[2], shown[4]) == (shown[3], first, second)
    assert not (tmp_path / "again").exists()


def test_a_split_that_there_was_not_is_another_corpus(then, reproduce, capsys):
    with pytest.raises(UserError, match=r"the files of translation/test have changed\. Set corpus\.path=DIR"):
        reproduce(then(lambda record: record["corpus"].pop("translation/test")))
    assert "files of translation/test none" in words(capsys.readouterr().out)


# -- mistakes --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (None, "run ({run}) is not the directory of a run: it has no record.json in it."),
        ("{", "run ({run}): record.json cannot be read (Expecting property name"),
        ("[]", "run ({run}): record.json cannot be read (not a JSON object)"),
        ("{}", "run ({run}): record.json is not the record of a run."),
        (
            '{"config": {}, "seed": 1}',
            "run ({run}) is not finished, so there is nothing to compare with; go on with it: python -m "
            "seq2seq_pl.train run={run}",
        ),
    ],
)
def test_a_record_that_says_nothing_is_told(reproduce, tmp_path, content, sentence):
    directory = tmp_path / "run"
    directory.mkdir()
    if content is not None:
        (directory / "record.json").write_text(content)
    with pytest.raises(UserError) as caught:
        reproduce(directory)
    assert str(caught.value).startswith(sentence.format(run=directory))
    assert "\n" not in str(caught.value)
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


@pytest.mark.parametrize(
    ("override", "sentence"),
    [
        ("run=nowhere", "run (nowhere): no such directory, seen from "),
        ("++corpus.source=rev", "corpus.source: cannot change where a run is to come out again; only the place of "),
        ("++corpus.path=nowhere", "corpus.path (nowhere): no such directory, seen from "),
        ("+mixture.talk.corpus.path=x", "mixture: run ({run}) has one task alone; its data is found by corpus.path="),
        ("++corpus.pth=x", "corpus.pth: no such argument of ParallelText; did you mean path?"),
        ("++seed=2", "seed: no such setting"),
    ],
)
def test_a_mistake_is_a_sentence_and_leaves_nothing(then, reproduce, tmp_path, override, sentence):
    directory = then()
    with pytest.raises(UserError) as caught:
        reproduce(directory, override)
    assert str(caught.value).startswith(sentence.format(run=directory))
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "again").exists()


def test_a_directory_that_holds_something_else_is_refused(then, reproduce, tmp_path):
    directory, again = then(), tmp_path / "again"
    again.write_text("a file")
    with pytest.raises(UserError, match=re.escape(f"output ({again}) is a file; give a directory.")):
        reproduce(directory)
    again.unlink()
    again.mkdir()
    (again / "reproduction.json").write_text(json.dumps({"run": "/another"}))
    with pytest.raises(UserError, match=re.escape(f"output ({again}) is not empty; give a new directory.")):
        reproduce(directory)
    with pytest.raises(UserError, match="is not empty; give a new directory"):
        reproduce(directory, f"output={directory}")
    again_file = tmp_path / "file"
    again_file.write_text("")
    with pytest.raises(UserError, match="cannot be written: Not a directory: "):
        reproduce(directory, f"output={again_file / 'below'}")


# -- the command -----------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_the_exit_status_says_whether_a_run_came_out_again(command, tmp_path, tiny_arguments, corpus_folder):
    trained = command("train", *tiny_arguments, *QUIET, f"corpus.path={corpus_folder}", "run_dir=run")
    assert trained.returncode == 0, trained.stderr.decode()
    done = command("reproduce", "run=run")
    assert done.returncode == 0, done.stderr.decode()
    assert "Traceback" not in done.stderr.decode()
    assert done.stdout.decode().splitlines()[-1] == "identical"
    (again,) = (tmp_path / "runs" / "reproductions").iterdir()
    assert (again / "test" / "scores.json").read_bytes() == (tmp_path / "run" / "test" / "scores.json").read_bytes()

    record = read_record(tmp_path / "run")
    record["best"] = {"val/translation/bleu": -1.0}
    write_record(tmp_path / "run", record)
    done = command("reproduce", "run=run", f"output={again.relative_to(tmp_path)}")
    assert done.returncode == 1, done.stderr.decode()
    assert done.stdout.decode().splitlines()[-1].startswith("1 of ")

    done = command("reproduce", "run=rnu")
    assert (done.returncode, done.stdout) == (2, b"")
    assert done.stderr.startswith(b"error: run (rnu): no such directory, seen from ")
    assert done.stderr.count(b"\n") == 1
    assert list((tmp_path / "runs" / "reproductions").iterdir()) == [again]
