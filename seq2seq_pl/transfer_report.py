"""Transfer and interference: a run of several tasks beside runs of one task each, tested, shown, and written down.

Whether tasks help each other in one network is the question of https://arxiv.org/abs/1511.06114.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from omegaconf import DictConfig
from rich.console import Console
from rich.text import Text

from seq2seq_pl.command_config import TransferConfig, read
from seq2seq_pl.comparison import metrics_of, print_table
from seq2seq_pl.errors import UserError
from seq2seq_pl.files import write_text
from seq2seq_pl.findings import SEED
from seq2seq_pl.outputs import (
    Found,
    find,
    need_directory,
    outputs_of_tasks,
    record_of,
    tasks_of,
    unscored,
)
from seq2seq_pl.schema import Node
from seq2seq_pl.transfer_findings import INTERFERENCE, NOT_COMPARABLE, NOT_TESTED, TRANSFER, Row, rows_of


@dataclass(frozen=True)
class Network:
    """What a network cost; None is not known.

    Attributes:
        parameters: trainable numbers.
        minutes: of training, without the preparation of data and the scoring of test sets.
    """

    parameters: int | None
    minutes: float | None


@dataclass(frozen=True)
class Transfer:
    """Everything that is found.

    Attributes:
        together: task -> its outputs by the run of several tasks.
        alone: task -> those by the run that learnt it alone.
        rows: the scores, task by task.
        left_out: jobs of sweeps that are no finished run of one task.
    """

    together: Mapping[str, Found]
    alone: Mapping[str, Found]
    rows: Sequence[Row]
    left_out: Sequence[str]


def report_transfer(config: DictConfig) -> None:
    """Says what learning tasks together did to each, prints it and writes <run>/transfer_<split>.json and .csv.

    Raises:
        UserError: runs that cannot be compared, or a setting that cannot be.
    """
    asked = question(config)
    together = open_together(asked.run, asked.split)
    alone, left_out = open_alone(asked, together)
    rows: list[Row] = []
    for task, found in together.items():
        metrics = metrics_of(None, found.config)
        rows += rows_of(found, alone.get(task), task, metrics, split=asked.split, resamples=asked.resamples)
    found_all = Transfer(together, alone, rows, left_out)
    path = Path(asked.run, f"transfer_{asked.split}.json")
    content = json.dumps(as_json(found_all, asked), indent=2, ensure_ascii=False) + "\n"
    try:
        write_text(path.expanduser(), content)
        write_text(path.expanduser().with_suffix(".csv"), as_csv(rows))
    except OSError as error:
        raise UserError(f"run ({asked.run}): {path.name} cannot be written: {error.strerror}.") from error
    console = Console()
    tell(console, found_all, asked)
    console.print(Text(f"written to {path} and {path.with_suffix('.csv').name}"), soft_wrap=True)


# -- what is asked ---------------------------------------------------------------------------------------------------


def question(config: DictConfig) -> TransferConfig:
    """What is asked; `alone` is a list. Raises UserError for a setting that cannot be."""
    asked = read(TransferConfig, config)
    several = isinstance(asked.alone, Sequence) and not isinstance(asked.alone, str)
    alone = [str(one) for one in (asked.alone if several else [asked.alone])]  # 2026 is a directory, too
    if not alone:
        raise UserError("alone ([]) must be the directory of a run of one task, or a list of some: alone=[A,B].")
    return replace(asked, alone=alone)


def open_together(run: str, split: str) -> dict[str, Found]:
    """The outputs of a run of several tasks, by task.

    Raises:
        UserError: not such a run, or one without outputs of this split.
    """
    folder = need_directory(run, "run")
    tasks = tasks_of(record_of(folder))
    if len(tasks) < 2:
        what = f"is a run of one task, {tasks[0]}" if tasks else "has no record.json of a run in it"
        raise UserError(f"run ({run}) {what}; give the directory of a run of several tasks.")
    found = outputs_of_tasks(str(Path(run)), split)
    if not found:
        raise UserError(unscored(str(Path(run)), split, "run"))
    return found


def open_alone(asked: TransferConfig, together: Mapping[str, Found]) -> tuple[dict[str, Found], list[str]]:
    """Task -> the run that learnt it alone, and jobs of sweeps that are none such.

    Raises:
        UserError: what is no run of one task, or of none of these tasks, or of one that has a run already.
    """
    for typed in asked.alone:
        need_single(typed, tasks_of(record_of(need_directory(typed, "alone"))))
    found, left_out = find(asked.alone, asked.split, "alone")
    alone: dict[str, Found] = {}
    for one in found:
        tasks = tasks_of(one.record)
        need_single(one.run, tasks)
        if not tasks:
            raise UserError(f"alone ({one.run}): no record.json says which task this is; give the directory of a run.")
        if tasks[0] not in together:
            known = ", ".join(together)
            raise UserError(f"alone ({one.run}) is a run of {tasks[0]}, which is no task of {asked.run} ({known}).")
        if tasks[0] in alone:
            raise UserError(f"alone: {alone[tasks[0]].run} and {one.run} are both runs of {tasks[0]}; leave one out.")
        alone[tasks[0]] = one
    run = Path(asked.run).expanduser().resolve()
    return alone, [job for job in left_out if Path(job).expanduser().resolve() != run]  # a sweep may have all of them


def need_single(run: str, tasks: Sequence[str]) -> None:
    """Raises UserError for a run of several tasks."""
    if len(tasks) > 1:
        raise UserError(f"alone ({run}) is a run of several tasks ({', '.join(tasks)}); give runs of one task each.")


# -- what it cost ----------------------------------------------------------------------------------------------------


def network(record: Node) -> Network:
    """What a run's network cost, as its record says."""
    parameters, seconds = record.get("parameters"), record.get("fit_seconds")
    return Network(
        parameters if isinstance(parameters, int) else None,
        seconds / 60 if isinstance(seconds, (int, float)) else None,
    )


