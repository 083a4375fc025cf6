"""Outputs that runs left behind: found, read, and held to be of the same sentences."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from seq2seq_pl.corpus.lines import did_you_mean, lines
from seq2seq_pl.errors import UserError
from seq2seq_pl.schema import Node

HYPOTHESES, REFERENCES, SOURCES = "hypotheses.txt", "references.txt", "sources.txt"
SAME = "runs can only be compared on the same sentences."


@dataclass(frozen=True)
class Found:
    """A directory of outputs.

    Attributes:
        run: the directory as typed; of a job of a sweep, below the sweep's as typed.
        outputs: where its texts are, below `run`.
        record: of the run that they are of, see `as_alone`; empty where none is known.
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


# -- directories -----------------------------------------------------------------------------------------------------


def find(runs: Sequence[str], split: str, setting: str = "runs") -> tuple[list[Found], list[str]]:
    """The outputs behind what was typed for a setting, and the jobs of sweeps that have none.

    Raises:
        UserError: not a directory of outputs, of a run or of a sweep, or one without outputs of this split.
    """
    found: list[Found] = []
    left_out: list[str] = []
    for typed in runs:
        folder = need_directory(typed, setting)
        run = str(Path(typed))
        if (folder / HYPOTHESES).is_file():
            record = record_above(folder)
            found.append(Found(run, run, as_alone(record, task_of(record, folder.resolve())), whole=False))
            continue
        jobs = [str(Path(run, job)) for job in sweep_jobs(folder)]
        places = {job: outputs_of(job, split) for job in jobs or [run]}
        if not any(places.values()):
            raise UserError(unscored(next(iter(places)), split, setting))
        for job, place in places.items():
            if place is None:
                left_out.append(job)
            else:
                record = record_of(Path(job).expanduser())
                found.append(Found(job, place, as_alone(record, task_of(record, Path(place))), whole=True))
    return found, left_out


def need_directory(typed: str, setting: str) -> Path:
    """The directory that was typed for a setting. Raises UserError if it is none."""
    path = Path(typed).expanduser()
    if path.is_dir():
        return path
    if path.exists():
        raise UserError(f"{setting} ({typed}): is a file; give the directory of a run.")
    beside = [entry.name for entry in path.parent.iterdir()] if path.parent.is_dir() else []
    raise UserError(f"{setting} ({typed}): no such directory, seen from {Path.cwd()}{did_you_mean(path.name, beside)}")


def sweep_jobs(folder: Path) -> list[str]:
    """The jobs in a sweep's directory, by number; none in another's."""
    if (folder / ".hydra").is_dir():
        return []
    jobs = [str(listed.parent.parent.relative_to(folder)) for listed in folder.glob("**/.hydra/overrides.yaml")]
    return sorted(jobs, key=lambda job: (not job.isdigit(), int(job) if job.isdigit() else 0, job))


def outputs_of(run: str, split: str) -> str | None:
    """Where a run of one task has its outputs for a split: those of its training, or else those of `evaluate`."""
    return next((str(place) for place in _places(run, split) if (place.expanduser() / HYPOTHESES).is_file()), None)


def outputs_of_tasks(run: str, split: str) -> dict[str, Found]:
    """The outputs of a run of several tasks for a split, by task; of those that have the split."""
    record = record_of(Path(run).expanduser())
    for place in _places(run, split):
        found: dict[str, Found] = {}
        for folder in (*(place / task for task in tasks_of(record)), place):  # no folder for a task alone with a split
            task = task_of(record, folder)
            if task and (folder.expanduser() / HYPOTHESES).is_file():
                found[task] = Found(run, str(folder), as_alone(record, task), whole=False)
        if found:
            return found
    return {}


def _places(run: str, split: str) -> tuple[Path, Path]:
    return Path(run, split), Path(run, "evaluate", split)


def unscored(run: str, split: str, setting: str) -> str:
    """What to do about a directory without outputs of one task."""
    folder = Path(run).expanduser()
    if not (folder / "checkpoints").is_dir():
        what = f"neither a run nor a sweep nor outputs; it has no checkpoints/, no jobs, no {HYPOTHESES}."
        return f"{setting} ({run}): {what}"
    if several := outputs_of_tasks(run, split):
        places = ", ".join(found.outputs for found in several.values())
        return f"{setting} ({run}) is a run of several tasks; give the outputs of one: {places}."
    inner = ["", *(f"{task}/" for task in tasks_of(record_of(folder)))]
    patterns = [(start, f"*/{task}{HYPOTHESES}") for start in (folder, folder / "evaluate") for task in inner]
    splits = {texts.relative_to(start).parts[0] for start, pattern in patterns for texts in start.glob(pattern)}
    there = ", ".join(sorted(splits))
    command = f"python -m seq2seq_pl.evaluate {shlex.quote(f'run={run}')} {shlex.quote(f'split={split}')}"
    known = f" (there is: {there})" if there else ""
    return f"{setting} ({run}) has no outputs of split={split}{known}; make them with {command}"


# -- records ---------------------------------------------------------------------------------------------------------


def record_of(run: Path) -> Node:
    """The record.json of a run; empty where there is none or it is damaged."""
    return json_of(run / "record.json")


def record_above(outputs: Path) -> Node:
    """The record.json of the run that has these outputs in RUN/test, RUN/evaluate/test, or RUN/evaluate/test/TASK."""
    return next(filter(None, map(record_of, outputs.resolve().parents[:3])), {})


def json_of(path: Path) -> Node:
    """A JSON object; empty where the file is not there or damaged."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def tasks_of(record: Node) -> list[str]:
    """The tasks that a run learnt; none where that is not known."""
    config = record.get("config")
    if not isinstance(config, Mapping):
        return []
    return list(config.get("mixture") or filter(None, [config.get("task_name")]))


def task_of(record: Node, outputs: Path) -> str | None:
    """The task of some outputs of a run; None where neither their folder's name nor their scores say it."""
    tasks = tasks_of(record)
    scored = {name.split("/")[1] for name in json_of(outputs.expanduser() / "scores.json") if "/" in name}
    known = tasks if len(tasks) == 1 else [task for task in tasks if task == outputs.name or scored == {task}]
    return known[0] if known else None


def as_alone(record: Node, task: str | None) -> Node:
    """The record of a run of several tasks with the config of one of them; any other as it is."""
    config = record.get("config")
    mixture = config.get("mixture") if isinstance(config, Mapping) else None
    own = mixture.get(task) if isinstance(mixture, Mapping) else None
    if not isinstance(config, Mapping) or not isinstance(own, Mapping):
        return record
    return {**record, "config": {**config, **own, "task_name": task}}


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


def by_sentence(streams: Mapping[str, Sequence[str]]) -> tuple[tuple[str, ...], ...]:
    """The references of each sentence, at least one; an empty line further down is none."""
    return tuple((first, *filter(None, further)) for first, *further in zip(*streams.values(), strict=True))


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
