"""Lines to lines with trained models: keeps order and alignment whatever it reads."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace

import torch
from omegaconf import DictConfig

from seq2seq_pl.command_config import GenerateConfig, read
from seq2seq_pl.constraints import Demand, Form, Request, demand, read_request
from seq2seq_pl.decoding.constrained_beam import ConstrainedBeam
from seq2seq_pl.decoding.ensemble import Space
from seq2seq_pl.errors import UserError
from seq2seq_pl.interfaces import Decoding, Task
from seq2seq_pl.lexicon import Lexicon
from seq2seq_pl.members import Members, Reading, Run, chosen_device, open_runs
from seq2seq_pl.mishaps import fitting
from seq2seq_pl.parts import part
from seq2seq_pl.prompt import converse
from seq2seq_pl.saved import find_checkpoint
from seq2seq_pl.shortlisting import open_shortlist
from seq2seq_pl.streaming import Meter, counted, lines, open_input, open_output, stream
from seq2seq_pl.values import Constraints, Hypothesis

IMPOSSIBLE = Hypothesis((), -math.inf, -math.inf, finished=False)
PHRASE_BEAM = 10
"""Hypotheses of a line in which phrases must occur, where no decoding is given; the last look chooses among all."""
NAMED_LINES = 20
"""Lines that are named in a report; of more, their number is told."""


@dataclass(frozen=True)
class Answer:
    """What became of a line.

    Attributes:
        source: what was to be answered.
        texts: the outputs, best first; none for an empty source.
        hypotheses: what the outputs were made from.
        chosen: the place of the best one that is as was asked, 0 where none is.
        met: whether it is as was asked; None where nothing was.
    """

    source: str
    texts: tuple[str, ...] = ()
    hypotheses: tuple[Hypothesis, ...] = ()
    chosen: int = 0
    met: bool | None = None

    @property
    def text(self) -> str:
        """The one line of output."""
        return self.texts[self.chosen] if self.texts else ""

    def to_json(self, line: int) -> str:
        """As a JSON object; a log-probability of -inf is null. `line` counts from 1."""
        nothing = {"text": "", "log_prob": None, "score": None, "finished": None}
        found = [
            {"text": text, "log_prob": finite(one.log_prob), "score": finite(one.score), "finished": one.finished}
            for text, one in zip(self.texts, self.hypotheses, strict=True)
        ]
        best = found[self.chosen] if found else nothing
        met = {} if self.met is None else {"constraints_met": self.met}
        content = {"line": line, "source": self.source, **best, "hypotheses": found, **met}
        return json.dumps(content, ensure_ascii=False, allow_nan=False)


def finite(value: float) -> float | None:
    """The value for JSON, which has no infinities."""
    return value if math.isfinite(value) else None


class Generator:
    """Trained models that answer texts with texts."""

    def __init__(
        self,
        runs: Sequence[Run],
        device: str,
        *,
        space: Space = "probability",
        for_phrases: Decoding | None = None,
        lexicon: Lexicon | None = None,
    ) -> None:
        """Args: the runs that take part, the first of which has the settings that count.

        Args:
            space: in which several are averaged.
            for_phrases: decodes lines in which phrases must occur; None decodes all alike.
            lexicon: says which target tokens are plausible; None takes all for it.
        """
        self.members = Members(runs, device=device, space=space, lexicon=lexicon)
        self.task = part(Task, "task", runs[0].own.task)
        self.decoding = part(Decoding, "decoding", runs[0].own.decoding)
        self.for_phrases = for_phrases or self.decoding
        self.members.check_weights(self.decoding.needs_weights or self.for_phrases.needs_weights)
        self.batch_size = runs[0].settings.batch_size
        beam_size = runs[0].own.decoding.get("beam_size")
        self.sizes = {"batch_size": self.batch_size, "decoding.beam_size": beam_size}
        self.cut = 0

    def request(self, text: str, form: Form | None = None, before: Sequence[str] = ()) -> Request:
        """What is asked by a text that may have constraints in it, after some turns of a conversation.

        Raises:
            UserError: constraints that cannot be read.
        """
        request = read_request(text, form)
        return replace(request, source=self.task.prompt(request.source, before))

    def answer(self, texts: Sequence[str]) -> list[str]:
        """One line for each text; an empty text gets an empty line."""
        return [answer.text for answer in self.answers([self.request(text) for text in texts])]

    @torch.inference_mode()
    def answers(self, requests: Sequence[Request], before: int = 0, meter: Meter | None = None) -> list[Answer]:
        """An answer for each request. Counts source texts that had to be cut.

        Args:
            before: lines that came before, which samplings draw by.
            meter: counts lines and tokens.
        """
        filled = [i for i, request in enumerate(requests) if request.source.strip()]
        read = self.members.read([requests[i].source for i in filled])
        self.cut += sum(any(source.cut for source in reading) for reading in read)
        readings = dict(zip(filled, read, strict=True))
        demands = {
            i: demand(request, self.members.target, readings[i][0].words if i in readings else ())
            for i, request in enumerate(requests)
            if request.constrained
        }
        found: dict[int, list[Hypothesis]] = {}
        for decoding, rows in self._shares(readings, demands):
            constraints = tuple((demands[i].constraints if i in demands else None) or Constraints() for i in rows)
            batches = self.members.batches(
                [readings[i] for i in rows],
                [before + i for i in rows],
                constraints=constraints if any(one != Constraints() for one in constraints) else (),
            )
            with fitting("decoding", batches[0], self.sizes):
                found |= zip(rows, self.members.decode(decoding, batches), strict=True)
            if meter:
                meter.add(len(rows), sum(len(found[i][0].tokens) + 1 for i in rows))
        if meter:
            meter.add(len(requests) - len(found), 0)
        return [
            self._answer(requests[i].source, found.get(i, [IMPOSSIBLE]), readings.get(i), demands.get(i))
            for i in range(len(requests))
        ]

    def _shares(
        self, readings: Mapping[int, Reading], demands: Mapping[int, Demand]
    ) -> Iterator[tuple[Decoding, list[int]]]:
        """What can be decoded, by how it is decoded, in batches of like lengths."""
        possible = [i for i in readings if i not in demands or demands[i].constraints is not None]
        phrases = {i for i in possible if i in demands and demands[i].include}
        order = sorted(possible, key=lambda i: len(readings[i][0].ids))
        for decoding, places in (
            (self.decoding, [i for i in order if i not in phrases]),
            (self.for_phrases, [i for i in order if i in phrases]),
        ):
            for start in range(0, len(places), self.batch_size):
                yield decoding, places[start : start + self.batch_size]

    def _answer(
        self, source: str, found: Sequence[Hypothesis], reading: Reading | None, asked: Demand | None
    ) -> Answer:
        """The first hypothesis whose text is as was asked, before the others."""
        texts: tuple[str, ...] = ()
        if reading is not None:
            decoded = (self.members.target.decode(one.tokens, reading[0].words) for one in found)
            texts = tuple(" ".join(text.splitlines()) for text in decoded)
        hypotheses = tuple(found[: len(texts)])
        if asked is None:
            return Answer(source, texts, hypotheses)
        fitting = [i for i, one in enumerate(hypotheses) if one.log_prob > -math.inf and asked.met_by(texts[i])]
        met = bool(fitting) if texts else asked.met_by("")
        return Answer(source, texts, hypotheses, fitting[0] if fitting else 0, met)


# -- the command -----------------------------------------------------------------------------------------------------


class Unmet:
    """Lines whose output is not as was asked: how many, and which were the first."""

    def __init__(self) -> None:
        self.count = 0
        self.first: list[int] = []

    def add(self, line: int) -> None:
        """Takes note of a line, counted from 1."""
        self.count += 1
        if len(self.first) < NAMED_LINES:
            self.first.append(line)

    def __str__(self) -> str:
        more = ", ..." if self.count > len(self.first) else ""
        return f"constraints not met in {counted(self.count)}: {', '.join(map(str, self.first))}{more}"


def generate_lines(config: DictConfig) -> None:
    """Answers the input line by line.

    Raises:
        UserError: not a run, an input that is not there, an output that cannot be written.
    """
    asked = read(GenerateConfig, config)
    device = chosen_device(asked.device)
    changes = {"batch_size": asked.batch_size, "decoding": asked.decoding}
    runs = open_runs(asked.run, asked.checkpoint, changes, asked.task_name)
    lexicon = _lexicon(runs, asked.checkpoint) if asked.shortlist else None
    with ExitStack() as stack:
        source = open_input(asked.input, stack)
        generator = Generator(
            runs,
            device,
            space=asked.ensemble,
            for_phrases=None if asked.decoding else ConstrainedBeam(beam_size=PHRASE_BEAM, n_best=PHRASE_BEAM),
            lexicon=lexicon,
        )
        if (asked.input, asked.output) == ("-", "-") and sys.stdin.isatty() and sys.stdout.isatty():
            conversation = _Conversation(generator, asked.constraints)
            converse(conversation, conversation.forget if generator.task.converses else None)
            return
        target = open_output(asked.output, asked.input, stack)
        unmet = Unmet()

        def answer(texts: Sequence[str], before: int, meter: Meter) -> Iterator[str]:
            requests = [_request(generator, text, asked, before + i) for i, text in enumerate(texts, start=1)]
            for line, found in enumerate(generator.answers(requests, before, meter), start=before + 1):
                if found.met is False:
                    unmet.add(line)
                yield found.to_json(line) if asked.output.endswith(".jsonl") else found.text

        if stream(lines(source), target, generator.batch_size, answer):
            _report(generator, unmet)


def _lexicon(runs: Sequence[Run], checkpoint: str) -> Lexicon:
    run = runs[0]
    if len(runs) > 1:
        raise UserError(f"shortlist=true is for one run, and run names {len(runs)}; set shortlist=false.")
    return open_shortlist(run.name, find_checkpoint(run.name, checkpoint), run.settings, run.tokenizers)


def _request(generator: Generator, text: str, asked: GenerateConfig, line: int) -> Request:
    try:
        return generator.request(text, asked.constraints)
    except UserError as error:
        raise UserError(f"{asked.input}, line {line}: {error}") from error


def _report(generator: Generator, unmet: Unmet) -> None:
    if generator.cut:
        limit = generator.members.max_source_length
        print(f"cut to max_source_length={limit} tokens: {counted(generator.cut)}", file=sys.stderr)
    if unmet.count:
        print(unmet, file=sys.stderr)


class _Conversation:
    """Answers one line after the other, and says so where an answer is not as was asked.

    Where the task is a conversation, the turns so far are read too.
    """

    def __init__(self, generator: Generator, form: Form | None) -> None:
        self.generator = generator
        self.form = form
        self.lines = 0
        self.turns: list[str] = []

    def __call__(self, text: str) -> str:
        (answer,) = self.generator.answers([self.generator.request(text, self.form, self.turns)], self.lines)
        self.lines += 1
        if answer.met is False:
            print("constraints not met", file=sys.stderr)
        said = read_request(text, self.form).source
        if self.generator.task.converses and said.strip():
            self.turns += [said, answer.text]
        return answer.text

    def forget(self) -> None:
        """Begins a new conversation."""
        self.turns = []
