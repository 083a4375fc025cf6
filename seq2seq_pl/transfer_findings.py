"""What learning a task together with others did to it: its scores beside those of a run that learnt it alone."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from seq2seq_pl.errors import UserError
from seq2seq_pl.findings import LEVEL, SEED
from seq2seq_pl.interfaces import Metric
from seq2seq_pl.outputs import (
    HYPOTHESES,
    SOURCES,
    Found,
    by_sentence,
    json_of,
    need_same,
    read,
    read_references,
)
from seq2seq_pl.scoring import higher_is_better, prefix
from seq2seq_pl.significance import Paired, paired_bootstrap
from seq2seq_pl.values import Score

FORCED = ("loss", "perplexity", "accuracy")
"""Scores of teacher forcing, which no text tells; each is per token."""

BITS = "bits/char"
BITS_SIGNATURE = "-log2 p of the target with EOS, teacher forcing, per character of the reference and 1 for EOS"

TRANSFER, INTERFERENCE, NEITHER = "transfer", "interference", "neither"
NOT_TESTED, NOT_COMPARABLE, NO_RUN = "not tested", "incomparable", "no run alone"


@dataclass(frozen=True)
class Row:
    """One score of a task.

    Attributes:
        main: whether the task was monitored by it, or it stands for that score.
        alone: its value in the run of this task; None where there is none.
        together: its value in the run of several tasks.
        gain: by how much it is better together; None where that cannot be said.
        low, high: of the 95 % interval of the gain; None without a test.
        p_value: of the paired bootstrap; None where the score is no sum over sentences.
    """

    task: str
    score: str
    main: bool
    alone: float | None
    together: float
    gain: float | None
    low: float | None
    high: float | None
    p_value: float | None
    signature: str

    @property
    def verdict(self) -> str:
        """What the other tasks did to this one, where chance is less likely than 5 %."""
        if self.alone is None:
            return NO_RUN
        if self.gain is None:
            return NOT_COMPARABLE
        if self.p_value is None:
            return NOT_TESTED
        if self.p_value >= LEVEL or self.gain == 0:
            return NEITHER
        return TRANSFER if self.gain > 0 else INTERFERENCE


def rows_of(
    together: Found, alone: Found | None, task: str, metrics: Sequence[Metric], *, split: str, resamples: int
) -> list[Row]:
    """The scores of a task, its main one first; only that where no run learnt the task alone.

    Args:
        together: its outputs by the run of several tasks.
        alone: those by the run that learnt it alone.
        metrics: what both are scored by.
        resamples: of the bootstrap; 0 leaves it out.
    Raises:
        UserError: the test sets differ, or a score is not there.
    """
    found = [one for one in (alone, together) if one is not None]
    texts = [test_set(one) for one in found]
    if alone is not None:
        need_same(alone, texts[0], together, texts[1])
    references = by_sentence({name: stream for name, stream in texts[-1].items() if name != SOURCES})
    hypotheses = [read(one, HYPOTHESES) for one in found]
    monitor = str(together.config.get("monitor"))
    rows = _forced(found, task, monitor, references, split) if monitor in FORCED else []
    for metric in metrics:
        rows += _decoded(hypotheses, task, monitor, references, metric, resamples)
    rows.sort(key=lambda row: not row.main)
    return rows if alone is not None else [row for row in rows if row.score == monitor]


def test_set(found: Found) -> dict[str, tuple[str, ...]]:
    """Sources and references, each file by its name."""
    sources = {SOURCES: read(found, SOURCES)} if found.path(SOURCES).is_file() else {}
    return sources | read_references(found)


def _decoded(
    hypotheses: Sequence[Sequence[str]],
    task: str,
    monitor: str,
    references: Sequence[Sequence[str]],
    metric: Metric,
    resamples: int,
) -> list[Row]:
    """The scores of a metric, of the outputs together and, before them where there are some, alone."""
    scores = [metric.compute(texts, references) for texts in hypotheses]
    statistics = [one for texts in hypotheses if (one := metric.statistics(texts, references)) is not None]
    tested: Mapping[str, Paired] = {}
    if len(statistics) == 2 and resamples:
        tested = paired_bootstrap(statistics[0], statistics[1], resamples=resamples, seed=SEED)
    rows = []
    for name in metric.names:
        values, signature = [score[name].value for score in scores], scores[-1][name].signature
        rows.append(_row(task, name, name == monitor, values, metric.higher_is_better, tested.get(name), signature))
    return rows


def _row(
    task: str, score: str, main: bool, values: Sequence[float], upwards: bool, tested: Paired | None, signature: str
) -> Row:
    *alone, together = values
    sign = 1 if upwards else -1
    ends = sorted(sign * end for end in (tested.low, tested.high) if end is not None) if tested else []
    return Row(
        task,
        score,
        main,
        alone[0] if alone else None,
        together,
        sign * (together - alone[0]) if alone else None,
        ends[0] if ends else None,
        ends[-1] if ends else None,
        tested.p_value if tested else None,
        signature,
    )


# -- teacher forcing -------------------------------------------------------------------------------------------------


def _forced(
    found: Sequence[Found], task: str, monitor: str, references: Sequence[Sequence[str]], split: str
) -> list[Row]:
    """A score per token, and where that is no figure for a comparison, its perplexity per character.

    Vocabularies that cut a text into different tokens have different perplexities for the same probability of the text.
    """
    scores = [_saved(one, f"{prefix(split, task)}/{monitor}") for one in found]
    values, signature = [score.value for score in scores], scores[-1].signature
    row = _row(task, monitor, True, values, higher_is_better(monitor, ()), None, signature)
    reports = [_report(one, task, split) for one in found]
    if len(found) == 1 or (reports[0] == reports[1] and _whole(reports[0], references)):
        return [row]
    rows = [Row(task, monitor, True, row.alone, row.together, None, None, None, None, signature)]
    if monitor == "perplexity" and all(_whole(report, references) and _exact(report) for report in reports):
        bits = [_bits(value, report, references) for value, report in zip(values, reports, strict=True)]
        rows.append(_row(task, BITS, True, bits, False, None, BITS_SIGNATURE))
    return rows


def _saved(found: Found, name: str) -> Score:
    """A score as the run left it, with its texts or, as one of several tasks, above them."""
    places = [found.path("scores.json"), found.path("scores.json").parents[1] / "scores.json"]
    for score in (json_of(place).get(name) for place in places):
        if isinstance(score, Mapping) and isinstance(value := score.get("value"), (int, float)):
            return Score(value, str(score.get("signature", "")))
    raise UserError(f"{Path(found.outputs, 'scores.json')} has no {name}, the score by which this task was monitored.")


COUNTS = ("kept", "target_tokens", "target_unknown", "cut_targets")


def _report(found: Found, task: str, split: str) -> dict[str, int]:
    """How many sentences and target tokens a run saw in a split, where its record says so."""
    corpus = found.record.get("corpus")
    report = corpus.get(f"{task}/{split}") if isinstance(corpus, Mapping) else None
    counts = {name: report.get(name) for name in COUNTS} if isinstance(report, Mapping) else {}
    return {name: count for name, count in counts.items() if isinstance(count, int)}


def _whole(report: Mapping[str, int], references: Sequence[Sequence[str]]) -> bool:
    return set(report) == set(COUNTS) and report["kept"] == len(references)


def _exact(report: Mapping[str, int]) -> bool:
    """Whether the tokens say everything that the texts say."""
    return report["target_unknown"] == report["cut_targets"] == 0


def _bits(perplexity: float, report: Mapping[str, int], references: Sequence[Sequence[str]]) -> float:
    tokens = report["target_tokens"] + report["kept"]  # each with an EOS
    characters = sum(len(texts[0]) + 1 for texts in references)
    return math.log2(perplexity) * tokens / characters
