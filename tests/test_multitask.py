"""Several tasks in one network: what a user can compose, what is mixed and learnt, and every command on such a run."""

import csv
import json
import math
import random
import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import lightning as L
import numpy as np
import pytest
import torch
from omegaconf import DictConfig, OmegaConf

from seq2seq_pl.build import build_data, build_module, build_tokenizers, build_trainer, rehearse
from seq2seq_pl.config import TrainConfig, validate
from seq2seq_pl.datamodule import DataModule
from seq2seq_pl.errors import UserError
from seq2seq_pl.evaluation import evaluate_run
from seq2seq_pl.generation import generate_lines
from seq2seq_pl.inspection import inspect_sentence
from seq2seq_pl.interfaces import Metric
from seq2seq_pl.launch import checked_arguments
from seq2seq_pl.likelihood import score_lines
from seq2seq_pl.module import Seq2SeqModule
from seq2seq_pl.saved import read_checkpoint, settings_of
from seq2seq_pl.shortlisting import make_shortlist
from seq2seq_pl.training import run
from seq2seq_pl.values import UNK, Score

TASKS = ("capitals", "reversal", "talk")
COUNTS = {"capitals": (60, 7, 9), "reversal": (24, 5, 6), "talk": (16, 3, 2)}  # of talk, conversations of two replies
SIDES = {"capitals": ("small", "large"), "reversal": ("there", "back")}
ANSWERS: Mapping[str, Callable[[list[str]], list[str]]] = {
    "capitals": lambda letters: [letter.upper() for letter in letters],
    "reversal": lambda letters: letters[::-1],
}
SMALL = (
    "tokenizer=word",
    "tokenizer.min_frequency=1",
    "model.embedding.size=8",
    "model.encoder.hidden_size=6",
    "model.decoder.hidden_size=16",
    "model.attention.size=5",
    "trainer=cpu",
    "trainer.max_epochs=2",
    "batch_size=8",
    "schedule=constant",
    "optimizer.lr=0.01",
    "logger=[csv]",
    "callback=[checkpoint]",
)
LITTLE = """\
# @package _global_
# Capital letters, reversed letters and conversations. python -m seq2seq_pl.train --config-dir conf task=little
defaults:
  - /task@mixture.capitals: translation
  - /task@mixture.reversal: translation
  - /task@mixture.talk: dialogue
  - /tokenizer: word
  - /tokenizer@target_tokenizer: null
  - /model: seq2seq
  - /objective: cross_entropy
  - _self_
  - override /corpus@mixture.capitals.corpus: parallel_text
  - override /corpus@mixture.reversal.corpus: parallel_text
  - override /corpus@mixture.talk.corpus: conversations
  - override /decoding@mixture.capitals.decoding: greedy
  - override /decoding@mixture.reversal.decoding: greedy
  - override /decoding@mixture.talk.decoding: greedy
  - override /metric@mixture.reversal.metric: [chrf, exact_match]

task_name: little
monitor: combined
shared_vocabulary: true
mixture:
  capitals:
    corpus: {path: FOLDER/capitals, source: small, target: large, files: {test_hard: hard}}
  reversal:
    corpus: {path: FOLDER/reversal, source: there, target: back}
    monitor: exact_match
  talk:
    corpus: {path: FOLDER/talk}
"""


def draw(count: int, seed: str) -> list[list[str]]:
    rng = random.Random(seed)
    return [rng.choices("abcdefgh", k=rng.randint(2, 6)) for _ in range(count)]


def write_pairs(folder: Path, task: str, split: str, sources: list[list[str]]) -> None:
    folder.mkdir(exist_ok=True)
    for side, texts in zip(SIDES[task], (sources, map(ANSWERS[task], sources)), strict=True):
        (folder / f"{split}.{side}").write_text("".join(f"{' '.join(text)}\n" for text in texts))


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """A corpus for each task, and conf/task/little.yaml, which mixes them."""
    made = tmp_path_factory.mktemp("several")
    for task in SIDES:
        splits = dict(zip(("train", "valid", "test"), COUNTS[task], strict=True))
        for split, count in (splits | ({"hard": 3} if task == "capitals" else {})).items():
            write_pairs(made / task, task, split, draw(count, f"{task} {split}"))
    (made / "talk").mkdir()
    for split, count in zip(("train", "valid", "test"), COUNTS["talk"], strict=True):
        turns = [" ".join(letters) for letters in draw(3 * count, f"talk {split}")]
        lines = [json.dumps({"turns": turns[3 * i : 3 * i + 3]}) for i in range(count)]
        (made / "talk" / f"{split}.jsonl").write_text("".join(f"{line}\n" for line in lines))
    (made / "conf" / "task").mkdir(parents=True)
    (made / "conf" / "task" / "little.yaml").write_text(LITTLE.replace("FOLDER", str(made)))
    return made


