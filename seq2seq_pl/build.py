"""The one place where config becomes objects. Sizes flow forward, so nobody writes a size twice."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TypeVar

import lightning as L
import torch
from hydra.utils import get_object
from lightning.pytorch.callbacks import Checkpoint
from lightning.pytorch.loggers import Logger

from seq2seq_pl.callback.checkpoint import Checkpoint as CheckpointCallback
from seq2seq_pl.checkpoint_file import CheckpointFiles
from seq2seq_pl.config import COMBINED, TaskConfig, TrainConfig
from seq2seq_pl.datamodule import DataModule, TaskData, Tokenizers
from seq2seq_pl.encoding import Reader
from seq2seq_pl.errors import UserError
from seq2seq_pl.files import typed_path
from seq2seq_pl.interfaces import (
    Attention,
    Bridge,
    Corpus,
    Decoder,
    Decoding,
    Embedding,
    Encoder,
    Initialization,
    Metric,
    Objective,
    Output,
    Schedule,
    Task,
    Tokenizer,
)
from seq2seq_pl.mishaps import advise
from seq2seq_pl.model.seq2seq import Seq2Seq
from seq2seq_pl.module import Judging, Seq2SeqModule, Texts
from seq2seq_pl.parts import named, part
from seq2seq_pl.schema import Node, suggest
from seq2seq_pl.scoring import check_names, higher_is_better, monitor_names, prefix
from seq2seq_pl.trials import try_model, try_optimizer, try_trainer
from seq2seq_pl.values import SPECIAL_TOKENS, Example

T = TypeVar("T")

# -- model -----------------------------------------------------------------------------------------------------------


def build_model(node: Node, source_vocab_size: int, target_vocab_size: int, tasks: Sequence[str] = ()) -> Seq2Seq:
    """The encoder-decoder of `model`, tried on one tiny sentence, so that parts that do not fit say so now.

    Args:
        tasks: their names. Where `separate` is set, the first uses `decoder` and `output`, the others their own.
    """
    nodes = {key: value for key, value in node.items() if isinstance(value, Mapping) and "_target_" in value}
    source_embedding = part(Embedding, "model.embedding", nodes["embedding"], vocab_size=source_vocab_size)
    target_embedding = part(Embedding, "model.embedding", nodes["embedding"], vocab_size=target_vocab_size)
    size = source_embedding.embedding_dim
    encoder = part(Encoder, "model.encoder", nodes["encoder"], input_size=size)

    def decoder() -> Decoder:
        return part(
            Decoder,
            "model.decoder",
            nodes["decoder"],
            input_size=size,
            memory_size=encoder.output_size,
            attention=partial(part, Attention, "model.attention", nodes["attention"]),
            bridge=partial(part, Bridge, "model.bridge", nodes["bridge"]),
        )

    def output(size: int) -> Output:
        return part(Output, "model.output", nodes["output"], input_size=size, embedding=target_embedding)

    shared = decoder()
    separate = node.get("separate", "none")
    model = part(
        Seq2Seq,
        "model",
        {key: value for key, value in node.items() if key not in nodes},
        encoder=encoder,
        decoder=shared,
        source_embedding=source_embedding,
        target_embedding=target_embedding,
        output=output(shared.output_size),
        own_decoders={task: decoder() for task in (tasks[1:] if separate == "decoder" else ())},
        own_outputs={task: output(shared.output_size) for task in (() if separate == "none" else tasks[1:])},
    )
    part(Initialization, "model.initialization", nodes["initialization"])(model)
    try_model(model)
    return model


# -- data ------------------------------------------------------------------------------------------------------------


def build_tokenizers(settings: TrainConfig) -> Tokenizers:
    """Untrained tokenizers; one object for both sides where the vocabulary is shared.

    Raises:
        UserError: the target is to have its own settings in a shared vocabulary.
    """
    node = settings.target_tokenizer or settings.tokenizer
    if settings.shared_vocabulary and node != settings.tokenizer:
        raise UserError(
            "shared_vocabulary=true needs one tokenizer for both sides: set tokenizer@target_tokenizer=null, or "
            "shared_vocabulary=false."
        )
    source = part(Tokenizer, "tokenizer", settings.tokenizer)
    target = source if settings.shared_vocabulary else part(Tokenizer, "target_tokenizer", node)
    return Tokenizers(source, target, {"tokenizers": [settings.tokenizer, node], "shared": settings.shared_vocabulary})


def build_reader(settings: TrainConfig, tokenizers: Tokenizers, task: str) -> Reader:
    """How the sources of a task are read."""
    own = settings.tasks[task]
    return Reader(
        tokenizers.source, tokenizers.target, task, copies_words(settings), own.max_source_length, own.long_sources
    )


def build_data(
    settings: TrainConfig, tokenizers: Tokenizers, *, trained: bool = False, only: str | None = None
) -> DataModule:
    """The datamodule of a run; `trained` tokenizers are used as they are, `only` leaves out the other tasks."""
    tasks = {
        name: TaskData(
            _of_task(Task, "task", own.task, path),
            _of_task(Corpus, "corpus", own.corpus, path),
            {"task": own.task, "corpus": {k: v for k, v in own.corpus.items() if k not in ("path", "download")}},
            build_reader(settings, tokenizers, name),
            own.max_target_length,
            Path(settings.cache_dir).expanduser() / "digests",
            own.weight,
        )
        for name, own, path in _tasks(settings)
        if only in (None, name)
    }
    return DataModule(
        tasks,
        tokenizers,
        cache_dir=Path(settings.cache_dir).expanduser(),
        batch_size=settings.batch_size,
        max_tokens=settings.token_budget,
        seed=settings.seed,
        mixing_temperature=settings.mixing_temperature,
        trained=trained,
    )


def _tasks(settings: TrainConfig) -> Iterator[tuple[str, TaskConfig, Callable[[str], str]]]:
    """Name and settings of each task, and how a user calls one of these settings."""
    start = "mixture.{}." if settings.mixture else ""
    for name, own in settings.tasks.items():
        yield name, own, start.format(name).__add__


def _of_task(kind: type[T], name: str, node: Node, path: Callable[[str], str]) -> T:
    """A part of a task; what it says of its own settings is told as a user calls them."""
    try:
        return part(kind, path(name), node)
    except UserError as error:
        told = str(error)
        raise UserError(path(told) if told.startswith(f"{name}.") else told) from error


def copies_words(settings: TrainConfig) -> bool:
    """Whether the chosen model/output copies source words, known before it is built."""
    output = settings.model["output"]
    assert isinstance(output, Mapping)
    copying: bool = get_object(str(output["_target_"])).copying
    return copying


# -- training --------------------------------------------------------------------------------------------------------


def build_judging(settings: TrainConfig) -> dict[str, Judging]:
    """Per task how outputs are made and judged. Raises UserError for a monitor that nobody computes."""
    made: dict[str, Judging] = {}
    for name, own, path in _tasks(settings):
        by_path = {
            path(f"metric.{key}"): _of_task(Metric, f"metric.{key}", node, path) for key, node in own.metric.items()
        }
        check_names(by_path)
        metrics = tuple(by_path.values())
        known = monitor_names(metrics)
        if own.monitor not in known:
            raise UserError(f"{path('monitor')} ({own.monitor}) is not computed{suggest(own.monitor, known)}")
        made[name] = Judging(_of_task(Decoding, "decoding", own.decoding, path), metrics, own.monitor, own.loss_weight)
    if settings.mixture and settings.monitor != COMBINED:
        raise UserError(
            f"monitor ({settings.monitor}) of a mixture must be {COMBINED}, the mean of what its tasks monitor; "
            f"set mixture.{next(iter(made))}.monitor={settings.monitor} for one of them."
        )
    return made


def build_teacher_forcing(settings: TrainConfig) -> Schedule:
    """The schedule of the teacher-forcing ratio. Raises UserError if it starts outside [0, 1]."""
    schedule = part(Schedule, "teacher_forcing", settings.teacher_forcing)
    trial = copy.copy(schedule)
    trial.begin(1)
    if not 0 <= trial(0) <= 1:
        raise UserError(f"teacher_forcing begins at a ratio of {trial(0)}, which must be from 0 to 1.")
    return schedule


def build_module(
    settings: TrainConfig, tokenizers: Tokenizers, example: Callable[[str, str, int], Example]
) -> Seq2SeqModule:
    """The LightningModule of a run, weights drawn from `seed`."""
    torch.manual_seed(settings.seed)
    sizes = tokenizers.source.vocab_size, tokenizers.target.vocab_size
    model = build_model(settings.model, *sizes, list(settings.tasks))
    return Seq2SeqModule(
        model,
        part(Objective, "objective", settings.objective, vocab_size=tokenizers.target.vocab_size),
        optimizer=partial(part, torch.optim.Optimizer, "optimizer", settings.optimizer),
        schedule=part(Schedule, "schedule", settings.schedule),
        teacher_forcing=build_teacher_forcing(settings),
        judging=build_judging(settings),
        texts=build_texts(settings, tokenizers, example),
        name=settings.task_name,
        seed=settings.seed,
        non_finite=settings.non_finite,
        advice=advise(settings),
        self_description={"config": asdict(settings), "tokenizers": tokenizers.to_json()},
    )


def begin_embeddings(model: Seq2Seq, tokenizers: Tokenizers) -> list[str]:
    """Tells new embeddings which token each row stands for; returns what they say."""
    said = []
    for side, embedding, tokenizer in (
        ("source", model.source_embedding, tokenizers.source),
        ("target", model.target_embedding, tokenizers.target),
    ):
        with named("model.embedding"):
            said.append(embedding.begin(tokenizer.tokens(range(tokenizer.vocab_size)), side))
    return [sentence for sentence in said if sentence]


def build_texts(settings: TrainConfig, tokenizers: Tokenizers, example: Callable[[str, str, int], Example]) -> Texts:
    """The texts behind what a model reads and writes."""
    source, target = tokenizers.source, tokenizers.target
    readers = {task: build_reader(settings, tokenizers, task) for task in settings.tasks}

    def copied(task: str, text: str) -> Sequence[str]:
        return readers[task].read([text])[0].words if readers[task].copying else ()

    return Texts(target.decode, source.tokens, target.tokens, copied, example)


def build_trainer(settings: TrainConfig) -> L.Trainer:
    """The Trainer with its loggers and callbacks; whoever monitors something monitors `monitor`."""
    judging = list(build_judging(settings).values())
    up = bool(settings.mixture) or higher_is_better(settings.monitor, judging[0].metrics)
    watched = {
        "monitor": f"{prefix('valid', settings.task_name)}/{settings.monitor}",
        "mode": "max" if up else "min",
    }
    callbacks = []
    for name, node in settings.callback.items():
        watches = "monitor" in inspect.signature(get_object(str(node["_target_"]))).parameters
        callbacks.append(part(L.Callback, f"callback.{name}", node, **(watched if watches else {})))
    callbacks.sort(key=lambda callback: isinstance(callback, CheckpointCallback))  # sees what all others have done
    loggers = [part(Logger, f"logger.{name}", node) for name, node in settings.logger.items()]
    return part(
        L.Trainer,
        "trainer",
        settings.trainer,
        callbacks=callbacks,
        logger=loggers or False,
        plugins=[CheckpointFiles()],
        enable_checkpointing=any(isinstance(callback, Checkpoint) for callback in callbacks),
        default_root_dir=settings.run_dir,
        use_distributed_sampler=False,
    )


def rehearse(settings: TrainConfig) -> None:
    """Makes every part once, at a tiny vocabulary, so that what a constructor refuses is known before any work.

    Raises:
        UserError: everything that was refused, one line each.
    """
    problems = []
    models: list[Seq2Seq] = []
    sizes = len(SPECIAL_TOKENS), len(SPECIAL_TOKENS)

    def objective() -> None:
        made = part(Objective, "objective", settings.objective, vocab_size=len(SPECIAL_TOKENS))
        for model in models:
            try_model(model, made)

    def trainer_and_optimizer() -> None:
        trainer = try_trainer(settings)
        try_optimizer(settings.optimizer, trainer.strategy.root_device)

    def unused_parameters() -> None:
        separate = settings.model.get("separate", "none") != "none" and len(settings.tasks) > 1
        if separate and settings.trainer.get("strategy") == "ddp":
            raise UserError(
                f"model.separate={settings.model['separate']} leaves parameters unused in each batch, which strategy "
                "ddp does not expect; set trainer.strategy=ddp_find_unused_parameters_true."
            )

    def sharing() -> None:
        if settings.model.get("share_embeddings") and not settings.shared_vocabulary:
            raise UserError("model.share_embeddings=true needs one vocabulary for both sides: shared_vocabulary=true.")

    makers: list[Callable[[], object]] = [
        lambda: typed_path("run_dir", settings.run_dir),
        lambda: typed_path("cache_dir", settings.cache_dir),
        sharing,
        unused_parameters,
        *(partial(_of_task, Task, "task", own.task, path) for _, own, path in _tasks(settings)),
        *(partial(_of_task, Corpus, "corpus", own.corpus, path) for _, own, path in _tasks(settings)),
        lambda: build_tokenizers(settings),
        lambda: models.append(build_model(settings.model, *sizes, list(settings.tasks))),
        objective,
        lambda: part(Schedule, "schedule", settings.schedule),
        lambda: build_teacher_forcing(settings),
        lambda: build_judging(settings),
        trainer_and_optimizer,
    ]
    for make in makers:
        try:
            make()
        except UserError as error:
            problems.append(str(error))
    if problems:
        raise UserError("\n".join(problems))
