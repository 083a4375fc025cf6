"""Scoring a finished run again, by the path that training took."""

from __future__ import annotations

from pathlib import Path

import lightning as L
from omegaconf import DictConfig
from rich.console import Console

from seq2seq_pl import summary
from seq2seq_pl.build import build_data, build_module, part, rehearse
from seq2seq_pl.config import EvaluateConfig, read
from seq2seq_pl.errors import UserError
from seq2seq_pl.record import named_scores
from seq2seq_pl.saved import find_checkpoint, load_tokenizers, read_checkpoint, settings_of
from seq2seq_pl.training import quieten, score_split

CHANGEABLE = ("batch_size", "max_tokens", "cache_dir", "corpus", "decoding", "metric", "trainer", "samples")


def evaluate_run(config: DictConfig) -> None:
    """Scores a split of a run and prints the table; texts and scores go to <run>/evaluate/<split>.

    Raises:
        UserError: not a run, no such split, or a setting that cannot be.
    """
    quieten()
    asked = read(EvaluateConfig, config)
    checkpoint = find_checkpoint(asked.run, asked.checkpoint)
    saved = read_checkpoint(checkpoint)
    changes = {key: getattr(asked, key) for key in CHANGEABLE}
    settings = settings_of(saved, {**changes, "monitor": "loss"})  # nothing is chosen here, whatever the metrics are
    rehearse(settings)
    tokenizers = load_tokenizers(saved, settings)
    data = build_data(settings, tokenizers, trained=True)
    known = data.tasks[settings.task_name].corpus.splits()
    if asked.split not in known:
        raise UserError(f"split={asked.split}: the corpus of this run has {', '.join(known)}.")
    module = build_module(settings, tokenizers, data.example)
    module.load_state_dict(dict(saved.weights))
    trainer = part(L.Trainer, "trainer", settings.trainer, logger=False, default_root_dir=settings.run_dir)
    directory = Path(asked.output or checkpoint.parent.parent / "evaluate" / asked.split)
    scored = score_split(trainer, module, data, asked.split, directory)
    if trainer.is_global_zero:
        console = Console()
        console.print(summary.score_table(named_scores(asked.split, scored)))
        for result in scored.values():
            console.print(summary.sample_table(result.items, settings.samples))
        console.print(f"written to {directory}", highlight=False, soft_wrap=True)
