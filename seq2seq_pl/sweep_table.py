"""A Hydra callback: after a sweep, one table of all its jobs. Imports no torch, as the jobs may run elsewhere."""

from __future__ import annotations

import atexit
import csv
import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from hydra.experimental.callback import Callback
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

LOWER_IS_BETTER = frozenset({"loss", "perplexity", "ter", "wer", "per", "cer", "dull"})
"""Scores of which less is better; asking the metrics themselves would import torch."""


@dataclass(frozen=True)
class Job:
    """One job of a sweep.

    Attributes:
        name: its directory within the sweep's.
        overrides: setting -> value as typed.
        monitor: the score that it chose its checkpoint by ("val/translation/bleu").
        validation: the best of these, None if unknown.
        test: test score name -> value, or of the validation split with test=false; empty if the job did not finish.
        minutes: wall time, None if unknown.
    """

    name: str
    overrides: Mapping[str, str]
    monitor: str
    validation: float | None
    test: Mapping[str, float]
    minutes: float | None

    @property
    def failed(self) -> bool:
        """Whether it left no test scores."""
        return not self.test


class SweepTable(Callback):
    """After a sweep, prints its jobs best first and writes them to <sweep directory>/results.csv.

    A job is a directory that Hydra wrote .hydra/ into; one that was planned here but left nothing is shown as failed.
    Jobs are ranked by the best validation score of the monitor, never by a test score; jobs with different monitors, as
    of several tasks, are not ranked.
    """

    def __init__(self) -> None:
        self.planned: dict[str, dict[str, str]] = {}

    def on_multirun_start(self, config: DictConfig, **kwargs: object) -> None:
        """Provides for a table even if a job fails, as Hydra then ends the sweep without `on_multirun_end`."""
        atexit.register(self.on_multirun_end, config)

    def on_job_start(self, config: DictConfig, **kwargs: object) -> None:
        """Remembers a job that runs in this process, in case it leaves nothing."""
        if config.hydra.mode == RunMode.MULTIRUN:
            self.planned[str(config.hydra.sweep.subdir)] = settings(list(config.hydra.overrides.task))

    def on_multirun_end(self, config: DictConfig, **kwargs: object) -> None:
        """Prints and writes the table."""
        atexit.unregister(self.on_multirun_end)
        directory = Path(str(config.hydra.sweep.dir))
        monitor = f"val/{config.task_name}/{config.monitor}"
        jobs = ranked(read_jobs(directory, self.planned, monitor))
        if not jobs:
            return
        rows = as_rows(jobs)
        with (directory / "results.csv").open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerows(rows)
        console = Console()
        comparable = len({job.monitor for job in jobs}) == 1 and rank(jobs[0]) < math.inf
        console.print(as_table(rows, best=jobs[0].name if comparable else None))
        console.print(Text(f"written to {directory / 'results.csv'}"), soft_wrap=True)


def settings(overrides: Sequence[str]) -> dict[str, str]:
    """Setting -> value of overrides as Hydra lists them: "++model.dropout=0.1" -> {"model.dropout": "0.1"}."""
    pairs = (override.lstrip("+").partition("=") for override in overrides)
    return {name: value for name, _, value in pairs}


def read_jobs(directory: Path, planned: Mapping[str, Mapping[str, str]], monitor: str) -> list[Job]:
    """All jobs of a sweep's directory and those that should be there, in the order of their names.

    `monitor` is that of jobs that left no record.
    """
    found = {str(path.parent.parent.relative_to(directory)) for path in directory.glob("**/.hydra/overrides.yaml")}
    names = sorted(
        found | set(planned), key=lambda name: (not name.isdigit(), int(name) if name.isdigit() else 0, name)
    )
    return [_read_job(directory, name, planned.get(name, {}), monitor) for name in names]


