"""One run from a checked config to scores on disk, in this process."""

import csv
import json

import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from seq2seq_pl.callback.ema import TRAINED_KEY
from seq2seq_pl.errors import UserError
from seq2seq_pl.evaluation import evaluate_run
from seq2seq_pl.record import read_record
from seq2seq_pl.saved import read_checkpoint
from seq2seq_pl.training import hyperparameters, run, shown

QUIET = ("callback=[checkpoint]", "logger=[]")


@pytest.fixture
def train(tmp_path, corpus_folder, tiny):
    """Trains quietly into a directory of this name -> its outcome."""

    def go(name: str, *overrides: str):
        return run(tiny(corpus_folder, tmp_path / name, *QUIET, *overrides))

    return go


def test_a_run_leaves_everything_that_describes_it(finished):
    for name in (
        "record.json",
        "checkpoints/best.ckpt",
        "checkpoints/last.ckpt",
        "metrics.csv",
        "test/hypotheses.txt",
        "test/references.txt",
        "test/scores.json",
    ):
        assert (finished / name).stat().st_size > 0
    assert list((finished / "tensorboard").glob("events.out.tfevents.*"))
    assert not list(finished.rglob(".*.*"))  # nothing temporary


def test_samples_are_shown_as_many_as_asked_for(train, capsys):
    train("none", "samples=0")
    assert "output" not in capsys.readouterr().out
    train("one", "samples=1")
    assert capsys.readouterr().out.count("reference") == 1


def test_the_record_says_what_was_done(finished, corpus_folder):
    record = read_record(finished)
    assert record["config"]["corpus"]["path"] == str(corpus_folder)
    assert record["epochs"] == 8
    assert record["steps"] % 8 == 0
    assert record["corpus"]["translation/train"]["kept"] == 60
    assert len(record["corpus"]["translation/test"]["sha256"]) == 2
    assert record["scores"] == json.loads((finished / "test" / "scores.json").read_text())
    assert record["wall_seconds"] >= record["fit_seconds"] > 0
    assert set(record["best"]) == {"val/translation/bleu"}


def test_the_best_checkpoint_is_the_one_that_was_scored(finished):
    with (finished / "metrics.csv").open() as file:
        logged = [float(row["val/translation/bleu"]) for row in csv.DictReader(file) if row.get("val/translation/bleu")]
    best = read_record(finished)["best"]["val/translation/bleu"]
    assert len(logged) == 8
    assert best == pytest.approx(max(logged))


def test_references_are_the_corpus_and_hypotheses_as_many(finished, corpus_folder):
    assert (finished / "test" / "references.txt").read_text() == (corpus_folder / "test.rev").read_text()
    hypotheses = (finished / "test" / "hypotheses.txt").read_text().splitlines()
    assert len(hypotheses) == 9
    assert len(set(hypotheses)) > 4, "a model that has learnt nothing would make these tests weak"


def test_tensorboard_has_curves_texts_and_hyperparameters(finished):
    scalars: set[str] = set()
    hyper: list[bytes] = []
    for path in sorted((finished / "tensorboard").glob("events.out.tfevents.*")):
        events = EventAccumulator(str(path)).Reload()
        scalars |= set(events.Tags()["scalars"])
        for tag, data in events.summary_metadata.items():
            if "hparams" in tag:
                hyper.append(data.plugin_data.content)
    assert {"train/loss", "val/translation/bleu", "val/translation/loss", "test/translation/bleu"} <= scalars
    assert any(b"optimizer.lr" in content for content in hyper)
    assert any(b"test/translation/bleu" in content for content in hyper)


def test_the_same_seed_twice_gives_the_same_weights_bit_for_bit(train, tmp_path):
    train("first")
    train("second")
    train("other", "seed=2")
    first, second, other = (
        read_checkpoint(tmp_path / name / "checkpoints" / "last.ckpt").weights for name in ("first", "second", "other")
    )
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert not all(torch.equal(first[name], other[name]) for name in first)


def test_what_is_shown_does_not_change_what_is_learnt(train, tmp_path):
    train("quiet")
    train("shown", "callback=[checkpoint,telemetry,progress,text_samples]", "logger=[csv,tensorboard]")
    quiet, loud = (
        read_checkpoint(tmp_path / name / "checkpoints" / "last.ckpt").weights for name in ("quiet", "shown")
    )
    assert all(torch.equal(quiet[name], loud[name]) for name in quiet)


