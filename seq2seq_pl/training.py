"""One training run from a checked config to scores on disk."""

from __future__ import annotations

import logging
import math
import os
import shlex
import shutil
import sys
import time
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from hashlib import sha256
from pathlib import Path
from typing import Any

import lightning as L
import numpy as np
import torch
from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch.loggers import TensorBoardLogger
from rich.console import Console

from seq2seq_pl import summary
from seq2seq_pl.budget import decided
from seq2seq_pl.build import begin_embeddings, build_data, build_module, build_tokenizers, build_trainer, rehearse
from seq2seq_pl.callback.checkpoint import Checkpoint
from seq2seq_pl.config import TrainConfig
from seq2seq_pl.datamodule import DataModule
from seq2seq_pl.errors import Stopped, UserError
from seq2seq_pl.logs import rewind
from seq2seq_pl.mishaps import FOLDER, is_out_of_memory, too_large
from seq2seq_pl.module import Seq2SeqModule
from seq2seq_pl.record import environment, named_scores, read_record, scores_json, write_record, write_results
from seq2seq_pl.resuming import Start, begin, check_data, find_start, first_start
from seq2seq_pl.saved import read_checkpoint
from seq2seq_pl.schema import Node
from seq2seq_pl.scoring import Scored, count_parameters, with_baselines
from seq2seq_pl.store import Report
from seq2seq_pl.values import Score

NO_HYPERPARAMETERS = frozenset(
    {"run_dir", "cache_dir", "path", "download", "files", "samples", "test", "callback", "logger"}
)
"""Settings that say where things are and what is shown, not what is trained."""


@dataclass(frozen=True)
class Outcome:
    """What a run came to.

    Attributes:
        best: the best monitored score on the validation split.
        scores: of every test split, by full name ("test/translation/bleu").
    """

    best: float
    scores: Mapping[str, Score]


def quieten() -> None:
    """Keeps the libraries' hints off a newcomer's screen; their warnings stay."""
    logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)
    logging.getLogger("lightning.fabric").setLevel(logging.WARNING)
    # A worker process would only add its start-up to batches that are gathered from memory-mapped ids.
    warnings.filterwarnings("ignore", message=".*does not have many workers.*")
    warnings.filterwarnings("ignore", message=".*directory .* exists and is not empty.*")  # Hydra's .hydra is in it
    warnings.filterwarnings("ignore", message=".*sync_dist=True")  # scores are put together from all processes already
    warnings.filterwarnings("ignore", message=".*LeafSpec.*is deprecated")  # between Lightning and torch
    warnings.filterwarnings(
        "ignore", message="The .grad attribute of a Tensor that is not a leaf"
    )  # torch.compile looks