def _read_job(directory: Path, name: str, planned: Mapping[str, str], monitor: str) -> Job:
    overrides: Mapping[str, str] = planned
    listed = directory / name / ".hydra" / "overrides.yaml"
    if listed.is_file():
        overrides = settings([str(override) for override in OmegaConf.load(listed)])
    record = _json(directory / name / "record.json")
    scores = _json(directory / name / "test" / "scores.json") or _json(directory / name / "valid" / "scores.json")
    test = {key: _number(score.get("value")) for key, score in scores.items() if isinstance(score, dict)}
    best = record.get("best")
    chosen_by, validation = next(iter(best.items()), (monitor, None)) if isinstance(best, dict) else (monitor, None)
    seconds = _number(record.get("wall_seconds"))
    return Job(
        name,
        overrides,
        monitor=chosen_by,
        validation=_number(validation),
        test={key: value for key, value in test.items() if value is not None and key.count("/") == 2},  # no baselines
        minutes=None if seconds is None else seconds / 60,
    )


def _json(path: Path) -> dict[str, object]:
    """A JSON object; empty where the job did not come to write it, or not to its end."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None


def rank(job: Job) -> float:
    """Smaller is better; infinite for a job without a score."""
    value = None if job.failed else job.validation
    if value is None or math.isnan(value):
        return math.inf
    return value if job.monitor.rpartition("/")[2] in LOWER_IS_BETTER else -value


def ranked(jobs: Sequence[Job]) -> list[Job]:
    """Best first, or in their order where they cannot be compared; failed ones last."""
    comparable = len({job.monitor for job in jobs if not job.failed}) == 1
    return sorted(jobs, key=lambda job: (job.failed, rank(job) if comparable else 0))


def as_rows(jobs: Sequence[Job]) -> list[list[str]]:
    """The table as text, header first: job, what varies, best validation score, test scores, minutes."""
    keys = list(dict.fromkeys(key for job in jobs for key in job.overrides))
    swept = [key for key in keys if len({job.overrides.get(key) for job in jobs}) > 1]
    scores = list(dict.fromkeys(key for job in jobs for key in job.test))
    monitors = list(dict.fromkeys(job.monitor for job in jobs))
    rows = [["job", *swept, monitors[0] if len(monitors) == 1 else "best on validation", *scores, "minutes"]]
    for job in jobs:
        cells = [job.name, *(job.overrides.get(key, "") for key in swept), _cell(job.validation)]
        cells += ["failed" if job.failed else _cell(job.test.get(key)) for key in scores or ()]
        rows.append([*cells, _cell(job.minutes)])
    if not scores:  # no job finished: say so once a row
        rows = [[*row[:-1], "test" if row is rows[0] else "failed", row[-1]] for row in rows]
    return rows


def _cell(value: float | None) -> str:
    return "" if value is None else f"{value:.4g}" if abs(value) >= 1e5 else f"{value:.2f}"


def as_table(rows: Sequence[Sequence[str]], best: str | None) -> Table:
    """The rows for a terminal, the best job in bold with a star, and below them the means of the finished jobs.

    A task that all scores share is left out.
    """
    table = Table(title="sweep, best first", box=SIMPLE_HEAD, padding=0)
    tasks = {name.split("/")[1] for name in rows[0] if name.count("/") == 2}
    for name in rows[0]:
        words = [word for word in re.split("[/.]", name) if len(tasks) > 1 or word not in tasks]
        table.add_column(Text("\n".join(words)), overflow="fold")
    for row in rows[1:]:
        chosen = row[0] == best
        style = "bold green" if chosen else "red" if "failed" in row else ""
        table.add_row(Text(f"{row[0]} *" if chosen else row[0]), *map(Text, row[1:]), style=style)
    means = [_mean(column) for column in zip(*rows[1:], strict=True)]
    if len(tasks) == 1 and len(rows) > 2:
        shown = [mean if name.count("/") == 2 else "" for name, mean in zip(rows[0], means, strict=True)]
        table.add_section()
        table.add_row("mean", *map(Text, shown[1:]), style="dim")
    return table


def _mean(column: Sequence[str]) -> str:
    """The mean of the numbers of a column; nothing where there is none."""
    numbers = [float(cell) for cell in column if cell and cell[-1].isdigit()]
    return _cell(math.fsum(numbers) / len(numbers)) if numbers else ""