@pytest.fixture(scope="module")
def little(composed, folder, tmp_path_factory) -> Callable[..., DictConfig]:
    """Overrides, as they are typed -> the config of the three tasks of `folder`."""
    places = tmp_path_factory.mktemp("places")

    def make(*overrides: str, run_dir: Path = places / "run") -> DictConfig:
        typed = checked_arguments(["--config-dir", str(folder / "conf"), "task=little", *SMALL, *overrides])[:-2]
        where = (f"++run_dir={run_dir}", f"++cache_dir={places / 'cache'}")
        return composed(f"hydra.searchpath=[file://{folder / 'conf'}]", *typed, *where)

    return make


@pytest.fixture(scope="module")
def data(little) -> Callable[..., DataModule]:
    """Overrides -> the datamodule, prepared."""

    def make(*overrides: str) -> DataModule:
        settings = validate(little(*overrides))
        made = build_data(settings, build_tokenizers(settings))
        made.prepare_data()
        return made

    return make


@pytest.fixture(scope="module")
def module(little, data) -> Callable[..., tuple[Seq2SeqModule, DataModule]]:
    """Overrides -> an untrained module without dropout, and its data."""

    def make(*overrides: str) -> tuple[Seq2SeqModule, DataModule]:
        made, settings = data(*overrides), validate(little("model.dropout=0", *overrides))
        return build_module(settings, made.tokenizers, made.example), made

    return make


@pytest.fixture(scope="module")
def mixed(little, tmp_path_factory) -> Path:
    """The directory of a finished run of the three tasks, each with a decoder of its own."""
    directory = tmp_path_factory.mktemp("runs") / "mixed"
    longer = ("trainer.max_epochs=4", "optimizer.lr=0.02", "model.separate=decoder")
    run(validate(little(*longer, run_dir=directory)))
    return directory


def scores_in(folder: Path) -> dict[str, dict[str, object]]:
    return json.loads((folder / "scores.json").read_text())


def changed(config: DictConfig, settings: Mapping[str, object]) -> DictConfig:
    """With dotted keys set, known or not."""
    for key, value in settings.items():
        OmegaConf.update(config, key, value, force_add=True)
    return config


# -- what a user composes --------------------------------------------------------------------------------------------


def test_a_yaml_of_ones_own_mixes_any_tasks(little):
    settings = validate(little())
    capitals, reversal, talk = (settings.tasks[name] for name in TASKS)
    assert (capitals.corpus["target"], reversal.corpus["target"]) == ("large", "back")
    assert (capitals.task["target"], reversal.task["target"]) == ("large", "back")  # each its own ${corpus.target}
    assert [list(task.metric) for task in (capitals, reversal, talk)] == [
        ["bleu", "chrf"],
        ["chrf", "exact_match"],
        ["bleu", "distinct", "replies"],
    ]
    assert capitals.metric["bleu"]["language"] == "large"
    assert (capitals.monitor, reversal.monitor, talk.monitor) == ("bleu", "exact_match", "perplexity")
    assert (capitals.long_sources, talk.long_sources) == ("skip", "keep_end")
    assert not any((settings.task, settings.corpus, settings.decoding, settings.metric))


@pytest.fixture(scope="module")
def shipped(composed, folder) -> Callable[..., TrainConfig]:
    """task=multitask, its corpora chosen on the command line."""

    def make(*overrides: str) -> TrainConfig:
        typed = ["task=multitask", "corpus@mixture.dialogue.corpus=conversations", *SMALL]
        typed += [f"mixture.dialogue.corpus.path={folder / 'talk'}", "run_dir=run", "cache_dir=cache"]
        for name, task in {"translation": "capitals", "summarization": "reversal"}.items():
            typed += [f"corpus@mixture.{name}.corpus=parallel_text", f"mixture.{name}.corpus.path={folder / task}"]
            source, target = SIDES[task]
            typed += [f"mixture.{name}.corpus.source={source}", f"mixture.{name}.corpus.target={target}"]
        return validate(composed(*checked_arguments([*typed, *overrides])))

    return make


