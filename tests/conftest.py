"""A tiny corpus of reversed letters, the settings of a run on it that takes seconds, and one such run, finished."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from pathlib import Path

import pytest
import torch
from hydra import compose, initialize_config_dir
from omegaconf import DictConfig

from seq2seq_pl.config import TrainConfig, validate
from seq2seq_pl.launch import register_resolvers
from seq2seq_pl.training import run

CONF = Path(__file__).parents[1] / "conf"
SIZES = {"train": 60, "valid": 7, "test": 9}
TINY = [
    "corpus=parallel_text",
    "corpus.source=src",
    "corpus.target=rev",
    "tokenizer=word",
    "tokenizer.min_frequency=1",
    "model.embedding.size=8",
    "model.encoder.hidden_size=6",
    "model.decoder.hidden_size=16",
    "model.attention.size=5",
    "trainer=cpu",
    "trainer.max_epochs=2",
    "batch_size=16",
    "schedule=constant",
    "optimizer.lr=0.01",
    "decoding=greedy",
]


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> Iterator[None]:
    """Tensors this small are faster without."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def sentence_pairs(count: int, seed: int) -> list[tuple[str, str]]:
    """Letters and the same letters reversed; 2 to 6 of them, drawn from the seed."""
    rng = random.Random(seed)
    drawn = [rng.choices("abcdefgh", k=rng.randint(2, 6)) for _ in range(count)]
    return [(" ".join(letters), " ".join(reversed(letters))) for letters in drawn]


@pytest.fixture(scope="session")
def write_corpus() -> Callable[[Path], Path]:
    """Writes train, valid and test of line-aligned files into a folder, which it returns."""

    def write(folder: Path) -> Path:
        folder.mkdir(parents=True, exist_ok=True)
        for seed, (split, count) in enumerate(SIZES.items()):
            for side, texts in zip(("src", "rev"), zip(*sentence_pairs(count, seed), strict=True), strict=True):
                (folder / f"{split}.{side}").write_text("".join(f"{text}\n" for text in texts), encoding="utf-8")
        return folder

    return write


@pytest.fixture(scope="session")
def composed() -> Callable[..., DictConfig]:
    """conf/<command>.yaml with overrides, as Hydra would hand it to a command; not yet validated."""
    register_resolvers()

    @cache
    def once(overrides: tuple[str, ...], command: str) -> DictConfig:
        with initialize_config_dir(str(CONF), version_base="1.3"):
            return compose(command, list(overrides))

    def make(*overrides: str, command: str = "train") -> DictConfig:
        return once(overrides, command).copy()

    return make


@pytest.fixture(scope="session")
def tiny(composed) -> Callable[..., TrainConfig]:
    """The validated settings of a tiny run: folder of the corpus, directory of the run, further overrides."""

    def make(corpus: Path, run_dir: Path, *overrides: str) -> TrainConfig:
        places = (f"corpus.path={corpus}", f"run_dir={run_dir}", f"cache_dir={run_dir.parent / 'cache'}")
        return validate(composed(*TINY, *places, *overrides))

    return make


@pytest.fixture(scope="session")
def tiny_arguments() -> Sequence[str]:
    """The same as a command line would have it."""
    return TINY


@pytest.fixture
def begin(tmp_path) -> Iterator[Callable[..., subprocess.Popen[bytes]]]:
    """Begins a command in an empty folder: its name and its arguments. None lives longer than its test."""
    begun: list[subprocess.Popen[bytes]] = []

    def start(name: str, *arguments: str) -> subprocess.Popen[bytes]:
        environment = {**os.environ, "SEQ2SEQ_PL_CACHE": str(tmp_path / ".cache"), "OMP_NUM_THREADS": "1"}
        line = [sys.executable, "-m", f"seq2seq_pl.{name}", *arguments]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        begun.append(subprocess.Popen(line, cwd=tmp_path, env=environment, **pipes))
        return begun[-1]

    yield start
    for process in begun:
        process.kill()
        process.communicate()


@pytest.fixture
def command(begin) -> Callable[..., subprocess.CompletedProcess[bytes]]:
    """Runs a command in an empty folder: its name, its arguments, bytes for its standard input."""

    def run(name: str, *arguments: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
        process = begin(name, *arguments)
        stdout, stderr = process.communicate(stdin, timeout=240)
        return subprocess.CompletedProcess(process.args, process.returncode, stdout, stderr)

    return run


@pytest.fixture(scope="session")
def corpus_folder(tmp_path_factory, write_corpus) -> Path:
    """A corpus that no test changes."""
    return write_corpus(tmp_path_factory.mktemp("corpus"))


@pytest.fixture(scope="session")
def finished(tmp_path_factory, corpus_folder, tiny) -> Path:
    """The directory of a finished tiny run; no test changes it."""
    directory = tmp_path_factory.mktemp("runs") / "finished"
    longer = ("trainer.max_epochs=8", "optimizer.lr=0.03", "callback.telemetry.every_n_steps=5")
    run(tiny(corpus_folder, directory, *longer))
    return directory
