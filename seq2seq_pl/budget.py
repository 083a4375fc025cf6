"""How many tokens of a batch fit into memory, and how many batches make an optimizer step of the size asked for."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader

from seq2seq_pl.batching import BatchSampler, PlannedBatch
from seq2seq_pl.build import build_data, build_module, build_tokenizers
from seq2seq_pl.config import TrainConfig
from seq2seq_pl.datamodule import DataModule
from seq2seq_pl.errors import UserError
from seq2seq_pl.memory import counting_kept, free_memory
from seq2seq_pl.mishaps import is_out_of_memory, tried
from seq2seq_pl.module import Seq2SeqModule
from seq2seq_pl.planning import Counts, Ints
from seq2seq_pl.trials import try_trainer
from seq2seq_pl.values import Batch

TAKEN = 0.8
"""The share of the free memory that a training may take."""
PASSING = 2.0
"""How often what the gradients need of a batch has to fit, as a backward pass makes more; twice was enough so far."""
COPIES = 3
"""What a step has of every weight, beside it: its gradient, and Adam's two moments."""
ROWS = (2, 4)
"""From two sizes of a batch follows what a row takes, and what is taken by none of them."""
LOWER = 0.8
"""By how much a budget that turned out not to fit is lowered."""


def decided(settings: TrainConfig) -> tuple[TrainConfig, list[str]]:
    """The settings with numbers in place of `max_tokens=auto` and `step_tokens`, and what is to be said of them.

    Raises:
        UserError: nobody knows what fits, or the number of batches of a step is given twice.
    """
    auto = settings.max_tokens == "auto"
    if not auto and settings.step_tokens is None:
        return settings, []
    given = settings.trainer.get("accumulate_grad_batches", 1)
    if settings.step_tokens is not None and given != 1:
        raise UserError(
            f"step_tokens ({settings.step_tokens}) and trainer.accumulate_grad_batches ({given}) both say how many "
            "batches make a step; leave one of them out."
        )
    trainer = try_trainer(settings)
    if auto and trainer.world_size > 1:
        raise UserError(
            f"max_tokens=auto looks at one device, not at {trainer.world_size}; set the number that a run with "
            "trainer.devices=1 finds."
        )
    tokenizers = build_tokenizers(settings)
    data = build_data(replace(settings, max_tokens=1), tokenizers)
    data.prepare_data()
    said = []
    if auto:
        module = build_module(settings, tokenizers, data.example).to(trainer.strategy.root_device)
        module.trainer = trainer
        data.max_tokens, sentence = _largest(settings, module, data)
        said.append(sentence)
    else:
        data.max_tokens = settings.token_budget
    node = dict(settings.trainer)
    if settings.step_tokens is not None:
        share = settings.step_tokens / (float(_planned(data)[2].mean()) * trainer.world_size)
        node["accumulate_grad_batches"] = count = max(1, round(share))
        said.append(f"step_tokens={settings.step_tokens}: batches accumulated for an optimizer step: {count:,}")
    return replace(settings, max_tokens=data.max_tokens, step_tokens=None, trainer=node), said


def _largest(settings: TrainConfig, module: Seq2SeqModule, data: DataModule) -> tuple[int, str]:
    """The largest budget whose batches fit, and a sentence about it. One step is a whole number of such batches."""
    free = _free(module.device)
    token, fixed = _bytes(module, data)
    fixed += COPIES * _weights(module)
    fits = _rounded(max(1, int((TAKEN * free - fixed) / (PASSING * token))))
    longest = max(int(lengths.max()) for _, *sides in _lengths(data) for lengths in sides)
    why = f"{free / 2**30:.1f} GiB are free"
    if settings.batch_size * longest < fits:
        fits, why = settings.batch_size * longest, f"batch_size ({settings.batch_size}) allows no more"
    while True:
        if settings.step_tokens is not None and settings.step_tokens > fits:
            fits = math.ceil(settings.step_tokens / math.ceil(settings.step_tokens / fits))
        elif settings.step_tokens is not None:
            fits, why = settings.step_tokens, "a step has no more"
        budget = data.max_tokens = max(longest, fits)  # the longest sentence has a batch in any case
        if budget == longest or _works(module, data):
            return budget, f"max_tokens=auto: {budget:,} tokens a batch at most ({why})"
        fits, why = int(LOWER * budget), "more do not fit"


