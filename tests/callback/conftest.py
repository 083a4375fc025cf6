"""A tiny model, data and run, and what TensorBoard and the CSV file hold of it."""

from __future__ import annotations

import csv
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import lightning as L
import pytest
import torch
from lightning.pytorch.loggers import CSVLogger, TensorBoardLogger
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from torch.utils.data import DataLoader

from seq2seq_pl.build import build_model
from seq2seq_pl.config import NonFinite
from seq2seq_pl.decoding.greedy import Greedy
from seq2seq_pl.metric.bleu import Bleu
from seq2seq_pl.metric.chrf import Chrf
from seq2seq_pl.mishaps import Advice
from seq2seq_pl.module import Judging, Seq2SeqModule, Texts
from seq2seq_pl.objective.cross_entropy import CrossEntropy
from seq2seq_pl.schedule.linear import Linear
from seq2seq_pl.values import EOS, PAD, Batch, Example

VOCAB_SIZE = 11
SOURCES = (
    "a dog",
    "two | dogs",
    "他有一只猫。",
    "a\nman <b>runs</b>",
    "one two three four five six",
    "*x* _y_",
    "&amp;",
)


def node(name: str, **settings: object) -> dict[str, object]:
    return {"_target_": f"seq2seq_pl.model.{name}", **settings}


def tiny_module(
    *,
    attention: bool = True,
    tasks: Sequence[str] = ("translation",),
    monitor: str = "chrf",
    dropout: float = 0.0,
    non_finite: NonFinite = "stop",
) -> Seq2SeqModule:
    torch.manual_seed(1)
    gru = {"cell": "gru", "layers": 1, "dropout": 0.0}
    gru |= {"variational_dropout": False, "residual": False, "layer_norm": False}
    model = build_model(
        {
            **node("seq2seq.Seq2Seq", dropout=dropout),
            "embedding": node("embedding.token.TokenEmbedding", size=6),
            "encoder": node("encoder.rnn.RNNEncoder", hidden_size=4, bidirectional=True, backward=False, **gru),
            "bridge": node("bridge.tanh.TanhBridge"),
            "attention": node("attention.additive.AdditiveAttention", size=5)
            if attention
            else node("attention.none.NoAttention"),
            "decoder": node("decoder.rnn.RNNDecoder", hidden_size=7, output_dropout=0.0, **gru),
            "output": node("output.projection.Projection"),
            "initialization": node("initialization.own.Own"),
        },
        VOCAB_SIZE,
        VOCAB_SIZE + 2,
    )
    letters = "abcdefghijklm"
    return Seq2SeqModule(
        model,
        CrossEntropy(VOCAB_SIZE + 2, label_smoothing=0.1),
        optimizer=partial(torch.optim.SGD, lr=0.5),
        schedule=Linear(start=1.0, end=0.0, steps=10),
        teacher_forcing=Linear(start=1.0, end=0.5, steps=10),
        judging={task: Judging(Greedy(max_length=8), (Bleu(), Chrf()), monitor) for task in tasks},
        texts=Texts(
            decode=lambda ids, copied: "".join(letters[i] for i in ids),
            source_tokens=lambda ids: [f"▁{letters[i]}" for i in ids],
            target_tokens=lambda ids, copied: [f"▁{letters[i]}$" for i in ids],
            copied=lambda task, text: (),
            example=lambda split, task, index: Example(SOURCES[index], (f"{task} {index}",)),
        ),
        name="translation" if len(tasks) == 1 else "multitask",
        seed=1,
        non_finite=non_finite,
        advice=Advice("first", "steps", "training", "sentence", dict.fromkeys(tasks, "scoring")),
        self_description={},
    )


def batch(sizes: Sequence[tuple[int, int]], first_index: int = 0, task: str = "translation") -> Batch:
    """Random sentences of these (source, target) lengths, EOS counted."""
    rng = torch.Generator().manual_seed(first_index + 7 * len(sizes))

    def side(lengths: Sequence[int]) -> torch.Tensor:
        rows = torch.full((len(lengths), max(lengths)), PAD)
        for row, size in zip(rows, lengths, strict=True):
            row[: size - 1] = torch.randint(4, VOCAB_SIZE, (size - 1,), generator=rng)
            row[size - 1] = EOS
        return rows

    sources, targets = zip(*sizes, strict=True)
    return Batch(side(sources), side(targets), torch.arange(first_index, first_index + len(sizes)), task)


