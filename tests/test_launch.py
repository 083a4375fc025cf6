"""What a command line becomes, and how a mistake on it is answered."""

import errno
import gc
import re
import subprocess
import sys
import weakref
from importlib import import_module
from pathlib import Path

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from hypothesis import given, settings
from hypothesis import strategies as st

from seq2seq_pl.errors import UserError
from seq2seq_pl.launch import (
    checked_arguments,
    composition_error,
    family,
    importing,
    near,
    quoted,
    shipped,
    system_error,
)


def complaint(*arguments: str) -> str:
    with pytest.raises(UserError) as caught:
        checked_arguments(list(arguments))
    return str(caught.value)


def value(argument: str) -> object:
    """What Hydra will read in an argument."""
    return OverridesParser.create().parse_override(argument).value()


@pytest.mark.parametrize(
    "argument",
    [
        "task=translation",
        "model/attention=none",
        "metric=[bleu,chrf]",
        "callback=[]",
        "schedule@teacher_forcing=linear",
        "+schedule@other=cosine",
        "~logger",
        "~hydra.callbacks.sweep_table",
        "+optimizer.eps=1e-9",
        "++optimizer.eps=1e-9",
        "hydra.run.dir=somewhere",
        "hydra.sweep.dir=some/where",
        "hydra/launcher=basic",
    ],
)
def test_a_good_choice_and_whatever_is_hydras_stays_as_typed(argument):
    assert checked_arguments([argument]) == [argument]


@pytest.mark.parametrize("argument", ["seed=2", "seed=[1,2]", "model.dropout=0.1", "model.dropuot=0.1"])
def test_a_setting_is_added_so_that_validate_sees_a_misspelt_one(argument):
    assert checked_arguments([argument]) == [f"++{argument}"]


@pytest.mark.parametrize(
    "path",
    [
        "runs/a b/c",
        "runs/[1]",
        "runs/(old) {x}",
        "runs/a=b",
        "runs/Übung/日本語",
        "runs/it's",
        'runs/"quoted"',
        r"C:\runs\new",
        "runs/a:b",
        "runs/#1",
        "runs/100%",
        "runs/a'b c",
        "-",
        "../shared/corpora",
        "~/runs",
    ],
)
def test_a_path_reaches_the_command_as_typed(path):
    (argument,) = checked_arguments([f"run={path}"])
    assert argument.startswith("++run=")
    assert value(argument) == path


@pytest.mark.parametrize(
    ("argument", "passed"),
    [
        ("experiment=null", "~experiment"),
        ("tokenizer@target_tokenizer=null", "~tokenizer@target_tokenizer"),
        ("model/attention=null", "~model/attention"),
        ("callback=null", "callback=[]"),
        ("metric@mixture.talk.metric=null", "metric@mixture.talk.metric=[]"),
        ("seed=null", "++seed=null"),
        ("hydra/launcher=null", "hydra/launcher=null"),
    ],
)
def test_no_choice_of_a_group_is_said_as_hydra_understands_it(argument, passed):
    assert checked_arguments([argument]) == [passed]


def test_a_target_tokenizer_of_a_task_can_be_left_out_again(composed):
    own, shared = "task=g2p", "tokenizer@target_tokenizer=null"
    assert "whitespace" in composed(own).target_tokenizer._target_
    assert composed(*checked_arguments([own, shared])).get("target_tokenizer") is None


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--sede=3"], "unrecognized arguments: --sede=3"),
        (["seed=1", "-c"], "argument --cfg/-c: expected one argument"),
        (["--cfg", "x"], "argument --cfg/-c: invalid choice: 'x' (choose from "),
    ],
)
def test_an_option_that_is_none_is_answered_in_a_sentence(arguments, said):
    found = complaint(*arguments)
    assert found.startswith(said)
    assert found.endswith("; a setting is written NAME=VALUE, and --help shows the options.")


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        (
            "Could not override 'own@x'.\nTo append to your default list use +own@x=y",
            "Could not override 'own@x'.",
        ),
        ("Could not override 'corpus@x'.\nDid you mean to override corpus?\n", "{} Did you mean to override corpus?"),
        ("Could not delete 'x'", "Could not delete 'x'."),
    ],
)
def test_what_hydra_says_becomes_a_sentence(said, sentence):
    assert str(composition_error(ValueError(said))) == sentence.format("Could not override 'corpus@x'.")


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (PermissionError(errno.EACCES, "Permission denied", "/etc/x"), "/etc/x cannot be used: permission denied."),
        (FileExistsError(errno.EEXIST, "File exists", "file"), "file cannot be used: file exists."),
        (OSError(errno.ENOSPC, "No space", "a/b"), "no space is left on the disk for a/b; free some."),
        (PermissionError(errno.EPERM, "Operation not permitted"), None),
        (ConnectionError(errno.ECONNRESET, "Connection reset", "a"), None),
    ],
)
def test_what_the_system_refuses_becomes_a_sentence(error, sentence):
    told = system_error("evaluate", error)
    assert (told and str(told)) == sentence


