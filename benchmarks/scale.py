"""Measures what a large corpus costs: the first start, the second, memory, and how fast batches are made.

    python benchmarks/scale.py --folder DIR                                   # 100,000, 1,000,000 and 10,000,000 pairs
    python benchmarks/scale.py --folder DIR --pairs 100000 --output FILE

The pairs are sentences of 10 to 25 made-up words, drawn by Zipf's law from 50,000, and the same words in another
made-up language. For each number of pairs, in processes of their own:

- first start: the tokenizer is trained, the token store written, the first step taken;
- second start: until the first step, and then some more steps of training, without validation;
- the loader alone: the batches of the second start, without a model.

Memory is looked at from outside, every twentieth of a second. Of the resident pages, those that belong to no file are
what a process needs (`memory`); `resident` counts the mapped pages of the token store too, which the system takes back
whenever it wants them. What a corpus needs is how much more that is than with the smallest corpus.

DIR needs about 600 bytes a pair, 6 GB for ten million.
"""

from __future__ import annotations

import argparse
import csv
import json
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from rich.console import Console
from rich.table import Table

WORDS = 50_000
SHORTEST, LONGEST = 10, 25
"""Words of a sentence."""
EVALUATED = 1_000
"""Pairs of the validation and the test split."""
PAIRS_AT_A_TIME = 50_000
STEPS = 30
LOOK_EVERY = 0.05
"""Seconds between two looks at a process."""
LOADER_SECONDS = 20.0
SETTINGS = ["task=translation", "corpus=parallel_text", "corpus.source=aa", "corpus.target=bb", "test=false"]
LOGGED = re.compile(r"\[(.{23})\]\[seq2seq_pl.datamodule\]\[INFO\] - (training|tokenizing) the (\w+)")
MEBIBYTE = 1024


class Look(NamedTuple):
    """A look at a process: when, its pages that belong to no file, all its resident pages, in kB."""

    clock: float
    memory: int
    resident: int


