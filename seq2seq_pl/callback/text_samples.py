"""Some outputs beside their references, in TensorBoard."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence

import lightning as L
from lightning.pytorch.loggers import TensorBoardLogger

from seq2seq_pl.errors import UserError
from seq2seq_pl.module import Seq2SeqModule
from seq2seq_pl.scoring import Item, prefix

ENTITIES = {character: f"&#{ord(character)};" for character in "\\`*_{}[]()<>#+-.!|&~^=$:\"'"}
"""Everything that Markdown, its tables or HTML may read as a mark."""


class TextSamples(L.Callback):
    """After each validation, writes a table of sources, hypotheses and references of the same sentences.

    Args:
        samples: sentences a task, evenly spaced over the split.
    Raises:
        UserError: if it is below 1.
    """

    def __init__(self, *, samples: int = 5) -> None:
        if samples < 1:
            raise UserError(f"callback.text_samples.samples ({samples}) must be at least 1.")
        self.samples = samples

    def on_validation_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Writes "val/<task>/samples"."""
        assert isinstance(pl_module, Seq2SeqModule)
        if trainer.sanity_checking or not trainer.is_global_zero:
            return
        for task, scored in pl_module.results("valid").items():
            text = table(spaced(scored.items, self.samples))
            for logger in trainer.loggers:
                if isinstance(logger, TensorBoardLogger):
                    tag = f"{prefix('valid', task)}/samples"
                    logger.experiment.add_text(tag, text, trainer.global_step)


def spaced(items: Sequence[Item], count: int) -> list[Item]:
    """At most `count` items at even distances, the first one first."""
    count = min(count, len(items))
    return [items[place * len(items) // count] for place in range(count)]


def table(items: Iterable[Item]) -> str:
    """A Markdown table in which every text looks as it is."""
    rows = [("source", "hypothesis", "reference"), ("---", "---", "---")]
    rows += [
        (escaped(item.example.source), escaped(item.hypothesis), escaped(next(iter(item.example.references), "")))
        for item in items
    ]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def escaped(text: str) -> str:
    """The text on one line, with marks of Markdown and HTML as entities and control characters as spaces."""
    printable = "".join(" " if unicodedata.category(character) == "Cc" else character for character in text)
    return "".join(ENTITIES.get(character, character) for character in " ".join(printable.split()))
