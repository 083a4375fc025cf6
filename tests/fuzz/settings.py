"""Command lines of `train` as people mistype them, and what a tiny run makes of each."""

from __future__ import annotations

import io
import math
import os
import random
import shutil
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path

import torch
from fuzz.arguments import CONF, argument, leaves
from hydra import compose, initialize_config_dir
from hydra.core.hydra_config import HydraConfig
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy
from omegaconf import DictConfig, OmegaConf

from seq2seq_pl.config import TrainConfig, validate
from seq2seq_pl.continuation import placed
from seq2seq_pl.errors import UserError
from seq2seq_pl.launch import NOT_COMPOSED, checked_arguments, composition_error, register_resolvers, system_error
from seq2seq_pl.processes import processes
from seq2seq_pl.training import finished, run

SIZES = {"train": 60, "valid": 7, "test": 9}
KEPT_STORES = 200
"""Folders of the cache; with more of them it is emptied."""

CORPUS = ("=parallel_text", ".source=src", ".target=rev")
FIXED = (
    "tokenizer=word",
    "tokenizer.min_frequency=1",
    "model.embedding.size=8",
    "model.encoder.hidden_size=8",
    "model.decoder.hidden_size=16",
    "trainer=cpu",
    "trainer.max_epochs=1",
    "+trainer.limit_train_batches=2",
    "+trainer.limit_val_batches=1",
    "+trainer.limit_test_batches=1",
    "batch_size=16",
    "decoding=greedy",
    "callback=[checkpoint]",
    "logger=[]",
    "samples=1",
)
"""Before what was drawn, which may be other values; but a group that was drawn is left out here."""
HEADS = ("heads=2", "layers=1", "feedforward_size=8")
SMALL = {
    "model/encoder=transformer": [f"model.encoder.{text}" for text in HEADS],
    "model/decoder=transformer": [f"model.decoder.{text}" for text in HEADS],
    "model/attention=multi_head": ["model.attention.heads=2"],
    "model=transformer": [f"model.{side}.{text}" for side in ("encoder", "decoder") for text in HEADS],
    "corpus=rare_words": ["corpus.train_pairs=60", "corpus.valid_pairs=9", "corpus.test_pairs=9"],
    "task=summarization": ["metric=[bleu]", "monitor=bleu"],
}
"""What is to be small, too, with a choice."""
FOREIGN = (
    "multi30k",
    "cmudict",
    "dailydialog",
    "dialogsum",
    "sigmorphon2020",
    "sigmorphon2021",
    "tatoeba_en_zh",
    "hub",
)
"""Corpora that would be downloaded."""


@dataclass(frozen=True)
class CommandLine:
    """What is typed after `python -m seq2seq_pl.train`."""

    arguments: tuple[str, ...]


def inputs() -> SearchStrategy[CommandLine]:
    """One to six arguments; most of them right for one another."""
    return st.lists(argument(), min_size=1, max_size=6).map(lambda some: CommandLine(tuple(filter(None, some))))


