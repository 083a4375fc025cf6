"""Comparing finished runs: their outputs are read, tested against the first, shown, and written down."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from omegaconf import DictConfig
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from seq2seq_pl.by_length import BINS, checked_bins
from seq2seq_pl.command_config import CompareConfig, read
from seq2seq_pl.comparison_page import describe, ends
from seq2seq_pl.errors import UserError
from seq2seq_pl.files import write_text
from seq2seq_pl.findings import SEED, Column, Contrast, Findings, Spread, changed, compare
from seq2seq_pl.interfaces import Metric
from seq2seq_pl.metric_choice import USUAL, build_metrics
from seq2seq_pl.run_names import Group
from seq2seq_pl.schema import Node
from seq2seq_pl.significance import Interval
from seq2seq_pl.systems import Systems, open_systems


def compare_runs(config: DictConfig) -> None:
    """Compares runs, prints the figures and writes the page and its .json.

    Raises:
        UserError: runs that cannot be compared, or a setting that cannot be.
    """
    asked = question(config)
    page = page_path(asked.output)
    systems = open_systems(asked.runs, asked.split)
    known = next((system.found.config for system in systems.systems if system.found.config), {})
    metrics = metrics_of(asked.metric, known)
    found = compare(systems, metrics, bins_of(known), resamples=asked.resamples, trials=asked.trials)
    text = describe(systems, found, asked)
    content = json.dumps(as_json(systems, found, asked), indent=2, ensure_ascii=False) + "\n"
    try:
        write_text(page, text)
        write_text(page.with_suffix(".json"), content)
    except OSError as error:
        where = error.filename or page
        raise UserError(f"output ({asked.output}) cannot be written: {error.strerror}: {where}.") from error
    tell(Console(), systems, found, asked)


# -- what is asked ---------------------------------------------------------------------------------------------------


def question(config: DictConfig) -> CompareConfig:
    """What is asked. Raises UserError for a setting that cannot be."""
    asked = read(CompareConfig, config)
    return replace(asked, runs=[str(run) for run in asked.runs])  # 2026 is a directory, too


def page_path(output: str) -> Path:
    """Where the page goes. Raises UserError if it is no place for a page."""
    path = Path(output).expanduser()
    if path.is_dir():
        raise UserError(f"output ({output}) is a directory; give a file, such as {Path(output) / 'compare.html'}.")
    if path.suffix not in (".html", ".htm"):
        raise UserError(f"output ({output}) must end in .html; the figures go to a .json beside it.")
    return path


def metrics_of(asked: Node | None, trained: Node) -> list[Metric]:
    """What to compare by: what is asked for, else what the run was scored by, else the usual.

    Raises:
        UserError: everything that is wrong with them, one line each.
    """
    own, corpus = trained.get("metric") or USUAL, trained.get("corpus")
    assert isinstance(own, Mapping)
    return build_metrics(asked, own, corpus.get("target") if isinstance(corpus, Mapping) else None)


def bins_of(trained: Node) -> Sequence[int]:
    """The source lengths by which a run plotted its scores."""
    callback = trained.get("callback")
    plot = callback.get("length_plot") if isinstance(callback, Mapping) else None
    given = plot.get("bins", BINS) if isinstance(plot, Mapping) else BINS
    return checked_bins("callback.length_plot.bins", given)


# -- what is told ----------------------------------------------------------------------------------------------------


def as_json(systems: Systems, found: Findings, asked: CompareConfig) -> dict[str, object]:
    """Everything that the page's tables say."""
    names = [system.name for system in systems.systems]
    return {
        "split": asked.split,
        "sentences": len(systems.references),
        "baseline": names[0],
        "confidence": 0.95,
        "bootstrap": {"resamples": asked.resamples, "seed": SEED},
        "randomization": {"trials": asked.trials, "seed": SEED},
        "runs": [
            {"name": system.name, "outputs": system.found.outputs, "seed": system.seed}
            | {"scores": {column.name: _score(column, place) for column in found.columns}}
            for place, system in enumerate(systems.systems)
        ],
        "left_out": systems.left_out,
        "settings": {key: dict(zip(names, values, strict=True)) for key, values in systems.settings.items()},
        "differences": [
            {
                "run": names[one.system],
                "score": one.score,
                "difference": one.difference,
                **_bounds(one.interval),
                **{f"p_{test}": value for test, value in one.p_values.items()},
                **{f"p_{test}_holm": value for test, value in one.corrected.items()},
                "verdict": one.verdict,
            }
            for one in found.contrasts
        ],
        "seeds": [
            {
                "settings": systems.groups[one.group].name,
                "runs": [names[member] for member in systems.groups[one.group].members],
                "score": one.score,
                "mean": one.mean,
                "deviation": one.deviation,
                **_bounds(one.interval),
                "over": "sentences" if one.deviation is None else "seeds",
            }
            for one in found.spreads
        ],
        "by_length": found.lengths
        and {
            "unit": found.lengths.unit,
            "bins": found.lengths.labels,
            "sentences": found.lengths.sentences,
            "scores": {score: dict(zip(names, values, strict=True)) for score, values in found.lengths.scores.items()},
        },
        "changed": [_changed(systems, found, place, asked.sentences) for place in range(1, len(names))],
    }