@pytest.mark.parametrize(
    ("override", "where", "expected"),
    [
        ("seed=1", "translation.corpus.target", "large"),
        ("mixture.dialogue=null", "dialogue", None),
        ("mixture.dialogue.weight=2", "dialogue.weight", 2),
        ("mixture.dialogue.loss_weight=0.5", "dialogue.loss_weight", 0.5),
        ("mixture.dialogue.decoding.temperature=0.5", "dialogue.decoding.temperature", 0.5),
        ("decoding@mixture.dialogue.decoding=greedy", "dialogue.decoding.beam_size", None),
        ("decoding@mixture.dialogue.decoding=greedy", "dialogue.decoding.temperature", None),
        ("metric@mixture.translation.metric=[ter]", "translation.metric.chrf", None),
        ("metric@mixture.translation.metric=[ter]", "summarization.metric.ter", None),
        ("mixture.translation.metric.bleu.tokenize=char", "translation.metric.bleu.tokenize", "char"),
        ("mixture.translation.metric.bleu.tokenize=char", "dialogue.metric.bleu.tokenize", None),
        ("max_target_length=50", "translation.max_target_length", 50),
        ("max_target_length=50", "summarization.max_target_length", 100),  # its own
        ("mixture.translation.max_target_length=7", "translation.max_target_length", 7),
    ],
)
def test_a_mixture_can_be_changed_on_the_command_line(shipped, override, where, expected):
    tasks = OmegaConf.create({name: vars(task) for name, task in shipped(override).tasks.items()})
    assert OmegaConf.select(tasks, where) == expected


def test_tasks_can_be_drawn_alike_whatever_their_size(shipped):
    assert shipped("mixing_temperature=inf").mixing_temperature == math.inf


OTHER_TOKENIZER = {"_target_": "seq2seq_pl.tokenizer.char.Char", "vocab_size": None, "min_frequency": 1}


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"mixture.talk.wieght": 2}, "mixture.talk.wieght: no such setting; did you mean weight?"),
        ({"mixture.talc.weight": 2}, "mixture.talc: no such task; did you mean talk?"),
        ({"mixture.talk.weight": 0}, "mixture.talk.weight (0) must be greater than 0 and finite."),
        ({"mixture.talk.loss_weight": "much"}, "mixture.talk.loss_weight (much) must be a number."),
        ({"mixture.talk.long_sources": "cut"}, "mixture.talk.long_sources (cut) must be one of skip, keep_start, "),
        ({"mixture.talk": 2}, "mixture.talk (2) must be a group of settings, or null to leave the task out."),
        ({"mixture": 2}, "mixture (2) must be a group of tasks; choose one with task=multitask."),
        ({"mixture": "${nowhere}"}, "mixture: Interpolation key 'nowhere' not found."),
        ({"mixture.more": "${.more}"}, "mixture: Recursive interpolation detected."),
        ({f"mixture.{task}": None for task in TASKS}, "mixture: no task is left; at least one must not be null."),
        ({"mixture.capitals.corpus.path": "???"}, "mixture.capitals.corpus.path: is needed; write mixture.capitals."),
        (
            {"mixture.capitals.corpus.sorce": "en"},
            "mixture.capitals.corpus.sorce: no such argument of ParallelText; did you mean source?",
        ),
        (
            {"mixture.talk.decoding": None},
            "mixture.talk.decoding (None) must be a group of settings; choose one with decoding@mixture.talk.decoding=",
        ),
        (
            {"mixture.talk.metric": 3},
            "mixture.talk.metric (3) must be a group of parts; choose some with metric@mixture.talk.metric=[...].",
        ),
        ({"mixture.talk.decoding.max_length": 0}, "mixture.talk.decoding.max_length (0) must be at least 1."),
        ({"mixture.talk.metric.distinct.orders": [0]}, "mixture.talk.metric.distinct.orders ([0]) must be one or "),
        ({"mixture.talk.task.context_turns": 0}, "mixture.talk.task.context_turns (0) must be at least 1; try 3."),
        ({"mixture.talk.corpus.separator": " "}, "mixture.talk.corpus.separator is empty; "),
        (
            {"mixture.talk.monitor": "rouge1"},
            "mixture.talk.monitor (rouge1) is not computed; there is accuracy, bleu, ",
        ),
        (
            {"monitor": "bleu"},
            "monitor (bleu) of a mixture must be combined, the mean of what its tasks monitor; set "
            "mixture.capitals.monitor=bleu for one of them.",
        ),
        (
            {"decoding.max_length": 3},
            "decoding: each task of a mixture has its own; set mixture.capitals.decoding, or ",
        ),
        ({"corpus.path": "x"}, "corpus: each task of a mixture has its own; set mixture.capitals.corpus, or corpus@"),
        (
            {"target_tokenizer": OTHER_TOKENIZER},
            "shared_vocabulary=true needs one tokenizer for both sides: set tokenizer@target_tokenizer=null, or "
            "shared_vocabulary=false.",
        ),
        ({"mixing_temperature": 0}, "mixing_temperature (0) must be greater than 0"),
        ({"model.separate": "decoders"}, "model.separate (decoders) must be one of none, output, decoder."),
        (
            {"model.separate": "output", "trainer.strategy": "ddp"},
            "model.separate=output leaves parameters unused in each batch, which strategy ddp does not expect; set "
            "trainer.strategy=ddp_find_unused_parameters_true.",
        ),
    ],
    ids=lambda value: "" if isinstance(value, str) else ",".join(value),
)
def test_a_mistake_is_one_line_with_the_way_out(little, settings, sentence):
    with pytest.raises(UserError) as caught:
        rehearse(validate(changed(little(), settings)))
    assert str(caught.value).startswith(sentence)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["a.b", "a b", "a/b", "", "ä"])
