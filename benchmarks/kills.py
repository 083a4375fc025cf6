"""Kills a training at random moments, goes on with it, and compares the end with that of a training nobody killed.

    python benchmarks/kills.py                        # 20 kills of an RNN, 20 of a Transformer
    python benchmarks/kills.py --kills 5 --devices 2  # the same in two processes

Three tasks in one network, with dropout, scheduled sampling (RNN), BPE-dropout, an average of the weights, gradient
accumulation and early stopping. SIGKILL comes at a random moment between the first step and the end of the command,
every fifth time between its start and its end, and every fourth time it waits for a checkpoint that is being written.
Compared are the SHA-256 of all tensors of the last and of the best checkpoint (weights, optimizer, average), the logged
numbers but for speeds, and the scores.
"""

from __future__ import annotations

import argparse
import contextlib
import csv
import hashlib
import json
import os
import random
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import torch
from rich.console import Console
from rich.table import Table

COMMON = [
    "task=multitask",
    "trainer=cpu",
    "trainer.max_epochs=3",
    "+trainer.limit_train_batches=40",
    "+trainer.limit_val_batches=6",
    "+trainer.limit_test_batches=6",
    "+trainer.accumulate_grad_batches=2",
    "batch_size=32",
    "tokenizer.vocab_size=1000",
    "tokenizer.dropout=0.1",
    "callback=[checkpoint,early_stopping,ema,telemetry]",
    "callback.checkpoint.every_n_steps=4",
    "callback.ema.update_every_n_steps=1",
    "callback.telemetry.every_n_steps=3",
    "samples=0",
]
MODELS = {
    "RNN": [
        "model.dropout=0.2",
        "model.embedding.size=48",
        "model.encoder.hidden_size=48",
        "model.decoder.hidden_size=96",
        "schedule@teacher_forcing=linear",
        "teacher_forcing.end=0.5",
    ],
    "Transformer": [
        "model=transformer",
        "model.dropout=0.1",
        "model.embedding.size=64",
        "model.encoder.layers=2",
        "model.decoder.layers=2",
    ],
}


def main() -> None:
    """Runs all of it and prints a table; ends with status 1 if anything differs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=20, help="of each model")
    parser.add_argument("--devices", type=int, default=1, help="processes of the training")
    parser.add_argument("--models", nargs="+", default=list(MODELS), choices=list(MODELS))
    parser.add_argument("--seed", type=int, default=1, help="of the moments")
    parser.add_argument("--output", type=Path, help="JSON file")
    asked = parser.parse_args()
    results = []
    with tempfile.TemporaryDirectory() as folder:
        for model in asked.models:
            results += trials(model, asked, Path(folder))
    if asked.output:
        asked.output.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
    show(results)
    sys.exit(0 if all(result["same"] for result in results) else 1)


def trials(model: str, asked: argparse.Namespace, folder: Path) -> Iterator[dict[str, object]]:
    """One uninterrupted run, then a run for each kill."""
    settings = [*COMMON, *MODELS[model]]
    if asked.devices > 1:
        settings += ["trainer=ddp", f"trainer.devices={asked.devices}", "trainer.accelerator=cpu"]
    whole = folder / model
    began = time.monotonic()
    process = start(settings, whole)
    while process.poll() is None and not (whole / "record.json").is_file():
        time.sleep(0.05)
    first_step = time.monotonic() - began
    process.wait()
    end = time.monotonic() - began
    expected = outcome(whole)
    moments = random.Random(asked.seed)
    for number in range(asked.kills):
        directory, ended = folder / f"{model}-{number}", True
        while ended:  # before the moment came: once more
            shutil.rmtree(directory, ignore_errors=True)
            process = start(settings, directory)
            time.sleep(moments.uniform(0 if number % 5 == 0 else first_step, end))
            writing = number % 4 == 3 and wait_for_writing(process, directory / "checkpoints")
            ended = process.poll() is not None
            stop(process)
        step = last_step(directory)
        begun = (directory / ".hydra" / "config.yaml").is_file()
        with (folder / "errors.txt").open("w+") as errors:
            again = ([f"run={directory}"], None) if begun else (settings, directory)
            status = start(*again, errors=errors).wait()
            errors.seek(0)
            said = errors.read() if status else ""
        found = outcome(directory)
        different = [name for name in expected if found.get(name) != expected[name]]
        yield {
            "model": model,
            "while writing": writing,
            "went on after step": step,
            "status": status,
            "said": said,
            "different": different,
            "same": not different and status == 0,
        }
        print(
            f"{model} {number + 1}/{asked.kills}: from step {step}, {different or 'the same'} {said}", file=sys.stderr
        )
        shutil.rmtree(directory)


def start(settings: list[str], directory: Path | None, errors: IO[str] | None = None) -> subprocess.Popen[bytes]:
    """A training in a process group of its own; `errors` takes what it says of errors."""
    place = [f"hydra.run.dir={directory}"] if directory else []
    line = [sys.executable, "-m", "seq2seq_pl.train", *settings, *place]
    return subprocess.Popen(
        line, stdout=subprocess.DEVNULL, stderr=errors or subprocess.DEVNULL, start_new_session=True
    )


def stop(process: subprocess.Popen[bytes]) -> None:
    """SIGKILL for a process and all its children."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def wait_for_writing(process: subprocess.Popen[bytes], folder: Path) -> bool:
    """Waits until a checkpoint is being written; False if none was any more."""
    while process.poll() is None:
        if any(folder.glob(".*.ckpt.*")):
            return True
        time.sleep(0.0005)
    return False


