"""The LightningDataModule: corpora and tasks in, tokenizers and token stores on disk, batches out."""

from __future__ import annotations

import copy
import itertools
import json
import logging
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import lightning as L
import numpy as np
from torch.utils.data import DataLoader, Dataset

from seq2seq_pl.batching import BatchSampler, Lengths, PlannedBatch, collate
from seq2seq_pl.corpus.splits import check_name
from seq2seq_pl.digests import file_digest, remembered_digest
from seq2seq_pl.encoding import Reader, prepare, write_targets
from seq2seq_pl.errors import UserError
from seq2seq_pl.files import write_text
from seq2seq_pl.interfaces import Corpus, Task, Tokenizer
from seq2seq_pl.store import Ids, Report, Split, fingerprint, made_once, read, write, write_report
from seq2seq_pl.values import EOS, Batch, Example

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class TaskData:
    """A task, where its records come from, and how often it is drawn relative to the others.

    `recipe` is everything in the config that decides what its examples are; it goes into the fingerprints. `digested`
    holds the files' digests by split, and the folder `memory` those of large files from run to run.
    """

    task: Task
    corpus: Corpus
    recipe: Mapping[str, object]
    reader: Reader
    max_target_length: int
    memory: Path
    weight: float = 1.0
    digested: dict[str, list[str]] = field(default_factory=dict, init=False, repr=False)

    def examples(self, split: str) -> Iterator[Example]:
        """The examples of a split, streamed."""
        return itertools.chain.from_iterable(map(self.task.examples, self.corpus.records(split)))

    def digests(self, split: str, *, anew: bool = False) -> list[str]:
        """SHA-256 of the files behind a split, read once, side by side, or `anew`, whatever was known of them.

        Raises UserError if one cannot be read.
        """
        if anew or split not in self.digested:
            digest = file_digest if anew else partial(remembered_digest, folder=self.memory)
            with ThreadPoolExecutor() as threads:
                found = threads.map(partial(_digest, digest), self.corpus.files(split))
                self.digested[split] = list(found)
        return self.digested[split]


def _digest(digest: Callable[[Path], str], path: Path) -> str:
    try:
        return digest(path)
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror or error}); check its permissions.") from error


@dataclass
class Tokenizers:
    """The tokenizers of both sides; one and the same object where the vocabulary is shared."""

    source: Tokenizer
    target: Tokenizer
    recipe: Mapping[str, object]

    @property
    def shared(self) -> bool:
        """Whether both sides have one vocabulary."""
        return self.source is self.target

    def train(self, tasks: Mapping[str, TaskData]) -> None:
        """Learns from the training splits; where there are several tasks, each has a tag."""
        tags = list(tasks) if len(tasks) > 1 else []
        if self.shared:
            texts = (text for pair in _training_pairs(tasks) for text in (pair.source, pair.references[0]))
            self.source.train(texts, tags)
        else:
            self.source.train((pair.source for pair in _training_pairs(tasks)), tags)
            self.target.train((pair.references[0] for pair in _training_pairs(tasks)), tags)

    def to_json(self) -> str:
        """Both in one JSON text; the counterpart of `load`."""
        sides = {"source": json.loads(self.source.to_json())}
        if not self.shared:
            sides["target"] = json.loads(self.target.to_json())
        return json.dumps({"shared": self.shared, **sides}, ensure_ascii=False)

    def load(self, text: str) -> None:
        """Restores what `to_json` wrote."""
        sides = json.loads(text)
        self.source.load(json.dumps(sides["source"]))
        if not self.shared:
            self.target.load(json.dumps(sides["target"]))


def _training_pairs(tasks: Mapping[str, TaskData]) -> Iterator[Example]:
    return itertools.chain.from_iterable(data.examples("train") for data in tasks.values())


