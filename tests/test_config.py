"""Everything that validate() can know before any work, by the text of its sentences."""

import math
import typing
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from typing import Literal

import pytest
from omegaconf import OmegaConf

from seq2seq_pl.config import validate
from seq2seq_pl.errors import UserError
from seq2seq_pl.schema import describe, fits, suggest

CONF = Path(__file__).parents[1] / "conf"
CHOICES = sorted(
    (str(file.parent.relative_to(CONF)), file.stem)
    for file in CONF.glob("*/**/*.yaml")
    if not file.is_relative_to(CONF / "hydra")
)
LISTS = ("metric", "callback", "logger")
SINGLE_TASKS = sorted(file.stem for file in (CONF / "task").glob("*.yaml") if "task" in OmegaConf.load(file))
NEEDED = {
    "corpus.path": "DIR",
    "corpus.name": "NAME",
    "corpus.source": "en",
    "corpus.target": "de",
    "schedule.steps": 10,
    "schedule.total_steps": 10,
}


@pytest.fixture(scope="module")
def complete(composed):
    """The default config with a run directory; overrides choose."""

    def make(*overrides: str):
        return composed("run_dir=runs/x", "cache_dir=cache", *overrides)

    return make


def problems(config) -> list[str]:
    with pytest.raises(UserError) as caught:
        validate(config)
    return str(caught.value).splitlines()


def changed(config, settings: Mapping[str, object]):
    """With dotted keys set, known or not."""
    config = config.copy()
    for key, value in settings.items():
        OmegaConf.update(config, key, value, force_add=True)
    return config


def test_the_default_config_is_valid(complete):
    settings = validate(complete())
    assert (settings.task_name, settings.monitor, settings.run_dir) == ("translation", "bleu", "runs/x")


@pytest.mark.parametrize(
    ("scale", "size", "expected"),
    [
        (1.0, 1000, 1000),  # the paper's exact size
        (1, 620, 620),
        (0.25, 1000, 256),  # a multiple of 16
        (0.5, 620, 304),
        (2, 620, 1248),
        (0.001, 1000, 16),
    ],
)
def test_the_sizes_of_a_paper_follow_the_scale(complete, scale, size, expected):
    config = changed(complete(), {"scale": scale, "model.embedding.size": f"${{scaled:{size}}}"})
    assert validate(config).model["embedding"]["size"] == expected


@pytest.mark.parametrize(
    ("scale", "layers", "expected"), [(1, 6, 6), (0.25, 6, 3), (0.25, 15, 8), (0.01, 4, 1), (4, 2, 4)]
)
def test_the_layers_of_a_paper_follow_the_root_of_the_scale(complete, scale, layers, expected):
    config = changed(complete(), {"scale": scale, "model.encoder.layers": f"${{scaled_layers:{layers}}}"})
    assert validate(config).model["encoder"]["layers"] == expected


@pytest.mark.parametrize(
    ("scale", "sentence"),
    [
        (0, "scale (0) must be greater than 0 and finite."),
        (-0.5, "scale (-0.5) must be greater than 0 and finite."),
        (float("nan"), "scale (nan) must be greater than 0 and finite."),
        (float("inf"), "scale (inf) must be greater than 0 and finite."),
        ("big", "scale (big) must be a number."),
        (True, "scale (True) must be a number."),
        (None, "scale (None) must be a number."),
        ([1], "scale ([1]) must be a number."),
    ],
)
def test_a_scale_that_cannot_be_is_told_in_one_sentence(complete, scale, sentence):
    config = changed(complete(), {"scale": scale, "model.embedding.size": "${scaled:1000}"})
    assert problems(config) == [sentence]


@pytest.mark.parametrize("value", ["yes", 1, None])
def test_compile_is_true_or_false(complete, value):
    assert problems(changed(complete(), {"compile": value})) == [f"compile ({value}) must be true or false."]


