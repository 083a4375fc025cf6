"""Our models beside those of pip-installed peers, one after the other in turns, on the same pieces of the same corpus.

    python benchmarks/race.py train --kit KIT --pieces DIR --models R T --rounds 3
    python benchmarks/race.py decode --kit KIT --pieces DIR --run R=RUN --run T=RUN --rounds 3

KIT is the race kit (its cell.py, decode.py and setup.sh), DIR the folder that its setup.sh filled. Each round runs
every peer that knows the model and then us; a ratio is ours over the peer's of the same round, and the table has the
median of the rounds with the lowest and the highest. Peers are decoded with what their last training left; ours are
runs of the settings of recipes.py (`print --pieces DIR` prints the command lines that make them).
"""

from __future__ import annotations

import argparse
import csv
import json
import math
import os
import re
import shlex
import statistics
import subprocess
import sys
import tempfile
from collections import defaultdict
from pathlib import Path

from recipes import MODELS, settings
from rich.console import Console
from rich.table import Table

PEERS = {
    "R": {"onmt": "rnn", "marian": "rnn"},
    "R-feed": {"onmt": "rnnfeed"},
    "T": {"onmt": "transformer", "hf": "transformer", "marian": "transformer"},
}
DECODERS = {**PEERS, "T": {**PEERS["T"], "ct2": "transformer"}}
MODES = {
    "greedy64": ["batch_size=64", "decoding=greedy"],
    "beam5_64": ["batch_size=64", "decoding=beam", "decoding.beam_size=5"],
    "beam5_1": ["batch_size=1", "decoding=beam", "decoding.beam_size=5"],
}
SENTENCES = {"greedy64": 1000, "beam5_64": 1000, "beam5_1": 200}
WINDOW = 10  # steps between two readings of our speed
WARM = 3  # readings that do not count
THREADS = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS"), "2")


