"""The systems that `compare` looks at: outputs that runs left behind, read and named."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from omegaconf import OmegaConf

from seq2seq_pl.errors import UserError
from seq2seq_pl.outputs import (
    HYPOTHESES,
    SOURCES,
    Found,
    by_sentence,
    find,
    need_same,
    read,
    read_references,
)
from seq2seq_pl.run_names import NOT_TRAINED, Group, Trained, flat, named, varied
from seq2seq_pl.schema import Node


@dataclass(frozen=True)
class System:
    """Outputs under a name that is short and no other's."""

    name: str
    found: Found
    seed: int | None
    hypotheses: tuple[str, ...]


@dataclass(frozen=True)
class Systems:
    """What is compared; the first system is what the others are compared with.

    Attributes:
        groups: the systems with the same settings.
        references: of each sentence, at least one.
        sources: of each sentence; None where no system has them.
        settings: setting -> its value in each system, where these differ; None where it has none or none is known.
        left_out: jobs of sweeps that have no outputs.
    """

    systems: tuple[System, ...]
    groups: tuple[Group, ...]
    references: tuple[tuple[str, ...], ...]
    sources: tuple[str, ...] | None
    settings: Mapping[str, tuple[str | None, ...]]
    left_out: tuple[str, ...]


def open_systems(runs: Sequence[str], split: str) -> Systems:
    """Finds and reads the outputs of these runs for a split.

    Raises:
        UserError: fewer than two, one without outputs, one that is there twice, or outputs for different sentences.
    """
    found, left_out = find(runs, split)
    if len(found) < 2:
        gone = "".join(f"; {job} has no outputs of split={split}" for job in left_out)
        raise UserError(
            f"compare needs at least two runs, not {len(found)}{gone}: "
            "python -m seq2seq_pl.compare runs/translation/A runs/translation/B"
        )
    need_different(found)
    references = [read_references(one) for one in found]
    for one, streams in zip(found[1:], references[1:], strict=True):
        need_same(found[0], references[0], one, streams)
    hypotheses = [read(one, HYPOTHESES) for one in found]
    sources = next((read(one, SOURCES) for one in found if one.path(SOURCES).is_file()), None)
    trained = training_of(found)
    names, groups = named(trained)
    return Systems(
        tuple(
            System(name, one, run.seed, texts)
            for name, one, run, texts in zip(names, found, trained, hypotheses, strict=True)
        ),
        groups,
        by_sentence(references[0]),
        sources,
        differing(trained),
        tuple(left_out),
    )


def need_different(found: Sequence[Found]) -> None:
    """Raises UserError if the same outputs are there twice."""
    places: dict[Path, str] = {}
    for one in found:
        place = one.path("").resolve()
        if place in places:
            twice = "is there twice" if one.run == places[place] else f"and {places[place]} are the same outputs"
            raise UserError(f"runs: {one.run} {twice}; leave one out.")
        places[place] = one.run


def training_of(found: Sequence[Found]) -> list[Trained]:
    """How the systems came about. Where all read the same data, it does not matter where it lay."""
    data = {json.dumps(_digests(one.record)) for one in found if one.whole and one.config}
    somewhere = {"corpus.path"} if len(data) == 1 and "{}" not in data else set()
    return [
        Trained(one.run, {key: value for key, value in flat(one.config).items() if key not in somewhere}, *_typed(one))
        if one.whole
        else Trained(one.run, {}, {}, None)
        for one in found
    ]


def _digests(record: Node) -> dict[str, object]:
    corpus = record.get("corpus")
    reports = corpus if isinstance(corpus, Mapping) else {}
    return {split: report.get("sha256") for split, report in reports.items() if isinstance(report, Mapping)}


def _typed(found: Found) -> tuple[dict[str, str], int | None]:
    """The settings that were typed to train a run, without its seed, and that."""
    listed = Path(found.run, ".hydra", "overrides.yaml").expanduser()
    texts = [str(text) for text in OmegaConf.load(listed)] if listed.is_file() else []
    pairs = (text.lstrip("+").partition("=") for text in texts)
    seed = found.config.get("seed")
    typed = {name: value for name, _, value in pairs if name not in NOT_TRAINED and not name.startswith("hydra")}
    return typed, seed if isinstance(seed, int) else None


def differing(trained: Sequence[Trained]) -> dict[str, tuple[str | None, ...]]:
    """Setting -> its value in each run, where those differ whose settings are known."""
    known = [place for place, run in enumerate(trained) if run.settings]
    found = varied([trained[place].settings for place in known])
    values = {setting: dict(zip(known, told, strict=True)) for setting, told in found.items()}
    return {setting: tuple(told.get(place) for place in range(len(trained))) for setting, told in values.items()}