def all_of(networks: Sequence[Network]) -> Network:
    """Several networks as one; what is not known of one is not known of all."""
    parameters = [one.parameters for one in networks if one.parameters is not None]
    minutes = [one.minutes for one in networks if one.minutes is not None]
    return Network(
        sum(parameters) if len(parameters) == len(networks) else None,
        sum(minutes) if len(minutes) == len(networks) else None,
    )


def networks_of(found: Transfer) -> tuple[dict[str, Network], Network]:
    """The network of each task alone, and that of all tasks together."""
    together = next(iter(found.together.values()))
    return {task: network(one.record) for task, one in found.alone.items()}, network(together.record)


# -- what is told ----------------------------------------------------------------------------------------------------


def as_json(found: Transfer, asked: TransferConfig) -> dict[str, object]:
    """Everything that the tables say."""
    single, together = networks_of(found)
    return {
        "split": asked.split,
        "run": asked.run,
        "alone": {task: one.outputs for task, one in found.alone.items()},
        "left_out": list(found.left_out),
        "confidence": 0.95,
        "bootstrap": {"resamples": asked.resamples, "seed": SEED},
        "scores": [vars(row) | {"verdict": row.verdict} for row in found.rows],
        "networks": {
            "alone": {task: vars(one) for task, one in single.items()},
            "all_alone": vars(all_of(list(single.values()))),
            "together": vars(together),
        },
        "notes": notes(found, asked),
    }


def as_csv(rows: Sequence[Row]) -> str:
    """The scores, one a row."""
    text = io.StringIO()
    writer = csv.DictWriter(text, [*vars(rows[0]), "verdict"], lineterminator="\n")
    writer.writeheader()
    writer.writerows(vars(row) | {"verdict": row.verdict} for row in rows)
    return text.getvalue()


def notes(found: Transfer, asked: TransferConfig) -> list[str]:
    """What the figures do not say by themselves."""
    said = []
    if any(row.p_value is not None for row in found.rows):
        said.append(
            f"p: paired bootstrap of {asked.resamples:,} samples of the sentences, each score by itself; how much "
            "another seed would change is not in it."
        )
    untested = ", ".join(dict.fromkeys(row.score for row in found.rows if row.verdict == NOT_TESTED))
    if untested and asked.resamples:
        said.append(f"There is no test for {untested}, which is no sum over sentences of the outputs.")
    said += [
        f"{row.score} of {row.task} is per token, and the runs cut the texts into different tokens."
        for row in found.rows
        if row.verdict == NOT_COMPARABLE
    ]
    said += [
        f"{task} was learnt alone from other files than together."
        for task, one in found.alone.items()
        if _other_files(one.record, found.together[task].record, f"{task}/train")
    ]
    return said + [
        f"left out, as it has no outputs of one task for split={asked.split}: {job}" for job in found.left_out
    ]


def _other_files(a: Node, b: Node, name: str) -> bool:
    corpora = [record.get("corpus") for record in (a, b)]
    reports = [corpus.get(name) if isinstance(corpus, Mapping) else None for corpus in corpora]
    digests = [report.get("sha256") if isinstance(report, Mapping) else None for report in reports]
    return None not in digests and digests[0] != digests[1]


def tell(console: Console, found: Transfer, asked: TransferConfig) -> None:
    """Prints the scores, the networks and the notes."""
    console.print(Text(f"{len(found.together)} tasks in one network, split {asked.split}: {asked.run}"), soft_wrap=True)
    headings = ["task", "score", "alone", "together", "better by", "p", "verdict"]
    cells = [
        [
            row.task if row.task != before else "",
            row.score,
            "" if row.alone is None else f"{row.alone:.2f}",
            f"{row.together:.2f}",
            "" if row.gain is None else f"{row.gain:+.2f}",
            "" if row.p_value is None else f"{row.p_value:.4f}",
            row.verdict,
        ]
        for row, before in zip(found.rows, ["", *(row.task for row in found.rows)], strict=False)
    ]
    colours = {TRANSFER: "green", INTERFERENCE: "red"}
    styles = {place: colours.get(row.verdict, "") if row.main else "dim" for place, row in enumerate(found.rows)}
    print_table(console, headings, cells, names=2, styles=styles)
    single, together = networks_of(found)
    sums = {f"all {len(single)} alone": all_of(list(single.values()))} if len(single) > 1 else {}
    networks = {f"{task} alone": one for task, one in single.items()} | sums
    networks[f"{len(found.together)} tasks together"] = together
    costs = [[name, _cell(one.parameters, ",d"), _cell(one.minutes, ".1f")] for name, one in networks.items()]
    print_table(console, ["network", "parameters", "minutes"], costs)
    for note in notes(found, asked):
        console.print(Text(note))


def _cell(value: float | None, form: str) -> str:
    return "unknown" if value is None else format(value, form)
