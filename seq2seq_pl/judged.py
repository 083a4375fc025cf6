"""What `evaluate` is asked and what it tells, whoever made the outputs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from omegaconf import DictConfig
from rich.console import Console

from seq2seq_pl import summary
from seq2seq_pl.by_length import checked_bins, plot_by_length
from seq2seq_pl.command_config import EvaluateConfig, read
from seq2seq_pl.errors import UserError
from seq2seq_pl.files import typed_path
from seq2seq_pl.interfaces import Metric
from seq2seq_pl.record import Bootstrap, write_scores
from seq2seq_pl.scoring import Scored
from seq2seq_pl.significance import Interval, interval
from seq2seq_pl.values import Score

OF_A_RUN = ("decoding", "batch_size", "max_tokens", "cache_dir")
"""Settings that say how outputs are made, of which a plain file knows nothing."""

SEED = 12345
"""Of the bootstrap; sacreBLEU's own, so that `sacrebleu -ci` finds the same interval."""


@dataclass(frozen=True)
class Judged:
    """Scored outputs and what scored them.

    Attributes:
        where: the beginning of the scores' full names ("test/translation"), or "".
        title: what the plots call the outputs.
        folder: where the plots go; None makes none.
    """

    where: str
    title: str
    scored: Scored
    metrics: Sequence[Metric]
    folder: Path | None


def question(config: DictConfig) -> EvaluateConfig:
    """What is asked, without contradictions.

    Raises:
        UserError: a setting that cannot be, or does not go with another.
    """
    asked = read(EvaluateConfig, config)
    if asked.bins is not None:
        checked_bins("bins", asked.bins)
    if asked.output:
        path = typed_path("output", asked.output)
        there = next((place for place in (path, *path.parents) if place.exists()), path)
        if there.exists() and not there.is_dir():
            which = "" if there == path else f": {there}"
            raise UserError(f"output ({asked.output}){which} is a file; give a directory.")
    if asked.hypotheses is None:
        for name in ("references", "sources"):
            if getattr(asked, name) is not None:
                raise UserError(f"{name} belongs to plain files: set hypotheses=FILE too; a run has its own {name}.")
        return asked
    if asked.run is not None:
        raise UserError(
            "run and hypotheses are both set; leave out hypotheses to score the run's own outputs, or run to score "
            "the file."
        )
    if not asked.references:
        raise UserError("hypotheses needs references: set references=FILE, or references=[FILE,FILE] for several.")
    idle = [name for name in OF_A_RUN if getattr(asked, name) is not None]
    idle += [f"corpus.{name}" for name in asked.corpus or {} if name != "target"]
    idle += ["shortlist"] if asked.shortlist else []
    if idle:
        raise UserError(f"{', '.join(idle)}: changes nothing about a file of outputs; leave it out, or set run=DIR.")
    return asked


def tell(judged: Sequence[Judged], directory: Path | None, asked: EvaluateConfig, bins: Sequence[int]) -> None:
    """Works out the intervals, writes scores and plots, prints the tables."""
    scores: dict[str, Score] = {}
    intervals: dict[str, Interval] = {}
    for one in judged:
        start = f"{one.where}/" if one.where else ""
        scores |= {f"{start}{name}": score for name, score in one.scored.scores.items()}
        if asked.resamples:
            intervals |= {f"{start}{name}": found for name, found in intervals_of(one, asked.resamples).items()}
        if one.folder is not None:
            for metric in one.metrics:
                plot_by_length(one.folder, one.scored.items, metric, bins, one.title)
    if directory is not None:
        write_scores(directory, scores, Bootstrap(intervals, asked.resamples, SEED))
    console = Console()
    summary.print_scores(console, scores, intervals)
    for one in judged if asked.samples else ():
        console.print(summary.sample_table(one.scored.items, asked.samples))
    if directory is not None:
        console.print(f"written to {directory}", highlight=False, soft_wrap=True)


def intervals_of(judged: Judged, resamples: int) -> dict[str, Interval]:
    """The interval of each score that is made of sums over sentences."""
    hypotheses = [item.hypothesis for item in judged.scored.items]
    references = [item.example.references for item in judged.scored.items]
    found: dict[str, Interval] = {}
    for metric in judged.metrics:
        statistics = metric.statistics(hypotheses, references)
        if statistics is not None:
            found |= interval(statistics, resamples=resamples, seed=SEED)
    return found