TRAINING = (batch([(5, 3), (2, 4)]), batch([(3, 2), (3, 6), (1, 1)], 10), batch([(4, 4)], 20))
VALIDATION = (batch([(4, 3), (2, 2), (6, 5)], 4), batch([(3, 2), (5, 1), (2, 3), (1, 2)], 0))  # not in index order


@dataclass(frozen=True)
class Run:
    """A finished training in `directory`."""

    trainer: L.Trainer
    module: Seq2SeqModule
    directory: Path

    def events(self) -> EventAccumulator:
        found = EventAccumulator(str(self.directory / "tensorboard"), size_guidance={"images": 0, "tensors": 0})
        found.Reload()
        return found

    def scalars(self, tag: str) -> dict[int, float]:
        return {event.step: event.value for event in self.events().Scalars(tag)}

    def csv_rows(self) -> list[dict[str, str]]:
        with (self.directory / "csv" / "metrics.csv").open() as file:
            return list(csv.DictReader(file))


def trainer(directory: Path, callbacks: Sequence[L.Callback], *, loggers: bool = True, **settings: object) -> L.Trainer:
    # Batches come from a list, as they come from memory-mapped arrays in earnest: a worker would only cost time.
    warnings.filterwarnings("ignore", message=".*does not have many workers.*")
    # Lightning 2.6 asks torch 2.13's pytree in a way that is deprecated there.
    warnings.filterwarnings("ignore", message=".*LeafSpec.* is deprecated", category=FutureWarning)
    found = [TensorBoardLogger(directory, name="tensorboard", version=""), CSVLogger(directory, name="csv", version="")]
    return L.Trainer(
        default_root_dir=directory,
        accelerator="cpu",
        callbacks=list(callbacks),
        logger=found if loggers else False,
        enable_checkpointing=False,
        enable_model_summary=False,
        enable_progress_bar=False,
        use_distributed_sampler=False,
        log_every_n_steps=1,
        **settings,
    )


def loader(batches: Sequence[Batch]) -> DataLoader[Batch]:
    return DataLoader(list(batches), batch_size=None)


@pytest.fixture
def fit(tmp_path: Path) -> Callable[..., Run]:
    """Trains a tiny model for 6 steps of 3 an epoch, with a validation after each epoch."""

    def make(
        *callbacks: L.Callback,
        module: Seq2SeqModule | None = None,
        validation: Sequence[Batch] = VALIDATION,
        loggers: bool = True,
        **settings: object,
    ) -> Run:
        module = module or tiny_module()
        made = trainer(tmp_path, callbacks, loggers=loggers, **({"max_epochs": 2} | settings))
        made.fit(module, loader(TRAINING), loader(validation))
        return Run(made, module, tmp_path)

    return make


@pytest.fixture
def tiny() -> Callable[..., Seq2SeqModule]:
    return tiny_module


@pytest.fixture
def training() -> tuple[Batch, ...]:
    return TRAINING


@pytest.fixture
def validation() -> tuple[Batch, ...]:
    return VALIDATION


@pytest.fixture
def score(tmp_path: Path) -> Callable[..., Run]:
    """Scores a tiny model on the validation sentences, as "test" or as a validation on its own."""

    def make(
        callback: L.Callback,
        how: str = "test",
        module: Seq2SeqModule | None = None,
        batches: Sequence[Batch] = VALIDATION,
        loggers: bool = True,
    ) -> Run:
        module = module or tiny_module()
        made = trainer(tmp_path, [callback], loggers=loggers)
        call = made.test if how == "test" else made.validate
        call(module, loader(batches), verbose=False)
        return Run(made, module, tmp_path)

    return make


@pytest.fixture
def make_batch() -> Callable[..., Batch]:
    return batch
