"""The one place where config becomes objects. Sizes flow forward, so nobody writes a size twice."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path

import lightning as L
import torch
from hydra.utils import get_object
from lightning.pytorch.callbacks import Checkpoint
from lightning.pytorch.loggers import Logger
from torch import nn

from seq2seq_pl.config import Node, TrainConfig, suggest
from seq2seq_pl.datamodule import DataModule, TaskData, Tokenizers
from seq2seq_pl.encoding import read_sources
from seq2seq_pl.errors import UserError
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
from seq2seq_pl.model.seq2seq import Seq2Seq
from seq2seq_pl.module import Judging, Seq2SeqModule, Texts
from seq2seq_pl.parts import named, part
from seq2seq_pl.scoring import higher_is_better, monitor_names, prefix
from seq2seq_pl.values import EOS, SPECIAL_TOKENS, Batch, Example

# -- model -----------------------------------------------------------------------------------------------------------


def build_model(node: Node, source_vocab_size: int, target_vocab_size: int) -> Seq2Seq:
    """The encoder-decoder of `model`, tried on one tiny sentence, so that parts that do not fit say so now."""
    nodes = {key: value for key, value in node.items() if isinstance(value, Mapping) and "_target_" in value}
    source_embedding = part(Embedding, "model.embedding", nodes["embedding"], vocab_size=source_vocab_size)
    target_embedding = part(Embedding, "model.embedding", nodes["embedding"], vocab_size=target_vocab_size)
    size = source_embedding.embedding_dim
    encoder = part(Encoder, "model.encoder", nodes["encoder"], input_size=size)
    decoder = part(
        Decoder,
        "model.decoder",
        nodes["decoder"],
        input_size=size,
        memory_size=encoder.output_size,
        attention=partial(part, Attention, "model.attention", nodes["attention"]),
        bridge=partial(part, Bridge, "model.bridge", nodes["bridge"]),
    )
    output = part(
        Output,
        "model.output",
        nodes["output"],
        input_size=decoder.output_size,
        embedding=target_embedding,
    )
    own = {key: value for key, value in node.items() if key not in nodes}
    model = part(
        Seq2Seq,
        "model",
        own,
        encoder=encoder,
        decoder=decoder,
        source_embedding=source_embedding,
        target_embedding=target_embedding,
        output=output,
    )
    part(Initialization, "model.initialization", nodes["initialization"])(model)
    _try(model)
    return model


def _try(model: Seq2Seq, objective: Objective | None = None) -> None:
    """One tiny sentence through the model, and through the objective where there is one."""
    sentence = torch.tensor([[EOS]])
    batch = Batch(sentence, sentence, torch.zeros(1, dtype=torch.long), task="", copies=sentence)
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        outputs, weights = model(batch, need_weights=objective is not None and objective.needs_weights)
        logits = model.logits(batch, outputs, weights)
        if objective:
            objective(logits, sentence[0], weights, batch.target_mask)


# -- data ------------------------------------------------------------------------------------------------------------


def build_tokenizers(settings: TrainConfig) -> Tokenizers:
    """Untrained tokenizers; one object for both sides where the vocabulary is shared."""
    source = part(Tokenizer, "tokenizer", settings.tokenizer)
    target = source if settings.shared_vocabulary else part(Tokenizer, "tokenizer", settings.tokenizer)
    return Tokenizers(source, target, {"tokenizer": settings.tokenizer, "shared": settings.shared_vocabulary})


def build_data(settings: TrainConfig, tokenizers: Tokenizers, *, trained: bool = False) -> DataModule:
    """The datamodule of a run; `trained` tokenizers are used as they are."""
    recipe = {
        "task": settings.task,
        "corpus": {k: v for k, v in settings.corpus.items() if k not in ("path", "download")},
    }
    data = TaskData(part(Task, "task", settings.task), part(Corpus, "corpus", settings.corpus), recipe)
    return DataModule(
        {settings.task_name: data},
        tokenizers,
        cache_dir=Path(settings.cache_dir).expanduser(),
        max_source_length=settings.max_source_length,
        max_target_length=settings.max_target_length,
        batch_size=settings.batch_size,
        max_tokens=settings.max_tokens,
        seed=settings.seed,
        trained=trained,
        copying=copies_words(settings),
    )


def copies_words(settings: TrainConfig) -> bool:
    """Whether the chosen model/output copies source words, known before it is built."""
    output = settings.model["output"]
    assert isinstance(output, Mapping)
    copying: bool = get_object(str(output["_target_"])).copying
    return copying


# -- training --------------------------------------------------------------------------------------------------------


def build_judging(settings: TrainConfig) -> dict[str, Judging]:
    """Per task how outputs are made and judged. Raises UserError for a monitor that nobody computes."""
    metrics = tuple(part(Metric, f"metric.{name}", node) for name, node in settings.metric.items())
    known = monitor_names(metrics)
    if settings.monitor not in known:
        raise UserError(f"monitor ({settings.monitor}) is not computed{suggest(settings.monitor, known)}")
    return {settings.task_name: Judging(part(Decoding, "decoding", settings.decoding), metrics)}


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
    model = build_model(settings.model, tokenizers.source.vocab_size, tokenizers.target.vocab_size)
    return Seq2SeqModule(
        model,
        part(Objective, "objective", settings.objective, vocab_size=tokenizers.target.vocab_size),
        optimizer=partial(part, torch.optim.Optimizer, "optimizer", settings.optimizer),
        schedule=part(Schedule, "schedule", settings.schedule),
        teacher_forcing=build_teacher_forcing(settings),
        judging=build_judging(settings),
        texts=build_texts(settings, tokenizers, example),
        monitor=settings.monitor,
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
    source, target, limit = tokenizers.source, tokenizers.target, settings.max_source_length
    copying = copies_words(settings)

    def copied(text: str) -> Sequence[str]:
        return read_sources([text], source, target, copying=True, max_length=limit)[0].words if copying else ()

    return Texts(target.decode, source.tokens, target.tokens, copied, example)


def build_trainer(settings: TrainConfig) -> L.Trainer:
    """The Trainer with its loggers and callbacks; whoever monitors something monitors `monitor`."""
    judging = build_judging(settings)[settings.task_name]
    watched = {
        "monitor": f"{prefix('valid', settings.task_name)}/{settings.monitor}",
        "mode": "max" if higher_is_better(settings.monitor, judging.metrics) else "min",
    }
    callbacks = []
    for name, node in settings.callback.items():
        watches = "monitor" in inspect.signature(get_object(str(node["_target_"]))).parameters
        callbacks.append(part(L.Callback, f"callback.{name}", node, **(watched if watches else {})))
    loggers = [part(Logger, f"logger.{name}", node) for name, node in settings.logger.items()]
    return part(
        L.Trainer,
        "trainer",
        settings.trainer,
        callbacks=callbacks,
        logger=loggers or False,
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

    def objective() -> None:
        made = part(Objective, "objective", settings.objective, vocab_size=len(SPECIAL_TOKENS))
        for model in models:
            _try(model, made)

    def optimizer() -> None:
        part(torch.optim.Optimizer, "optimizer", settings.optimizer, params=[nn.Parameter(torch.zeros(1))])

    def sharing() -> None:
        if settings.model.get("share_embeddings") and not settings.shared_vocabulary:
            raise UserError("model.share_embeddings=true needs one vocabulary for both sides: shared_vocabulary=true.")

    makers: list[Callable[[], object]] = [
        sharing,
        lambda: part(Task, "task", settings.task),
        lambda: part(Corpus, "corpus", settings.corpus),
        lambda: part(Tokenizer, "tokenizer", settings.tokenizer),
        lambda: models.append(build_model(settings.model, len(SPECIAL_TOKENS), len(SPECIAL_TOKENS))),
        objective,
        optimizer,
        lambda: part(Schedule, "schedule", settings.schedule),
        lambda: build_teacher_forcing(settings),
        lambda: build_judging(settings),
        lambda: part(L.Trainer, "trainer", settings.trainer, logger=False, default_root_dir=settings.run_dir),
    ]
    for make in makers:
        try:
            make()
        except UserError as error:
            problems.append(str(error))
    if problems:
        raise UserError("\n".join(problems))