class PlannedBatches(Dataset[Batch]):
    """Gathers the rows of planned batches from the stores of one split; tokenizes anew where tokens are drawn."""

    def __init__(
        self, splits: Mapping[str, Split], readers: Mapping[str, Reader], seed: int, copying: bool = False
    ) -> None:
        """Args: readers by task, only where every epoch is to draw its own segmentation (BPE-dropout)."""
        self.splits = splits
        self.readers = readers
        self.seed = seed
        self.copying = copying

    def __getitem__(self, planned: PlannedBatch) -> Batch:
        split = self.splits[planned.task]
        if planned.task in self.readers:
            rows = [self._draw(self.readers[planned.task], split, i, planned.epoch) for i in planned.indices]
        else:
            rows = [(split.source(i), split.target(i), split.copies(i)) for i in planned.indices]
        sources, targets, copies = zip(*rows, strict=True)
        return collate(sources, targets, planned.indices, planned.task, copies if self.copying else None)

    def _draw(self, reader: Reader, split: Split, i: int, epoch: int) -> tuple[Ids, Ids, Ids | None]:
        rng = np.random.default_rng([self.seed, epoch, i])  # of the sentence, so that batching cannot change it
        sources = reader.read([split.source_text(i)], rng, whole=reader.long_sources == "skip")
        (learnt,) = write_targets([split.references(i)[0]], sources, reader.target, rng)
        ids = ([*row, EOS] for row in (sources[0].ids, learnt, sources[0].copies or []))
        read, written, copies = (np.array(row, dtype=np.int32) for row in ids)
        return read, written, copies


class ResumableLoader(DataLoader[Batch]):
    """A loader that knows which batch is next, in a form for a checkpoint; Lightning asks for it."""

    sampler: BatchSampler

    def __iter__(self) -> Any:
        for batch in super().__iter__():
            self.sampler.position += 1
            yield batch
        self.sampler.position = 0

    def state_dict(self) -> dict[str, int]:
        """Where it is."""
        return self.sampler.state_dict()

    def load_state_dict(self, state_dict: dict[str, int]) -> None:
        """Goes on there."""
        self.sampler.load_state_dict(state_dict)


