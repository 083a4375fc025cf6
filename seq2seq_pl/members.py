"""The trained models that answer a command together, and what each reads of a source; mostly there is one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from seq2seq_pl.batching import collate
from seq2seq_pl.build import build_reader, copies_words
from seq2seq_pl.config import TaskConfig, TrainConfig
from seq2seq_pl.datamodule import Tokenizers
from seq2seq_pl.decoding.ensemble import Ensemble, Space
from seq2seq_pl.encoding import Reader, Source
from seq2seq_pl.errors import UserError
from seq2seq_pl.interfaces import Decoding, Stepper
from seq2seq_pl.lexicon import Lexicon
from seq2seq_pl.narrowed import Shortlist, decode_narrowed
from seq2seq_pl.saved import (
    Saved,
    chosen_task,
    find_checkpoint,
    load_model,
    load_tokenizers,
    read_checkpoint,
    settings_of,
)
from seq2seq_pl.values import EOS, Batch, Constraints, Hypothesis

Reading = tuple[Source, ...]
"""A source as each of the tokenizers that take part cuts it."""


@dataclass(frozen=True)
class Run:
    """A finished run, opened. `name` is what the user called it, `asked` the task that the user chose, if any."""

    settings: TrainConfig
    tokenizers: Tokenizers
    saved: Saved
    name: str = "run"
    asked: str | None = None

    @property
    def task(self) -> str:
        """The name of the task that counts. Raises UserError where there are several and none is chosen."""
        return chosen_task(self.settings, self.asked)

    @property
    def own(self) -> TaskConfig:
        """The settings of that task."""
        return self.settings.tasks[self.task]

    @property
    def reader(self) -> Reader:
        """How it reads its sources."""
        return build_reader(self.settings, self.tokenizers, self.task)


def open_runs(
    names: str | Sequence[str], checkpoint: str, changes: Mapping[str, object], task: str | None = None
) -> list[Run]:
    """The runs of the setting `run`; the first has the settings that count, changed where asked.

    `task` is the one that counts of a run of several.

    Raises:
        UserError: not a run, or a setting that cannot be.
    """
    listed = [names] if isinstance(names, str) else names
    if not isinstance(listed, Sequence) or not listed:
        raise UserError(f"run ({names}) must be the directory of a run, or a list of some: run=[A,B].")
    runs: list[Run] = []
    for name in map(str, listed):
        saved = read_checkpoint(find_checkpoint(name, checkpoint))
        settings = settings_of(saved, {} if runs else changes, task)
        runs.append(Run(settings, load_tokenizers(saved, settings), saved, name, task))
    return runs


def chosen_device(asked: str) -> str:
    """What "auto" is on this machine.

    Raises:
        UserError: a GPU is asked for and there is none.
    """
    device = ("cuda" if torch.cuda.is_available() else "cpu") if asked == "auto" else asked
    if device == "cuda" and not torch.cuda.is_available():
        raise UserError("device=cuda: this machine has no GPU that torch can use; set device=cpu.")
    return device


class Members:
    """One model, or several whose outputs are averaged.

    They write with one vocabulary. Each reads with its own tokenizer, otherwise as the first run does.

    Attributes:
        models: one for each run.
        target: the tokenizer of the target.
        copying: whether any of them copies words of the source.
        readers: how sources are read, each with another tokenizer.
        reader_of: which of them each model reads with.
        space: in which outputs are averaged.
        shortlist: the target ids that each sentence is searched for among; None are all.
    """

    def __init__(
        self, runs: Sequence[Run], *, device: str, space: Space = "probability", lexicon: Lexicon | None = None
    ) -> None:
        """Raises UserError for runs that cannot write together. A lexicon, of the only run, makes a shortlist."""
        first = runs[0]
        _check_targets(runs)
        self.target = first.tokenizers.target
        sources = [run.tokenizers.source.to_json() for run in runs]
        distinct = list(dict.fromkeys(sources))
        self.reader_of = [distinct.index(text) for text in sources]
        cutters = [runs[sources.index(text)].tokenizers.source for text in distinct]
        copiers = [copies_words(run.settings) for run in runs]
        self.copying = any(copiers)
        self.readers = [
            replace(first.reader, source=cutter, target=self.target, copying=self.copying) for cutter in cutters
        ]
        self.models = [load_model(run.saved, run.settings, run.tokenizers).to(device) for run in runs]
        if self.copying and len(self.readers) > 1:
            copier = copiers.index(True)
            other = next(i for i, source in enumerate(sources) if source != sources[copier])
            raise UserError(
                f"run={runs[copier].name} copies words and run={runs[other].name} cuts the source with another "
                "tokenizer; where words are copied, all runs of an ensemble need the same."
            )
        if space == "log" and self.copying and not all(copiers):
            raise UserError(
                "ensemble=log cannot average runs that copy words and runs that do not; set ensemble=probability."
            )
        assert lexicon is None or len(runs) == 1
        self.shortlist = None if lexicon is None else Shortlist(lexicon, self.target.vocab_size)
        self.space = space
        self.device = device
        self.task_name = first.task
        self.max_source_length = first.own.max_source_length

    def check_weights(self, needed: bool) -> None:
        """Raises UserError if attention weights are needed and cannot be averaged."""
        if needed and len(self.readers) > 1:
            raise UserError(
                "decoding.coverage_penalty needs all runs of an ensemble to cut the source alike, and these do not; "
                "set it to 0."
            )

    def read(self, texts: Sequence[str]) -> list[Reading]:
        """Some sources as the models read them."""
        return list(zip(*(reader.read(texts) for reader in self.readers), strict=True))

    def batches(
        self,
        readings: Sequence[Reading],
        places: Sequence[int],
        targets: Sequence[Sequence[int]] = (),
        constraints: tuple[Constraints, ...] = (),
    ) -> list[Batch]:
        """One batch for each model, of the same sentences: their places in the input, target ids without EOS."""
        ids = [np.array([*target, EOS]) for target in targets]
        made = []
        for sources in zip(*readings, strict=True):
            copies = [np.array([*source.copies, EOS]) for source in sources if source.copies is not None]
            read = [np.array([*source.ids, EOS]) for source in sources]
            batch = collate(read, ids, np.array(places), self.task_name, copies or None)
            made.append(replace(batch, constraints=constraints).to(self.device))
        return [made[reader] for reader in self.reader_of]

    def stepper(self, batches: Sequence[Batch]) -> Stepper:
        """What a search sees of the models."""
        if len(self.models) == 1:
            return self.models[0]
        return Ensemble(self.models, space=self.space, readings=batches)

    def decode(self, decoding: Decoding, batches: Sequence[Batch]) -> list[list[Hypothesis]]:
        """The hypotheses of each sentence; the first batch has what is asked of them."""
        if self.shortlist is None:
            return decoding.decode(self.stepper(batches), batches[0])
        return decode_narrowed(decoding, self.models[0], batches[0], self.shortlist)


def _check_targets(runs: Sequence[Run]) -> None:
    vocabulary = runs[0].tokenizers.target.to_json()
    for run in runs[1:]:
        if run.tokenizers.target.to_json() != vocabulary:
            raise UserError(
                f"run={run.name} writes with another vocabulary than run={runs[0].name}; an ensemble needs runs "
                "whose target tokenizer is the same, as of one corpus with the same tokenizer settings."
            )
