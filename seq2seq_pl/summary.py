"""What a command prints when it is done: tables of scores, sample outputs, the next commands to type."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Column, Table

from seq2seq_pl.scoring import Item
from seq2seq_pl.significance import Interval
from seq2seq_pl.store import Report
from seq2seq_pl.values import Score

WIDEST = 6
"""Scores that stand side by side at most, so that a table fits a terminal."""


def data_table(reports: Mapping[tuple[str, str], Report]) -> Table:
    """What became of the examples: what training leaves out and what evaluation cuts is never silent."""
    table = Table(Column("data", no_wrap=True), box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for heading in (
        "pairs",
        "source\ntokens",
        "target\ntokens",
        "unknown\n%",
        "empty,\nleft out",
        "long,\nleft out",
        "long,\ncut",
    ):
        table.add_column(heading, justify="right")
    several = len({task for task, _ in reports}) > 1
    for (task, split), report in reports.items():
        tokens = max(report.source_tokens + report.target_tokens, 1)
        unknown = 100 * (report.source_unknown + report.target_unknown) / tokens
        table.add_row(
            f"{task}/{split}" if several else split,
            f"{report.kept:,}",
            f"{report.source_tokens / max(report.kept, 1):.1f}",
            f"{report.target_tokens / max(report.kept, 1):.1f}",
            f"{unknown:.2f}",
            f"{report.empty:,}",
            f"{report.too_long:,}",
            f"{report.cut:,}",
        )
    return table


def print_score_tables(console: Console, scores: Mapping[str, Score]) -> None:
    """A table for each task; the signatures stand below."""
    for task in dict.fromkeys(path.split("/")[1] for path in scores):
        console.print(score_table({path: score for path, score in scores.items() if path.split("/")[1] == task}))
    print_signatures(console, scores)


def score_table(scores: Mapping[str, Score]) -> Table:
    """One row per split and task, one column per score, or the other way round where there are many scores.

    A baseline ("test/summarization/lead-3/rouge1") stands after what it belongs to.
    """
    rows: dict[str, dict[str, Score]] = {}
    for path, score in scores.items():
        where, name = path.rsplit("/", 1)
        rows.setdefault(where, {})[name] = score
    names = list(dict.fromkeys(name for row in rows.values() for name in row))
    table = Table("scores", box=SIMPLE_HEAD)
    figures = {(where, name): f"{score.value:.2f}" for where, row in rows.items() for name, score in row.items()}
    if len(names) <= WIDEST:
        for name in names:
            table.add_column(name, justify="right")
        for where in rows:
            table.add_row(_heading(where), *(figures.get((where, name), "") for name in names))
    else:
        for where in rows:
            table.add_column(_heading(where), justify="right")
        for name in names:
            table.add_row(name, *(figures.get((where, name), "") for where in rows))
    return table


def _heading(where: str) -> str:
    """Split and task ("test/translation"), or a baseline's own name."""
    return where.split("/", 2)[-1] if where.count("/") == 2 else where


def print_signatures(console: Console, scores: Mapping[str, Score]) -> None:
    """The signatures of some scores by their full names, each with the name of its score, and none twice."""
    found = [(path.rpartition("/")[2], score.signature) for path, score in scores.items() if "|" in score.signature]
    for name, text in dict.fromkeys(found):
        line = text if text.startswith(f"{name}|") else f"{name}: {text}"
        console.print(f"  {line}", style="dim", markup=False, highlight=False, soft_wrap=True)


def print_scores(console: Console, scores: Mapping[str, Score], intervals: Mapping[str, Interval]) -> None:
    """One row per score with its 95 % interval, one table per split and task; the signatures stand below."""
    tables: dict[str, Table] = {}
    for path, score in scores.items():
        where, _, name = path.rpartition("/")
        if where not in tables:
            tables[where] = Table(where or "scores", box=SIMPLE_HEAD)
            tables[where].add_column("value", justify="right")
            if intervals:
                tables[where].add_column("95 % interval", justify="right")
        found = intervals.get(path)
        tables[where].add_row(name, f"{score.value:.2f}", f"{found.low:.2f} – {found.high:.2f}" if found else "")
    for table in tables.values():
        console.print(table)
    print_signatures(console, scores)


def sample_table(items: Sequence[Item], count: int, title: str = "samples") -> Table:
    """`count` items, evenly spaced, or all if they are fewer."""
    table = Table(title, "", box=SIMPLE_HEAD)
    count = min(count, len(items))
    for place in (round(i * (len(items) - 1) / max(count - 1, 1)) for i in range(count)):
        item = items[place]
        if item.example.source:
            table.add_row("source", escape(item.example.source))
        table.add_row("output", escape(item.hypothesis), style="bold")
        table.add_row("reference", escape(item.example.references[0]), end_section=True)
    return table


def print_next_commands(console: Console, run_dir: str, tasks: Sequence[str]) -> None:
    """What to type now; of several tasks the first is named."""
    one = f" task_name={tasks[0]}" if len(tasks) > 1 else ""
    console.print("[bold]next[/bold]")
    for command in (
        f"tensorboard --logdir {run_dir}",
        f"python -m seq2seq_pl.generate run={run_dir}{one}",
        f"python -m seq2seq_pl.evaluate run={run_dir} split=test",
        f"python -m seq2seq_pl.inspect run={run_dir}{one} index=0",
        "python -m seq2seq_pl.train -m model/attention=none,additive seed=1,2",
    ):
        console.print(f"  {command}", soft_wrap=True, markup=False, highlight=False)
