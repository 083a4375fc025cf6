"""Every model that the parts in conf/model make together, tiny, and a tiny batch to put through it."""

from __future__ import annotations

import copy
import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest
import torch
from hydra import compose, initialize_config_dir
from omegaconf import DictConfig, OmegaConf

from seq2seq_pl.build import build_model
from seq2seq_pl.errors import UserError
from seq2seq_pl.interfaces import EOS, PAD, Batch, Memory
from seq2seq_pl.model.seq2seq import Seq2Seq

CONF = Path(__file__).parents[2] / "conf"
Settings = Mapping[str, object]
"""Dotted key below `model` -> value; a key that the chosen YAML files do not have is left out."""

PARTS = {
    kind.name: sorted(file.stem for file in kind.glob("*.yaml"))
    for kind in sorted((CONF / "model").iterdir())
    if kind.is_dir()
}

CELLS: Mapping[str, Settings] = {
    "rnn": {"encoder.cell": "rnn", "encoder.layers": 2, "encoder.bidirectional": False, "decoder.cell": "rnn"},
    "gru": {"encoder.cell": "gru", "encoder.layers": 1, "encoder.bidirectional": True, "decoder.cell": "gru"},
    "lstm": {"encoder.cell": "lstm", "encoder.layers": 2, "encoder.bidirectional": True, "decoder.cell": "lstm"},
}


def sizes_to_try(cells: str) -> tuple[Settings, ...]:
    """All different, so that a swapped axis cannot pass; else all equal; else those of the YAML files."""
    layers, directions = CELLS[cells]["encoder.layers"], 2 if CELLS[cells]["encoder.bidirectional"] else 1
    different = {"embedding.size": 7, "encoder.hidden_size": 5, "decoder.hidden_size": 9, "attention.size": 6}
    equal = {"embedding.size": 8, "encoder.hidden_size": 8 // directions, "decoder.hidden_size": 8, "attention.size": 6}
    return {**different, "decoder.layers": 3 - layers}, {**equal, "decoder.layers": layers}, {}


@dataclass(frozen=True)
class Combination:
    """One YAML file of each kind, and what the recurrent parts among them are made of."""

    parts: tuple[tuple[str, str], ...]
    cells: str

    def __str__(self) -> str:
        return ",".join([*(f"{kind}={name}" for kind, name in self.parts if len(PARTS[kind]) > 1), self.cells])


@cache
def composed(parts: tuple[tuple[str, str], ...]) -> DictConfig:
    """The configuration with these files, as the YAML files have it; not to be changed."""
    with initialize_config_dir(str(CONF), version_base=None):
        return compose("model/seq2seq", [f"model/{kind}={name}" for kind, name in parts])


def build_from(parts: Mapping[str, str], settings: Settings, vocab_sizes: tuple[int, int], seed: int = 0) -> Seq2Seq:
    config = copy.deepcopy(composed(tuple(sorted(parts.items()))))
    for key, value in settings.items():
        if OmegaConf.select(config.model, key) is not None:
            OmegaConf.update(config, f"model.{key}", value)
    torch.manual_seed(seed)
    return build_model(OmegaConf.to_container(config, resolve=True)["model"], *vocab_sizes)


def build_combination(combination: Combination, dropout: float = 0.0, seed: int = 0) -> Seq2Seq:
    """With the first sizes that fit. Raises the UserError of the equal sizes where none do."""
    plain = composed(combination.parts).model
    nodes = {"": plain, **{f"{kind}.": plain[kind] for kind in PARTS}}
    dropouts = {f"{path}{key}": dropout for path, node in nodes.items() for key in node if str(key).endswith("dropout")}
    reasons = []
    for sizes in sizes_to_try(combination.cells):
        settings = {**CELLS[combination.cells], **sizes, **dropouts}
        try:
            return build_from(dict(combination.parts), settings, vocab_sizes=(11, 13), seed=seed)
        except UserError as error:
            reasons.append(error)
    raise reasons[1]


def all_combinations() -> Iterator[Combination]:
    """Every file of a kind with every file of every other; each of the cells where a file has a cell to choose."""
    for names in itertools.product(*PARTS.values()):
        parts = tuple(zip(PARTS, names, strict=True))
        files = [OmegaConf.load(CONF / "model" / kind / f"{name}.yaml") for kind, name in parts]
        for cells in CELLS if any("cell" in file for file in files) else ["gru"]:
            yield Combination(parts, cells)


@pytest.fixture(scope="session")
def combinations() -> list[Combination]:
    return list(all_combinations())


@pytest.fixture(params=all_combinations(), ids=str)
def combination(request) -> Combination:
    return request.param


@pytest.fixture(scope="session")
def build_any() -> Callable[..., Seq2Seq]:
    """A combination -> the model."""
    return build_combination


@pytest.fixture(scope="session")
def build() -> Callable[..., Seq2Seq]:
    """YAML files by kind, settings and the two vocabulary sizes -> the model, drawn from a seed."""
    return build_from


@pytest.fixture
def make(combination) -> Callable[..., Seq2Seq]:
    """Dropout and seed -> the model of a combination. Parts that refuse each other are skipped, with their reason."""

    def made(dropout: float = 0.0, seed: int = 0) -> Seq2Seq:
        try:
            return build_combination(combination, dropout, seed)
        except UserError as reason:
            pytest.skip(str(reason))

    return made


@pytest.fixture
def model(make) -> Seq2Seq:
    return make().eval()


@pytest.fixture(scope="session")
def batch_of() -> Callable[..., Batch]:
    """Sources and targets without their EOS -> batch."""

    def padded(sentences: Sequence[Sequence[int]]) -> torch.Tensor:
        size = max(map(len, sentences)) + 1
        return torch.tensor([[*ids, EOS] + [PAD] * (size - 1 - len(ids)) for ids in sentences])

    def made(sources: Sequence[Sequence[int]], targets: Sequence[Sequence[int]]) -> Batch:
        return Batch(padded(sources), padded(targets), torch.arange(len(sources)), task="")

    return made


@pytest.fixture
def batch(batch_of) -> Batch:
    """B=3, S=6, T=4; real source tokens 4, 6, 1 and target tokens 4, 2, 3, EOS counted."""
    return batch_of([[5, 10, 4], [9, 4, 7, 7, 6], []], [[12, 4, 8], [6], [11, 5]])


@pytest.fixture
def memory() -> Memory:
    """Random, B=2, S=5, H=8, the second sentence of 3 tokens; final states of 2 LSTM layers."""
    states, summary, hidden, cell = (
        torch.randn(2, *shape, generator=torch.Generator().manual_seed(seed))
        for seed, shape in enumerate([(5, 8), (8,), (2, 8), (2, 8)])
    )
    mask = torch.tensor([[True] * 5, [True] * 3 + [False] * 2])
    return Memory(states, mask, summary, final={"hidden": hidden, "cell": cell})
