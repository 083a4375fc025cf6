"""What runs are called beside each other: by the settings in which they differ, and which differ by seed alone."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath

from seq2seq_pl.schema import Node

NOT_TRAINED = frozenset({"seed", "run_dir", "cache_dir", "samples", "metric", "logger"})
"""Settings that say where things are, what is shown and how it is judged; besides the seed, which is told apart."""

SHORT = 48  # characters; a longer label is none
FEW = 3  # settings in a label

Settings = Mapping[str, str]


@dataclass(frozen=True)
class Trained:
    """What is known of how a run came about.

    Attributes:
        directory: as it was typed.
        settings: dotted setting -> value, without the seed; empty where they are not known.
        overrides: setting -> value as they were typed to train it, without the seed.
        seed: of its training; None where it is not known.
    """

    directory: str
    settings: Settings
    overrides: Settings
    seed: int | None


@dataclass(frozen=True)
class Group:
    """Runs with the same settings, by their places; where there are several, each has a seed of its own."""

    name: str
    members: tuple[int, ...]
    seeds: tuple[int, ...]


def flat(config: Node) -> dict[str, str]:
    """The settings of a run that can change its outputs, each a text; a part has its name where its settings are."""
    home = str(config.get("run_dir", ""))
    return dict(_flat({key: value for key, value in config.items() if key not in NOT_TRAINED}, home))


def _flat(node: Node, home: str, path: str = "") -> Iterator[tuple[str, str]]:
    for key, value in node.items():
        if isinstance(value, Mapping):
            yield from _flat(value, home, f"{path}{key}.")
        elif key == "_target_":
            *_, module, name = f".{value}".split(".")
            yield path.rstrip("."), module if str(value).startswith("seq2seq_pl.") else name
        elif not isinstance(value, str):
            yield f"{path}{key}", json.dumps(value)
        else:  # a place within the run's directory is no difference
            yield f"{path}{key}", value.removeprefix(home) if home else value


def varied(runs: Sequence[Settings]) -> dict[str, tuple[str | None, ...]]:
    """Setting -> its value in each run, None where it has none; those in which the runs differ.

    Left out is what a part's choice explains: a size that only one of two attentions has.
    """
    keys = dict.fromkeys(key for run in runs for key in run)
    found = {key: tuple(run.get(key) for run in runs) for key in keys}
    found = {key: values for key, values in found.items() if len(set(values)) > 1}

    def explained(key: str) -> bool:
        wholes = (found[part] for part in found if key.startswith(f"{part}."))
        return any(len(set(zip(whole, found[key], strict=True))) == len(set(whole)) for whole in wholes)

    return {key: values for key, values in found.items() if not explained(key)}


def named(runs: Sequence[Trained]) -> tuple[list[str], tuple[Group, ...]]:
    """A short name for each run, different from all others, and the runs grouped by settings.

    A name says in which settings a run differs, else what was typed to train it, else how its directory is called.
    """
    directories = short_directories([run.directory for run in runs])
    members_of = alike(runs)
    labels = _labels(runs, members_of)
    names, groups = list(directories), []
    for label, members in zip(labels, members_of, strict=True):
        seeds = tuple(seed for place in members if (seed := runs[place].seed) is not None)
        for place in members:
            words = [label] if label else []
            words += [f"seed={runs[place].seed}"] if len(members) > 1 else []
            names[place] = " ".join(words) or directories[place]
        several = "all runs" if len(members_of) == 1 else ", ".join(directories[place] for place in members)
        groups.append(Group(label or several, members, seeds))
    return names if len(set(names)) == len(names) else directories, tuple(groups)


def alike(runs: Sequence[Trained]) -> list[tuple[int, ...]]:
    """The places of runs with the same settings and different seeds, in the order of the first of them."""
    groups: dict[object, list[int]] = {}
    for place, run in enumerate(runs):
        groups.setdefault(tuple(sorted(run.settings.items())) or place, []).append(place)
    found: list[tuple[int, ...]] = []
    for members in groups.values():
        seeds = {runs[place].seed for place in members}
        same_seed = None in seeds or len(seeds) < len(members)  # one training, evaluated in several ways
        found += [(place,) for place in members] if same_seed else [tuple(members)]
    return sorted(found)


def _labels(runs: Sequence[Trained], members_of: Sequence[Sequence[int]]) -> list[str]:
    """In what each group differs from the others; "" where that cannot be said shortly or is not known."""
    known = [place for place, members in enumerate(members_of) if runs[members[0]].settings]
    firsts = [runs[members_of[place][0]] for place in known]
    for told, missing in (([run.settings for run in firsts], "no"), ([run.overrides for run in firsts], "default")):
        varying = _sources(varied(told))
        short = [_short(key, varying) for key in varying]
        rows = zip(*varying.values(), strict=True)
        texts = [" ".join(f"{key}={value or missing}" for key, value in zip(short, row, strict=True)) for row in rows]
        if 0 < len(varying) <= FEW and len(set(texts)) == len(texts) and max(map(len, texts)) <= SHORT:
            labels = dict(zip(known, texts, strict=True))
            return [labels.get(place, "") for place in range(len(members_of))]
    return [""] * len(members_of)


def _sources(varying: Mapping[str, tuple[str | None, ...]]) -> dict[str, tuple[str | None, ...]]:
    """Of settings that have the same values everywhere the least deep: the others follow it."""
    found: dict[tuple[str | None, ...], str] = {}
    for key, values in varying.items():
        if values not in found or key.count(".") < found[values].count("."):
            found[values] = key
    return {key: values for values, key in found.items()}


def _short(setting: str, others: Collection[str]) -> str:
    """The shortest end of a dotted setting that no other of them has."""
    words = setting.replace("/", ".").split(".")
    for start in range(len(words) - 1, 0, -1):
        end = ".".join(words[start:])
        if sum(f".{other}".replace("/", ".").endswith(f".{end}") for other in others) == 1:
            return end
    return setting


def short_directories(directories: Sequence[str]) -> list[str]:
    """The shortest end of each directory that no other has."""
    parts = [PurePath(directory).parts for directory in directories]

    def end(own: tuple[str, ...]) -> str:
        for size in range(1, len(own)):
            if sum(other[-size:] == own[-size:] for other in parts) == 1:
                return str(PurePath(*own[-size:]))
        return str(PurePath(*own))

    return [end(own) for own in parts]
