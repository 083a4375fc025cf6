"""Pictures of where the decoder looks, in TensorBoard and as PNG files."""

from __future__ import annotations

import logging
import unicodedata
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import lightning as L
import numpy as np
import torch
from lightning.pytorch.loggers import TensorBoardLogger
from numpy.typing import NDArray

from seq2seq_pl.errors import UserError
from seq2seq_pl.module import Seq2SeqModule, Texts
from seq2seq_pl.scoring import prefix
from seq2seq_pl.values import EOS, UNK, Batch

log = logging.getLogger(__name__)


class AttentionMaps(L.Callback):
    """After each validation and test, draws the attention over some sentences while the model reads its own output.

    The sentences are the first ones of the split (of what process zero sees of it), so they are the same ones each
    time; the picture of each validation is kept in TensorBoard, the last one in <run>/attention/. A model without
    attention has no pictures.

    Args:
        samples: sentences a task.
    Raises:
        UserError: if it is below 1.
    """

    def __init__(self, *, samples: int = 3) -> None:
        if samples < 1:
            raise UserError(f"callback.attention_maps.samples ({samples}) must be at least 1.")
        self.samples = samples
        self.kept: dict[str, dict[int, Batch]] = {}  # task -> place in the split -> a batch of one, without a target
        self.warned = False

    def on_validation_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Forgets the last split's sentences."""
        self.kept = {}

    on_test_start = on_validation_start

    def on_validation_batch_end(
        self,
        trainer: L.Trainer,
        pl_module: L.LightningModule,
        outputs: object,
        batch: Batch,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """Keeps the sentences that come first in the split; batches come in any order."""
        if trainer.sanity_checking or not trainer.is_global_zero:
            return
        kept = self.kept.setdefault(batch.task, {})
        for row, index in enumerate(batch.index.tolist()):
            if len(kept) < self.samples or index < max(kept):
                kept[index] = alone(batch, row)
            if len(kept) > self.samples:
                del kept[max(kept)]

    on_test_batch_end = on_validation_batch_end

    def on_validation_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Draws the sentences of the validation split."""
        self._draw_all(trainer, pl_module, "valid")

    def on_test_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Draws the sentences of the split under test."""
        assert isinstance(pl_module, Seq2SeqModule)
        self._draw_all(trainer, pl_module, pl_module.split)

    def _draw_all(self, trainer: L.Trainer, pl_module: L.LightningModule, split: str) -> None:
        assert isinstance(pl_module, Seq2SeqModule)
        for task, sentences in self.kept.items():
            for place, (index, batch) in enumerate(sorted(sentences.items())):
                seen = look(pl_module, batch)
                if seen is None:
                    return
                target, weights, log_prob = seen
                name, step = prefix(split, task), trainer.global_step
                title = f"{name}, sentence {index}, step {step}, {log_prob:.2f} nats per token"
                copied = pl_module.texts.copied(task, pl_module.texts.example(split, task, index).source)
                labels = source_labels(pl_module.texts, batch, copied), pl_module.texts.target_tokens(target, copied)
                self._draw(trainer, pl_module, batch, *labels, weights, title, f"{name}/attention/{place}")
        self.kept = {}

    def _draw(
        self,
        trainer: L.Trainer,
        pl_module: Seq2SeqModule,
        batch: Batch,
        source_tokens: list[str],
        target_tokens: list[str],
        weights: NDArray[np.float32],
        title: str,
        tag: str,
    ) -> None:
        from matplotlib.image import imsave  # late: no first step shall wait for matplotlib

        from seq2seq_pl.picture import attention_map, pixels

        self._warn([*source_tokens, *target_tokens])
        image = pixels(attention_map(weights, target_tokens, source_tokens, title))
        for logger in trainer.loggers:
            if isinstance(logger, TensorBoardLogger):
                logger.experiment.add_image(tag, image, trainer.global_step, dataformats="HWC")
        path = Path(trainer.default_root_dir, "attention", f"{tag.replace('/attention/', '/')}.png")
        path.parent.mkdir(parents=True, exist_ok=True)
        imsave(path, image)

    def _warn(self, texts: list[str]) -> None:
        from seq2seq_pl.picture import undrawable

        missing = "" if self.warned else undrawable(texts)
        if missing:
            self.warned = True
            log.warning(font_advice(missing))


def alone(batch: Batch, row: int) -> Batch:
    """One sentence of a batch, without padding and without its target."""
    real = batch.source_mask[row]
    copies = None if batch.copies is None else batch.copies[row, real].unsqueeze(0)
    return Batch(
        batch.source[row, real].unsqueeze(0), batch.target[row : row + 1, :0], batch.index[[row]], batch.task, copies
    )


def source_labels(texts: Texts, batch: Batch, copied: Sequence[str]) -> list[str]:
    """The source tokens of a batch of one; where words are copied, unknown ones as they are written in the target."""
    ids = batch.source[0].tolist()
    tokens = texts.source_tokens(ids)
    if batch.copies is None:
        return tokens
    words = texts.target_tokens(batch.copies[0].tolist(), copied)
    return [word if i == UNK else token for i, token, word in zip(ids, tokens, words, strict=True)]


def look(module: Seq2SeqModule, batch: Batch) -> tuple[list[int], NDArray[np.float32], float] | None:
    """Decodes one sentence and reads the output again.

    Returns:
        target tokens with EOS, attention weights (T, S) and the log-probability per token; None without attention.
    """
    devices = [batch.source.device] if batch.source.device.type == "cuda" else []
    with torch.no_grad(), torch.random.fork_rng(devices):  # a decoding that draws must not change the training
        best = module.hypotheses(batch)[0][0]
        target = [*best.tokens, EOS] if best.finished or not best.tokens else list(best.tokens)
        read = replace(batch, target=batch.source.new_tensor([target]))
        _, weights = module.model(read)
    if weights is None:
        return None
    return target, weights[0].float().cpu().numpy(), best.log_prob / len(target)


def font_advice(missing: str) -> str:
    """What to install so that these characters can be drawn."""
    asian = any(
        unicodedata.name(character, "").startswith(("CJK", "HIRAGANA", "KATAKANA", "HANGUL")) for character in missing
    )
    package = "fonts-noto-cjk or fonts-wqy-zenhei" if asian else "fonts-noto-core"
    shown = missing if len(missing) <= 10 else f"{missing[:10]}..."
    return (
        f"No installed font has the characters {shown}; attention maps show boxes for them until you install {package}."
    )
