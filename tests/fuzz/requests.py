"""What can be asked of `generate`: lines and settings, sensible and not; and what has to hold of the answers."""

from __future__ import annotations

import contextlib
import io
import json
import os
import random
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from hydra import compose, initialize_config_dir
from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra.core.override_parser.overrides_parser import OverridesParser
from hypothesis import strategies as st
from omegaconf import DictConfig, OmegaConf

from seq2seq_pl.config import validate
from seq2seq_pl.errors import UserError
from seq2seq_pl.generation import generate_lines
from seq2seq_pl.launch import NOT_COMPOSED, checked_arguments, composition_error, register_resolvers
from seq2seq_pl.training import run as train

from .answers import check_answers

CONF = Path(__file__).parents[2] / "conf"
DECODINGS = sorted(path.stem for path in (CONF / "decoding").glob("*.yaml"))


@dataclass(frozen=True)
class Asked:
    """One call of the command: its settings, `{name}` for what lies in the asker's folder, and the input's bytes."""

    settings: tuple[str, ...]
    content: bytes


# -- settings --------------------------------------------------------------------------------------------------------

RUNS = ("words", "twin", "bpe", "chat", "copier")
GOOD_RUNS = (*(f"{{{name}}}" for name in RUNS), "[{words},{twin}]", "[{copier},{words}]", "{bpe}/checkpoints/last.ckpt")
ODD_RUNS = (
    "nowhere",
    "",
    "[]",
    "null",
    "5",
    "[null]",
    "[{words},nowhere]",
    "[{words},{bpe}]",
    "{{a: 1}}",
    "~no.such.user/run",
    "x" * 260,
    "{words}/checkpoints",
    "{folder}/torn.ckpt",
    "{folder}/in",
    "{folder}",
    "${{batch_size}}",
)
VALID: dict[str, tuple[object, ...]] = {
    "beam_size": (1, 2, 4, 6),
    "n_best": (1, 1, 2, 3),
    "length_penalty": (0, 0.5, 1, 2),
    "normalization": ("power", "wu"),
    "coverage_penalty": (0, 0.5),
    "stopping": ("full", "exact"),
    "max_length_factor": (0, 0.5, 1.5, 3),
    "max_length_extra": (1, 2, 10),
    "max_length": (1, 2, 5, 20, 64),
    "min_length": (0, 1, 4, 45),
    "no_repeat_ngram": (0, 1, 2, 3),
    "allow_unknown": ("true", "false"),
    "groups": (1, 2, 3),
    "diversity_strength": (0, 0.5, 5),
    "temperature": (1e-30, 0.1, 1, 7, 1e30),
    "top_k": (0, 1, 3, 1000),
    "top_p": (1e-9, 0.5, 0.9, 1.0),
    "seed": (0, 1, 10**9, 10**30),
}
BOUNDS = (0, -1, 1, 10**9, 10**30, 10**310, "nan", "inf", "-inf", "1e30", "1e39", "1e300", "1e-300", "-0.0", "0.5")
WRONG = ("null", "text", "''", "[]", "[1,2]", "{{}}", "{{a: 1}}", "true", "1e", "???", "[", "${{device}}", "${{no}}")
ABSURD = st.sampled_from((*BOUNDS, *BOUNDS, *WRONG))
IN = "{folder}/in"
OTHERS: dict[str, tuple[tuple[object, ...], tuple[object, ...]]] = {  # what can be, what cannot be
    "batch_size": ((1, 2, 3, 64, 10**9, 10**30), ()),
    "ensemble": (("probability", "log"), ("mean", "")),
    "checkpoint": (("best", "last"), ("first", "", "x" * 260, "../checkpoints/best", "average")),
    "task_name": (("null", "translation"), ("weather", "", "../x")),
    "device": (("cpu",), ("cuda", "tpu")),
    "input": ((IN,), ("{folder}/nowhere", "{folder}", "", "~no.such.user/in", "x" * 260, "{out}")),
    "output": (("{folder}/out.txt", "{folder}/out.jsonl"), ("{folder}", "{folder}/no/out", "~no.such.user/out", IN)),
    "constraints": (("inline", "columns", "null"), ("rows", "")),
    "shortlist": (("false",), ("true", "")),  # of which these runs have none
}