class DataModule(L.LightningDataModule):
    """One task is a mixture of one: everything here is per task name.

    Attributes:
        reports: (task, split) -> what became of the examples.
        fingerprints: (task, split) -> fingerprint of the store, which changes when any input changes.
    """

    def __init__(
        self,
        tasks: Mapping[str, TaskData],
        tokenizers: Tokenizers,
        *,
        cache_dir: Path,
        batch_size: int,
        max_tokens: int,
        seed: int,
        mixing_temperature: float = 1.0,
        trained: bool = False,
    ) -> None:
        """Args: what batches are made of.

        Args:
            mixing_temperature: see `BatchSampler`.
            trained: the tokenizers come from a checkpoint and are used as they are.
        """
        super().__init__()
        self.tasks = dict(tasks)
        self.tokenizers = tokenizers
        self.cache_dir = cache_dir
        self.batch_size = batch_size
        self.max_tokens = max_tokens
        self.seed = seed
        self.mixing_temperature = mixing_temperature
        self.trained = trained
        self.copying = any(data.reader.copying for data in tasks.values())
        self.reports: dict[tuple[str, str], Report] = {}
        self.fingerprints: dict[tuple[str, str], str] = {}
        self.opened: dict[tuple[str, str], Split] = {}
        self.training: ResumableLoader | None = None
        self.position: dict[str, int] = {}  # of a checkpoint, for the next training loader

    def test_splits(self) -> tuple[str, ...]:
        """Every split that is neither trained nor chosen on."""
        names = [split for data in self.tasks.values() for split in data.corpus.splits()]
        return tuple(dict.fromkeys(name for name in names if name not in ("train", "valid")))

    def prepare_data(self) -> None:
        """Trains the tokenizers and writes the stores, unless an earlier run left them in the cache."""
        for name, data in self.tasks.items():
            if missing := [split for split in ("train", "valid") if split not in data.corpus.splits()]:
                raise UserError(
                    f"the corpus of {name} has no split {missing[0]}, only {', '.join(data.corpus.splits())}; training "
                    "needs train, to learn from, and valid, to choose the best checkpoint: "
                    f"add corpus.files.{missing[0]}."
                )
        self.prepare_tokenizers()
        for name, data in self.tasks.items():
            for split in data.corpus.splits():
                self.open(name, split)

    def prepare_tokenizers(self) -> None:
        """Trains the tokenizers, or takes them from the cache."""
        if self.trained:
            return
        inputs = {name: {**data.recipe, "files": data.digests("train")} for name, data in self.tasks.items()}
        folder = self.cache_dir / fingerprint({"tokenizers": dict(self.tokenizers.recipe), "tasks": inputs})
        path = folder / "tokenizer.json"
        made_once(folder, partial(self._load_tokenizers, path), partial(self._train_tokenizers, path))
        self.trained = True

    def _train_tokenizers(self, path: Path) -> None:
        log.info("training the tokenizer")
        self.tokenizers.train(self.tasks)
        write_text(path, self.tokenizers.to_json())

    def _load_tokenizers(self, path: Path) -> Tokenizers | None:
        """Those of a file, if it is there. Raises UserError if it cannot be read; nothing has changed then."""
        try:
            text = path.read_text(encoding="utf-8")
            copy.deepcopy(self.tokenizers).load(text)
        except FileNotFoundError:
            return None
        except (OSError, ValueError, TypeError, LookupError, UserError) as error:
            raise UserError(f"{path} does not hold the tokenizers of these settings ({error}).") from error
        self.tokenizers.load(text)
        return self.tokenizers

    def open(self, task: str, split: str) -> Split:
        """The token store of a split, written first if it is not in the cache."""
        if (task, split) in self.opened:
            return self.opened[task, split]
        check_name(f"the split {split} of {task}", split)
        data = self.tasks[task]
        keep_text = split != "train" or self._drawn
        reader = data.reader
        print_ = fingerprint(
            {
                "tokenizers": self.tokenizers.to_json(),
                "task": dict(data.recipe),
                "files": data.digests(split),
                "lengths": [reader.max_length, data.max_target_length, reader.long_sources],
                "tag": self.tokenizers.source.tag(task),
                "text": keep_text,
                "training": split == "train",
                "copying": self.copying,
            }
        )
        path = self.cache_dir / print_ / f"{split}.arrow"

        def make() -> None:
            log.info("tokenizing the %s split%s", split, f" of {task}" if len(self.tasks) > 1 else "")
            report = Report(split)
            rows = prepare(
                data.examples(split),
                reader,
                training=split == "train",
                max_target_length=data.max_target_length,
                report=report,
            )
            write(path, rows, keep_text=keep_text, copying=self.copying)
            write_report(path, report)

        self.opened[task, split], self.reports[task, split] = made_once(path.parent, partial(read, path), make)
        self.fingerprints[task, split] = print_
        return self.opened[task, split]

    @property
    def _drawn(self) -> bool:
        """Whether tokens are drawn anew in every epoch."""
        return self.tokenizers.source.stochastic or self.tokenizers.target.stochastic

    def example(self, split: str, task: str, index: int) -> Example:
        """The text behind a row."""
        store = self.open(task, split)
        return Example(store.source_text(index), store.references(index))

    def loader(self, split: str) -> DataLoader[Batch]:
        """Batches of a split: shuffled for training, else by length, every sentence once."""
        training = split == "train"
        stores = {name: self.open(name, split) for name, data in self.tasks.items() if split in data.corpus.splits()}
        sampler = BatchSampler(
            {
                name: Lengths(store.source_lengths, store.target_lengths, self.tasks[name].weight)
                for name, store in stores.items()
            },
            max_tokens=self.max_tokens,
            max_sentences=self.batch_size,
            seed=self.seed,
            shuffle=training,
            temperature=self.mixing_temperature,
            rank=self.trainer.global_rank if self.trainer else 0,
            world_size=self.trainer.world_size if self.trainer else 1,
        )
        drawing = {name: self.tasks[name].reader for name in stores} if training and self._drawn else {}
        dataset = PlannedBatches(stores, drawing, self.seed, self.copying)
        loader = ResumableLoader if training else DataLoader
        return loader(dataset, batch_size=None, sampler=sampler)

    def train_dataloader(self) -> DataLoader[Batch]:
        """Token-budget batches of the training split; the first time, from where a checkpoint stands."""
        loader = self.loader("train")
        assert isinstance(loader, ResumableLoader)
        if self.position:
            loader.load_state_dict(self.position)
            self.position = {}
        self.training = loader
        return loader

    def val_dataloader(self) -> DataLoader[Batch]:
        """The validation split, longest sentences first."""
        return self.loader("valid")

    # Lightning would restore a loader's state by itself, but not where the number of steps is asked for before.

    def state_dict(self) -> dict[str, int]:
        """Which training batch is next, for a checkpoint."""
        return self.training.state_dict() if self.training else {}

    def load_state_dict(self, state_dict: dict[str, int]) -> None:
        """The counterpart of `state_dict`."""
        self.position = dict(state_dict)
