"""Parts tried out for a moment: what they refuse only when they work is known before any work."""

from __future__ import annotations

import math
from collections.abc import Iterator

import lightning as L
import torch
from torch import nn

from seq2seq_pl.config import TrainConfig
from seq2seq_pl.errors import UserError
from seq2seq_pl.interfaces import Objective
from seq2seq_pl.model.seq2seq import Seq2Seq
from seq2seq_pl.parts import named, part
from seq2seq_pl.schema import Node
from seq2seq_pl.values import EOS, Batch

PRECISIONS = ("32-true", "16-mixed", "bf16-mixed")
ALIASES = ("None", "32", "16", "bf16")
"""What Lightning takes for one of `PRECISIONS`."""


def try_model(model: Seq2Seq, objective: Objective | None = None) -> None:
    """One tiny sentence through the model, and through the objective where there is one."""
    sentence = torch.tensor([[EOS]])
    batch = Batch(sentence, sentence, torch.zeros(1, dtype=torch.long), task="", copies=sentence)
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        outputs, weights = model(batch, need_weights=objective is not None and objective.needs_weights)
        logits = model.logits(batch, outputs, weights)
        if objective:
            objective(logits, sentence[0], weights, batch.target_mask)


def try_optimizer(node: Node, device: torch.device) -> None:
    """One step with one weight. Raises UserError for an optimizer that refuses it, as some do on some devices."""
    weight = nn.Parameter(torch.zeros(1, device=device))
    weight.grad = torch.zeros(1, device=device)
    made = part(torch.optim.Optimizer, "optimizer", node, params=[weight])
    with named("optimizer", ArithmeticError, LookupError, AssertionError):
        made.step(lambda: 0.0)


def try_trainer(settings: TrainConfig) -> L.Trainer:
    """A trainer without loggers and callbacks.

    Raises:
        UserError: Lightning refuses the settings, or would only do so in the middle of a training.
    """
    problems = "\n".join(_problems(settings.trainer))
    if problems:
        raise UserError(problems)
    return part(L.Trainer, "trainer", settings.trainer, logger=False, default_root_dir=settings.run_dir)


def _problems(node: Node) -> Iterator[str]:
    precision = node.get("precision")
    if str(precision) not in (*PRECISIONS, *ALIASES):  # the weights are in 32 bits, whatever the numbers computed with
        yield f"trainer.precision ({precision}) must be one of {', '.join(PRECISIONS)}."
    for name, least, ways in (
        ("accumulate_grad_batches", 1, ""),
        ("check_val_every_n_epoch", 1, "; null counts the batches of all epochs"),
        ("val_check_interval", 1e-9, "; trainer.limit_val_batches=0 leaves validations out"),
    ):
        value = node.get(name)
        if isinstance(value, (int, float)) and not least <= value < math.inf:
            yield f"trainer.{name} ({value}) must be {'above 0' if least < 1 else 'at least 1'}{ways}."
    if node.get("overfit_batches"):
        yield (
            f"trainer.overfit_batches ({node['overfit_batches']}) is not possible, as batches are made anew for each "
            "epoch; set trainer.limit_train_batches, or give a small corpus."
        )
