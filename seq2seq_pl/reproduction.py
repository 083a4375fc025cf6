"""Whether a finished run comes out again: what differs between then and now, and the same training once more."""

from __future__ import annotations

import json
import math
import shlex
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import torch
from omegaconf import DictConfig
from rich.console import Console
from rich.text import Text

from seq2seq_pl.build import build_data, build_tokenizers, rehearse
from seq2seq_pl.command_config import ReproduceConfig, read
from seq2seq_pl.comparison import print_table
from seq2seq_pl.config import TrainConfig
from seq2seq_pl.datamodule import DataModule
from seq2seq_pl.errors import Stopped, UserError
from seq2seq_pl.files import write_text
from seq2seq_pl.outputs import json_of, need_directory
from seq2seq_pl.processes import train
from seq2seq_pl.record import environment, read_record, strict
from seq2seq_pl.resuming import differences
from seq2seq_pl.saved import Saved, read_checkpoint, settings_of
from seq2seq_pl.training import Outcome, finished, quieten, shown

WRITTEN_BELOW = ("run_dir", "callback", "logger", "trainer")
"""Settings that say where a run writes; all others say what it reads."""
NOTHING = "none"
EXPECT = (
    "The scores may differ, too: other code may do something else, and another machine, number of threads or version "
    "of a package may add up numbers in another order."
)


@dataclass(frozen=True)
class Difference:
    """Something that is not as it was when the run was trained."""

    what: str
    then: str
    now: str


@dataclass(frozen=True)
class Pair:
    """A score of both trainings; None where one has no such score."""

    name: str
    then: float | None
    now: float | None

    @property
    def same(self) -> bool:
        """Whether they are equal to the last digit; no number is equal to no number."""
        if self.then is None or self.now is None:
            return False
        return self.then == self.now or (math.isnan(self.then) and math.isnan(self.now))


@dataclass(frozen=True)
class Found:
    """What came out.

    Attributes:
        differences: between then and now.
        pairs: the best validation score, and all of the test splits.
        weights: SHA-256 of the best checkpoint's, then and now; None where one has no checkpoint.
    """

    differences: Sequence[Difference]
    pairs: Sequence[Pair]
    weights: tuple[str, str] | None


def reproduce_run(config: DictConfig) -> bool:
    """Says what differs between then and now, trains again, compares, and writes reproduction.json.

    Returns:
        False if a score is another one.
    Raises:
        UserError: no finished run, another corpus, a directory that is taken, or a setting that cannot be.
    """
    quieten()
    asked = read(ReproduceConfig, config)
    folder = need_directory(asked.run, "run")
    record = finished_record(asked.run, folder)
    settings = settings_then(folder, record, asked)
    console = Console()
    directory = Path(asked.output).expanduser().absolute()
    if not asked.only_check:
        check_free(directory, asked)
    found = check(record, settings, console)
    if asked.only_check:
        return True
    rehearse(settings)
    write(directory, Found(found, (), None), asked)
    outcome = train_again(moved(settings, directory))
    then = finished(folder)
    assert then is not None, "finished_record has seen to it"
    result = Found(found, list(pairs(record, then, outcome)), weights(folder, directory))
    write(directory, result, asked)
    tell(console, result, directory)
    return all(pair.same for pair in result.pairs)


# -- then ------------------------------------------------------------------------------------------------------------


def finished_record(run: str, folder: Path) -> dict[str, Any]:
    """The record of a finished run.

    Raises:
        UserError: there is none, it cannot be read, or the run is not finished.
    """
    try:
        record = read_record(folder)
    except FileNotFoundError as error:
        raise UserError(f"run ({run}) is not the directory of a run: it has no record.json in it.") from error
    except (OSError, ValueError) as error:
        raise UserError(f"run ({run}): record.json cannot be read ({error}); without it nothing is known.") from error
    if not isinstance(record.get("config"), dict):
        raise UserError(f"run ({run}): record.json is not the record of a run.")
    if finished(folder) is None:
        command = f"python -m seq2seq_pl.train {shlex.quote(f'run={run}')}"
        raise UserError(f"run ({run}) is not finished, so there is nothing to compare with; go on with it: {command}")
    return record