SWEEPS = ["seed=1,2", "seed=range(1,4)", "model/attention=none,additive", "model/attention=glob(*)"]


@pytest.mark.parametrize("argument", SWEEPS)
def test_several_values_are_a_sweep_where_one_is_asked_for_and_else_a_mistake(argument):
    passed, _ = checked_arguments(["-m", argument])
    assert OverridesParser.create().parse_override(passed).is_sweep_override()
    assert passed == (argument if "/" in argument else f"++{argument}")
    assert complaint(argument).startswith(f"{argument}: several values are a sweep, which needs -m; ")


@pytest.mark.parametrize("argument", ["run='a,b'", 'run="a,b"'])
def test_a_quoted_comma_is_no_sweep(argument):
    (passed,) = checked_arguments([argument])
    assert value(passed) == "a,b"


@pytest.mark.parametrize(
    ("argument", "sentence"),
    [
        ("task=translatoin", "task=translatoin: no such choice; did you mean translation? There is "),
        ("corpus=multi30", "corpus=multi30: no such choice; did you mean multi30k? There is "),
        ("model/attention=aditive", "model/attention=aditive: no such choice; did you mean additive? There is "),
        ("model/atention=additive", "model/atention: no such group; did you mean model/attention?"),
        ("schedule@teacher_forcing=lineer", "schedule=lineer: no such choice; did you mean linear? There is "),
        ("model/attention=[none,aditive]", "model/attention=aditive: no such choice; did you mean additive? There is "),
        ("metric=[bleu,crf]", "metric=crf: no such choice; did you mean chrf? There is "),
        ("trainer=qqq", "trainer=qqq: no such choice. There is auto, cpu, ddp, gpu, smoke."),
        ("task", "task: a setting is written NAME=VALUE, for example task=translation."),
        ("translate me", "translate me: a setting is written NAME=VALUE, for example task=translation."),
        ("=3", "=3: a setting is written NAME=VALUE, for example task=translation."),
    ],
)
def test_a_mistyped_argument_is_answered_in_a_sentence(argument, sentence):
    found = complaint(argument)
    assert found.startswith(sentence)
    assert "\n" not in found


def test_all_mistyped_arguments_are_told_at_once():
    assert [line.split(":")[0] for line in complaint("task=x", "seed=1", "model=y", "what").splitlines()] == [
        "task=x",
        "model=y",
        "what",
    ]


def test_a_group_of_ones_own_is_found_in_config_dir(tmp_path):
    folder = tmp_path / "experiment"
    folder.mkdir()
    (folder / "mine.yaml").write_text("seed: 3\n")
    options = ["--config-dir", str(tmp_path)]
    assert checked_arguments([*options, "+experiment=mine"]) == ["+experiment=mine", *options]
    assert "did you mean mine?" in complaint("--config-dir", str(tmp_path), "experiment=mein")


@pytest.mark.parametrize(
    "typed",
    [
        "--cfg job -m seed=3 task=translation",
        "seed=3 -m task=translation --cfg job",
        "seed=3 task=translation --cfg job -m",
    ],
)
def test_options_may_stand_anywhere(typed):
    settings, options = ["++seed=3", "task=translation"], ["--cfg", "job", "-m"]
    passed = checked_arguments(typed.split())
    assert passed[:2] == settings
    assert sorted(passed[2:]) == sorted(options)
    assert [text for text in passed if text in ("--cfg", "job")] == ["--cfg", "job"]


def test_near_is_silent_where_nothing_is():
    assert near("qqq", ["abc"]) == "."
    assert near("adc", ["abc"]) == "; did you mean abc?"


def test_what_ships_is_found():
    assert (shipped("conf") / "train.yaml").is_file()


# -- whole commands --------------------------------------------------------------------------------------------------


COMMANDS = [path.stem for path in sorted(shipped("conf").glob("*.yaml"))]


@pytest.mark.parametrize("name", [*COMMANDS, "launch", "config", "sweep_table"])
def test_help_is_answered_without_torch(name):
    code = f"import seq2seq_pl.{name}, sys; assert not {{'torch', 'lightning', 'numpy'}} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_garbage_is_looked_for_again_after_an_import_even_one_that_fails():
    with importing():
        assert not gc.isenabled()
        with importing():
            pass
        assert not gc.isenabled()
    with pytest.raises(ModuleNotFoundError), importing():
        import_module("seq2seq_pl.nothing")
    assert gc.isenabled()