def test_a_name_that_is_none_is_refused(little, name):
    config = little()
    OmegaConf.set_struct(config, False)
    config.mixture[name] = config.mixture.talk
    with pytest.raises(UserError) as caught:
        validate(config)
    assert str(caught.value) == f"mixture.{name}: a task's name is made of letters, digits, - and _."


def test_all_mistakes_are_told_at_once(little):
    with pytest.raises(UserError) as caught:
        validate(changed(little(), {"mixture.talk.wieght": 1, "mixture.reversal.corpus.paht": "x", "sede": 3}))
    assert [line.split(":")[0] for line in str(caught.value).splitlines()] == [
        "mixture.reversal.corpus.paht",
        "mixture.talk.wieght",
        "sede",
    ]


# -- what is mixed ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shared", ["true", "false"])
def test_the_tag_of_each_task_comes_first_in_its_sources(data, folder, shared):
    made = data(f"shared_vocabulary={shared}")
    source = made.tokenizers.source
    tags = {task: source.tag(task) for task in TASKS}
    assert len(set(tags.values())) == 3
    assert made.tokenizers.shared == (shared == "true")
    for split in ("train", "valid"):
        for batch in made.loader(split):
            assert (batch.source[:, 0] == tags[batch.task]).all()
            assert not np.isin(batch.source[:, 1:], [*tags.values()]).any()
            assert not np.isin(batch.target, [made.tokenizers.target.tag(task) for task in TASKS]).any()
    first = (folder / "reversal" / "valid.there").read_text().splitlines()[0]
    assert made.open("reversal", "valid").source(0).tolist()[1:-1] == source.encode([first])[0]


def test_no_text_is_a_tag_and_no_tag_is_text(data):
    tokenizer = data().tokenizers.source
    assert tokenizer.tag("talk") not in tokenizer.encode(["a <talk> b", "<talk>"])[0]
    assert tokenizer.decode([tokenizer.tag("talk"), *tokenizer.encode(["a b"])[0]]) == "a b"
    assert tokenizer.tag("tale") is None


def test_one_vocabulary_holds_the_words_of_all_tasks(data):
    made = data()
    assert all(report.source_unknown == report.target_unknown == 0 for report in made.reports.values())
    assert UNK not in made.tokenizers.target.encode(["a H |"])[0]


def test_a_task_left_out_leaves_no_trace(data):
    made = data("mixture.talk=null")
    assert set(made.tasks) == {"capitals", "reversal"}
    assert made.tokenizers.source.tag("talk") is None
    assert UNK in made.tokenizers.source.encode(["a | b"])[0]


def test_one_task_that_is_left_needs_no_tag(data):
    made = data("mixture.talk=null", "mixture.reversal=null")
    assert made.tokenizers.source.tag("capitals") is None


def test_each_task_has_its_own_lengths(data, folder):
    made = data("mixture.capitals.max_source_length=3", "mixture.talk.max_source_length=3")
    lengths = [len(line.split()) for line in (folder / "capitals" / "train.small").read_text().splitlines()]
    kept = {task: made.reports[task, "train"].kept for task in TASKS}
    assert kept == {"capitals": sum(length <= 3 for length in lengths), "reversal": 24, "talk": 32}
    assert made.reports["talk", "train"].cut > 0  # to the last tokens, as its YAML says
    text = made.open("talk", "valid").source_text(1)
    read = made.open("talk", "valid").source(1).tolist()[1:-1]  # without tag and EOS
    assert made.tokenizers.source.decode(read) == " ".join(text.split()[-3:])


def drawn(made: DataModule) -> Counter[str]:
    return Counter(planned.task for planned in made.loader("train").sampler)


def test_tasks_are_drawn_by_size_temperature_and_weight(data):
    by_size = drawn(data())
    total = by_size.total()
    assert by_size["capitals"] > by_size["talk"] > by_size["reversal"]
    alike = drawn(data("mixing_temperature=inf"))
    assert (alike.total(), max(alike.values()) - min(alike.values()) <= 1) == (total, True)
    weighted = drawn(data("mixing_temperature=inf", "mixture.talk.weight=2"))
    assert weighted.total() == total
    assert weighted["talk"] == pytest.approx(total / 2, abs=1)
    assert weighted["reversal"] == pytest.approx(total / 4, abs=1)