def main() -> None:
    """Runs the rounds and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["train", "decode", "print"])
    parser.add_argument("--kit", type=Path)
    parser.add_argument("--pieces", type=Path, required=True)
    parser.add_argument("--models", nargs="+", default=list(MODELS), choices=list(MODELS))
    parser.add_argument("--peers", nargs="*", help="all that know a model, if left out")
    parser.add_argument("--modes", nargs="+", default=list(MODES), choices=list(MODES))
    parser.add_argument("--run", action="append", default=[], help="MODEL=RUN, to decode with")
    parser.add_argument(
        "--with", dest="changes", nargs="*", default=[], help="settings of ours, such as shortlist=true"
    )
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=150, help="of our training")
    parser.add_argument("--seconds", type=int, default=100, help="of a peer's training")
    parser.add_argument("--output", type=Path, help="JSON file")
    asked = parser.parse_args()
    if asked.what == "print":
        for model in asked.models:
            print("python -m seq2seq_pl.train", shlex.join(settings(model, asked.pieces)))
        return
    cells = list(training_cells(asked) if asked.what == "train" else decoding_cells(asked))
    figures: dict[str, dict[str, list[float]]] = {name: defaultdict(list) for name, _, _ in cells}
    for number in range(asked.rounds):
        for name, ours, peers in cells:
            for peer, command in peers.items():
                figures[name][peer].append(peers_speed(command, asked.pieces))
                print(f"{number + 1}: {name}, {peer}: {figures[name][peer][-1]:,.1f}", file=sys.stderr, flush=True)
            figures[name]["ours"].append(ours())
            print(f"{number + 1}: {name}, ours: {figures[name]['ours'][-1]:,.1f}", file=sys.stderr, flush=True)
    if asked.output:
        asked.output.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    show(figures)


def training_cells(asked: argparse.Namespace):
    """For each model its name, what measures ours, and the commands of its peers."""
    for model in asked.models:
        peers = {
            peer: [asked.kit / "cell.py", peer, name, str(asked.seconds)]
            for peer, name in PEERS[model].items()
            if asked.peers is None or peer in asked.peers
        }
        yield f"{model} train", lambda model=model: train(model, asked), peers


def decoding_cells(asked: argparse.Namespace):
    """The same for each model and mode."""
    runs = dict(text.split("=", 1) for text in asked.run)
    for model, run in runs.items():
        for mode in asked.modes:
            peers = {
                peer: [asked.kit / "decode.py", peer, name, mode]
                for peer, name in DECODERS[model].items()
                if asked.peers is None or peer in asked.peers
            }
            yield f"{model} {mode}", lambda run=run, mode=mode: decode(run, mode, asked), peers


def peers_speed(command: list[object], pieces: Path) -> float:
    """Target tokens per second of a peer; NaN where it failed."""
    python = pieces / "venv-torch" / "bin" / "python"
    environment = {**os.environ, **THREADS, "PEERS_HOME": str(pieces.resolve())}
    environment.pop("PYTHONPATH", None)
    done = subprocess.run([python, *map(str, command)], env=environment, capture_output=True, text=True, check=False)
    try:
        return float(json.loads(done.stdout.strip().splitlines()[-1])["tokens_per_s"])
    except (IndexError, KeyError, ValueError):
        print(done.stdout[-500:], done.stderr[-500:], file=sys.stderr)
        return float("nan")


def train(model: str, asked: argparse.Namespace) -> float:
    """Target tokens per second of our training, the median of its readings."""
    with tempfile.TemporaryDirectory() as folder:
        limits = [
            f"run_dir={folder}",
            f"hydra.run.dir={folder}",
            f"+trainer.max_steps={asked.steps}",
            "trainer.max_epochs=100",
            "+trainer.limit_val_batches=0",
            "+trainer.limit_test_batches=1",
            "test=false",
            "decoding=greedy",
            f"callback.telemetry.every_n_steps={WINDOW}",
        ]
        line = [sys.executable, "-m", "seq2seq_pl.train", *settings(model, asked.pieces), *limits, *asked.changes]
        done = subprocess.run(line, env={**os.environ, **THREADS}, capture_output=True, text=True, check=False)
        if done.returncode:
            print(done.stdout[-500:], done.stderr[-1500:], file=sys.stderr)
            return float("nan")
        with (Path(folder) / "metrics.csv").open(encoding="utf-8") as file:
            readings = [row["train/tokens_per_second"] for row in csv.DictReader(file)]
        return statistics.median([float(value) for value in readings if value][WARM:])


def decode(run: str, mode: str, asked: argparse.Namespace) -> float:
    """Target tokens per second of `generate`, the loading of the model not counted, as with the peers."""
    lines = (asked.pieces / "multi30k" / "test_2016_flickr.sp.en").read_text(encoding="utf-8").splitlines()
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder, "in")
        source.write_text("".join(f"{line}\n" for line in lines[: SENTENCES[mode]]), encoding="utf-8")
        files = [f"run={run}", f"input={source}", f"output={folder}/out", "device=cpu"]
        command = [sys.executable, "-m", "seq2seq_pl.generate", *files, *MODES[mode], *asked.changes]
        done = subprocess.run(command, env={**os.environ, **THREADS}, capture_output=True, text=True, check=False)
    found = re.search(r"([\d,]+) tokens/s", done.stderr)
    if not found:
        print(done.stderr[-1500:], file=sys.stderr)
        return float("nan")
    return float(found[1].replace(",", ""))


def show(figures: dict[str, dict[str, list[float]]]) -> None:
    """Prints a line for each peer of each race."""
    table = Table("", "peer", "peer's tokens/s", "ours", "ratio", "lowest", "highest", box=None)
    for name, found in figures.items():
        ours = found["ours"]
        for peer, theirs in found.items():
            both = [pair for pair in zip(theirs, ours, strict=True) if not any(map(math.isnan, pair))]
            if not both:
                continue
            ratios = [own / other for other, own in both]
            middle = [statistics.median(values) for values in (*zip(*both, strict=True), ratios)]
            row = (
                f"{middle[0]:,.0f}",
                f"{middle[1]:,.0f}",
                *(f"{x:.2f}" for x in (middle[2], min(ratios), max(ratios))),
            )
            table.add_row(name, peer, *(row if peer != "ours" else ("", row[1], "", "", "")))
    Console().print(table)


if __name__ == "__main__":
    main()
