"""Lets accidents happen to small trainings on the shipped corpora, and shows what each command printed.

    python benchmarks/accidents.py                # torn checkpoints, a planted pickle, two first starts at once
    mount -t tmpfs -o size=24m none DIR
    python benchmarks/accidents.py --disk DIR     # and a disk that fills up while a run writes on it

Ends with status 1 if anything came out otherwise than it has to.
"""

from __future__ import annotations

import argparse
import errno
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import torch

SETTINGS = [
    "task=translation",
    "corpus.path=${shipped_data:translation}",
    "trainer=cpu",
    "trainer.max_epochs=2",
    "+trainer.limit_train_batches=60",
    "+trainer.limit_val_batches=2",
    "+trainer.limit_test_batches=2",
    "tokenizer.vocab_size=500",
    "model.embedding.size=32",
    "model.encoder.hidden_size=32",
    "model.decoder.hidden_size=64",
    "callback=[checkpoint]",
    "callback.checkpoint.every_n_steps=5",
    "logger=[csv]",
    "samples=0",
]
GIVE_UP = 300
"""Seconds after which a command that does not end is a failure."""


def main() -> None:
    """Runs all of it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--disk", type=Path, help="an empty folder on a disk of about 24 MB")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["SEQ2SEQ_PL_CACHE"] = str(Path(folder, "cache"))
        os.chdir(folder)
        two_first_starts()
        torn_checkpoints()
        planted_pickle(Path(folder))
        if asked.disk:
            full_disk(asked.disk)


def two_first_starts() -> None:
    """Two processes that begin at once with an empty cache: each thing is made once, and both succeed."""
    print("# Two first starts at once")
    both = [start("train", *SETTINGS, f"hydra.run.dir={name}") for name in ("first", "second")]
    expect([finish(process)[0] for process in both], [0, 0])
    made = sorted(path.suffix or path.name for path in Path("cache").rglob("*") if path.is_file())
    print(f"in the cache: {', '.join(made)}\n")
    weights = [torch.load(Path(name, "checkpoints/last.ckpt"), weights_only=True) for name in ("first", "second")]
    same = all(
        torch.equal(weights[0]["state_dict"][name], weights[1]["state_dict"][name]) for name in weights[0]["state_dict"]
    )
    expect(same, True)


def torn_checkpoints() -> None:
    """A run that was killed, whose last checkpoint lost its end; then all of them."""
    print("# A checkpoint without its end")
    process = start("train", *SETTINGS, "hydra.run.dir=torn", quiet=True)
    last, previous = (Path("torn/checkpoints", f"{name}.ckpt") for name in ("last", "previous"))
    wait_for(process, previous)
    while not last.is_file() or last.samefile(previous):  # between two names
        time.sleep(0.01)
    process.kill()
    process.wait()
    tear(last)
    status, printed = finish(start("train", "run=torn"))
    expect((status, "Going on from previous.ckpt" in printed), (0, True))
    for path in Path("torn/checkpoints").glob("*.ckpt"):
        tear(path)
    expect(finish(start("train", "run=torn", "trainer.max_epochs=3"))[0], 2)


def tear(path: Path) -> None:
    """Leaves the first half of a file."""
    os.truncate(path, path.stat().st_size // 2)


class Planted:
    """What a pickle can hold: unpickling calls os.system."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        """What to call."""
        return os.system, ("touch planted",)


def planted_pickle(folder: Path) -> None:
    """A checkpoint from a stranger that would run a program."""
    print("# A planted pickle")
    content = torch.load("first/checkpoints/best.ckpt", weights_only=True)
    torch.save(content | {"planted": Planted()}, "stranger.ckpt")
    expect(finish(start("generate", "run=stranger.ckpt", "input=/dev/null"))[0], 2)
    shutil.copy("stranger.ckpt", "first/checkpoints/last.ckpt")
    os.remove("first/record.json")
    finish(start("train", "run=first"))
    expect((folder / "planted").exists(), False)


def full_disk(disk: Path) -> None:
    """The disk fills up after the first checkpoints; room is made, and the run goes on."""
    print("# A full disk")
    run, ballast = disk / "run", disk / "ballast"
    process = start("train", *SETTINGS, f"hydra.run.dir={run}")
    wait_for(process, run / "checkpoints/previous.ckpt")
    fill(ballast)
    expect(finish(process)[0], 2)
    torch.load(run / "checkpoints/last.ckpt", weights_only=True)
    ballast.unlink()
    expect(finish(start("train", f"run={run}"))[0], 0)


def fill(path: Path) -> None:
    """Writes until no space is left."""
    try:
        with path.open("wb", buffering=0) as file:
            while True:
                file.write(bytes(4096))
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise


def start(command: str, *settings: str, quiet: bool = False) -> subprocess.Popen[str]:
    """A command of the framework, shown as it would be typed."""
    shown = [setting for setting in settings if setting not in SETTINGS]
    if not quiet:
        print(f"$ python -m seq2seq_pl.{command} {'... ' if len(shown) < len(settings) else ''}{shlex.join(shown)}")
    line = [sys.executable, "-m", f"seq2seq_pl.{command}", *settings]
    return subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def finish(process: subprocess.Popen[str]) -> tuple[int, str]:
    """Waits; returns the exit status and what was printed, after showing both."""
    printed, _ = process.communicate(timeout=GIVE_UP)
    for text in re.split(r"[\r\n]+", printed):
        if text.strip():
            print(f"    {text.rstrip()}")
    print(f"    [exit status {process.returncode}]\n")
    return process.returncode, printed


def wait_for(process: subprocess.Popen[str], path: Path) -> None:
    """Waits until a file is there; the process must live to write it."""
    while not path.is_file():
        if process.poll() is not None:
            raise SystemExit(f"the run ended before it wrote {path.name}")
        time.sleep(0.01)


def expect(found: object, wanted: object) -> None:
    """Ends the script if something came out otherwise."""
    if found != wanted:
        raise SystemExit(f"expected {wanted}, found {found}")


if __name__ == "__main__":
    main()
