"""Scoring a finished run again, by the path that training took."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import lightning as L
from omegaconf import DictConfig

from seq2seq_pl.build import build_data, build_module, rehearse
from seq2seq_pl.by_length import BINS, checked_bins
from seq2seq_pl.errors import UserError
from seq2seq_pl.judged import Judged, question, tell
from seq2seq_pl.metric_choice import chosen_metrics
from seq2seq_pl.narrowed import Shortlist
from seq2seq_pl.parts import part
from seq2seq_pl.saved import find_checkpoint, load_tokenizers, read_checkpoint, run_folder, settings_of
from seq2seq_pl.scoring import prefix
from seq2seq_pl.shortlisting import open_shortlist
from seq2seq_pl.training import quieten, score_split

CHANGEABLE = ("batch_size", "max_tokens", "cache_dir", "corpus", "decoding", "metric", "trainer", "samples")


def evaluate_run(config: DictConfig) -> None:
    """Scores a split of a run and prints the table; texts, scores and plots go to <run>/evaluate/<split>.

    Of several tasks, one alone goes to <run>/evaluate/<split>/<task>, where its texts are also with the others.

    Raises:
        UserError: not a run, no such split, or a setting that cannot be.
    """
    quieten()
    asked = question(config)
    if asked.run is None:
        raise UserError("there is nothing to score; set run=DIR, or hypotheses=FILE references=FILE.")
    checkpoint = find_checkpoint(asked.run, asked.checkpoint)
    saved = read_checkpoint(checkpoint)
    changes = {key: getattr(asked, key) for key in CHANGEABLE}
    changes["metric"] = partial(chosen_metrics, asked.metric)
    changes["monitor"] = "loss"  # nothing is chosen here, whatever the metrics are
    settings = settings_of(saved, changes, asked.task_name)
    directory = Path(asked.output).expanduser() if asked.output else usual_directory(checkpoint, asked.split)
    if asked.task_name and not asked.output and len(settings.tasks) > 1:
        directory /= asked.task_name  # beside those of the others
    rehearse(settings)
    tokenizers = load_tokenizers(saved, settings)
    lexicon = open_shortlist(asked.run, checkpoint, settings, tokenizers) if asked.shortlist else None
    data = build_data(settings, tokenizers, trained=True, only=asked.task_name)
    known = dict.fromkeys(split for task in data.tasks.values() for split in task.corpus.splits())
    if asked.split not in known:
        raise UserError(f"split={asked.split}: the corpus of this run has {', '.join(known)}.")
    module = build_module(settings, tokenizers, data.example)
    module.load_state_dict(dict(saved.weights))
    module.shortlist = None if lexicon is None else Shortlist(lexicon, tokenizers.target.vocab_size)
    trainer = part(L.Trainer, "trainer", settings.trainer, logger=False, default_root_dir=settings.run_dir)
    scored = score_split(trainer, module, data, asked.split, directory)
    if trainer.is_global_zero:
        plot = settings.callback.get("length_plot", {})
        bins = checked_bins("callback.length_plot.bins", plot.get("bins", BINS))
        judged = [
            Judged(
                prefix(asked.split, task),
                prefix(asked.split, task),
                result,
                module.judging[task].metrics,
                directory / task if len(data.tasks) > 1 else directory,
            )
            for task, result in scored.items()
        ]
        tell(judged, directory, asked, asked.bins or bins)


def usual_directory(checkpoint: Path, split: str) -> Path:
    """<run>/evaluate/<split> for the best checkpoint, <run>/evaluate/<split>_<checkpoint> for another."""
    return run_folder(checkpoint) / "evaluate" / (split if checkpoint.stem == "best" else f"{split}_{checkpoint.stem}")