# -- what is learnt --------------------------------------------------------------------------------------------------


class Forty(Metric):
    """A score of 40, whatever there is to score."""

    names = ("bleu",)
    higher_is_better = True

    def compute(self, hypotheses, references):
        return {"bleu": Score(40.0, "forty")}


def test_the_combined_monitor_is_the_mean_of_the_merits(module):
    made, data = module("mixture.talk=null")
    made.judging = {
        "capitals": replace(made.judging["capitals"], metrics=(Forty(),), monitor="bleu"),
        "reversal": replace(made.judging["reversal"], metrics=(), monitor="perplexity"),
    }
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.zero_()  # so that all V tokens are as likely
    trainer = L.Trainer(accelerator="cpu", logger=False, enable_checkpointing=False, enable_progress_bar=False)
    trainer.validate(made, data, verbose=False)
    size = data.tokenizers.target.vocab_size
    assert trainer.callback_metrics["val/reversal/perplexity"] == pytest.approx(size, rel=1e-5)
    assert made.monitored() == (pytest.approx((40 + 100 / size) / 2, rel=1e-5), True)
    assert trainer.callback_metrics["val/little/combined"] == pytest.approx(made.combined["valid"])


@pytest.mark.parametrize("several", [True, False])
def test_the_best_checkpoint_is_that_of_the_combined_monitor(little, several):
    alone = () if several else ("mixture.talk=null", "mixture.reversal=null")
    (checkpoint,) = build_trainer(validate(little(*alone))).checkpoint_callbacks
    assert (checkpoint.monitor, checkpoint.mode) == ("val/little/combined", "max")


def gradients(module: Seq2SeqModule) -> dict[str, torch.Tensor]:
    found = {name: value.grad.clone() for name, value in module.named_parameters() if value.grad is not None}
    module.zero_grad()
    return found


def batches(data: DataModule) -> dict[str, object]:
    """One training batch of each task."""
    return {batch.task: batch for batch in data.loader("train")}


def test_the_weight_of_a_loss_scales_its_gradients_exactly(module):
    (plain, data), (weighted, _) = module(), module("mixture.talk.loss_weight=0.25")
    for task, batch in batches(data).items():
        for one in (plain, weighted):
            one.training_step(batch, 0)["loss"].backward()
        factor = 0.25 if task == "talk" else 1.0
        usual, found = gradients(plain), gradients(weighted)
        assert found.keys() == usual.keys()
        assert all(torch.equal(found[name], factor * usual[name]) for name in usual)


def test_an_accumulated_step_weighs_each_loss_by_its_tokens_and_its_weight(module):
    made, data = module("mixture.talk.loss_weight=3", "mixture.reversal.loss_weight=0.5")
    parts = list(batches(data).values())
    weights = {"capitals": 1.0, "reversal": 0.5, "talk": 3.0}
    losses = [made.forced(batch) for batch in parts]
    total = sum(weights[batch.task] * loss.total for batch, loss in zip(parts, losses, strict=True))
    (total / sum(loss.tokens for loss in losses)).backward()
    expected = gradients(made)
    made.batches_per_step = len(parts)
    for place, batch in enumerate(parts):
        (made.training_step(batch, place)["loss"] / len(parts)).backward()  # as Lightning divides it
    torch.testing.assert_close(gradients(made), expected)


@pytest.mark.parametrize(("separate", "model"), [("output", "seq2seq"), ("decoder", "pointer_generator")])
def test_a_training_step_of_a_task_moves_no_part_of_another(module, separate, model):
    made, data = module(f"model={model}", f"model.separate={separate}")
    for task, batch in batches(data).items():
        made.training_step(batch, 0)["loss"].backward()
        mine = {"capitals": "output."}.get(task, f"own_outputs.of_{task}.")
        touched = {name.removeprefix("model.") for name in gradients(made)}
        outputs = {name for name in touched if "output" in name.split(".")[0]}
        assert outputs
        assert all(name.startswith(mine) for name in outputs)
        assert any(name.startswith("encoder.") for name in touched)
        own = {name for name in touched if name.startswith("own_decoders.")}
        assert bool(own) == (separate == "decoder" and task != "capitals")
        assert all(name.startswith(f"own_decoders.of_{task}.") for name in own)