def last_step(directory: Path) -> int:
    """Where the last checkpoint stands that can be read; 0 without one."""
    for name in ("last", "previous"):
        try:
            content = torch.load(directory / "checkpoints" / f"{name}.ckpt", weights_only=True)
            return int(content["global_step"])
        except Exception:  # torn or not there
            continue
    return 0


def outcome(directory: Path) -> dict[str, str]:
    """Digests of everything that has to be the same."""
    found = {}
    for name in ("last", "best"):
        path = directory / "checkpoints" / f"{name}.ckpt"
        if path.is_file():
            content = torch.load(path, weights_only=True)
            for part in ("state_dict", "trained_state_dict", "optimizer_states", "lr_schedulers"):
                found[f"{name}: {part}"] = digest(content.get(part))
    if (directory / "metrics.csv").is_file():
        with (directory / "metrics.csv").open(encoding="utf-8") as file:
            rows = [
                {name: value for name, value in row.items() if value and not name.endswith("tokens_per_second")}
                for row in csv.DictReader(file)
            ]
        found["logged numbers"] = digest(rows)
    scores = directory / "test" / "scores.json"
    if scores.is_file():
        found["scores"] = digest(json.loads(scores.read_text(encoding="utf-8")))
    return found


def digest(value: object) -> str:
    """SHA-256 of nested values."""
    made = hashlib.sha256()
    feed(made, value)
    return made.hexdigest()


def feed(made: hashlib._Hash, value: object) -> None:
    """Adds a value to a digest, tensors by their bytes."""
    if isinstance(value, torch.Tensor):
        made.update(str((value.dtype, tuple(value.shape))).encode())
        made.update(value.contiguous().numpy().tobytes())
    elif isinstance(value, dict):
        for key, below in value.items():
            made.update(repr(key).encode())
            feed(made, below)
    elif isinstance(value, (list, tuple)):
        for below in value:
            feed(made, below)
    else:
        made.update(repr(value).encode())


def show(results: list[dict[str, object]]) -> None:
    """Prints how many were the same."""
    table = Table("model", "kills", "while writing", "median step", "the same", box=None)
    for model in dict.fromkeys(str(result["model"]) for result in results):
        own = [result for result in results if result["model"] == model]
        steps = [int(str(result["went on after step"])) for result in own]
        same = sum(bool(result["same"]) for result in own)
        writing = sum(bool(result["while writing"]) for result in own)
        table.add_row(model, str(len(own)), str(writing), f"{statistics.median(steps):g}", f"{same} of {len(own)}")
    Console().print(table)


if __name__ == "__main__":
    main()
