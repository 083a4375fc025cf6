"""Feeds corpora, settings and lines that nobody chose, and counts what comes back: a result or a clear sentence.

    python benchmarks/fuzzing.py                                  # 10,000 inputs of each kind
    python benchmarks/fuzzing.py --kinds settings --inputs 500 --seed 7

The inputs are those of tests/fuzz, drawn by Hypothesis: valid ones, changed in a place or several. Anything but a
result or a UserError, and any input that takes longer than --patience, is shown and ends with status 1.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import logging
import os
import re
import signal
import statistics
import sys
import tempfile
import time
import warnings
from collections import Counter
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from types import FrameType

import hypothesis
from hypothesis import HealthCheck, Phase
from rich.console import Console
from rich.table import Table

sys.path.append(str(Path(__file__).parents[1] / "tests"))
KINDS = ("corpora", "settings", "requests")
SHOWN = 1_000
"""Characters of a fault on the screen; the JSON file has all."""


class TooLongError(Exception):
    """An input that nothing came back for in time."""


@dataclass(frozen=True)
class Found:
    """What came back for the inputs of a kind.

    Attributes:
        answers: "result" or a sentence -> how often.
        faults: anything else, with its input.
        seconds: of each input.
    """

    answers: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)

    def figures(self) -> dict[str, float]:
        """What is counted and measured."""
        return {
            "inputs": len(self.seconds),
            "results": self.answers["result"],
            "clear errors": self.answers.total() - self.answers["result"],
            "different sentences": len(self.sentences()),
            "faults": len(self.faults),
            "median ms": round(1000 * statistics.median(self.seconds), 1),
            "longest s": round(max(self.seconds), 1),
        }

    def sentences(self) -> Counter[str]:
        """The first sentences, without what differs from input to input."""
        found: Counter[str] = Counter()
        for answer, count in self.answers.items():
            if answer != "result":
                first = answer.partition("\n")[0]
                found[re.sub(r"\S*[/\\]\S*|\([^)]*\)|\d[\d,.]*", "*", first)[:200]] += count
        return found


def main() -> None:
    """Runs the kinds one after the other and prints a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kinds", nargs="+", default=list(KINDS), choices=KINDS)
    parser.add_argument("--inputs", type=int, default=10_000, help="of each kind")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--patience", type=int, default=60, help="seconds for one input")
    parser.add_argument("--output", type=Path, help="JSON file")
    asked = parser.parse_args()
    logging.disable(logging.WARNING)
    found = {kind: feed(kind, asked) for kind in asked.kinds}
    if asked.output:
        content = {
            kind: {**result.figures(), "faults": result.faults, "sentences": dict(result.sentences().most_common())}
            for kind, result in found.items()
        }
        asked.output.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    show(found)
    sys.exit(1 if any(result.faults for result in found.values()) else 0)


def feed(kind: str, asked: argparse.Namespace) -> Found:
    """Asks with the inputs of a kind."""
    module = import_module(f"fuzz.{kind}")
    found = Found()
    signal.signal(signal.SIGALRM, _too_long)
    with tempfile.TemporaryDirectory() as folder:
        asker = module.Asker(Path(folder))

        @hypothesis.seed(asked.seed)
        @hypothesis.settings(
            max_examples=asked.inputs,
            deadline=None,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @hypothesis.given(module.inputs())
        def one(given: object) -> None:
            began = time.monotonic()
            signal.alarm(asked.patience)
            try:
                with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
                    found.answers[asker.ask(given)] += 1
            except Exception as error:
                found.faults.append(f"{type(error).__name__}: {error}\n    {given!r}")
                print(f"{kind}: {found.faults[-1][:SHOWN]}", file=sys.stderr, flush=True)
            finally:
                signal.alarm(0)
            found.seconds.append(time.monotonic() - began)
            if len(found.seconds) % 500 == 0:
                print(f"{kind}: {len(found.seconds):,}, {len(found.faults)} faults", file=sys.stderr, flush=True)

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            one()
    return found


def _too_long(number: int, frame: FrameType | None) -> None:
    raise TooLongError


def show(found: dict[str, Found]) -> None:
    """Prints the figures."""
    table = Table(box=None)
    for kind, result in found.items():
        figures = result.figures()
        if not table.columns:
            for heading in ("", *figures):
                table.add_column(heading, justify="right")
        table.add_row(kind, *(f"{value:,}" for value in figures.values()))
    Console().print(table)


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    main()