def test_a_run_with_an_average_scores_it_and_evaluate_repeats_the_figures(train, composed, tmp_path):
    ema = ("callback=[ema,checkpoint]", "callback.ema.update_every_n_steps=1", "callback.ema.decay=0.9")
    outcome = train("run", *ema, "logger=[csv]", "trainer.max_epochs=3", "optimizer.lr=0.03", "monitor=loss")
    folder = tmp_path / "run"
    best = torch.load(folder / "checkpoints" / "best.ckpt", weights_only=True)
    assert read_checkpoint(folder / "checkpoints" / "best.ckpt").weights.keys() == best[TRAINED_KEY].keys()
    assert not any(torch.equal(value, best[TRAINED_KEY][name]) for name, value in best["state_dict"].items())
    for split in ("test", "valid"):
        asked = (f"run={folder}", "trainer=cpu", f"split={split}", "resamples=0")
        evaluate_run(composed(*asked, command="evaluate"))
    assert (folder / "evaluate/test/scores.json").read_text() == (folder / "test/scores.json").read_text()
    again = json.loads((folder / "evaluate" / "valid" / "scores.json").read_text())
    with (folder / "metrics.csv").open() as file:
        rows = [row for row in csv.DictReader(file) if row.get("val/translation/loss")]
    (row,) = (row for row in rows if torch.tensor(float(row["val/translation/loss"])) == torch.tensor(outcome.best))
    for name, score in again.items():
        assert float(row[name]) == float(torch.tensor(score["value"])), name  # Lightning logs float32


def test_an_average_changes_what_is_scored_and_not_what_is_trained(train, tmp_path):
    once = "trainer.max_epochs=1"  # whose checkpoint is the best and the last
    train("plain", once)
    train("averaged", once, "callback=[checkpoint,ema]", "callback.ema.update_every_n_steps=2")
    plain, averaged = (
        torch.load(tmp_path / name / "checkpoints" / "last.ckpt", weights_only=True) for name in ("plain", "averaged")
    )
    assert all(torch.equal(value, averaged[TRAINED_KEY][name]) for name, value in plain["state_dict"].items())
    assert not all(torch.equal(value, averaged["state_dict"][name]) for name, value in plain["state_dict"].items())


def test_another_monitor_chooses_another_score(train):
    assert train("run", "monitor=perplexity").best > 1


def test_a_run_without_checkpoints_scores_what_it_ended_with(train, tmp_path):
    outcome = train("run", "callback=[]")
    assert outcome.scores["test/translation/bleu"].value >= 0
    assert not (tmp_path / "run" / "checkpoints").exists()


def test_every_test_split_is_scored(train, tmp_path, corpus_folder, write_corpus):
    folder = write_corpus(tmp_path / "corpus")
    for side in ("src", "rev"):
        (folder / f"hard.{side}").write_text((folder / f"valid.{side}").read_text())
    outcome = train("run", f"corpus.path={folder}", "++corpus.files.test_hard=hard")
    assert {name.split("/")[0] for name in outcome.scores} == {"test", "test_hard"}
    assert (tmp_path / "run" / "test_hard" / "scores.json").is_file()


@pytest.mark.parametrize(
    ("override", "sentence"),
    [
        ("corpus.path=nowhere", "corpus.path (nowhere): no such directory"),
        ("corpus.files.test=tset", "no such file"),
        ("model.encoder.hidden_size=-6", "model.encoder"),
        ("tokenizer=bpe tokenizer.vocab_size=100000", "tokenizer.vocab_size (100000) is more than"),
        ("monitor=blue", "monitor (blue) is not computed; did you mean bleu?"),
        ("max_source_length=1", "nothing is left of its 60 examples"),
    ],
)
def test_a_mistake_is_told_before_anything_is_written(train, tmp_path, override, sentence):
    with pytest.raises(UserError) as caught:
        train("run", *override.split())
    assert sentence in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "run").exists()


BAD_DATA = {
    "files of different length": ({"train.src": b"a\n" * 59}, "train.src has 59 lines but "),
    "bytes that are not UTF-8": ({"valid.rev": b"a\n" * 5 + b"\xff\n"}, "valid.rev, line 6: byte 1 is not UTF-8."),
    "an empty split": ({"test.src": b"", "test.rev": b""}, "the split holds no record; it needs at least one."),
    "all lines empty": ({"train.src": b"\n" * 60}, "none of the 60 records has text in both src and rev."),
}