def run(settings: TrainConfig, *, resume: bool = False, changed: Sequence[str] = ()) -> Outcome:
    """Prepares the data, trains, scores the test splits with the best checkpoint, writes everything down.

    Args:
        resume: goes on where the run directory's last checkpoint stands; a finished run is not done again.
        changed: settings that may be others than those the run began with.
    """
    quieten()
    began = time.perf_counter()
    console = Console()
    if resume and not changed and (outcome := finished(Path(settings.run_dir))):
        console.print(f"{shown(settings.run_dir)} is finished", highlight=False, soft_wrap=True)
        summary.print_score_tables(console, outcome.scores)
        return outcome
    rehearse(settings)
    start = find_start(settings, changed=changed) if resume else begin(settings)
    settings, decisions = (start.settings, []) if start.checkpoint else decided(settings)
    trainer = build_trainer(settings)
    if settings.compile:
        check_compiler(trainer.strategy.root_device.type)
    tokenizers = build_tokenizers(settings)
    if start.checkpoint:
        tokenizers.load(start.tokenizers)
    data = build_data(settings, tokenizers, trained=start.checkpoint is not None)
    data.prepare_data()
    check_targets(settings, data.reports)
    if start.checkpoint:
        check_data(Path(settings.run_dir), data)
    L.seed_everything(settings.seed, workers=True, verbose=False)
    module = build_module(settings, tokenizers, data.example)
    said = begin_embeddings(module.model, tokenizers)
    if settings.compile:
        module.compiled = torch.compile(module.model.forward, dynamic=True)
    if trainer.is_global_zero:
        rewind(trainer.loggers, start.logs)
    record = first_record(settings, data, module, start)
    if trainer.is_global_zero:
        write_record(Path(settings.run_dir), record)
        console.print(summary.data_table(data.reports))
        for sentence in [*decisions, *said, *start.warnings]:
            console.print(sentence, highlight=False, soft_wrap=True)
        console.print(
            f"{count_parameters(module):,} parameters, run directory {shown(settings.run_dir)}",
            highlight=False,
            soft_wrap=True,
        )
        if start.checkpoint:
            console.print(f"going on after {start.step:,} steps", highlight=False)
    with listening(trainer, settings):
        fit_began = time.perf_counter()
        with naming_batches(module), refused_by_lightning():
            trainer.fit(module, data, ckpt_path=start.checkpoint)
        fit_seconds = time.perf_counter() - fit_began
        best = restore_best(trainer, module)
        splits = data.test_splits() if settings.test else ("valid",)
        scored = {split: score_split(trainer, module, data, split, Path(settings.run_dir, split)) for split in splits}
    scores = {name: score for split, result in scored.items() for name, score in named_scores(split, result).items()}
    if trainer.is_global_zero:
        log_hyperparameters(trainer, settings, scores)
        finish = {
            "fit_seconds": round(fit_seconds, 2),
            "wall_seconds": round(time.perf_counter() - began, 2),
            "steps": trainer.global_step,
            "epochs": trainer.current_epoch,
            "skipped_steps": module.watch.skipped_steps,
            "best": {f"val/{settings.task_name}/{settings.monitor}": None if math.isnan(best) else best},
            "scores": scores_json(scores),
        }
        write_record(Path(settings.run_dir), {**record, **finish})
        if skipped := module.watch.skipped_steps:
            sentence = f"{skipped:,} of {trainer.global_step:,} steps were left out: their gradients were not finite"
            console.print(f"{sentence} (see {shown(settings.run_dir)}/{FOLDER})", highlight=False, soft_wrap=True)
        summary.print_score_tables(console, scores)
        shown_split = scored.get("test" if settings.test else "valid", {})
        for task, result in shown_split.items() if settings.samples else ():
            title = "samples" if len(shown_split) == 1 else f"samples of {task}"
            console.print(summary.sample_table(result.items, settings.samples, title))
        summary.print_next_commands(console, shown(settings.run_dir), list(settings.tasks))
    return Outcome(best, scores)


def finished(run_dir: Path) -> Outcome | None:
    """What a finished run came to; None for one that is not."""
    try:
        record: dict[str, Any] = read_record(run_dir)
        (best,), scores = record["best"].values(), record["scores"]
    except (OSError, ValueError, KeyError):
        return None
    values = {name: Score(float(score["value"]), score["signature"]) for name, score in scores.items()}
    return Outcome(float("nan") if best is None else float(best), values)


@contextmanager
def listening(trainer: L.Trainer, settings: TrainConfig) -> Iterator[None]:
    """Lets a run stop where it can go on, and says how it does."""
    with ExitStack() as stack:
        for callback in trainer.checkpoint_callbacks:
            if isinstance(callback, Checkpoint):
                stack.enter_context(callback.wish)
        try:
            yield
        except Stopped as stopped:
            stopped.sentence += f" Go on with: python -m seq2seq_pl.train run={shlex.quote(shown(settings.run_dir))}"
            raise