@pytest.mark.slow
@pytest.mark.parametrize("separate", ["none", "decoder"])
def test_one_network_learns_to_do_with_letters_what_the_tag_says(little, tmp_path, separate):
    for task in SIDES:
        for split, count in {"train": 3000, "valid": 50, "test": 100}.items():
            write_pairs(tmp_path / task, task, split, draw(count, split))  # the same sources for both tasks
    larger = ("model.embedding.size=32", "model.encoder.hidden_size=32", "model.decoder.hidden_size=64")
    places = [f"mixture.{task}.corpus.path={tmp_path / task}" for task in SIDES]
    judged = ("metric@mixture.capitals.metric=[exact_match]", "mixture.capitals.monitor=exact_match")
    longer = ("mixture.talk=null", "batch_size=32", "optimizer.lr=0.005", "trainer.max_epochs=8")
    config = little(*larger, *places, *judged, *longer, f"model.separate={separate}", run_dir=tmp_path / "run")
    del config.mixture.capitals.corpus.files.test_hard
    outcome = run(validate(config))
    assert outcome.scores["test/capitals/exact_match"].value >= 90
    assert outcome.scores["test/reversal/exact_match"].value >= 90


# -- a finished run --------------------------------------------------------------------------------------------------


def test_a_run_leaves_the_texts_of_each_task_and_the_scores_of_all(mixed):
    scores = scores_in(mixed / "test")
    assert {name.rpartition("/")[0] for name in scores} == {f"test/{task}" for task in TASKS}
    assert {"test/capitals/bleu", "test/reversal/exact_match", "test/talk/dull"} <= set(scores)
    assert not {"test/capitals/dull", "test/reversal/bleu"} & set(scores)
    for task, count in {"capitals": 9, "reversal": 6, "talk": 4}.items():
        for name in ("sources", "hypotheses", "references"):
            assert len((mixed / "test" / task / f"{name}.txt").read_text().splitlines()) == count
    record = json.loads((mixed / "record.json").read_text())
    assert set(record["best"]) == {"val/little/combined"}
    assert set(record["scores"]) == {*scores, *scores_in(mixed / "test_hard")}
    assert record["corpus"]["talk/train"]["kept"] == 32


def test_a_split_that_one_task_has_is_scored_for_that_one_alone(mixed):
    assert {name.rpartition("/")[0] for name in scores_in(mixed / "test_hard")} == {"test_hard/capitals"}
    (found,) = (mixed / "test_hard").rglob("hypotheses.txt")
    assert found.parent == mixed / "test_hard" / "capitals"
    assert len(found.read_text().splitlines()) == 3


def logged(run_dir: Path) -> list[dict[str, float]]:
    """The figures of each validation."""
    with (run_dir / "metrics.csv").open() as file:
        rows = [{key: float(value) for key, value in row.items() if value} for row in csv.DictReader(file)]
    return [row for row in rows if "val/little/combined" in row]


def test_the_combined_monitor_is_logged_and_its_best_is_kept(mixed):
    rows = logged(mixed)
    assert len(rows) == 4
    for row in rows:
        merits = row["val/capitals/bleu"], row["val/reversal/exact_match"], 100 / row["val/talk/perplexity"]
        assert row["val/little/combined"] == pytest.approx(sum(merits) / 3, rel=1e-5)
    best = json.loads((mixed / "record.json").read_text())["best"]["val/little/combined"]
    assert best == pytest.approx(max(row["val/little/combined"] for row in rows))


@pytest.fixture
def evaluate(composed, mixed):
    def go(*overrides: str) -> None:
        asked = (f"run={mixed}", "trainer=cpu", "resamples=0", "samples=0", *overrides)
        evaluate_run(composed(*checked_arguments(list(asked)), command="evaluate"))

    return go


@pytest.mark.parametrize("batch_size", ["null", "2"])
def test_evaluate_repeats_the_figures_of_all_tasks(evaluate, mixed, tmp_path, batch_size):
    evaluate(f"output={tmp_path}", f"batch_size={batch_size}")
    for task in TASKS:
        for name in ("hypotheses.txt", "references.txt"):
            assert (tmp_path / task / name).read_bytes() == (mixed / "test" / task / name).read_bytes()
    again, first = scores_in(tmp_path), scores_in(mixed / "test")
    if batch_size == "null":
        assert again == first
    assert {name: again[name]["value"] for name in first} == pytest.approx(
        {name: score["value"] for name, score in first.items()}, rel=1e-5
    )


def test_evaluate_repeats_what_the_best_validation_logged(evaluate, mixed, tmp_path):
    evaluate(f"output={tmp_path}", "split=valid")
    best = max(logged(mixed), key=lambda row: row["val/little/combined"])
    for name, score in scores_in(tmp_path).items():
        assert best[name] == float(torch.tensor(score["value"])), name  # Lightning logs float32