def _weights(module: Seq2SeqModule) -> int:
    """Bytes of what is trained."""
    return sum(value.nbytes for value in module.parameters() if value.requires_grad)


def _ratio(module: Seq2SeqModule) -> float:
    """The lowest teacher-forcing ratio of a training; below 1, a model may go step by step, which keeps more."""
    module.teacher_forcing.begin(1)
    return min(module.teacher_forcing(0), module.teacher_forcing(1))


def _rounded(number: int) -> int:
    """Two digits of it, so that a little more memory makes no other run."""
    unit: int = 10 ** max(0, len(str(number)) - 2)
    return number // unit * unit


def _free(device: torch.device) -> int:
    """Bytes that are free there. Raises UserError where nobody knows."""
    if device.type == "cuda":
        free: int = torch.cuda.mem_get_info(device)[0]
    else:
        free = free_memory() if device.type == "cpu" else 0
    if not free:
        raise UserError("max_tokens=auto: how much memory is free is not known here; set a number, such as 4096.")
    return free


def _lengths(data: DataModule) -> Iterator[tuple[str, Counts, Counts]]:
    for task in data.tasks:
        store = data.open(task, "train")
        yield task, store.source_lengths, store.target_lengths


def _bytes(module: Seq2SeqModule, data: DataModule) -> tuple[float, float]:
    """What a loss keeps for its gradients, in bytes: of a token of the longer side, at most, and of none."""
    dataset = data.loader("train").dataset
    ratio = _ratio(module)
    of_tokens, of_none = [], []
    for task, source, target in _lengths(data):
        for index in {int(lengths.argmax()) for lengths in (source, target, source.astype(np.int64) + target)}:
            batches = [dataset[PlannedBatch(task, np.full(rows, index), 0)].to(module.device) for rows in ROWS]
            few, more = (_kept(module, batch, ratio) for batch in batches)
            row = (more - few) / (ROWS[1] - ROWS[0])
            of_tokens.append(row / max(source[index], target[index]))
            of_none.append(few - ROWS[0] * row)
    return max(of_tokens), max(0.0, *of_none)


def _kept(module: Seq2SeqModule, batch: Batch, ratio: float) -> int:
    devices = [module.device] if module.device.type == "cuda" else []
    context = module.trainer.precision_plugin.train_step_context()
    with torch.random.fork_rng(devices), context, counting_kept() as kept:
        module.forced(batch, ratio)
    return sum(kept.values())


def _works(module: Seq2SeqModule, data: DataModule) -> bool:
    """Whether the largest batch of an epoch fits, with room for what a step has of every weight.

    A CPU is not asked: a system may end a process that takes too much, and a training tries its largest batch anyway.
    """
    if module.device.type == "cpu":
        return True

    ratio = _ratio(module)

    def mean(batch: Batch) -> Tensor:
        loss = module.forced(batch, ratio)
        return loss.total / loss.tokens

    loader, planned, cells = _planned(data)
    largest = loader.dataset[planned[int(cells.argmax())]].to(module.device)
    try:
        moments = torch.empty((COPIES - 1) * _weights(module), dtype=torch.uint8, device=module.device)
        tried(module, mean, largest, whole=True)
        del moments
    except (MemoryError, RuntimeError) as error:
        if not is_out_of_memory(error):
            raise
        return False
    finally:
        if module.device.type == "cuda":
            torch.cuda.empty_cache()
    return True


def _planned(data: DataModule) -> tuple[DataLoader[Batch], list[PlannedBatch], Ints]:
    """The loader of an epoch, its batches, and how many tokens of the longer side each has, padding counted."""
    loader = data.loader("train")
    assert isinstance(loader.sampler, BatchSampler)
    planned = list(loader.sampler)
    return loader, planned, loader.sampler.cells(planned)