@pytest.mark.parametrize(("group", "choice"), CHOICES, ids=["=".join(pair) for pair in CHOICES])
def test_every_yaml_of_every_group_composes_and_is_valid(complete, group, choice):
    config = complete(f"{group}=[{choice}]" if group in LISTS else f"{group}={choice}")
    for path, value in NEEDED.items():
        node, key = path.rsplit(".", 1)
        group = OmegaConf.select(config, node)  # None where each of several tasks has its own
        if group is not None and OmegaConf.is_missing(group, key):
            OmegaConf.update(config, path, value)
    validate(config)


def choices(group: str) -> list[str]:
    return [choice for kind, choice in CHOICES if kind == group]


@pytest.mark.parametrize("task", SINGLE_TASKS)
@pytest.mark.parametrize("decoding", choices("decoding"))
def test_a_task_brings_nothing_that_another_decoding_or_tokenizer_does_not_know(complete, task, decoding):
    tokenizers = choices("tokenizer")
    tokenizer = tokenizers[choices("decoding").index(decoding) % len(tokenizers)]
    validate(complete(f"task={task}", f"decoding={decoding}", f"tokenizer={tokenizer}"))


def test_every_tokenizer_is_among_those_that_are_tried():
    assert len(choices("tokenizer")) <= len(choices("decoding"))


def test_a_valid_config_becomes_plain_values_only(complete):
    def plain(value: object) -> bool:
        if isinstance(value, dict):
            return all(isinstance(key, str) and plain(below) for key, below in value.items())
        return (
            all(map(plain, value)) if type(value) is list else value is None or type(value) in (str, int, float, bool)
        )

    assert plain(asdict(validate(complete())))


def test_all_problems_are_told_at_once(complete):
    config = changed(
        complete(), {"model.dropuot": 0.1, "batch_size": 0, "optimiser": {}, "objective.label_smoothing": "much"}
    )
    assert sorted(problems(config)) == [
        "batch_size (0) must be at least 1.",
        "model.dropuot: no such argument of Seq2Seq; did you mean dropout?",
        "objective.label_smoothing (much) must be a number.",
        "optimiser: no such setting; did you mean optimizer?",
    ]


@pytest.mark.parametrize(
    "path",
    [
        "task",
        "corpus",
        "tokenizer",
        "model",
        "model.embedding",
        "model.encoder",
        "model.bridge",
        "model.attention",
        "model.decoder",
        "model.output",
        "objective",
        "decoding",
        "optimizer",
        "schedule",
        "teacher_forcing",
        "trainer",
        "metric.bleu",
        "callback.checkpoint",
        "logger.csv",
    ],
)
def test_a_misspelt_key_is_named_in_every_node(complete, path):
    (problem,) = problems(changed(complete(), {f"{path}.qqq": 1}))
    assert problem.startswith(f"{path}.qqq: no such argument of ")


@pytest.mark.parametrize(
    ("typed", "meant"),
    [("corpus.sorce", "source"), ("optimizer.learning_r", None), ("trainer.max_epoch", "max_epochs"), ("sede", "seed")],
)
def test_the_nearest_valid_name_is_proposed(complete, typed, meant):
    (problem,) = problems(changed(complete(), {typed: 3}))
    assert problem.startswith(f"{typed}: no such ")
    assert problem.endswith(f"; did you mean {meant}?" if meant else ".")


def test_what_build_fills_in_cannot_be_set(complete):
    config = changed(complete(), {"model.encoder.input_size": 5, "model.output.embedding": 1, "trainer.callbacks": []})
    assert [problem.split(":")[0] for problem in problems(config)] == [
        "trainer.callbacks",
        "model.encoder.input_size",
        "model.output.embedding",
    ]


def test_a_missing_value_is_asked_for_once_though_others_refer_to_it(complete):
    assert problems(complete("corpus=tsv", "corpus.path=x", "corpus.source=en")) == [
        "corpus.target: is needed; write corpus.target=..."
    ]


def test_a_missing_argument_is_asked_for(complete):
    config = complete()
    del config.model.encoder.cell
    assert problems(config) == ["model.encoder.cell: is needed; write model.encoder.cell=..."]


def test_a_missing_root_setting_is_asked_for(complete):
    config = complete()
    del config.seed
    assert problems(config) == ["seed: is needed; write seed=..."]