def test_evaluate_of_one_task_leaves_the_others_alone(evaluate, mixed):
    evaluate("task_name=talk", "split=valid", "decoding=beam", "decoding.beam_size=2")
    folder = mixed / "evaluate" / "valid" / "talk"
    assert {name.rpartition("/")[0] for name in scores_in(folder)} == {"val/talk"}
    assert [path.parent for path in (mixed / "evaluate").rglob("hypotheses.txt")] == [folder]


def test_evaluate_takes_metrics_for_all_tasks(evaluate, tmp_path):
    evaluate(f"output={tmp_path}", "metric=[exact_match]")
    names = {name for name in scores_in(tmp_path) if name.rpartition("/")[2] not in ("loss", "perplexity", "accuracy")}
    assert names == {f"test/{task}/exact_match" for task in TASKS}


def test_settings_of_a_metric_go_to_the_task_that_has_it(evaluate, tmp_path):
    typed = (f"output={tmp_path}", "metric.bleu.tokenize=char")
    evaluate(*typed, "task_name=talk")
    assert "tok:char" in scores_in(tmp_path)["test/talk/bleu"]["signature"]
    message = r"^metric\.bleu has settings but is not chosen; .* task_name=NAME changes one task alone\.$"
    with pytest.raises(UserError, match=message):
        evaluate(*typed)


def test_a_split_is_known_if_a_chosen_task_has_it(evaluate, tmp_path):
    evaluate(f"output={tmp_path}", "split=test_hard")
    assert {name.rpartition("/")[0] for name in scores_in(tmp_path)} == {"test_hard/capitals"}
    with pytest.raises(UserError, match=r"^split=test_hard: the corpus of this run has train, valid, test\.$"):
        evaluate(f"output={tmp_path}", "split=test_hard", "task_name=talk")


def test_settings_change_for_the_chosen_task_or_for_all(mixed):
    saved = read_checkpoint(mixed / "checkpoints" / "best.ckpt")
    for task, expected in {None: {"capitals": 5, "talk": 5}, "talk": {"capitals": 256, "talk": 5}}.items():
        settings = settings_of(saved, {"decoding": {"max_length": 5}}, task)
        assert {name: settings.tasks[name].decoding["max_length"] for name in expected} == expected
    assert settings_of(saved, {}) == validate(OmegaConf.create(saved.config))


WITHOUT = "this run has several tasks; choose one: task_name=capitals (capitals, reversal, talk)."
UNKNOWN = "task_name=tale: the tasks of this run are capitals, reversal, talk."


@pytest.fixture
def ask(composed, mixed, tmp_path):
    """The name of a command, its task and what it reads -> the lines that it writes."""

    def go(name: str, task: str | None, text: str, *overrides: str) -> list[str]:
        (tmp_path / "in").write_text(text)
        chosen = [] if task is None else [f"task_name={task}"]
        files = (f"input={tmp_path / 'in'}", f"output={tmp_path / 'out'}", "device=cpu", *chosen, *overrides)
        command = {"generate": generate_lines, "score": score_lines}[name]
        command(composed(f"run={mixed}", *checked_arguments(list(files)), command=name))
        return (tmp_path / "out").read_text().splitlines()

    return go


@pytest.mark.parametrize("task", TASKS)
def test_generate_does_the_chosen_task(ask, mixed, task):
    texts, outputs = ((mixed / "test" / task / f"{name}.txt").read_text() for name in ("sources", "hypotheses"))
    assert ask("generate", task, texts) == outputs.splitlines()


def test_one_shortlist_serves_every_task(ask, composed, mixed):
    make_shortlist(composed(f"run={mixed}", command="shortlist"))
    for task in TASKS:
        texts, outputs = ((mixed / "test" / task / f"{name}.txt").read_text() for name in ("sources", "hypotheses"))
        assert ask("generate", task, texts, "shortlist=true") == outputs.splitlines()


def test_what_is_done_depends_on_the_task(ask):
    assert len({tuple(ask("generate", task, "a b c\nh g\n")) for task in TASKS}) > 1


def test_score_scores_as_the_chosen_task(ask):
    lines = {task: ask("score", task, "a b c\tA B C\n") for task in TASKS}
    assert len({line for (line,) in lines.values()}) == 3
    for (line,) in lines.values():
        _, total, tokens = line.split("\t")
        assert float(total) == pytest.approx(sum(float(t.rpartition(":")[2]) for t in tokens.split(" ")), abs=1e-5)


@pytest.mark.parametrize(("task", "sentence"), [(None, WITHOUT), ("tale", UNKNOWN)])
@pytest.mark.parametrize("command", ["generate", "score"])
def test_commands_that_need_a_task_name_those_there_are(ask, command, task, sentence):
    with pytest.raises(UserError, match=rf"^{re.escape(sentence)}$"):
        ask(command, task, "a\tb\n")