def settings_then(folder: Path, record: Mapping[str, Any], asked: ReproduceConfig) -> TrainConfig:
    """The settings a run ended with, but for where its data and the cache are now.

    Raises:
        UserError: another setting is to be changed, or one of the run's cannot be any more.
    """
    saved = saved_settings(folder, record)
    then = settings_of(saved, {})
    if asked.mixture and not then.mixture:
        raise UserError(f"mixture: run ({asked.run}) has one task alone; its data is found by corpus.path=DIR.")
    now = settings_of(saved, {"cache_dir": asked.cache_dir, "corpus": asked.corpus, "mixture": asked.mixture})
    others = [name for name, *_ in differences(asdict(then), asdict(now))]
    if others:
        raise UserError(
            f"{', '.join(others)}: cannot change where a run is to come out again; only the place of its data can, "
            "corpus.path=DIR."
        )
    return now


def saved_settings(folder: Path, record: Mapping[str, Any]) -> Saved:
    """The settings as a checkpoint has them, or, where there is none, as the record says."""
    # A run that went on with other settings wrote them into its last checkpoint; its best one may be older.
    for name in ("last", "best"):
        path = folder / "checkpoints" / f"{name}.ckpt"
        if path.is_file():
            return read_checkpoint(path)
    config = dict(record["config"])
    config["mixing_temperature"] = float(config.get("mixing_temperature", 1.0))  # "inf" in JSON
    return Saved(config, tokenizers="", weights={})


# -- what differs ----------------------------------------------------------------------------------------------------


def check(record: Mapping[str, Any], settings: TrainConfig, console: Console) -> list[Difference]:
    """Finds and prints what is not as it was.

    Raises:
        UserError: the corpus is another one.
    """
    found = list(of_environment(record.get("environment", {}), environment()))
    data = build_data(settings, build_tokenizers(settings))
    corpus = list(of_corpus(record.get("corpus", {}), data))
    if not corpus:
        data.prepare_data()
        found += of_stores(record.get("corpus", {}), data)
    found += corpus
    if not found:
        console.print("nothing differs between then and now")
        return found
    print_table(console, ["what", "then", "now"], [[one.what, one.then, one.now] for one in found], names=3)
    if corpus:
        files = ", ".join(one.what.removeprefix("files of ") for one in corpus)
        raise UserError(
            f"the corpus is another one than the run was trained with: the files of {files} have changed. Set "
            "corpus.path=DIR if the old ones are elsewhere."
        )
    console.print(EXPECT)
    return found


