"""What can go wrong in a training step: numbers that are not finite, and a batch that does not fit into memory."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Literal

import lightning as L
import torch
from torch import Tensor
from torch.utils.data import DataLoader

from seq2seq_pl.batching import BatchSampler
from seq2seq_pl.config import NonFinite, TrainConfig
from seq2seq_pl.errors import UserError
from seq2seq_pl.files import write_text
from seq2seq_pl.memory import counting_kept, free_memory
from seq2seq_pl.record import strict
from seq2seq_pl.values import Batch

FOLDER = "non_finite"
"""Of a run's directory: the sentences of steps whose gradients are not finite."""
FILES = 20  # written by a run that leaves such steps out
LOOK_EVERY = 20  # optimizer steps: a look at a GPU's numbers waits for it
SHARE = 8
"""One row of so many of the largest batch is tried at first."""
SPARE = 4
"""How often what the gradients need of a batch has to fit into the free memory for the other rows to be left out."""
MEMORY_ERRORS = ("out of memory", "can't allocate memory", "not enough memory", "alloc_failed")
"""What torch says in a plain RuntimeError: of GPUs, of the CPU on Linux and on Windows, of cuBLAS and cuDNN."""


# -- what to change --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Advice:
    """Settings that a mishap may go away with, as a user types them, with their values.

    Attributes:
        first: where the very first loss is not finite.
        steps: where gradients are not.
        training: where a training batch does not fit into memory.
        sentence: where it is a single sentence.
        scoring: where a batch to be scored does not fit, by task.
    """

    first: str
    steps: str
    training: str
    sentence: str
    scoring: Mapping[str, str]


def advise(settings: TrainConfig) -> Advice:
    """What to say of the settings of a run."""
    rate = _valued("optimizer.lr", settings.optimizer.get("lr")) or "optimizer.lr"
    clip = _valued("trainer.gradient_clip_val", settings.trainer.get("gradient_clip_val"))
    precision = _valued("trainer.precision", settings.trainer.get("precision"))
    lengths = (_valued(name, getattr(settings, name)) for name in ("max_source_length", "max_target_length"))
    batch = [_valued(name, getattr(settings, name)) for name in ("max_tokens", "batch_size")]
    scoring = {}
    for task, own in settings.tasks.items():
        beam = f"mixture.{task}.decoding.beam_size" if settings.mixture else "decoding.beam_size"
        scoring[task] = _either(*batch, _valued(beam, own.decoding.get("beam_size")))
    return Advice(
        first=f"Look at {_either('model.initialization', precision)}",
        steps=f"Lower {_either(rate, clip or 'set trainer.gradient_clip_val=1')}",
        training=_either(*batch),
        sentence=_either(*lengths),
        scoring=scoring,
    )


def _valued(name: str, value: object) -> str:
    """A setting with its value; nothing where it has none."""
    return f"{name} ({value})" if value else ""


def _either(*names: str) -> str:
    *others, last = filter(None, names)
    return f"{', '.join(others)} or {last}" if others else last


# -- numbers that are not finite -------------------------------------------------------------------------------------


@dataclass
class Step:
    """An optimizer step: its number, its batches with their losses, and the norm of its gradients once it is known."""

    number: int
    batches: list[tuple[Batch, Tensor]] = field(default_factory=list)
    norm: Tensor | None = None


