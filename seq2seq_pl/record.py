"""What makes a run self-describing: record.json, and the texts and scores of each scored split."""

from __future__ import annotations

import csv
import importlib.metadata
import io
import json
import math
import os
import platform
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch

from seq2seq_pl.files import write_text
from seq2seq_pl.scoring import Scored, prefix
from seq2seq_pl.significance import Interval
from seq2seq_pl.values import Score

RECORDED_PACKAGES = (
    "seq2seq_pl torch lightning hydra-core omegaconf torchmetrics sacrebleu rouge-score rapidfuzz tokenizers pyarrow "
    "numpy tensorboard"
)


def environment() -> dict[str, object]:
    """Program, packages, machine and code state of this process; paths of the machine stay out."""
    versions = {}
    for name in RECORDED_PACKAGES.split():
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            versions[name] = "not installed as a package"
    return {
        "python": platform.python_version(),
        "packages": versions,
        "system": platform.platform(),
        "processor": {"name": processor(), "cores": os.cpu_count(), "torch_threads": torch.get_num_threads()},
        "gpus": [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())],
        "git": git_state(),
    }


def processor() -> str:
    """The processor's name as the system tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def git_state() -> dict[str, str] | None:
    """Commit and uncommitted changes of the checkout that the code runs from; None where it runs from no checkout."""
    here = Path(__file__).resolve().parent

    def git(*arguments: str) -> str:
        return subprocess.run(
            ["git", "-C", str(here), *arguments], capture_output=True, text=True, check=True, timeout=10
        ).stdout

    try:
        return {"commit": git("rev-parse", "HEAD").strip(), "diff": git("diff", "HEAD", "--", ".", "../conf")}
    except (OSError, subprocess.SubprocessError):
        return None


def write_record(run_dir: Path, record: Mapping[str, object]) -> None:
    """Writes record.json."""
    _write_json(run_dir / "record.json", record)


def read_record(run_dir: Path) -> dict[str, object]:
    """Reads record.json. Raises OSError or ValueError where there is none that can be read."""
    content = json.loads((run_dir / "record.json").read_text(encoding="utf-8"))
    if not isinstance(content, dict):
        raise ValueError("not a JSON object")
    return content


def named_scores(split: str, scored: Mapping[str, Scored]) -> dict[str, Score]:
    """Task -> scores as one flat mapping: "test/translation/bleu" -> score."""
    return {
        f"{prefix(split, task)}/{name}": score
        for task, result in scored.items()
        for name, score in result.scores.items()
    }


@dataclass(frozen=True)
class Bootstrap:
    """The 95 % intervals of some scores, by their full names, and what they were drawn with."""

    intervals: Mapping[str, Interval]
    resamples: int
    seed: int


def scores_json(scores: Mapping[str, Score], bootstrap: Bootstrap | None = None) -> dict[str, dict[str, object]]:
    """Scores as JSON values, with their intervals where there are some."""
    content: dict[str, dict[str, object]] = {}
    for name, score in scores.items():
        content[name] = {"value": score.value, "signature": score.signature}
        if bootstrap and name in bootstrap.intervals:
            found = bootstrap.intervals[name]
            drawn = {"confidence": 0.95, "resamples": bootstrap.resamples, "seed": bootstrap.seed}
            content[name] |= {"low": found.low, "high": found.high, **drawn}
    return content


def write_scores(directory: Path, scores: Mapping[str, Score], bootstrap: Bootstrap) -> None:
    """Writes scores.json and scores.csv, one row a score, with intervals."""
    _write_json(directory / "scores.json", scores_json(scores, bootstrap))
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["split", "task", "name", "value", "low", "high", "signature"])
    for path, score in scores.items():
        *where, name = path.split("/", 2)
        split, task = where or ("", "")
        found = bootstrap.intervals.get(path)
        bounds = (found.low, found.high) if found else ("", "")
        writer.writerow([split, task, name, score.value, *bounds, score.signature])
    write_text(directory / "scores.csv", text.getvalue())


def write_results(directory: Path, split: str, scored: Mapping[str, Scored], *, several: bool = False) -> None:
    """Writes sources.txt, hypotheses.txt, references.txt (line-aligned) and scores.json of a split.

    Where an item has fewer references than others, its line in references.1.txt and so on is empty. Several tasks have
    a folder each for their texts.
    """
    for task, result in scored.items():
        folder = directory / task if several else directory
        write_text(folder / "sources.txt", _lines(item.example.source for item in result.items))
        write_text(folder / "hypotheses.txt", _lines(item.hypothesis for item in result.items))
        streams = max((len(item.example.references) for item in result.items), default=0)
        for k in range(streams):
            texts = (item.example.references[k] if k < len(item.example.references) else "" for item in result.items)
            write_text(folder / ("references.txt" if k == 0 else f"references.{k}.txt"), _lines(texts))
    _write_json(directory / "scores.json", scores_json(named_scores(split, scored)))


def _write_json(path: Path, content: object) -> None:
    write_text(path, json.dumps(strict(content), indent=2, ensure_ascii=False, default=str, allow_nan=False) + "\n")


def strict(content: object) -> object:
    """The content with numbers that JSON does not have as texts: "inf", "nan"."""
    if isinstance(content, Mapping):
        return {key: strict(value) for key, value in content.items()}
    if isinstance(content, (list, tuple)):
        return [strict(value) for value in content]
    return str(content) if isinstance(content, float) and not math.isfinite(content) else content


def _lines(texts: Iterable[str]) -> str:
    return "".join(" ".join(text.splitlines()) + "\n" for text in texts)