def of_environment(then: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[Difference]:
    """Code, packages and machine. What the record does not say is not compared."""
    rows = []
    if "git" in then:
        old, new = (side["git"] or {} for side in (then, now))
        rows.append(("git commit", old.get("commit", NOTHING)[:7], new.get("commit", NOTHING)[:7]))
        rows.append(("uncommitted changes", _digest(old.get("diff")), _digest(new.get("diff"))))
    if "python" in then:
        rows.append(("python", then["python"], now["python"]))
    packages = then.get("packages", {})
    rows += [(name, packages[name], version) for name, version in now["packages"].items() if name in packages]
    machine = then.get("processor", {})
    for what, key in (("processor", "name"), ("threads", "torch_threads")):
        if key in machine:
            rows.append((what, str(machine[key]), str(now["processor"][key])))
    if "gpus" in then:
        before, after = (", ".join(side["gpus"]) or NOTHING for side in (then, now))
        rows.append(("GPUs", before, after))
    yield from (Difference(*row) for row in rows if row[1] != row[2])


def _digest(diff: str | None) -> str:
    return sha256(diff.encode()).hexdigest()[:7] if diff else NOTHING


def of_corpus(then: Mapping[str, Any], data: DataModule) -> Iterator[Difference]:
    """Splits whose files have other contents, or that there were not or are not any more."""
    splits = [(name, task, split) for name, task in data.tasks.items() for split in task.corpus.splits()]
    now = {f"{name}/{split}": task.digests(split, anew=True) for name, task, split in splits}
    for name in dict.fromkeys([*then, *now]):
        before, after = then.get(name, {}).get("sha256"), now.get(name)
        if before != after:
            old, new = (", ".join(digest[:7] for digest in side or ()) or NOTHING for side in (before, after))
            yield Difference(f"files of {name}", old, new)


def of_stores(then: Mapping[str, Any], data: DataModule) -> Iterator[Difference]:
    """Splits whose files are the same, but not the token ids made of them."""
    for (task, split), print_ in data.fingerprints.items():
        before = then[f"{task}/{split}"].get("store", NOTHING)
        if before != print_:
            yield Difference(f"token ids of {task}/{split}", before, print_)


# -- once more -------------------------------------------------------------------------------------------------------


def check_free(directory: Path, asked: ReproduceConfig) -> None:
    """Raises UserError unless a directory is empty, or of an earlier attempt to make this run again."""
    if directory.is_file():
        raise UserError(f"output ({asked.output}) is a file; give a directory.")
    taken = directory.is_dir() and any(directory.iterdir())
    if taken and json_of(directory / "reproduction.json").get("run") != identity(asked.run):
        raise UserError(f"output ({asked.output}) is not empty; give a new directory.")


def identity(run: str) -> str:
    """A run's directory however it is typed."""
    return str(Path(run).expanduser().resolve())


def moved(settings: TrainConfig, directory: Path) -> TrainConfig:
    """The settings of a run that writes everything into another directory."""
    old = settings.run_dir.rstrip("/")

    def there(value: object) -> Any:
        if isinstance(value, Mapping):
            return {key: there(entry) for key, entry in value.items()}
        if isinstance(value, (list, tuple)):
            return [there(entry) for entry in value]
        if isinstance(value, str) and f"{value}/".startswith(f"{old}/"):
            return f"{directory}{value[len(old) :]}"
        return value

    return replace(settings, **{name: there(getattr(settings, name)) for name in WRITTEN_BELOW})


def train_again(settings: TrainConfig) -> Outcome:
    """Trains; where an earlier attempt was stopped, goes on with it."""
    try:
        return train(settings, resume=True, changed=())
    except Stopped as stopped:
        command = ["python", "-m", "seq2seq_pl.reproduce", *(argument.removeprefix("++") for argument in sys.argv[1:])]
        stopped.sentence = f"{stopped.sentence.partition(' Go on with: ')[0]} Go on with: {shlex.join(command)}"
        raise


# -- what came out ---------------------------------------------------------------------------------------------------


def pairs(record: Mapping[str, Any], then: Outcome, now: Outcome) -> Iterator[Pair]:
    """Every score of both trainings."""
    (best,) = record["best"]
    yield Pair(f"best {best}", then.best, now.best)
    for name in dict.fromkeys([*then.scores, *now.scores]):
        before, after = then.scores.get(name), now.scores.get(name)
        yield Pair(name, before.value if before else None, after.value if after else None)


def weights(run: Path, directory: Path) -> tuple[str, str] | None:
    """The digests of both best checkpoints; None where one has none."""
    paths = [folder / "checkpoints" / "best.ckpt" for folder in (run, directory)]
    if not all(path.is_file() for path in paths):
        return None
    then, now = (weights_digest(read_checkpoint(path).weights) for path in paths)
    return then, now


def weights_digest(tensors: Mapping[str, torch.Tensor]) -> str:
    """SHA-256 of the tensors' bytes, in the order of their names."""
    digest = sha256()
    for name in sorted(tensors):
        digest.update(tensors[name].contiguous().reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()


def write(directory: Path, found: Found, asked: ReproduceConfig) -> None:
    """Writes reproduction.json; before the training is done, with nothing but what differs."""
    content: dict[str, object] = {
        "run": identity(asked.run),
        "differences": [asdict(one) for one in found.differences],
        "scores": {pair.name: {"then": pair.then, "now": pair.now} for pair in found.pairs},
        "weights": found.weights and dict(zip(("then", "now"), found.weights, strict=True)),
        "identical": all(pair.same for pair in found.pairs) if found.pairs else None,
    }
    try:
        write_text(directory / "reproduction.json", json.dumps(strict(content), indent=2, ensure_ascii=False) + "\n")
    except OSError as error:
        raise UserError(f"output ({asked.output}) cannot be written: {error.strerror}: {error.filename}.") from error


def tell(console: Console, found: Found, directory: Path) -> None:
    """Prints all scores side by side and whether they are the same."""
    rows = []
    for pair in found.pairs:
        change = NOTHING if pair.same or None in (pair.then, pair.now) else f"{(pair.now or 0) - (pair.then or 0):+.2g}"
        rows.append([pair.name, *("" if value is None else f"{value:.4f}" for value in (pair.then, pair.now)), change])
    print_table(console, ["score", "then", "now", "difference"], rows)
    if found.weights:
        same = len(set(found.weights)) == 1
        console.print(f"weights: {'identical, to the bit' if same else 'differ'}", highlight=False)
    console.print(Text(f"written to {shown(str(directory))}"), soft_wrap=True)
    others = sum(not pair.same for pair in found.pairs)
    told = f"{others} of {len(found.pairs)} scores differ" if others else "identical"
    console.print(told, highlight=False)