class Watch:
    """Watches the numbers of a training, and remembers the batches of the steps that nobody has looked at yet.

    Attributes:
        skipped_steps: how many steps were left out so far.

    Args:
        non_finite: see `TrainConfig`.
        advice: what to tell.
        write: writes the sentences of a step to a file of this name, and returns its path.
    """

    def __init__(self, non_finite: NonFinite, advice: Advice, write: Callable[[str, Step], str]) -> None:
        self.skips = non_finite == "skip"
        self.advice = advice
        self.write = write
        self.skipped_steps = 0
        self.steps: list[Step] = []

    def note_batch(self, number: int, batch: Batch, loss: Tensor) -> None:
        """A batch of step `number`, and its loss; waits for no device."""
        if not self.steps or self.steps[-1].number != number:
            self.steps.append(Step(number))
        self.steps[-1].batches.append((batch, loss))

    def note_norm(self, norm: Tensor) -> None:
        """The norm of the gradients of the step that the last batch belongs to; waits for no device."""
        self.steps[-1].norm = norm

    def is_due(self) -> bool:
        """Whether to look before the weights are changed: always, but where a GPU would wait and it is not needed."""
        step = self.steps[-1]
        waits = step.norm is not None and step.norm.device.type != "cpu"
        return self.skips or not waits or step.number % LOOK_EVERY == 0

    def look(self) -> bool:
        """Whether the gradients of all steps since the last look are finite.

        If not, the sentences of the first step with others are written; that step is told, or counted.

        Raises:
            UserError: they are not, and training is to stop then.
        """
        measured = [step for step in self.steps if step.norm is not None]
        self.steps = [step for step in self.steps if step.norm is None]
        if not measured:
            return True
        finite = torch.stack([step.norm for step in measured if step.norm is not None]).isfinite().tolist()
        bad = next((step for step, good in zip(measured, finite, strict=True) if not good), None)
        if bad is None:
            return True
        if not self.skips:
            raise UserError(
                f"the gradients of step {bad.number:,} are not finite (loss {told_loss(bad)}); the sentences of that "
                f"step are in {self.write(f'step_{bad.number}', bad)}. {self.advice.steps}, or leave such steps out "
                "with non_finite=skip."
            )
        if self.skipped_steps < FILES:
            self.write(f"step_{bad.number}", bad)
        self.skipped_steps += 1
        return False

    def forget(self) -> None:
        """Nobody is to look at the last steps."""
        self.steps = []

    def check_first(self, done: int, batch: Batch, loss: Tensor) -> None:
        """Raises UserError if the first loss, after the `done` steps of an earlier start, is a reason to stop."""
        if self.skips or loss.isfinite():
            return
        step = Step(done, [(batch, loss)])
        path = self.write("first_batch", step)
        which, advice = ("very first loss", self.advice.first)
        if done:
            which, advice = (f"first loss after step {done:,}", self.advice.steps)
        raise UserError(
            f"the {which} is not finite ({told_loss(step)}); the sentences of that batch are in {path}. {advice}."
        )

    def counts(self, loss: Tensor) -> bool:
        """Whether a batch counts in what is shown of a training; one that is left out for its loss does not."""
        return not self.skips or bool(loss.isfinite())

    def check_weights(self, checkpoint: Mapping[str, object], step: int) -> None:
        """Raises UserError if weights that are about to be saved are not finite: the last step can make them so."""
        tensors = [value for part in checkpoint.values() if isinstance(part, dict) for value in part.values()]
        good = [value.isfinite().all() for value in tensors if isinstance(value, Tensor) and value.is_floating_point()]
        if good and not torch.stack(good).all():
            told = self.advice.steps
            raise UserError(f"the weights after step {step:,} are not finite, so they were not saved. {told}.")