@pytest.mark.parametrize(
    ("key", "value", "rule"),
    [
        ("seed", "one", "must be a whole number."),
        ("seed", -1, "must be at least 0."),
        ("seed", 1.5, "must be a whole number."),
        ("seed", 2**32, "must be at least 0 and at most 4294967295."),
        ("max_tokens", 10**20, "must be at least 1 and at most 9223372036854775807."),
        ("batch_size", -4, "must be at least 1."),
        ("max_tokens", 0, "must be at least 1."),
        ("max_source_length", True, "must be a whole number."),
        ("shared_vocabulary", "perhaps", "must be true or false."),
        ("task_name", 3, "must be a text."),
        ("model.dropout", "half", "must be a number."),
        ("optimizer.lr", math.nan, "must be a number."),
        ("optimizer.betas", [0.9], "must be a list of 2 (each a number)."),
        ("corpus.columns", ["en", 3], "must be a list (each a text) or null."),
        ("model.encoder.layers", 1.5, "must be a whole number."),
        ("model.encoder.bidirectional", 1, "must be true or false."),
        ("tokenizer.vocab_size", "many", "must be a whole number or null."),
        ("corpus.files", "train", "must be a group of settings."),
        ("corpus.columns", "en", "must be a list (each a text) or null."),
        ("metric.bleu.tokenize", 13, "must be a text or null."),
        ("decoding.beam_size", None, "must be a whole number."),
    ],
)
def test_a_value_of_the_wrong_type_or_range_is_named_with_the_rule(complete, key, value, rule):
    found = problems(changed(complete(), {key: value}))
    assert f"{key} ({value}) {rule}" in found


@pytest.mark.parametrize("name", ["task", "model", "optimizer", "tokenizer", "trainer"])
def test_a_group_that_is_no_group_says_how_to_choose(complete, name):
    config = complete()
    OmegaConf.set_struct(config, False)
    config[name] = "nonsense"
    (problem,) = [found for found in problems(config) if found.startswith(f"{name} ")]
    assert problem.startswith(f"{name} (nonsense) must be a group of settings; choose one with {name}=")


def test_nothing_chosen_says_how_to_choose(complete):
    config = complete()
    config.schedule = {}
    assert problems(config) == ["schedule: nothing is chosen here; choose one with schedule=NAME."]


@pytest.mark.parametrize(
    ("path", "choice"),
    [
        ("target_tokenizer", "tokenizer@target_tokenizer=NAME"),
        ("teacher_forcing", "schedule@teacher_forcing=NAME"),
        ("logger.csv", "logger=[csv]"),
    ],
)
def test_nothing_chosen_names_the_group_that_has_the_choices(complete, path, choice):
    config = complete()
    OmegaConf.update(config, path, {}, merge=False, force_add=True)
    assert problems(config) == [f"{path}: nothing is chosen here; choose one with {choice}."]


def test_a_model_without_a_part_asks_for_it(complete):
    config = complete()
    del config.model.bridge
    assert problems(config) == ["model.bridge: nothing is chosen here; choose one with model/bridge=NAME."]


@pytest.mark.parametrize("name", ["../x", "a/b", ".", "a b", ""])
def test_a_tasks_name_leads_out_of_no_folder(complete, name):
    config = complete()
    config.task_name = name
    assert problems(config) == [f"task_name ({name}): a task's name is made of letters, digits, - and _."]


@pytest.mark.parametrize(
    "target",
    [
        "seq2seq_pl.model.encoder.rnn.RNNEncodr",
        "seq2seq_pl.nowhere.Encoder",
        "RNNEncoder",
        "seq2seq_pl.model",
        "builtins.dict",
    ],
)
def test_a_target_that_is_no_part_is_named(complete, target):
    config = complete()
    config.model.encoder._target_ = target
    (problem,) = problems(config)
    assert problem.startswith(f"model.encoder._target_ ({target}) ")
    assert "\n" not in problem


def test_a_reference_to_nothing_is_named_with_its_place(complete):
    config = complete()
    config.model.encoder.dropout = "${model.dropuot}"
    (problem,) = problems(config)
    assert "model.dropuot" in problem
    assert problem.startswith("model.encoder.dropout")