def test_garbage_that_one_job_leaves_is_found_though_the_next_imports_again():
    class Part:
        pass

    with importing():
        pass
    part = Part()
    part.itself = part
    left = weakref.ref(part)
    del part
    with importing():
        pass
    gc.collect()
    assert left() is None


def test_help_says_what_can_be_chosen(command):
    done = command("train", "--help")
    text = done.stdout.decode()
    assert done.returncode == 0
    assert "python -m seq2seq_pl.train task=translation" in text
    assert "model/attention: " in text
    assert "batch_size: 64" in text
    for path in sorted((shipped("conf") / "model").rglob("*.yaml")):
        assert re.search(rf"^{path.parent.relative_to(shipped('conf'))}={path.stem} +\w", text, re.MULTILINE), path


def test_the_family_is_a_line_for_each_choice_with_what_its_yaml_says():
    assert family("model/bridge").splitlines()[0].split(maxsplit=1) == [
        "model/bridge=last",
        "First decoder states = last encoder states, layer by layer; sizes, layers and cells must agree. "
        "Sutskever et al. 2014.",
    ]
    assert "@package" not in family("callback")


MISTAKES = [
    ("train", "task=translatoin", "task=translatoin: no such choice; did you mean translation?"),
    ("train", "model.dropuot=0.1", "model.dropuot: no such argument of Seq2Seq; did you mean dropout?"),
    ("train", "hydra.run.dir=/dev/null/x", "/dev/null/x cannot be used: not a directory."),
    ("train", "corpus.path=nowhere", "corpus.path (nowhere): no such directory"),
    ("generate", "run=nowhere", "run=nowhere: no such directory"),
    ("evaluate", "run=.", "run=. is not the directory of a run"),
    ("generate", "", "run: is needed; write run=..."),
    ("evaluate", "run=x,y", "run=x,y: several values are a sweep, which needs -m; "),
    ("train", "~loger", "Could not delete from config. 'loger' does not exist."),
    ("train", "+seed=3", "Could not append to config. An item is already at 'seed'."),
]


@pytest.mark.slow
@pytest.mark.parametrize(("name", "argument", "sentence"), MISTAKES, ids=[argument for _, argument, _ in MISTAKES])
def test_a_mistake_is_one_line_and_exit_code_2(command, tmp_path, name, argument, sentence):
    done = command(name, *filter(None, [argument]))
    assert done.returncode == 2
    text = done.stderr.decode()
    assert text.startswith(f"error: {sentence}")
    assert text.count("\n") == 1
    assert done.stdout == b""
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == []


@pytest.mark.slow
def test_a_fault_of_ours_keeps_its_traceback_and_exit_code_1(command, tmp_path, corpus_folder, tiny_arguments):
    (tmp_path / "faulty.py").write_text(
        "from seq2seq_pl.schedule.constant import Constant\n\n\n"
        "class Faulty(Constant):\n"
        "    def __call__(self, step: int) -> float:\n"
        "        raise LookupError('a fault of ours')\n"
    )
    (tmp_path / "conf" / "schedule").mkdir(parents=True)
    (tmp_path / "conf" / "schedule" / "faulty.yaml").write_text("_target_: faulty.Faulty\nvalue: 1.0\n")
    places = ("schedule=faulty", f"corpus.path={corpus_folder}")
    done = command("train", "--config-dir", "conf", *tiny_arguments, *places, "callback=[]", "logger=[]")
    assert done.returncode == 1
    assert b"Traceback (most recent call last)" in done.stderr
    assert done.stderr.strip().endswith(b"LookupError: a fault of ours")


def test_the_conf_folder_beside_the_package_is_used_in_a_checkout():
    assert shipped("conf") == Path(__file__).parents[1] / "conf"


@settings(max_examples=60, deadline=None)
@given(st.text(alphabet="ab1 ',[]{}=\\\"\n", max_size=8))
def test_hydra_reads_a_quoted_text_as_it_is(text):
    assert value(f"sentence={quoted(text)}") == text


def test_what_is_written_without_a_name_is_gathered_where_the_command_takes_it():
    typed = ["runs/a,b", "split=test", "it's [here]"]
    gathered, split = checked_arguments(typed, positional="runs")
    assert split == "++split=test"
    assert value(gathered.removeprefix("++")) == ["runs/a,b", "it's [here]"]
    assert checked_arguments(["split=test"], positional="runs") == ["++split=test"]
    with pytest.raises(UserError, match=r"^runs/a: a setting is written NAME=VALUE"):
        checked_arguments(["runs/a"])
