"""Every model that the parts in conf/model make together, tiny, and a cover of them that is small enough to test."""

from __future__ import annotations

import itertools
import random
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import torch
from omegaconf import DictConfig, OmegaConf

from seq2seq_pl.build import build_model
from seq2seq_pl.errors import UserError
from seq2seq_pl.model.seq2seq import Seq2Seq

CONF = Path(__file__).parents[2] / "conf"
Settings = Mapping[str, object]
"""Dotted key below `model` -> value; a key that the chosen YAML files do not have is left out."""

PARTS = {
    kind.name: sorted(file.stem for file in kind.glob("*.yaml"))
    for kind in sorted((CONF / "model").iterdir())
    if kind.is_dir() and kind.name != "initialization"
}
"""What a model computes by. First weights are left as the parts draw them: some papers' are too small to show a law."""

SIDES = ("encoder", "decoder")

CELLS: Mapping[str, Settings] = {
    "rnn": {"encoder.cell": "rnn", "encoder.layers": 2, "encoder.bidirectional": False, "decoder.cell": "rnn"}
    | {"encoder.backward": True}
    | {f"{side}.{key}": value for side in SIDES for key, value in {"norm": "post", "positions": "learned"}.items()},
    "gru": {"encoder.cell": "gru", "encoder.layers": 1, "encoder.bidirectional": True, "decoder.cell": "gru"},
    "lstm": {"encoder.cell": "lstm", "encoder.layers": 2, "encoder.bidirectional": True, "decoder.cell": "lstm"}
    | {f"{side}.{key}": True for side in SIDES for key in ("residual", "layer_norm", "variational_dropout")}
    | {f"{side}.positions": "rotary" for side in SIDES},
}
"""Cells, and with each what else can be chosen within a part, so that the laws see it."""