@cache
def arguments_of(decoding: str) -> tuple[str, ...]:
    """The settings of a decoding, in the order of its YAML."""
    loaded = OmegaConf.load(CONF / "decoding" / f"{decoding}.yaml")
    return tuple(str(key) for key in loaded if key != "_target_")


@st.composite
def decodings(draw: st.DrawFn) -> list[str]:
    """A choice of decoding with some of its settings, or settings alone, or none."""
    chosen = draw(st.one_of(st.none(), st.sampled_from([*DECODINGS, *DECODINGS, "constrained_beam", "best"])))
    made = [] if chosen is None else [f"decoding={chosen}"]
    known = arguments_of(chosen if chosen in DECODINGS else "greedy")  # what all decodings have
    for name in draw(st.lists(st.sampled_from(known), max_size=4, unique=True)):
        odd = draw(st.integers(0, 11)) == 11
        made.append(f"decoding.{name}={draw(ABSURD if odd else st.sampled_from(VALID[name]))}")
    if draw(st.integers(0, 29)) == 29:
        made.append(draw(st.sampled_from(["decoding.beam_sise=3", "decoding._target_=os.system", "decoding={{}}"])))
    return made


@st.composite
def settings(draw: st.DrawFn, form: str) -> tuple[str, ...]:
    """Settings of the command for lines that are written in a form."""
    made = [f"run={draw(st.sampled_from(ODD_RUNS if draw(st.integers(0, 19)) == 19 else GOOD_RUNS))}"]
    made += ["input={folder}/in", f"output={{folder}}/out.{draw(st.sampled_from(['txt', 'jsonl']))}", "device=cpu"]
    made += [] if form == "null" else [f"constraints={form}"]
    made += draw(decodings())
    for name in draw(st.lists(st.sampled_from(sorted(OTHERS)), max_size=2, unique=True)):
        can, cannot = OTHERS[name]
        odd = draw(st.integers(0, 5)) == 5
        values = st.one_of(st.sampled_from(cannot or BOUNDS), ABSURD) if odd else st.sampled_from(can)
        made.append(f"{name}={draw(values)}")
    if draw(st.integers(0, 39)) == 39:
        made.append(draw(st.sampled_from(["inptu=x", "seed=1", "=", "a.b=1", "model=transformer", "run.x=1"])))
    return tuple(made)


# -- lines -----------------------------------------------------------------------------------------------------------

NASTY = (
    "",
    " ",
    "\t",
    "a\x00b\x07 \x1b[31mc\x7f",
    "a\u2028b\u2029c",
    "a\x85b\x0bc\x0cd\x1c\x1d\x1ee",
    "\u202eabc\u202c שלום مرحبا",
    "👩\u200d👩\u200d👧\u200d👦 🏳\ufe0f\u200d🌈 e\u0301\u0302\u0303",
    "a\rb\r",
    "\ufeffa b",
    "⁇ <s> </s> <pad> <unk> ▁ <2de>",
    "▁a▁b ▁",
    "zzz 狗在睡觉。 café e\u0301",
    "\ud7ff\ue000\uffff\U0010ffff",
    "\u0301",
    "-1 1e400 nan {} [] \\n \\ \" ' % $ ${a}",
)
PHRASES = ("a", "b", "c d", "h g f", "a a", "zebra", "", " ", ",", "the", "Hi", "<unk>", "</s>", "▁", "▁a", "é")
ODD_PHRASES = ("a " * 30, "x" * 100, "狗", "👩\u200d👩", "a\u2028b", "\x00", "{", "a | b", "|", "ab", "\u0301", "\r")
MARKUP = ("{+", "{-", "{>", "}", "{+a", "{+{-a}}", "{?a}", "+a}", "{>a}{>b}", "{+}", "{-}", "{>}", "\t\t\t\t", " | ")