def tried(module: L.LightningModule, loss: Callable[[Batch], Tensor], batch: Batch, *, whole: bool = False) -> Tensor:
    """The value of a batch's loss, taken forward and backward. Nothing is left of it: no gradient, no number drawn.

    Few rows show what all of them take, as what is kept for the gradients grows with the rows. So on a CPU a few are
    tried first, and where all of them, with much to spare, fit into the memory that is free, this is enough.

    Args:
        whole: tries all rows in any case, as where a compiler would look at other sizes, too.
    """
    rows = len(batch.source)
    alone = module.device.type == "cpu" and module.trainer.world_size == 1  # others would count on the same memory
    if not whole and alone and rows >= 2 * SHARE and (free := free_memory()):
        with counting_kept() as kept:
            value = _tried(module, loss, longest_rows(batch, rows // SHARE))
        if SPARE * sum(kept.values()) * rows // (rows // SHARE) < free:
            return value
    return _tried(module, loss, batch)


def _tried(module: L.LightningModule, loss: Callable[[Batch], Tensor], batch: Batch) -> Tensor:
    weights = [parameter for parameter in module.parameters() if parameter.requires_grad]
    with torch.random.fork_rng([module.device] if module.device.type == "cuda" else []):
        with module.trainer.precision_plugin.train_step_context():
            value = loss(batch)
        # No parameter is given these gradients, so no other process is told of them either.
        torch.autograd.grad(value, weights, allow_unused=True)
    return value.detach()


def told_loss(step: Step) -> str:
    """The loss of the first batch of a step that has none that is finite, else of its last."""
    losses = [float(loss) for _, loss in step.batches]
    return f"{next((loss for loss in losses if not torch.tensor(loss).isfinite()), losses[-1]):.4g}"


def write_sentences(
    path: Path,
    step: Step,
    source_tokens: Callable[[Sequence[int]], list[str]],
    target_tokens: Callable[[Sequence[int], Sequence[str]], list[str]],
) -> str:
    """Writes the sentences of a step, one a line, as JSON; returns the path as a person would type it from here."""
    lines = (line for number in range(len(step.batches)) for line in _lines(step, number, source_tokens, target_tokens))
    write_text(path, "".join(f"{json.dumps(strict(line), ensure_ascii=False, allow_nan=False)}\n" for line in lines))
    return str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)


def _lines(
    step: Step,
    number: int,
    source_tokens: Callable[[Sequence[int]], list[str]],
    target_tokens: Callable[[Sequence[int], Sequence[str]], list[str]],
) -> Iterator[dict[str, object]]:
    batch, loss = step.batches[number]
    copied = 0 if batch.copies is None else int(batch.copies.max()) + 1
    words = [f"<copied {k}>" for k in range(1, copied + 1)]  # the store of a training split has no text
    sides = (batch.source, batch.source_mask, batch.target, batch.target_mask)
    for row, source, has_source, target, has_target in zip(batch.index.tolist(), *sides, strict=True):
        yield {
            "task": batch.task,
            "row": row,
            "batch": number + 1,
            "loss": float(loss),
            "source": source_tokens(source[has_source].tolist()),
            "target": target_tokens(target[has_target].tolist(), words),
        }


# -- memory ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Work:
    """What is being done with which batch."""

    kind: Literal["training", "scoring"]
    batch: Batch


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that there is too little memory."""
    if isinstance(error, (MemoryError, torch.OutOfMemoryError)):
        return True
    return isinstance(error, RuntimeError) and any(words in str(error).lower() for words in MEMORY_ERRORS)


def too_large(work: Work, advice: Advice) -> UserError:
    """The error for a batch that does not fit into memory."""
    if work.kind == "scoring":
        return too_little(work.kind, work.batch, advice.scoring[work.batch.task])
    return too_little(work.kind, work.batch, advice.training if len(work.batch.source) > 1 else advice.sentence)


def too_little(kind: str, batch: Batch, settings: str) -> UserError:
    """The error for too little memory for what is done with a batch, with the settings that may be lowered."""
    size = f"{len(batch.source):,} x {batch.source.shape[1]:,} source tokens"
    if batch.target.shape[1]:
        size += f" x {batch.target.shape[1]:,} target tokens"
    return UserError(f"there is too little memory for {kind} with a batch of {size}; lower {settings}.")


def longest_rows(batch: Batch, count: int) -> Batch:
    """The rows of a batch with most tokens, padded as wide as before."""
    lengths = batch.source_mask.sum(1) + batch.target_mask.sum(1)  # (B,)
    rows = lengths.topk(count).indices
    copies = None if batch.copies is None else batch.copies[rows]
    return Batch(batch.source[rows], batch.target[rows], batch.index[rows], batch.task, copies)


@contextmanager
def fitting(kind: str, batch: Batch, settings: Mapping[str, object]) -> Iterator[None]:
    """Tells of too little memory as a batch that is too large; settings with their values may be lowered."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if not is_out_of_memory(error):
            raise
        ways = _either(*(_valued(name, value) for name, value in settings.items()))
        raise too_little(kind, batch, ways) from error


def largest_batch(trainer: L.Trainer) -> Batch | None:
    """Of the batches that an epoch will still be trained on, the one with most rows x tokens of its longer side.

    None where the batches are not planned by our sampler.
    """
    loader = trainer.train_dataloader
    if not isinstance(loader, DataLoader) or not isinstance(loader.sampler, BatchSampler):
        return None
    sampler = copy.copy(loader.sampler)  # whose place is its own
    count = min(len(sampler), trainer.num_training_batches)
    if sampler.position >= count:  # a run that goes on at the end of an epoch
        sampler.set_epoch(sampler.epoch + 1)
    planned = list(islice(sampler, int(count) - sampler.position))
    batch: Batch = loader.dataset[planned[int(sampler.cells(planned).argmax())]]
    return batch