def main() -> None:
    """Measures each size and prints a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", nargs="+", type=int, default=[100_000, 1_000_000, 10_000_000])
    parser.add_argument("--settings", nargs="*", default=[], help="more of the training's")
    parser.add_argument("--folder", type=Path, help="where there is room; default: the system's for temporary files")
    parser.add_argument("--output", type=Path, help="JSON file")
    parser.add_argument("--loader", nargs="+", metavar="SETTING", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.loader:
        print(json.dumps(loader_alone(asked.loader)))
        return
    found: list[dict[str, float]] = []
    for pairs in sorted(asked.pairs):
        with tempfile.TemporaryDirectory(dir=asked.folder) as folder:
            found.append(measure(pairs, Path(folder), asked.settings))
        print(json.dumps(found[-1]), file=sys.stderr, flush=True)
        if asked.output:
            asked.output.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    show(found)


# -- a corpus --------------------------------------------------------------------------------------------------------


def write_corpus(folder: Path, pairs: int) -> None:
    """The files of a corpus; the same for the same number of pairs."""
    rng = np.random.default_rng(1)
    languages = {name: made_up_words(rng, letters) for name, letters in (("aa", "aeiou"), ("bb", "aoåäö"))}
    drawn = rng.choice(WORDS, size=1 << 22, p=zipf())  # as good as new draws, and faster
    for split, count in (("valid", EVALUATED), ("test", EVALUATED), ("train", pairs)):
        files = {name: (folder / f"{split}.{name}").open("wb") for name in languages}
        for begun in range(0, count, PAIRS_AT_A_TIME):
            lengths = rng.integers(SHORTEST, LONGEST + 1, size=min(PAIRS_AT_A_TIME, count - begun))
            words = drawn[rng.integers(0, len(drawn), size=int(lengths.sum()))]
            words[np.cumsum(lengths) - 1] += WORDS  # the last of a line
            for name, table in languages.items():
                characters = table[words].reshape(-1)
                files[name].write(characters[characters != 0].tobytes())
        for file in files.values():
            file.close()


def zipf() -> npt.NDArray[np.float64]:
    """The share of each word."""
    shares = 1.0 / np.arange(1, WORDS + 1)
    return np.asarray(shares / shares.sum(), dtype=np.float64)


def made_up_words(rng: np.random.Generator, vowels: str) -> npt.NDArray[np.uint8]:
    """UTF-8 of each word with a space after it and, WORDS rows below, with the end of a line; padded with zeros.

    They are of two to four syllables, longer ones further down.
    """
    syllables = [consonant + vowel for consonant in "bdfghjklmnprstvz" for vowel in vowels]
    found: dict[str, None] = {}
    while len(found) < WORDS:
        length = 2 + (len(found) > 300) + (len(found) > 5_000)
        found["".join(syllables[i] for i in rng.integers(0, len(syllables), size=length))] = None
    lines = [word.encode() + end for end in (b" ", b"\n") for word in found]
    return np.array(lines).view(np.uint8).reshape(len(lines), -1)


# -- a size ----------------------------------------------------------------------------------------------------------


def measure(pairs: int, folder: Path, more: list[str]) -> dict[str, float]:
    """Everything about a corpus of this many pairs."""
    began = time.perf_counter()
    write_corpus(folder, pairs)
    print(f"{pairs:,} pairs written in {time.perf_counter() - began:.1f} s", file=sys.stderr, flush=True)
    settings = [*SETTINGS, f"corpus.path={folder}", f"cache_dir={folder}/cache", *more]
    first_clock, first_looks = trained(settings, folder / "first", steps=1)
    stages = list(stages_of((folder / "first" / "train.log").read_text(encoding="utf-8")))
    (training, train, valid) = (stages[i][1] for i in range(3))
    (store,) = (folder / "cache").glob("*/train.arrow")
    report = json.loads(store.with_suffix(".json").read_text(encoding="utf-8"))
    tokens = report["source_tokens"] + report["target_tokens"]
    second_clock, second_looks = trained(settings, folder / "second", steps=STEPS)
    consumed = consumption(folder / "second" / "metrics.csv")
    line = [sys.executable, __file__, "--loader", *settings, f"run_dir={folder}/loader"]
    loader = json.loads(subprocess.run(line, stdout=subprocess.PIPE, check=True).stdout)
    written = [look for look in first_looks if train <= look.clock <= valid]
    learnt = [look for look in first_looks if training <= look.clock <= train]
    return {
        "pairs": pairs,
        "tokens": tokens,
        "bytes of text": sum(path.stat().st_size for path in folder.glob("train.*")),
        "bytes of store": store.stat().st_size,
        "first start, s": first_clock,
        "tokenizer, s": train - training,
        "store, s": valid - train,
        "store, tokens/s": tokens / (valid - train),
        "tokenizer, memory MB": peak(learnt).memory,
        "store, memory MB": peak(written).memory,
        "store, resident MB": peak(written).resident,
        "second start, s": second_clock,
        "training, memory MB": peak(second_looks).memory,
        "training, resident MB": peak(second_looks).resident,
        "training, target tokens/s": consumed,
        "loader, target tokens/s": loader["target tokens/s"],
        "loader, times training": loader["target tokens/s"] / consumed,
    }


def trained(settings: list[str], directory: Path, steps: int) -> tuple[float, list[Look]]:
    """Seconds from a command to the end of its first step, and looks at its process until some steps are done.

    Raises:
        RuntimeError: it ended before.
    """
    line = [sys.executable, "-m", "seq2seq_pl.train", *settings, f"hydra.run.dir={directory}"]
    line.append("callback.telemetry.every_n_steps=1")
    began, first, looks = time.time(), 0.0, []
    process = subprocess.Popen(line, stdout=subprocess.DEVNULL)
    while (done := lines(directory / "metrics.csv")) < steps:
        first = first or (time.time() - began if done else 0.0)
        if process.poll() is not None:
            raise RuntimeError(f"the training ended with status {process.returncode} before step {steps}")
        looks.append(look(process.pid))
        time.sleep(LOOK_EVERY)
    first = first or time.time() - began
    process.kill()
    process.wait()
    return first, looks


def lines(path: Path) -> int:
    """Lines below the names of the columns."""
    try:
        return max(0, path.read_bytes().count(b"\n") - 1)
    except FileNotFoundError:
        return 0


def look(process: int) -> Look:
    """A process as the system sees it now."""
    status = dict(line.split(":", 1) for line in Path(f"/proc/{process}/status").read_text().splitlines())
    sizes = (int(status.get(name, "0 kB").split()[0]) for name in ("RssAnon", "VmRSS"))
    return Look(time.time(), *sizes)


def peak(looks: list[Look]) -> Look:
    """The largest of some looks, in MiB."""
    return Look(0.0, *(max(getattr(one, name) for one in looks) // MEBIBYTE for name in ("memory", "resident")))


def stages_of(log: str) -> Iterator[tuple[str, float]]:
    """What a first start did, in order, and since when."""
    for when, what, which in LOGGED.findall(log):
        yield f"{what} {which}", datetime.strptime(when, "%Y-%m-%d %H:%M:%S,%f").timestamp()


def consumption(path: Path) -> float:
    """Target tokens a second in training, the median over its later steps."""
    with path.open(encoding="utf-8") as file:
        speeds = [float(row["train/tokens_per_second"]) for row in csv.DictReader(file)]
    return statistics.median(speeds[len(speeds) // 3 :])


# -- the loader ------------------------------------------------------------------------------------------------------


def loader_alone(settings: list[str]) -> dict[str, float]:
    """Target tokens a second of the training loader, without a model."""
    from hydra import compose, initialize_config_dir

    from seq2seq_pl.build import build_data, build_tokenizers
    from seq2seq_pl.config import validate
    from seq2seq_pl.launch import register_resolvers, shipped

    register_resolvers()
    with initialize_config_dir(str(shipped("conf")), version_base="1.3"):
        checked = validate(compose("train", settings))
    data = build_data(checked, build_tokenizers(checked))
    data.prepare_data()
    loader = data.train_dataloader()
    began = time.perf_counter()
    planned = len(loader)
    plan = time.perf_counter() - began
    tokens = batches = 0
    began = time.perf_counter()
    for batch in islice(loader, planned):
        tokens += int(batch.target_mask.sum())
        batches += 1
        if time.perf_counter() - began > LOADER_SECONDS:
            break
    seconds = time.perf_counter() - began
    return {"target tokens/s": tokens / seconds, "batches/s": batches / seconds, "plan, s": plan}


def show(found: list[dict[str, float]]) -> None:
    """Prints a column for each size."""
    table = Table("", *(f"{result['pairs']:,} pairs" for result in found), box=None)
    for column in table.columns[1:]:
        column.justify = "right"
    for name in list(found[0])[1:]:
        precise = name.endswith((", s", "times training"))
        table.add_row(name, *(f"{result[name]:,.{1 if precise else 0}f}" for result in found))
    for stage in ("store", "training"):
        for kind in ("memory", "resident"):
            name = f"{stage}, {kind} MB"
            table.add_row(f"{name}, more", *(f"{result[name] - found[0][name]:,.0f}" for result in found))
    Console().print(table)


if __name__ == "__main__":
    main()
