"""Scoring a plain file of outputs as it is; Lightning is not needed for that."""

from __future__ import annotations

from pathlib import Path

from omegaconf import DictConfig

from seq2seq_pl.by_length import BINS
from seq2seq_pl.command_config import EvaluateConfig
from seq2seq_pl.corpus.lines import did_you_mean, lines
from seq2seq_pl.errors import UserError
from seq2seq_pl.files import typed_path
from seq2seq_pl.judged import Judged, question, tell
from seq2seq_pl.metric_choice import USUAL, build_metrics
from seq2seq_pl.scoring import Item, Scored
from seq2seq_pl.values import Example


def evaluate_files(config: DictConfig) -> None:
    """Scores a file of outputs and prints the table; scores and plots go to `output`, where it is given.

    Raises:
        UserError: a file that cannot be read or is not line by line with the others, or a setting that cannot be.
    """
    asked = question(config)
    assert asked.hypotheses is not None
    metrics = build_metrics(asked.metric, USUAL, (asked.corpus or {}).get("target"))
    items = read_items(asked)
    hypotheses, references = [item.hypothesis for item in items], [item.example.references for item in items]
    scores = {name: score for metric in metrics for name, score in metric.compute(hypotheses, references).items()}
    directory = Path(asked.output).expanduser() if asked.output else None
    plotted = directory if asked.sources is not None else None
    judged = Judged("", Path(asked.hypotheses).name, Scored(scores, items), metrics, plotted)
    tell([judged], directory, asked, asked.bins or BINS)


def read_items(asked: EvaluateConfig) -> tuple[Item, ...]:
    """The lines of the files side by side.

    The first references may be empty; an empty line among further ones says that there is none, as in a run's own
    references.1.txt.

    Raises:
        UserError: a file that cannot be read, or files of different length.
    """
    assert asked.hypotheses is not None
    hypotheses = read_lines("hypotheses", asked.hypotheses)
    files = asked.references if isinstance(asked.references, list) else [asked.references]
    streams = [read_lines("references", str(name)) for name in files]
    sources = [""] * len(hypotheses) if asked.sources is None else read_lines("sources", asked.sources)
    for name, texts in zip(map(str, [*files, asked.sources]), [*streams, sources], strict=True):
        if len(texts) != len(hypotheses):
            longer, more = (name, len(texts)) if len(texts) > len(hypotheses) else (asked.hypotheses, len(hypotheses))
            raise UserError(
                f"{asked.hypotheses} has {len(hypotheses):,} lines but {name} has {len(texts):,}; {longer} is longer, "
                f"by {more - min(len(texts), len(hypotheses)):,}. Line i of one must belong to line i of the other."
            )
    return tuple(
        Item(i, hypothesis, Example(source, (first, *filter(None, further))))
        for i, (hypothesis, source, first, *further) in enumerate(zip(hypotheses, sources, *streams, strict=True))
    )


def read_lines(setting: str, name: str) -> list[str]:
    """The lines of a text file, or of its twin with the suffix .gz. Raises UserError if there are none to be had."""
    path = typed_path(setting, name)
    twin = typed_path(setting, str(path.with_name(f"{path.name}.gz"))) if path.name else path
    found = next((candidate for candidate in (path, twin) if candidate.is_file()), None)
    if found is None:
        if path.is_dir():
            raise UserError(f"{setting} ({name}) is a directory; give a file.")
        beside = [entry.name for entry in path.parent.iterdir()] if path.parent.is_dir() else []
        raise UserError(f"{setting} ({name}): no such file, seen from {Path.cwd()}{did_you_mean(path.name, beside)}")
    texts = [text for _, text in lines(found)]
    if not texts:
        raise UserError(f"{setting} ({name}) is empty; there is nothing to score.")
    return texts
