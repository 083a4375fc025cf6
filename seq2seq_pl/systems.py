"""The systems that `compare` looks at: outputs that runs left behind, found, read and named."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from omegaconf import OmegaConf

from seq2seq_pl.config import Node
from seq2seq_pl.corpus.lines import did_you_mean, lines
from seq2seq_pl.errors import UserError
from seq2seq_pl.run_names import NOT_TRAINED, Group, Trained, flat, named, varied

HYPOTHESES, REFERENCES, SOURCES = "hypotheses.txt", "references.txt", "sources.txt"
SAME = "runs can only be compared on the same sentences."


@dataclass(frozen=True)
class Found:
    """A directory of outputs.

    Attributes:
        run: the directory as typed; of a job of a sweep, below the sweep's as typed.
        outputs: where its texts are, below `run`.
        record: of the run that they are of; empty where none is known.
        whole: whether `run` is a run's directory, so that the record says how the outputs came about.
    """

    run: str
    outputs: str
    record: Node
    whole: bool

    @property
    def config(self) -> Node:
        """What its run was trained with; empty where that is not known."""
        config = self.record.get("config")
        return config if isinstance(config, Mapping) else {}

    def path(self, name: str) -> Path:
        """One of its files."""
        return Path(self.outputs, name).expanduser()


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
        tuple((first, *filter(None, further)) for first, *further in zip(*references[0].values(), strict=True)),
        sources,
        differing(trained),
        tuple(left_out),
    )


# -- directories -----------------------------------------------------------------------------------------------------


def find(runs: Sequence[str], split: str) -> tuple[list[Found], list[str]]:
    """The outputs behind what was typed, and the jobs of sweeps that have none.

    Raises:
        UserError: not a directory of outputs, of a run or of a sweep, or one without outputs of this split.
    """
    found: list[Found] = []
    left_out: list[str] = []
    for typed in runs:
        folder = Path(typed).expanduser()
        if not folder.is_dir():
            raise UserError(f"runs ({typed}): {_no_directory(folder)}")
        run = str(Path(typed))
        if (folder / HYPOTHESES).is_file():
            record = next(filter(None, map(record_of, folder.resolve().parents[:2])), {})  # RUN/test, RUN/evaluate/test
            found.append(Found(run, run, record, whole=False))
            continue
        jobs = [str(Path(run, job)) for job in sweep_jobs(folder)]
        places = {job: outputs_of(job, split) for job in jobs or [run]}
        if not any(places.values()):
            raise UserError(_unscored(next(iter(places)), split))
        for job, place in places.items():
            if place is None:
                left_out.append(job)
            else:
                found.append(Found(job, place, record_of(Path(job).expanduser()), whole=True))
    return found, left_out


def _no_directory(path: Path) -> str:
    if path.exists():
        return "is a file; give the directory of a run."
    beside = [entry.name for entry in path.parent.iterdir()] if path.parent.is_dir() else []
    return f"no such directory, seen from {Path.cwd()}{did_you_mean(path.name, beside)}"


def sweep_jobs(folder: Path) -> list[str]:
    """The jobs in a sweep's directory, by number; none in another's."""
    if (folder / ".hydra").is_dir():
        return []
    jobs = [str(listed.parent.parent.relative_to(folder)) for listed in folder.glob("**/.hydra/overrides.yaml")]
    return sorted(jobs, key=lambda job: (not job.isdigit(), int(job) if job.isdigit() else 0, job))


def outputs_of(run: str, split: str) -> str | None:
    """Where a run has its outputs for a split: those of its training, or else those of `evaluate`."""
    places = (Path(run, split), Path(run, "evaluate", split))
    return next((str(place) for place in places if (place.expanduser() / HYPOTHESES).is_file()), None)


def _unscored(run: str, split: str) -> str:
    """What to do about a directory without outputs."""
    folder = Path(run).expanduser()
    if not (folder / "checkpoints").is_dir():
        return f"runs ({run}): neither a run nor a sweep nor outputs; it has no checkpoints/, no jobs, no {HYPOTHESES}."
    scored = (*folder.glob(f"*/{HYPOTHESES}"), *folder.glob(f"evaluate/*/{HYPOTHESES}"))
    there = ", ".join(sorted({texts.parent.name for texts in scored}))
    command = f"python -m seq2seq_pl.evaluate {shlex.quote(f'run={run}')} {shlex.quote(f'split={split}')}"
    known = f" (there is: {there})" if there else ""
    return f"runs ({run}) has no outputs of split={split}{known}; make them with {command}"


def record_of(run: Path) -> Node:
    """The record.json of a run; empty where there is none or it is damaged."""
    try:
        record = json.loads((run / "record.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return record if isinstance(record, dict) else {}


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


# -- texts -----------------------------------------------------------------------------------------------------------


def read(found: Found, name: str) -> tuple[str, ...]:
    """The lines of a file of outputs. Raises UserError if there are not as many as of references."""
    texts = tuple(_lines(found.path(name)))
    if len(texts) != (count := sum(1 for _ in _lines(found.path(REFERENCES)))):
        references = Path(found.outputs, REFERENCES)
        raise UserError(
            f"{Path(found.outputs, name)} has {len(texts):,} lines but {references} has {count:,}; "
            "line i of one must belong to line i of the other."
        )
    return texts


def _lines(path: Path) -> Iterator[str]:
    return (text for _, text in lines(path))


def read_references(found: Found) -> dict[str, tuple[str, ...]]:
    """Every file of references by its name. Raises UserError if there is none or they differ in length."""
    if not found.path(REFERENCES).is_file():
        raise UserError(f"{found.outputs} has {HYPOTHESES} but no {REFERENCES}; put it there, line by line.")
    streams = {REFERENCES: read(found, REFERENCES)}
    while found.path(name := f"references.{len(streams)}.txt").is_file():
        streams[name] = read(found, name)
    return streams


def need_same(a: Found, first: Mapping[str, Sequence[str]], b: Found, second: Mapping[str, Sequence[str]]) -> None:
    """Raises UserError if two systems have different references, with the first line that differs."""
    for name in (*first, *(name for name in second if name not in first)):
        if name not in first or name not in second:
            has, lacks = (a, b) if name in first else (b, a)
            raise UserError(f"there is {Path(has.outputs, name)} but no {Path(lacks.outputs, name)}; {SAME}")
        both = f"{Path(a.outputs, name)} and {Path(b.outputs, name)}"
        if len(first[name]) != len(second[name]):
            raise UserError(f"{both} have {len(first[name]):,} and {len(second[name]):,} lines; {SAME}")
        pairs = enumerate(zip(first[name], second[name], strict=True), start=1)
        number = next((number for number, (x, y) in pairs if x != y), None)
        if number is not None:
            raise UserError(f"{both} differ in line {number:,}; {SAME}")
