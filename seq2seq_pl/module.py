"""The LightningModule: one training step, one scoring step, what goes into a checkpoint."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import lightning as L
import numpy as np
import torch
from lightning.pytorch.utilities.types import OptimizerLRScheduler
from torch import Tensor
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR

from seq2seq_pl import checkpoint_file, mishaps
from seq2seq_pl.config import COMBINED, NonFinite
from seq2seq_pl.interfaces import Decoding, Metric, Objective, Schedule
from seq2seq_pl.model.seq2seq import Seq2Seq
from seq2seq_pl.narrowed import Shortlist, decode_narrowed
from seq2seq_pl.parts import named
from seq2seq_pl.scoring import Item, Scored, Scorer, higher_is_better, merit, prefix
from seq2seq_pl.values import Batch, Example, Hypothesis, Loss

SKIPPED_KEY = "skipped_steps"


class OptimizerFactory(Protocol):
    """Makes an optimizer for some parameters."""

    def __call__(self, *, params: Iterable[Tensor]) -> Optimizer: ...


@dataclass(frozen=True)
class Judging:
    """How the outputs of one task are made and judged.

    Attributes:
        monitor: the score that says how well it goes.
        loss_weight: what its loss is multiplied by in training.
    """

    decoding: Decoding
    metrics: tuple[Metric, ...]
    monitor: str = "loss"
    loss_weight: float = 1.0


@dataclass(frozen=True)
class Texts:
    """Text behind ids and places: what scoring needs to know of the data.

    Attributes:
        decode: target ids, and the words that ids from V on stand for -> text.
        source_tokens: source ids -> readable tokens.
        target_tokens: target ids, and words as for `decode` -> readable tokens.
        copied: task and source text -> the words that ids from V on stand for in its target.
        example: split, task and index -> the example.
    """

    decode: Callable[[Sequence[int], Sequence[str]], str]
    source_tokens: Callable[[Sequence[int]], list[str]]
    target_tokens: Callable[[Sequence[int], Sequence[str]], list[str]]
    copied: Callable[[str, str], Sequence[str]]
    example: Callable[[str, str, int], Example]


class Seq2SeqModule(L.LightningModule):
    """Trains a `Seq2Seq`, and scores it by decoding as a user would.

    `split` names the split that a test loop is over; the validation loop is over "valid". `scored` holds, per split
    and task, the last scores and the texts behind them, for callbacks and commands to read; `combined` holds, per
    split of a mixture, the mean merit of its tasks' monitored scores, of those tasks that have the split. `compiled`,
    where it is set, is the model's forward for training steps; scoring never compiles, so that `evaluate` repeats its
    figures.

    `gradient_norm` is that of the last optimizer step, before clipping; `watch` looks whether it is finite; `work` is
    what the module does or did last, and with which batch.
    """

    def __init__(
        self,
        model: Seq2Seq,
        objective: Objective,
        *,
        optimizer: OptimizerFactory,
        schedule: Schedule,
        teacher_forcing: Schedule,
        judging: Mapping[str, Judging],
        texts: Texts,
        name: str,
        seed: int,
        non_finite: NonFinite,
        advice: mishaps.Advice,
        self_description: Mapping[str, object],
    ) -> None:
        """Args: what is trained, how, and how it is judged.

        Args:
            judging: by task.
            name: of the mixture; where there is none, of the only task.
            seed: of everything that training steps draw.
            non_finite: what happens when the gradients of a step are not finite, see `TrainConfig`.
            advice: which settings may help when something goes wrong.
            self_description: plain values that go into every checkpoint.
        """
        super().__init__()
        self.model = model
        self.objective = objective
        self.optimizer_factory = optimizer
        self.schedule, self.teacher_forcing = schedule, teacher_forcing
        self.judging = judging
        self.shortlist: Shortlist | None = None  # among which outputs are searched for, where there is one
        self.texts = texts
        self.name, self.seed = name, seed
        self.self_description = self_description
        self.split = "test"
        self.scored: dict[tuple[str, str], Scored] = {}
        self.combined: dict[str, float] = {}
        self.scorers: dict[str, Scorer] = {}
        self.compiled: Callable[..., tuple[Tensor, Tensor | None]] | None = None
        self.batches_per_step = self.ranks = 1
        self.step_tokens: Tensor | int = 0  # of the batches of this optimizer step so far
        self.gradient_norm: Tensor | None = None
        self.watch = mishaps.Watch(non_finite, advice, self._write_sentences)
        self.work: mishaps.Work | None = None

    # -- training ----------------------------------------------------------------------------------------------------

    def forced(self, batch: Batch, teacher_forcing_ratio: float = 1.0) -> Loss:
        """The objective over the real target tokens of a batch."""
        mask = batch.target_mask
        model = self.compiled if self.compiled and self.training else self.model
        outputs, weights = model(batch, teacher_forcing_ratio, self.objective.needs_weights)
        last, labels = self.model.last_layer(batch, outputs), batch.target[mask]
        if last is not None:
            return self.objective.over(last, labels, weights, mask)
        loss: Loss = self.objective(self.model.logits(batch, outputs, weights), labels, weights, mask)
        return loss

    def on_train_start(self) -> None:
        """Tries the largest batch first, so that one that does not fit is known in the first seconds."""
        batch = mishaps.largest_batch(self.trainer)
        if batch is None:
            return
        batch = batch.to(self.device)
        self.work = mishaps.Work("training", batch)

        def mean(rows: Batch) -> Tensor:
            loss = self.forced(rows, self.teacher_forcing(self.global_step))
            return loss.total / loss.tokens

        self.watch.check_first(self.global_step, batch, mishaps.tried(self, mean, batch, whole=bool(self.compiled)))

    def on_train_batch_start(self, batch: Batch, batch_idx: int) -> None:
        """Lets each batch draw from a seed of its own: of the run, the epoch and the batch's place in it.

        So nothing that is drawn elsewhere, and no interruption, changes a training, and the batches of several ranks
        draw what they would draw in one process.
        """
        self.work = mishaps.Work("training", batch)
        self.batches_per_step, self.ranks = self.trainer.accumulate_grad_batches, self.trainer.world_size
        place = batch_idx * self.ranks + self.trainer.global_rank
        torch.manual_seed(int(np.random.SeedSequence([self.seed, self.current_epoch, place]).generate_state(1)[0]))

    def training_step(self, batch: Batch, batch_idx: int) -> dict[str, Tensor]:
        """Mean loss per target token; sums go along for the callbacks."""
        loss = self.forced(batch, self.teacher_forcing(self.global_step))
        mean = loss.total / loss.tokens * self.judging[batch.task].loss_weight
        self.watch.note_batch(self.global_step + 1, batch, mean.detach())
        if self.batches_per_step > 1 or self.ranks > 1:
            self._weigh(mean, loss.tokens, batch_idx)
        return {"loss": mean, "nll": loss.nll.detach(), "tokens": loss.tokens.detach()}

    def _weigh(self, mean: Tensor, tokens: Tensor, batch_idx: int) -> None:
        """Makes the gradients of a step those of one large batch: of the mean over the tokens of all batches and ranks.

        Of N tokens so far this batch has n, so the gradients that are there count (N - n) / N and its own n / N.
        Lightning divides the loss by the number of batches, which is undone. In the end the mean over R ranks is taken,
        of which one with N of M tokens counts R N / M.
        """
        first = batch_idx % self.batches_per_step == 0
        before = 0 if first else self.step_tokens
        self.step_tokens = before + tokens
        scale: Tensor | float = 1.0
        if self.ranks > 1 and ((batch_idx + 1) % self.batches_per_step == 0 or self.trainer.is_last_batch):
            everywhere = self.trainer.strategy.reduce(self.step_tokens, reduce_op="sum")
            scale = self.ranks * self.step_tokens / everywhere
        if not first:
            for parameter in self.parameters():
                if parameter.grad is not None:
                    parameter.grad.mul_(scale * before / self.step_tokens)
        share = scale * self.batches_per_step * tokens / self.step_tokens
        mean.register_hook(lambda gradient: gradient * share)  # type: ignore[no-untyped-call]

    def configure_gradient_clipping(
        self,
        optimizer: Optimizer,
        gradient_clip_val: float | None = None,
        gradient_clip_algorithm: str | None = None,
    ) -> None:
        """Measures the gradients of an optimizer step, looks whether they are finite, and clips them.

        Where the loss is scaled (16-mixed), the scale makes some of them infinite, and the scaler leaves out these
        steps by itself; nothing is looked at then. Several processes have the same gradients and decide alike.
        """
        weights = [value for group in optimizer.param_groups for value in group["params"] if value.grad is not None]
        self.gradient_norm = torch.nn.utils.get_total_norm([value.grad for value in weights])
        if getattr(self.trainer.precision_plugin, "scaler", None) is not None:
            self.watch.forget()
        else:
            self.watch.note_norm(self.gradient_norm)
            if self.watch.is_due() and not self.watch.look():
                for value in weights:
                    value.grad = None  # which every optimizer passes over
                return
        if gradient_clip_val is None or gradient_clip_val <= 0:
            return
        if gradient_clip_algorithm == "value":
            torch.nn.utils.clip_grad_value_(weights, gradient_clip_val)
        elif self.gradient_norm.device.type != "cpu" or self.gradient_norm + 1e-6 > gradient_clip_val:  # else times 1
            torch.nn.utils.clip_grads_with_norm_(weights, gradient_clip_val, self.gradient_norm)

    def optimizer_step(self, epoch: int, batch_idx: int, optimizer: Any, optimizer_closure: Any = None) -> None:
        """Lets go of the gradients after a step already, so that the next forward pass finds their memory free."""
        super().optimizer_step(epoch, batch_idx, optimizer, optimizer_closure)
        optimizer.zero_grad()

    def _write_sentences(self, name: str, step: mishaps.Step) -> str:
        name += f"_rank_{self.trainer.global_rank}" if self.trainer.world_size > 1 else ""
        path = Path(self.trainer.default_root_dir, mishaps.FOLDER, f"{name}.jsonl")
        return mishaps.write_sentences(path, step, self.texts.source_tokens, self.texts.target_tokens)

    def on_train_epoch_end(self) -> None:
        """Looks at the last steps."""
        self.watch.look()

    def configure_optimizers(self) -> OptimizerLRScheduler:
        """The optimizer and a learning rate that is its own times schedule(step).

        Raises:
            UserError: a validation is due after more batches than an epoch has.
        """
        with named("trainer"):
            steps = self.trainer.estimated_stepping_batches
        for schedule in (self.schedule, self.teacher_forcing):
            schedule.begin(int(min(steps, sys.maxsize)))
        optimizer = self.optimizer_factory(params=self.parameters())
        # Fused optimizers offer to undo loss scaling; Lightning would then refuse to clip in any mixed precision.
        optimizer._step_supports_amp_scaling = False  # type: ignore[attr-defined]
        return {
            "optimizer": optimizer,
            "lr_scheduler": {"scheduler": LambdaLR(optimizer, self.schedule), "interval": "step"},
        }

    # -- scoring -----------------------------------------------------------------------------------------------------

    def on_validation_epoch_start(self) -> None:
        """Starts collecting; looks at the steps before it, where there are some."""
        self.watch.look()
        self.scorers = {name: Scorer(judging.metrics) for name, judging in self.judging.items()}

    def validation_step(self, batch: Batch, batch_idx: int, dataloader_idx: int = 0) -> None:
        """Forced loss and decoded text of a batch."""
        self._score(batch, "valid")

    def on_validation_epoch_end(self) -> None:
        """Scores the validation split and tells the schedule."""
        self._finish("valid")
        if self.trainer.state.fn == "fit" and not self.trainer.sanity_checking:
            self.schedule.observe(*self.monitored())

    @property
    def mixed(self) -> bool:
        """Whether the tasks are those of a mixture, be it of one."""
        return list(self.judging) != [self.name]

    def monitored(self) -> tuple[float, bool]:
        """What says how well it goes on the validation split, and whether it is to grow."""
        if self.mixed:
            return self.combined["valid"], True
        ((task, judging),) = self.judging.items()
        scores = self.scored["valid", task].scores
        return scores[judging.monitor].value, higher_is_better(judging.monitor, judging.metrics)

    on_test_epoch_start = on_validation_epoch_start

    def test_step(self, batch: Batch, batch_idx: int, dataloader_idx: int = 0) -> None:
        """Forced loss and decoded text of a batch."""
        self._score(batch, self.split)

    def on_test_epoch_end(self) -> None:
        """Scores the split."""
        self._finish(self.split)

    def results(self, split: str) -> dict[str, Scored]:
        """The last scores of a split by task; a task that has no such split is left out."""
        return {task: result for (name, task), result in self.scored.items() if name == split}

    def hypotheses(self, batch: Batch) -> list[list[Hypothesis]]:
        """Decodes a batch as its task decodes; best hypothesis first."""
        decoding = self.judging[batch.task].decoding
        if self.shortlist is None:
            return decoding.decode(self.model, batch)
        return decode_narrowed(decoding, self.model, batch, self.shortlist)

    def _score(self, batch: Batch, split: str) -> None:
        self.work = mishaps.Work("scoring", batch)
        items = []
        for index, best in zip(batch.index.tolist(), self.hypotheses(batch), strict=True):
            example = self.texts.example(split, batch.task, index)
            text = self.texts.decode(best[0].tokens, self.texts.copied(batch.task, example.source))
            items.append(Item(index, text, example))
        self.scorers[batch.task].add(self.forced(batch), items)

    def _finish(self, split: str) -> None:
        merits = []
        for task, scorer in self.scorers.items():
            scored = scorer.finish()
            if scored is None:
                continue  # the task has no such split
            self.scored[split, task] = scored
            judging = self.judging[task]
            merits.append(merit(judging.monitor, scored.scores[judging.monitor].value, judging.metrics))
            for name, score in scored.scores.items():
                self.log(f"{prefix(split, task)}/{name}", torch.tensor(score.value), rank_zero_only=False)
        if self.mixed and merits:
            self.combined[split] = math.fsum(merits) / len(merits)
            self.log(f"{prefix(split, self.name)}/{COMBINED}", torch.tensor(self.combined[split]), rank_zero_only=False)

    # -- checkpoints -------------------------------------------------------------------------------------------------

    def on_save_checkpoint(self, checkpoint: dict[str, object]) -> None:
        """Adds the config and the tokenizers, so that one file is enough to generate.

        Raises:
            UserError: the numbers have gone wrong since the last look, so nothing may be saved.
        """
        self.watch.look()
        self.watch.check_weights(checkpoint, self.global_step)
        checkpoint[checkpoint_file.KEY] = {"version": checkpoint_file.VERSION, **self.self_description}
        checkpoint[SKIPPED_KEY] = self.watch.skipped_steps

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Goes on counting."""
        self.watch.skipped_steps = checkpoint.get(SKIPPED_KEY, 0)