@pytest.mark.parametrize("case", BAD_DATA)
def test_bad_data_is_told_with_file_and_line_before_training(train, tmp_path, write_corpus, case):
    folder = write_corpus(tmp_path / "corpus")
    files, sentence = BAD_DATA[case]
    for name, content in files.items():
        (folder / name).write_bytes(content)
    with pytest.raises(UserError) as caught:
        train("run", f"corpus.path={folder}")
    assert sentence in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "run").exists()
    assert not [path for path in (tmp_path / "cache").rglob(".*") if path.name != ".lock"]


def test_a_row_with_too_few_columns_is_told_with_its_line(train, tmp_path):
    for split in ("train", "valid", "test"):
        (tmp_path / f"{split}.tsv").write_text("src\trev\na b\tb a\na b\n" if split == "train" else "src\trev\na\ta\n")
    with pytest.raises(
        UserError, match=r"train\.tsv, line 3: expected 2 tab-separated columns, found 1\. Fix the line"
    ):
        train("run", "corpus=tsv", f"corpus.path={tmp_path}")


def test_hyperparameters_are_one_flat_mapping_without_places():
    config = {
        "seed": 1,
        "run_dir": "/x",
        "model": {"_target_": "seq2seq_pl.model.seq2seq.Seq2Seq", "dropout": 0.1, "encoder": {"_target_": "a.B"}},
        "corpus": {"path": "/x", "columns": None, "files": {"train": "t"}},
        "trainer": {"fast": True, "steps": [1, 2]},
    }
    assert hyperparameters(config) == {
        "seed": 1,
        "model": "Seq2Seq",
        "model.dropout": 0.1,
        "model.encoder": "B",
        "trainer.fast": True,
    }


def test_a_directory_is_shown_as_one_would_type_it(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert shown(str(tmp_path / "runs" / "x")) == "runs/x"
    assert shown("/elsewhere/x") == "/elsewhere/x"


# -- evaluate --------------------------------------------------------------------------------------------------------


def test_evaluate_repeats_the_scores_digit_for_digit(finished, composed, tmp_path):
    for number, overrides in enumerate(([], ["batch_size=1"], ["batch_size=5", "max_tokens=50"])):
        folder = tmp_path / str(number)
        asked = (f"run={finished}", "trainer=cpu", f"output={folder}", "resamples=0", *overrides)
        evaluate_run(composed(*asked, command="evaluate"))
        again, first = ((path / "scores.json").read_text() for path in (folder, finished / "test"))
        assert (folder / "hypotheses.txt").read_text() == (finished / "test" / "hypotheses.txt").read_text()
        if not overrides:
            assert again == first
        bleu = "test/translation/bleu"
        assert json.loads(again)[bleu] == json.loads(first)[bleu]


def test_evaluate_takes_other_metrics_and_another_split(finished, composed, tmp_path):
    asked = (f"run={finished}", "trainer=cpu", "split=valid", "metric=[chrf]", f"output={tmp_path / 'out'}")
    evaluate_run(composed(*asked, command="evaluate"))
    scores = json.loads((tmp_path / "out" / "scores.json").read_text())
    assert "val/translation/chrf" in scores
    assert "val/translation/bleu" not in scores


@pytest.mark.parametrize(
    ("override", "sentence"),
    [
        ("split=tset", "split=tset: the corpus of this run has train, valid, test."),
        ("+splt=test", "splt: no such setting; did you mean split?"),
        ("++corpus.path=nowhere", "corpus.path (nowhere): no such directory"),
        ("++corpus.pth=x", "corpus.pth: no such argument of ParallelText; did you mean path?"),
        ("batch_size=-1", "batch_size (-1) must be at least 1."),
        ("run=nowhere", "run=nowhere: no such directory"),
    ],
)
def test_a_mistake_of_evaluate_is_a_sentence_and_leaves_nothing(finished, composed, tmp_path, override, sentence):
    with pytest.raises(UserError) as caught:
        evaluate_run(
            composed(f"run={finished}", "trainer=cpu", f"output={tmp_path / 'out'}", override, command="evaluate")
        )
    assert str(caught.value).startswith(sentence)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "out").exists()