class Asker:
    """Trains tiny models by command lines, in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        register_resolvers()
        self.folder = folder
        self.corpus = folder / "corpus"
        self.cache = folder / "cache"
        self.corpus.mkdir(parents=True)
        for seed, (split, count) in enumerate(SIZES.items()):
            rng = random.Random(seed)
            lines = [" ".join(rng.choices("abcdefgh", k=rng.randint(2, 6))) for _ in range(count)]
            (self.corpus / f"{split}.src").write_text("".join(f"{line}\n" for line in lines))
            (self.corpus / f"{split}.rev").write_text("".join(f"{line[::-1]}\n" for line in lines))
        leaves()

    def ask(self, given: CommandLine) -> str:
        """What becomes of a command line: "result", or what is wrong with it."""
        with self._example() as place:
            try:
                settings, resume = self._settings(given.arguments, place)
                if processes(settings) > 1 or _downloads(settings):
                    return "result"  # of which no test is made here
                outcome = run(settings, resume=resume)
            except (UserError, OSError) as error:
                told = error if isinstance(error, UserError) else system_error("train", error)
                if told is None:
                    raise
                assert finished(place / "run") is None, "a run that was refused counts as finished"
                left = [path for path in place.rglob("*") if path.name.endswith(".part")]
                assert not left, f"unfinished files are left: {left}"
                return str(told)
            best, directory = outcome.best, Path(settings.run_dir)
            assert math.isfinite(best) or math.isnan(best), f"the best score is {best}"
            assert (directory / "record.json").is_file(), "there is no record.json"
            assert list(directory.glob("*/scores.json")), "there is no scores.json"
            assert finished(directory) is not None, "the run does not count as finished"
        return "result"

    def _settings(self, arguments: Sequence[str], place: Path) -> tuple[TrainConfig, bool]:
        """As the command takes them."""
        checked = placed(checked_arguments([*self._fixed(arguments, place), *arguments]))
        try:
            config = _composed(checked, place)
        except NOT_COMPOSED as error:
            raise composition_error(error) from error
        return validate(config), bool(config.get("resume"))

    def _fixed(self, arguments: Sequence[str], place: Path) -> list[str]:
        """What makes a run tiny, but what would contradict the arguments."""
        keys = {text.partition("=")[0] for text in arguments}
        corpus = [*(f"corpus{end}" for end in CORPUS), f"corpus.path={self.corpus}"]
        if "task=multitask" in arguments:
            tasks = "translation", "summarization"
            corpus = [f"corpus@mixture.{task}.corpus=parallel_text" for task in tasks] + [
                f"mixture.{task}.{text}" for task in tasks for text in corpus[1:]
            ]
            corpus += ["mixture.dialogue=null"]
        elif "corpus" in keys:
            corpus = []
        if any(f"corpus={name}" in arguments for name in FOREIGN):
            corpus = ["corpus.path=nowhere"]
        fixed = [text for text in FIXED if "task=multitask" not in arguments or not text.startswith("decoding")]
        small = [text for choice, some in SMALL.items() if choice in arguments for text in some]
        places = [f"run_dir={place / 'run'}", f"cache_dir={self.cache}"]
        made = [*corpus, *fixed, *small, *places]
        return [text for text in made if text.partition("=")[0] not in keys]

    @contextmanager
    def _example(self) -> Iterator[Path]:
        """A folder to work in, and everything as it was before afterwards."""
        place = self.folder / "example"
        place.mkdir()
        before, environment = Path.cwd(), dict(os.environ)
        os.chdir(place)
        try:
            with warnings.catch_warnings(), redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
                warnings.simplefilter("ignore")
                yield place
        finally:
            os.chdir(before)
            os.environ.clear()
            os.environ.update(environment)
            HydraConfig.instance().cfg = None
            torch.use_deterministic_algorithms(False)
            torch.set_default_dtype(torch.float32)
            if torch.distributed.is_initialized():
                torch.distributed.destroy_process_group()
            shutil.rmtree(place)
            if self.cache.is_dir() and len(list(self.cache.iterdir())) > KEPT_STORES:
                shutil.rmtree(self.cache)


def _composed(arguments: list[str], place: Path) -> DictConfig:
    """The configuration as Hydra hands it to the command."""
    with initialize_config_dir(str(CONF), version_base="1.3"):
        config = compose("train", arguments, return_hydra_config=True)
    OmegaConf.set_readonly(config.hydra, False)
    str(config.hydra.run.dir)  # which Hydra would make
    config.hydra.runtime.output_dir = str(place / "run")
    HydraConfig.instance().set_config(config)
    own = OmegaConf.masked_copy(config, [str(key) for key in config if key != "hydra"])
    OmegaConf.set_struct(own, True)
    return own


def _downloads(settings: TrainConfig) -> bool:
    return any("download" in own.corpus and own.corpus.get("path") is None for own in settings.tasks.values())