def sizes_to_try(cells: str) -> tuple[Settings, ...]:
    """All different, so that a swapped axis cannot pass; else all equal."""
    layers, directions = CELLS[cells]["encoder.layers"], 2 if CELLS[cells]["encoder.bidirectional"] else 1
    few = {"encoder.heads": 2, "decoder.heads": 2, "attention.heads": 2}
    few |= {"encoder.feedforward_size": 11, "decoder.feedforward_size": 13, "attention.size": 6}
    different = {**few, "embedding.size": 7, "encoder.hidden_size": 4, "decoder.hidden_size": 12}
    equal = {**few, "embedding.size": 8, "encoder.hidden_size": 8 // directions, "decoder.hidden_size": 8}
    different["decoder.layers"], equal["decoder.layers"] = {"rnn": 1, "gru": 2, "lstm": 3}[cells], layers
    different["decoder.readout_size"], equal["decoder.readout_size"] = 10, 8
    return different, equal, {**equal, "encoder.hidden_size": 8}


@dataclass(frozen=True)
class Combination:
    """One YAML file of each kind, and what the recurrent parts among them are made of."""

    parts: tuple[tuple[str, str], ...]
    cells: str

    def __str__(self) -> str:
        return ",".join([*(f"{kind}={name}" for kind, name in self.parts if len(PARTS[kind]) > 1), self.cells])


@cache
def node_of(path: str) -> DictConfig:
    """A YAML file of conf/model; not to be changed."""
    node = OmegaConf.load(CONF / "model" / f"{path}.yaml")
    assert isinstance(node, DictConfig)
    node.pop("defaults", None)
    return node


DEFAULTS = {
    kind: name
    for default in OmegaConf.load(CONF / "model" / "seq2seq.yaml").defaults
    if default != "_self_"
    for kind, name in default.items()
}


def composed(parts: Mapping[str, str]) -> DictConfig:
    """The configuration with these files, as the YAML files have it."""
    nodes = {kind: node_of(f"{kind}/{name}") for kind, name in {**DEFAULTS, **parts}.items()}
    return OmegaConf.create({"model": {**node_of("seq2seq"), **nodes}})


def build_from(
    parts: Mapping[str, str],
    settings: Settings,
    vocab_sizes: tuple[int, int],
    seed: int = 0,
    tasks: Sequence[str] = (),
) -> Seq2Seq:
    config = composed(parts)
    for key, value in settings.items():
        if OmegaConf.select(config.model, key) is not None:
            OmegaConf.update(config, f"model.{key}", value)
    torch.manual_seed(seed)
    return build_model(OmegaConf.to_container(config, resolve=True)["model"], *vocab_sizes, tasks)


def build_combination(combination: Combination, dropout: float = 0.0, seed: int = 0) -> Seq2Seq:
    """With the first sizes that fit. Raises the UserError of the equal sizes where none do."""
    plain = composed(dict(combination.parts)).model
    nodes = {"": plain, **{f"{kind}.": plain[kind] for kind in PARTS}}
    numbers = {f"{path}{key}": value for path, node in nodes.items() for key, value in node.items()}
    dropouts = {
        key: dropout for key, value in numbers.items() if key.endswith("dropout") and not isinstance(value, bool)
    }
    reasons = []
    for sizes in sizes_to_try(combination.cells):
        settings = {**CELLS[combination.cells], **sizes, **dropouts}
        try:
            return build_from(dict(combination.parts), settings, vocab_sizes=(11, 13), seed=seed)
        except UserError as error:
            reasons.append(error)
    raise reasons[-1]


def combined(choices: Mapping[str, str]) -> Combination:
    return Combination(tuple((kind, choices[kind]) for kind in PARTS), choices["cells"])


@cache
def reason(combination: Combination) -> str:
    """Why the parts refuse each other; empty where they do not."""
    try:
        build_combination(combination)
    except UserError as error:
        return str(error)
    return ""


Choice = tuple[str, str]


@cache
def covering() -> tuple[list[Combination], dict[tuple[Choice, Choice], str]]:
    """Few combinations that can be built, such that any two choices meet in one of them; why some two never meet.

    The cells count as a kind of choice. Greedy, with seeded ties: the next combination is completed, choice by choice,
    with what meets most of the others for the first time.
    """
    kinds = {**PARTS, "cells": list(CELLS)}
    choices = [(kind, name) for kind, names in kinds.items() for name in names]
    missing = dict.fromkeys((a, b) for a, b in itertools.combinations(choices, 2) if a[0] != b[0])
    met: list[Combination] = []
    refused: dict[tuple[Choice, Choice], str] = {}
    draw = random.Random(0)
    while missing:
        pair = next(iter(missing))
        for found in completions(dict(pair), kinds, missing, draw):
            why = reason(combined(found))
            if not why:
                break
        if why:
            refused[pair] = why
            del missing[pair]
            continue
        met.append(combined(found))
        ordered = [(kind, found[kind]) for kind in kinds]
        for pair in itertools.combinations(ordered, 2):
            missing.pop(pair, None)
    return met, refused


def completions(
    pair: Mapping[str, str],
    kinds: Mapping[str, Sequence[str]],
    missing: Container[tuple[Choice, Choice]],
    draw: random.Random,
) -> Iterator[dict[str, str]]:
    """Choices of every other kind beside two: six times what meets most for the first time, then the defaults."""
    for _ in range(6):
        found = dict(pair)
        for kind in draw.sample(sorted(kinds.keys() - found.keys()), len(kinds) - 2):
            names = draw.sample(kinds[kind], len(kinds[kind]))
            found[kind] = max(names, key=lambda name, kind=kind: new_pairs((kind, name), found.items(), missing))
        yield found
    for cells in CELLS:
        yield {**DEFAULTS, "cells": cells, **pair}


def new_pairs(choice: Choice, others: Iterable[Choice], missing: Container[tuple[Choice, Choice]]) -> int:
    return sum((choice, other) in missing or (other, choice) in missing for other in others)