@contextmanager
def naming_batches(module: Seq2SeqModule) -> Iterator[None]:
    """Tells of too little memory as a batch that is too large."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if module.work is None or not is_out_of_memory(error):
            raise
        raise too_large(module.work, module.watch.advice) from error


@contextmanager
def refused_by_lightning() -> Iterator[None]:
    """Tells what Lightning finds out only when it begins: limits that leave nothing, a callback that needs a logger."""
    try:
        yield
    except (MisconfigurationException, ModuleNotFoundError) as error:
        said = " ".join(str(error).split()).rstrip(".!")
        raise UserError(f"trainer: {said}.") from error


def check_targets(settings: TrainConfig, reports: Mapping[tuple[str, str], Report]) -> None:
    """Raises UserError if there is nothing to learn from the targets of a task: no token, or none that is known."""
    for task in settings.tasks:
        report = reports.get((task, "train"))
        if report is None or report.target_unknown < report.target_tokens:
            continue
        place = f"mixture.{task}." if settings.mixture else ""
        ways = [f"check the fields that {place}corpus and {place}task take the target from"]
        side = "target_tokenizer" if settings.target_tokenizer else "tokenizer"
        frequency = (settings.target_tokenizer or settings.tokenizer).get("min_frequency")
        if report.target_tokens and frequency:
            ways.insert(0, f"lower {side}.min_frequency ({frequency})")
        what = f"nothing but unknown tokens ({report.target_tokens:,})" if report.target_tokens else "no token at all"
        raise UserError(f"the {report.kept:,} training targets of {task} hold {what}; {', or '.join(ways)}.")


def check_compiler(device: str) -> None:
    """Raises UserError if torch.compile would find no compiler: of C++ for a CPU, of C for what Triton starts."""
    variable, names = ("CXX", ["clang++" if sys.platform == "darwin" else "g++"])
    if device != "cpu":
        variable, names = ("CC", ["gcc", "clang"])
    names = [os.environ[variable]] if variable in os.environ else names
    if not any(map(shutil.which, names)):
        raise UserError(
            f"compile=true needs a compiler, and {' or '.join(names)} is not found; install it (Debian, Ubuntu: "
            f"apt install g++), name another in the environment variable {variable}, or set compile=false."
        )


def first_record(settings: TrainConfig, data: DataModule, module: Seq2SeqModule, start: Start) -> dict[str, object]:
    """What is known of a run before its first step, and since when it goes on where it does."""
    tokenizers = data.tokenizers
    name = "reproduce" if Path(sys.argv[0]).stem == "reproduce" else "train"
    began: dict[str, Any] = {
        "command": ["python", "-m", f"seq2seq_pl.{name}", *(argument.removeprefix("++") for argument in sys.argv[1:])],
        "started": datetime.now(timezone.utc).isoformat(timespec="seconds"),
    }
    if start.checkpoint:
        before = first_start(Path(settings.run_dir))
        again = {**began, "from": start.checkpoint.name, "steps": start.step}
        began |= {key: before[key] for key in began if key in before}
        began["resumed"] = [*before.get("resumed", []), again]
    return {
        **began,
        "seed": settings.seed,
        "config": asdict(settings),
        "environment": environment(),
        "parameters": count_parameters(module),
        "vocabulary": {
            "source": tokenizers.source.vocab_size,
            "target": tokenizers.target.vocab_size,
            "sha256": sha256(tokenizers.to_json().encode()).hexdigest(),
        },
        "corpus": {
            f"{task}/{split}": {"sha256": data.tasks[task].digests(split), "store": data.fingerprints[task, split]}
            | asdict(report)
            for (task, split), report in data.reports.items()
        },
    }


def restore_best(trainer: L.Trainer, module: Seq2SeqModule) -> float:
    """Loads the best checkpoint's weights, where there is one, and returns its monitored score."""
    for callback in trainer.checkpoint_callbacks:
        if isinstance(callback, Checkpoint) and callback.best_score is not None:
            module.load_state_dict(dict(read_checkpoint(callback.best).weights))
            return float(str(np.float32(callback.best_score)))  # Lightning keeps no more digits than these
    return float("nan")


def score_split(
    trainer: L.Trainer, module: Seq2SeqModule, data: DataModule, split: str, directory: Path
) -> dict[str, Scored]:
    """Scores one split by the path that validation takes, and its baselines; returns the results by task."""
    module.split = split
    with naming_batches(module), refused_by_lightning():
        trainer.test(module, dataloaders=data.loader(split), verbose=False)
    scored = {
        task: with_baselines(result, data.tasks[task].task.baselines, module.judging[task].metrics)
        for task, result in module.results(split).items()
    }
    if trainer.is_global_zero:
        write_results(directory, split, scored, several=len(data.tasks) > 1)
    return scored


def log_hyperparameters(trainer: L.Trainer, settings: TrainConfig, scores: Mapping[str, Score]) -> None:
    """Fills TensorBoard's HPARAMS tab with the settings and the final scores."""
    values = {name: score.value for name, score in scores.items() if name.count("/") == 2}  # no baselines
    for logger in trainer.loggers:
        if isinstance(logger, TensorBoardLogger):
            logger.log_hyperparams(hyperparameters(asdict(settings)), values)
            logger.save()


def hyperparameters(node: Node, path: str = "") -> dict[str, str | int | float | bool]:
    """The settings that can change a score as one flat mapping of scalars; a part stands as its name."""
    flat: dict[str, str | int | float | bool] = {}
    for key, value in node.items():
        if key in NO_HYPERPARAMETERS:
            continue
        if isinstance(value, Mapping):
            flat |= hyperparameters(value, f"{path}{key}.")
        elif key == "_target_":
            flat[path.rstrip(".")] = str(value).rsplit(".", 1)[-1]
        elif isinstance(value, (str, int, float, bool)):
            flat[f"{path}{key}"] = value
    return flat


def shown(directory: str) -> str:
    """A directory as a person would type it from here."""
    path = Path(directory)
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else directory