def test_a_chosen_list_may_be_empty(complete):
    settings = validate(complete("logger=[]", "callback=[]", "metric=[]", "monitor=loss"))
    assert (settings.logger, settings.callback, settings.metric) == ({}, {}, {})


# -- several tasks ---------------------------------------------------------------------------------------------------


def test_each_task_of_several_has_its_own_settings(complete):
    settings = validate(complete("task=multitask", "max_target_length=50"))
    assert list(settings.tasks) == ["translation", "summarization", "dialogue"]
    translation, summarization, dialogue = settings.tasks.values()
    assert (settings.task_name, settings.monitor) == ("multitask", "combined")
    assert [one.monitor for one in settings.tasks.values()] == ["bleu", "rouge1", "perplexity"]
    assert [one.long_sources for one in settings.tasks.values()] == ["skip", "keep_start", "keep_end"]
    assert [one.max_target_length for one in settings.tasks.values()] == [50, 100, 50]
    assert translation.task["source"] == translation.corpus["source"]
    assert summarization.decoding["no_repeat_ngram"] == 3
    assert "temperature" in dialogue.decoding
    assert (settings.task, settings.corpus, settings.decoding, settings.metric) == ({}, {}, {}, {})


def test_a_single_task_is_a_mixture_of_one(complete):
    settings = validate(complete("max_source_length=40", "long_sources=keep_end"))
    assert list(settings.tasks) == ["translation"]
    own = settings.tasks["translation"]
    assert (own.task, own.corpus, own.decoding) == (settings.task, settings.corpus, settings.decoding)
    assert (own.max_source_length, own.long_sources, own.weight, own.loss_weight) == (40, "keep_end", 1, 1)


# -- values ----------------------------------------------------------------------------------------------------------


def test_an_experiment_may_not_bring_settings_that_nobody_reads(complete):
    (problem,) = problems(changed(complete(), {"warmup": 3}))
    assert problem.startswith("warmup: no such setting")


@pytest.mark.parametrize(
    ("hint", "good", "bad"),
    [
        (int, [3, -1], [3.0, "3", True, None]),
        (float, [3, 0.5], ["3", False, None]),
        (bool, [True], [0, "true"]),
        (str, ["", "a"], [1, None]),
        (int | None, [3, None], ["3"]),
        (Literal["a", "b"], ["a"], ["c", None]),
        (Sequence[str], [[], ["a"]], ["a", 1, [1], ["a", None]]),
        (tuple[int, ...], [[1], [1, 2]], [1, ["a"]]),
        (tuple[float, float], [[1, 0.5]], [[1], [1, 2, 3], [1, "a"]]),
        (dict[str, int], [{"a": 1}], [[1]]),
        (typing.Any, [1, None], []),
        (timedelta, ["00:01", {"minutes": 1}], [5, None, [1]]),
        (object, [5, None, [1]], []),
    ],
    ids=str,
)
def test_a_value_fits_its_annotation(hint, good, bad):
    assert all(fits(value, hint) for value in good)
    assert not any(fits(value, hint) for value in bad)


def test_every_annotation_is_said_in_words():
    hints = (int, float, str, bool, list[int], tuple[int, float], dict[str, int], Literal["a", "b"], int | None)
    words = "a whole number; a number; a text; true or false; a list (each a whole number); "
    words += "a list of 2 (each a whole number); a group of settings; one of a, b"
    assert "; ".join(map(describe, hints)) == f"{words}; a whole number or null"


def test_a_suggestion_is_the_nearest_name_or_the_few_there_are():
    known = ("size", "dropout")
    assert suggest("dropuot", known) == "; did you mean dropout?"
    assert suggest("qqq", known) == "; there is dropout, size."
    assert suggest("qqq", ()) == "; it takes none."
    assert (
        suggest("qqq", list("abcdefghijklmnopr"))
        == "; there is a, b, c, d, e, f, g, h, i, j, k, l, m, n, o and 2 more."
    )


def test_a_text_where_torch_takes_a_number_or_a_tensor_is_told(complete):
    assert problems(complete("optimizer.lr=fast")) == ["optimizer.lr (fast) must be a number."]
