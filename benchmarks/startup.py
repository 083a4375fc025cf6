"""Measures how long a command takes until it works: its help, its imports, and the first step of a training.

    python benchmarks/startup.py                                                         # the corpus that ships
    python benchmarks/startup.py --settings experiment=multi30k_gru corpus.path=DIR

Every measurement is a process of its own, timed from outside, from its start to its end. The first step is timed from
the start of the command until the line that is logged at the end of that step stands in metrics.csv; then the process
is stopped. The training is the one that was asked for but that every step is logged. Cold: the cache is empty, so the
tokenizer is trained and the token store written. Warm: the same again, with what the cold start left there.
The rows for torch and lightning are a floor: what the libraries take by themselves. The last column is processor time,
which other work on the machine changes less.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple

from rich.console import Console
from rich.table import Table

LOOK_EVERY = 0.005
"""Seconds between two looks for the first step."""
CALLS = {
    "train --help": ["-m", "seq2seq_pl.train", "--help"],
    "import torch": ["-c", "import torch"],
    "import lightning": ["-c", "import lightning"],
    "import seq2seq_pl.train": ["-c", "import seq2seq_pl.train"],
    "import seq2seq_pl.training": [
        "-c",
        "from seq2seq_pl.launch import importing\nwith importing(): import seq2seq_pl.training",
    ],
}


class Spent(NamedTuple):
    """Seconds on the clock, and of all cores together."""

    clock: float
    processor: float


def main() -> None:
    """Measures everything and prints a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--settings", nargs="+", default=["task=translation"], help="of the training")
    parser.add_argument("--repeats", type=int, default=5, help="of each measurement")
    parser.add_argument("--output", type=Path, help="JSON file")
    asked = parser.parse_args()
    found = {name: repeated(name, asked.repeats, partial(whole, line)) for name, line in CALLS.items()}
    with tempfile.TemporaryDirectory() as folder:
        places = Places(Path(folder), asked.settings)
        for name, measure in (("first step, cold", places.cold), ("first step, warm", places.warm)):
            found[name] = repeated(name, asked.repeats, measure)
    if asked.output:
        content = {
            "settings": asked.settings,
            "seconds": {name: [spent._asdict() for spent in several] for name, several in found.items()},
        }
        asked.output.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    show(found)


def repeated(name: str, repeats: int, measure: Callable[[], Spent]) -> list[Spent]:
    """Several measurements of the same."""
    found = []
    for number in range(repeats):
        found.append(measure())
        print(f"{name} {number + 1}/{repeats}: {found[-1].clock:.2f} s", file=sys.stderr, flush=True)
    return found


def whole(line: list[str]) -> Spent:
    """What the interpreter spends on something, from its start to its end."""
    began = time.perf_counter()
    process = subprocess.Popen([sys.executable, *line], stdout=subprocess.DEVNULL)
    spent = Spent(0.0, ended(process))
    assert process.returncode == 0, line
    return spent._replace(clock=time.perf_counter() - began)


def ended(process: subprocess.Popen[str] | subprocess.Popen[bytes]) -> float:
    """Waits for a process; returns its processor time."""
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return usage.ru_utime + usage.ru_stime


class Places:
    """Where trainings are started: each cold one has a cache of its own, which the warm ones after it use, too."""

    def __init__(self, folder: Path, settings: list[str]) -> None:
        self.folder = folder
        self.settings = settings
        self.caches = 0
        self.runs = 0

    def cold(self) -> Spent:
        """Until the first step, nothing prepared."""
        self.caches += 1
        return self.warm()

    def warm(self) -> Spent:
        """Until the first step, with what the last cold start left."""
        self.runs += 1
        return first_step(
            [*self.settings, f"cache_dir={self.folder}/cache{self.caches}"], self.folder / f"run{self.runs}"
        )


def first_step(settings: list[str], directory: Path) -> Spent:
    """What is spent from the start of a training to the end of its first step.

    Raises:
        RuntimeError: it ended before.
    """
    line = [sys.executable, "-m", "seq2seq_pl.train", *settings, f"hydra.run.dir={directory}"]
    line.append("callback.telemetry.every_n_steps=1")
    began = time.perf_counter()
    process = subprocess.Popen(line, stdout=subprocess.DEVNULL)
    while not (there := logged(directory / "metrics.csv")) and process.poll() is None:
        time.sleep(LOOK_EVERY)
    clock = time.perf_counter() - began
    if not there:
        raise RuntimeError(f"the training ended with status {process.returncode} before its first step")
    process.kill()
    return Spent(clock, ended(process))


def logged(path: Path) -> bool:
    """Whether there is a line below the names of the columns."""
    try:
        return path.read_bytes().count(b"\n") > 1
    except FileNotFoundError:
        return False


def show(found: dict[str, list[Spent]]) -> None:
    """Prints the seconds."""
    table = Table("seconds", box=None)
    for heading in ("median", "min", "max", "processor"):
        table.add_column(heading, justify="right")
    for name, several in found.items():
        clock = [spent.clock for spent in several]
        processor = statistics.median(spent.processor for spent in several)
        figures = (statistics.median(clock), min(clock), max(clock), processor)
        table.add_row(name, *(f"{seconds:.2f}" for seconds in figures))
    Console().print(table)


if __name__ == "__main__":
    main()