def _score(column: Column, place: int) -> dict[str, object]:
    bounds = _bounds(column.intervals[place] if column.intervals else None)
    return {"value": column.scores[place].value, **bounds, "signature": column.scores[place].signature}


def _bounds(interval: Interval | None) -> dict[str, object]:
    return {"low": interval and interval.low, "high": interval and interval.high}


def _changed(systems: Systems, found: Findings, place: int, count: int) -> dict[str, object]:
    before, after = found.sentence_scores[0], found.sentence_scores[place]
    lists = zip(("gained", "lost"), changed(found.sentence_scores, place, count), strict=True)
    shown = {
        name: [{"line": i + 1, "before": float(before[i]), "after": float(after[i])} for i in places]
        for name, places in lists
    }
    same = sum(a == b for a, b in zip(systems.systems[0].hypotheses, systems.systems[place].hypotheses, strict=True))
    counts = {"better": int((after > before).sum()), "worse": int((after < before).sum()), "same_output": same}
    return {"run": systems.systems[place].name, "by": "sentence chrF", **counts, **shown}


def tell(console: Console, systems: Systems, found: Findings, asked: CompareConfig) -> None:
    """Prints the figures of the page's tables and where the page is."""
    names = [system.name for system in systems.systems]
    console.print(Text(f"{len(systems.references):,} sentences of split {asked.split}, against {names[0]}"))
    tests = [
        heading for heading, made in (("p boot-\nstrap", asked.resamples), ("p random-\nization", asked.trials)) if made
    ]
    for column in found.columns:
        headings = [column.name, "score", *(["95 % interval"] if column.intervals else [])]
        rows = [_score_row(column, place, name) for place, name in enumerate(names)]
        against = {one.system: one for one in found.contrasts if one.score == column.name}
        if against:
            headings += ["change", *tests, "verdict"]
            rows = [[*row, *_test_row(against.get(place), len(tests))] for place, row in enumerate(rows)]
        print_table(console, headings, rows)
    if tests and len(names) > 2:
        console.print(Text(f"p is corrected for {len(names) - 1} comparisons (Holm)."))
    over_seeds = [_seed_row(systems.groups[one.group], one) for one in found.spreads if one.deviation is not None]
    if over_seeds:
        print_table(console, ["over seeds", "score", "seeds", "mean", "deviation", "95 % interval"], over_seeds)
    for job in systems.left_out:
        console.print(Text(f"left out, as it has no outputs of split={asked.split}: {job}"), soft_wrap=True)
    console.print(Text(f"written to {asked.output}"), soft_wrap=True)


def _score_row(column: Column, place: int, name: str) -> list[str]:
    return [name, f"{column.scores[place].value:.2f}", *([ends(column.intervals[place])] if column.intervals else [])]


def _test_row(one: Contrast | None, tests: int) -> list[str]:
    """What the tests found; blank for the first system, which is what the others are tested against."""
    if one is None:
        return [""] * (tests + 2)
    return [f"{one.difference:+.2f}", *(f"{p_value:.4f}" for p_value in one.corrected.values()), one.verdict]


def _seed_row(group: Group, one: Spread) -> list[str]:
    return [
        group.name,
        one.score,
        str(len(group.members)),
        f"{one.mean:.2f}",
        f"{one.deviation:.2f}",
        ends(one.interval),
    ]


def print_table(
    console: Console,
    headings: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    names: int = 1,
    styles: Mapping[int, str] | None = None,
) -> None:
    """Prints a table, its first `names` columns names and the others aligned as numbers; `styles` are of rows."""
    made = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    for place, heading in enumerate(headings):
        if place >= names:
            made.add_column(Text(heading), justify="right", no_wrap=True)
        else:
            made.add_column(Text(heading), overflow="fold")
    for place, row in enumerate(rows):
        made.add_row(*map(Text, row), style=(styles or {}).get(place))
    console.print(made)