words = st.lists(st.sampled_from("abcdefgh"), min_size=1, max_size=9).map(" ".join)
others = st.lists(st.sampled_from(["the", "dog", "it,", "Hi!", "Ärger", "zzz", "A:", "|"]), max_size=9).map(" ".join)
phrases = st.one_of(st.sampled_from(PHRASES), st.sampled_from(PHRASES), words, st.sampled_from(ODD_PHRASES))
long = st.builds(
    lambda text, length: (text * (length // max(len(text), 1) + 1))[:length],
    st.sampled_from(["a ", "x", "ab\u0301", "狗", "👩\u200d", "{+a} ", "{-b}", "\t", "the cat, "]),
    st.sampled_from([300, 2_000, 20_000]),
)
plain = st.one_of(words, words, words, others, st.sampled_from(NASTY), st.text(max_size=20))


@st.composite
def inline(draw: st.DrawFn) -> str:
    """A line with phrases in braces."""
    marked = st.builds(lambda sign, phrase: f"{{{sign}{phrase}}}", st.sampled_from("++-->"), phrases)
    parts = draw(st.lists(st.one_of(marked, plain, plain), min_size=1, max_size=4))
    if draw(st.integers(0, 5)) == 5:
        parts.append(draw(st.sampled_from(MARKUP)))
    return draw(st.sampled_from([" ", ""])).join(draw(st.permutations(parts)))


@st.composite
def columns(draw: st.DrawFn) -> str:
    """A line of columns."""
    several = st.lists(phrases, max_size=3).map(" | ".join)
    parts = [draw(plain).replace("\t", " "), *draw(st.lists(several, max_size=3))]
    return "\t".join([*parts, ""] if draw(st.integers(0, 11)) == 11 else parts)


FORMS = {"null": st.one_of(plain, plain, plain, inline(), columns()), "inline": inline(), "columns": columns()}


@st.composite
def contents(draw: st.DrawFn, form: str) -> bytes:
    """The bytes of a file, mostly of lines in this form."""
    if draw(st.integers(0, 14)) == 14:
        return draw(st.one_of(st.binary(max_size=200), st.just(b""), st.just(b"\n\n\n"), st.just(b"\r\n\r\n")))
    own = FORMS[form]
    texts = draw(st.lists(st.one_of(own, own, own, own, plain), max_size=6))
    if draw(st.integers(0, 9)) == 9:
        texts.append(draw(long))
    end = draw(st.sampled_from(["\n", "\n", "\n", "\r\n", "\r", "\n\n"]))
    content = (end.join(texts) + draw(st.sampled_from(["", end]))).encode("utf-8", "surrogatepass")
    if draw(st.integers(0, 9)) == 9:
        place = draw(st.integers(0, len(content)))
        content = content[:place] + draw(st.binary(max_size=5)) + content[place + draw(st.integers(0, 5)) :]
    return content


@st.composite
def inputs(draw: st.DrawFn) -> Asked:
    """Calls of the command, most of them such as could be meant."""
    form = draw(st.sampled_from(["null", "inline", "inline", "columns"]))
    return Asked(draw(settings(form)), draw(contents(form)))


# -- asking ----------------------------------------------------------------------------------------------------------

COMMON = (
    "tokenizer.min_frequency=1",
    "corpus.source=src",
    "corpus.target=tgt",
    "model.embedding.size=8",
    "trainer=cpu",
    "trainer.max_epochs=1",
    "batch_size=16",
    "schedule=constant",
    "optimizer.lr=0.01",
    "callback=[checkpoint]",
    "logger=[]",
    "max_source_length=24",
    "test=false",
)
RECURRENT = ("model.encoder.hidden_size=6", "model.decoder.hidden_size=16", "model.attention.size=5")
TRANSFORMER = (
    "model=transformer",
    *(f"model.{side}.{size}=2" for side in ("encoder", "decoder") for size in ("layers", "heads", "feedforward_size")),
    "model.encoder.hidden_size=16",
    "model.decoder.hidden_size=16",
    "model.decoder.positions=learned",
    "model.decoder.max_positions=40",
    "model.attention.heads=2",
)
OF_RUN = {
    "words": ("corpus=parallel_text", "tokenizer=word", "decoding=greedy", *RECURRENT),
    "twin": ("corpus=parallel_text", "tokenizer=word", "seed=2", "model/attention=none", *RECURRENT[:2]),
    "bpe": ("corpus=parallel_text", "tokenizer=bpe", "decoding=greedy", *TRANSFORMER),
    "copier": ("corpus=parallel_text", "tokenizer=word", "model=pointer_generator", *RECURRENT),
    "chat": ("task=dialogue", "corpus=conversations", "tokenizer=char", "decoding=cool_nucleus", *RECURRENT),
}


class Asker:
    """Trained runs, asked as the command line would ask them."""

    def __init__(self, folder: Path) -> None:
        """Trains the runs, seconds each, below the folder."""
        register_resolvers()
        self.folder = folder
        self.places = {name: str(folder / name) for name in RUNS} | {"folder": str(folder), "out": f"{folder}/out.txt"}
        self.here = folder / "here"
        self.here.mkdir(parents=True)
        self.composed = cache(_composed)
        _write_corpora(folder)
        for name in RUNS:
            data = folder / ("talk" if name == "chat" else "text")
            places = (f"corpus.path={data}", f"run_dir={folder / name}", f"cache_dir={folder / 'cache'}")
            with contextlib.redirect_stdout(io.StringIO()):
                train(validate(self.composed("train", (*_groups((*COMMON, *OF_RUN[name])), *places))))
        (folder / "torn.ckpt").write_bytes((folder / "words" / "checkpoints" / "last.ckpt").read_bytes()[:5_000])

    def ask(self, given: Asked) -> str:
        """ "result", or the sentences about the user's mistakes."""
        return self.command("generate", generate_lines, given, check_answers)

    def command(
        self,
        name: str,
        run: Callable[[DictConfig], object],
        given: Asked,
        check: Callable[[DictConfig, bytes, str], object],
    ) -> str:
        """Runs a command on the settings of the call, with its bytes in the file `in`; checks the result."""
        (self.folder / "in").write_bytes(given.content)
        told, before = io.StringIO(), Path.cwd()
        os.chdir(self.here)  # where files of odd names go
        try:
            try:
                config = self.config(name, [text.format(**self.places) for text in given.settings])
            except NOT_COMPOSED as error:
                raise composition_error(error) from error
            with contextlib.redirect_stderr(told), contextlib.redirect_stdout(io.StringIO()):
                run(config)
            check(config, given.content, told.getvalue())
        except UserError as error:
            return str(error)
        finally:
            os.chdir(before)
            for path in (*self.folder.glob("out*"), *self.here.iterdir()):
                shutil.rmtree(path) if path.is_dir() else path.unlink()
        return "result"

    def config(self, command: str, arguments: Sequence[str]) -> DictConfig:
        """The config of a command line; what is no choice of a group is laid over what is composed once."""
        checked = checked_arguments(list(arguments))
        single = [text for text in checked if text.startswith("++")]
        config = self.composed(command, tuple(text for text in checked if text not in single)).copy()
        ConfigLoaderImpl._apply_overrides_to_config(OverridesParser.create().parse_overrides(single), config)
        return config


def _composed(command: str, overrides: tuple[str, ...]) -> DictConfig:
    with initialize_config_dir(str(CONF), version_base="1.3"):
        return compose(command, list(overrides))


def _groups(settings: Sequence[str]) -> list[str]:
    """Choices of groups first, as only they say which settings there are."""
    return sorted(settings, key=lambda text: "." in text.partition("=")[0])


def _write_corpora(folder: Path) -> None:
    rng = random.Random(1)
    more = ["the", "dog", "sleeps", "the", "cat", ",", "Ärger", ".", "é", "狗", "😀"]
    for split, count in (("train", 60), ("valid", 7), ("test", 9)):
        drawn = [rng.choices("abcdefgh", k=rng.randint(2, 6)) for _ in range(count)]
        drawn += [rng.choices(more, k=3) for _ in range(count // 4)]
        (folder / "text").mkdir(parents=True, exist_ok=True)
        for side, step in (("src", 1), ("tgt", -1)):
            lines = "".join(" ".join(one[::step]) + "\n" for one in drawn)
            (folder / "text" / f"{split}.{side}").write_text(lines, encoding="utf-8")
        turns = [{"turns": ["Hi!", " ".join(one), " ".join(one[::-1])]} for one in drawn]
        (folder / "talk").mkdir(parents=True, exist_ok=True)
        talk = "".join(json.dumps(one) + "\n" for one in turns)
        (folder / "talk" / f"{split}.jsonl").write_text(talk, encoding="utf-8")
