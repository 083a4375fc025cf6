"""Lines to lines with a trained model: streams in constant memory, keeps order and alignment whatever it reads."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from itertools import islice
from pathlib import Path
from typing import IO, cast

import numpy as np
import torch
from omegaconf import DictConfig

from seq2seq_pl.batching import collate
from seq2seq_pl.build import build_judging, build_model
from seq2seq_pl.config import GenerateConfig, TrainConfig, read
from seq2seq_pl.datamodule import Tokenizers
from seq2seq_pl.encoding import Source, read_sources
from seq2seq_pl.errors import UserError
from seq2seq_pl.interfaces import Decoding
from seq2seq_pl.model.seq2seq import Seq2Seq
from seq2seq_pl.saved import Saved, find_checkpoint, load_tokenizers, read_checkpoint, settings_of
from seq2seq_pl.values import EOS, Batch

WINDOW = 32
"""Batches that are read ahead, so that sentences of like length can go together."""


class Generator:
    """A trained model that answers texts with texts."""

    def __init__(self, settings: TrainConfig, tokenizers: Tokenizers, saved: Saved, device: str) -> None:
        model = build_model(settings.model, tokenizers.source.vocab_size, tokenizers.target.vocab_size)
        prefix = "model."
        weights = {name[len(prefix) :]: value for name, value in saved.weights.items() if name.startswith(prefix)}
        model.load_state_dict(weights)
        self.model: Seq2Seq = model.eval().to(device)
        self.tokenizers = tokenizers
        self.decoding: Decoding = build_judging(settings)[settings.task_name].decoding
        self.task_name = settings.task_name
        self.max_source_length = settings.max_source_length
        self.batch_size = settings.batch_size
        self.device = device
        self.cut = 0
        self.tokens = 0

    @torch.inference_mode()
    def answer(self, texts: Sequence[str]) -> list[str]:
        """One line for each text; an empty text gets an empty line. Counts source texts that had to be cut."""
        answers = [""] * len(texts)
        filled = [i for i, text in enumerate(texts) if text.strip()]
        read = read_sources(
            [texts[i] for i in filled],
            self.tokenizers.source,
            self.tokenizers.target,
            copying=self.model.output.copying,
            max_length=self.max_source_length,
        )
        self.cut += sum(source.cut for source in read)
        sources = dict(zip(filled, read, strict=True))
        order = sorted(sources, key=lambda i: len(sources[i].ids))
        for start in range(0, len(order), self.batch_size):
            rows = order[start : start + self.batch_size]
            batch = self._batch(rows, [sources[i] for i in rows])
            for i, best in zip(rows, self.decoding.decode(self.model, batch), strict=True):
                self.tokens += len(best[0].tokens) + 1
                text = self.tokenizers.target.decode(best[0].tokens, sources[i].words)
                answers[i] = " ".join(text.splitlines())
        return answers

    def _batch(self, places: Sequence[int], sources: Sequence[Source]) -> Batch:
        ids = [np.array([*source.ids, EOS]) for source in sources]
        copies = [np.array([*source.copies, EOS]) for source in sources if source.copies is not None]
        return collate(ids, [], np.array(places), self.task_name, copies or None).to(self.device)


def lines(file: IO[bytes]) -> Iterator[str]:
    """Lines that end at newlines and nowhere else; bytes that are not UTF-8 become U+FFFD."""
    for raw in file:
        yield raw.decode("utf-8", errors="replace").removesuffix("\n").removesuffix("\r")


def generate_lines(config: DictConfig) -> None:
    """Answers the input line by line.

    Raises:
        UserError: not a run, an input that is not there, an output that cannot be written.
    """
    asked = read(GenerateConfig, config)
    device = ("cuda" if torch.cuda.is_available() else "cpu") if asked.device == "auto" else asked.device
    if device == "cuda" and not torch.cuda.is_available():
        raise UserError("device=cuda: this machine has no GPU that torch can use; set device=cpu.")
    saved = read_checkpoint(find_checkpoint(asked.run, asked.checkpoint))
    settings = settings_of(saved, {"batch_size": asked.batch_size, "decoding": asked.decoding})
    with ExitStack() as stack:
        source: IO[bytes] = sys.stdin.buffer
        if asked.input != "-":
            source = stack.enter_context(_open(asked.input, "rb", "input"))
        generator = Generator(settings, load_tokenizers(saved, settings), saved, device)
        if asked.input == "-" and sys.stdin.isatty():
            _converse(generator)
            return
        target: IO[bytes] = sys.stdout.buffer
        if asked.output != "-":
            if Path(asked.output).expanduser().resolve() == Path(asked.input).expanduser().resolve():
                raise UserError(f"output={asked.output} is the input too, and would be lost; give another file.")
            target = stack.enter_context(_open(asked.output, "wb", "output"))
        _stream(generator, lines(source), target)


def _open(path: str, mode: str, setting: str) -> IO[bytes]:
    try:
        return cast("IO[bytes]", Path(path).expanduser().open(mode))
    except OSError as error:
        raise UserError(f"{setting}={path}: {error.strerror}.") from error


def _stream(generator: Generator, texts: Iterable[str], target: IO[bytes]) -> None:
    began, count, stream = time.perf_counter(), 0, iter(texts)
    try:
        while window := list(islice(stream, generator.batch_size * WINDOW)):
            target.writelines(f"{answer}\n".encode() for answer in generator.answer(window))
            target.flush()
            count += len(window)
    except BrokenPipeError:  # whoever read the output has seen enough
        sys.stderr.close()
        return
    seconds = time.perf_counter() - began
    print(f"{count:,} lines, {generator.tokens / seconds:,.0f} tokens/s", file=sys.stderr)
    if generator.cut:
        print(
            f"{generator.cut:,} lines had over max_source_length={generator.max_source_length} tokens and were cut.",
            file=sys.stderr,
        )


def _converse(generator: Generator) -> None:
    print("Type a sentence; end with Ctrl-D.", file=sys.stderr)
    while True:
        try:
            text = input("> ")
        except (EOFError, KeyboardInterrupt):
            print(file=sys.stderr)
            return
        print(generator.answer([text])[0], flush=True)