def test_inspect_looks_at_the_chosen_task(composed, mixed, tmp_path, capsys):
    def look(*overrides: str) -> list[str]:
        asked = (f"run={mixed}", "device=cpu", "tensorboard=false", f"output={tmp_path / 'page.html'}", *overrides)
        inspect_sentence(composed(*checked_arguments(list(asked)), command="inspect"))
        return capsys.readouterr().out.splitlines()

    outputs = (mixed / "test" / "reversal" / "hypotheses.txt").read_text().splitlines()
    assert look("task_name=reversal", "split=test", "index=2")[0] == outputs[2]
    assert "&lt;reversal&gt;" in (tmp_path / "page.html").read_text()  # the tag, which the model reads too
    for overrides, sentence in {(): WITHOUT, ("task_name=tale",): UNKNOWN}.items():
        with pytest.raises(UserError, match=rf"^{re.escape(sentence)}$"):
            look("sentence=a b", *overrides)


def test_evaluate_names_the_tasks_that_there_are(evaluate):
    with pytest.raises(UserError, match=rf"^{re.escape(UNKNOWN)}$"):
        evaluate("task_name=tale")


def test_the_only_task_that_is_left_needs_no_name(little, composed, tmp_path):
    one = ("mixture.talk=null", "mixture.capitals=null", "trainer.max_epochs=1")
    outcome = run(validate(little(*one, run_dir=tmp_path / "run")))
    assert outcome.best == pytest.approx(logged(tmp_path / "run")[0]["val/reversal/exact_match"])
    (tmp_path / "in").write_text("a b\n")
    files = (f"input={tmp_path / 'in'}", f"output={tmp_path / 'out'}", "device=cpu")
    generate_lines(composed(f"run={tmp_path / 'run'}", *files, command="generate"))
    assert (tmp_path / "out").read_text().endswith("\n")


def test_the_usual_callbacks_take_a_split_that_a_task_lacks(little, tmp_path):
    usual = "callback=[checkpoint,telemetry,progress,text_samples,attention_maps,length_plot]"
    short = ("trainer.max_epochs=1", "trainer.limit_val_batches=1")  # so that validation sees one task alone
    run(validate(little(usual, "logger=[csv,tensorboard]", *short, run_dir=tmp_path / "run")))
    assert (tmp_path / "run" / "test_hard" / "capitals" / "bleu_by_length.csv").is_file()
    assert (tmp_path / "run" / "test" / "talk" / "bleu_by_length.csv").is_file()


# -- whole commands --------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_sweep_over_the_mixture_ends_with_a_table(command, folder, tmp_path):
    sweep = ("-m", "mixture.talk.weight=0.5,2", "hydra.sweep.dir=swept", "trainer.max_epochs=1")
    done = command("train", "--config-dir", str(folder / "conf"), "task=little", *SMALL, *sweep)
    assert done.returncode == 0, done.stderr.decode()
    with (tmp_path / "swept" / "results.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert {row["mixture.talk.weight"] for row in rows} == {"0.5", "2"}
    combined = [float(row["val/little/combined"]) for row in rows]
    assert combined == sorted(combined, reverse=True)
    assert all(row["test/capitals/bleu"] and row["test/talk/perplexity"] for row in rows)


@pytest.mark.slow
def test_what_is_shipped_trains_with_corpora_chosen_on_the_command_line(command, folder, tmp_path):
    typed = ["task=multitask", "mixture.summarization=null", "decoding@mixture.dialogue.decoding=greedy", *SMALL]
    typed += ["corpus@mixture.translation.corpus=parallel_text", "corpus@mixture.dialogue.corpus=conversations"]
    paths = {"translation": "capitals", "dialogue": "talk"}
    typed += [f"mixture.{task}.corpus.path={folder / corpus}" for task, corpus in paths.items()]
    typed += ["mixture.translation.corpus.source=small", "mixture.translation.corpus.target=large"]
    done = command("train", *typed, "metric@mixture.translation.metric=[chrf]", "mixture.translation.monitor=chrf")
    assert done.returncode == 0, done.stderr.decode()
    (folder_of_run,) = (tmp_path / "runs" / "multitask").iterdir()
    assert {"test/translation/chrf", "test/dialogue/bleu"} <= set(scores_in(folder_of_run / "test"))
    refused = command("train", *typed, "mixture.dialogue.wieght=2")
    assert refused.returncode == 2
    assert refused.stderr == b"error: mixture.dialogue.wieght: no such setting; did you mean weight?\n"
