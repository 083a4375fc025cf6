"""How likely given targets are: forced decoding, token by token, of any model or ensemble."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace

import numpy as np
import torch
from omegaconf import DictConfig
from torch import Tensor

from seq2seq_pl.command_config import ScoreConfig, read
from seq2seq_pl.decoding.ensemble import combine
from seq2seq_pl.encoding import write_targets
from seq2seq_pl.errors import UserError
from seq2seq_pl.interfaces import Decoding
from seq2seq_pl.members import Members, chosen_device, open_runs
from seq2seq_pl.mishaps import fitting
from seq2seq_pl.model.seq2seq import Seq2Seq
from seq2seq_pl.parts import part
from seq2seq_pl.planning import cut
from seq2seq_pl.streaming import Meter, counted, lines, open_input, open_output, stream
from seq2seq_pl.values import EOS, Batch

LOGITS_AT_ONCE = 1_024
"""Target tokens whose logits are in memory together."""


@dataclass(frozen=True)
class Likelihood:
    """What a model says of a target.

    Attributes:
        score: what a search ranks it by.
        log_prob: its natural log-probability, EOS counted.
        tokens: EOS last.
        log_probs: of each token, given the source and the tokens before.
    """

    score: float
    log_prob: float
    tokens: tuple[str, ...]
    log_probs: tuple[float, ...]

    def to_line(self) -> str:
        """Score, log-probability and token:log-probability, tabs between the three."""
        pairs = zip(self.tokens, self.log_probs, strict=True)
        return f"{self.score:.6f}\t{self.log_prob:.6f}\t" + " ".join(f"{token}:{value:.6f}" for token, value in pairs)

    def to_json(self, line: int, source: str, target: str) -> str:
        """As a JSON object; a log-probability of -inf is null. `line` counts from 1."""
        content = {
            "line": line,
            "source": source,
            "target": target,
            "score": self.score,
            "log_prob": self.log_prob,
            "tokens": self.tokens,
            "token_log_probs": self.log_probs,
        }
        return json.dumps(_without_infinities(content), ensure_ascii=False, allow_nan=False)


def _without_infinities(content: object) -> object:
    if isinstance(content, dict):
        return {key: _without_infinities(value) for key, value in content.items()}
    if isinstance(content, tuple):
        return [_without_infinities(value) for value in content]
    return None if isinstance(content, float) and not math.isfinite(content) else content


class Forced:
    """Trained models that are told what to write, and say how likely they thought it."""

    def __init__(self, members: Members, decoding: Decoding, *, batch_size: int, max_tokens: int) -> None:
        """Args: the models, the decoding that says what a score is, and the bounds of a batch."""
        members.check_weights(decoding.needs_weights)
        self.members = members
        self.decoding = decoding
        self.batch_size = batch_size
        self.max_tokens = max_tokens
        self.cut = 0

    @torch.inference_mode()
    def likelihoods(
        self, pairs: Sequence[tuple[str, str]], before: int = 0, meter: Meter | None = None
    ) -> list[Likelihood]:
        """That of the target of each pair of texts. Counts source texts that had to be cut.

        Args:
            before: lines that came before.
            meter: counts lines and tokens.

        Raises:
            UserError: a target is longer than the model can take, or the score needs weights that there are not.
        """
        members = self.members
        readings = members.read([source for source, _ in pairs])
        self.cut += sum(any(source.cut for source in reading) for reading in readings)
        sources = [reading[0] for reading in readings]
        targets = write_targets([target for _, target in pairs], sources, members.target)
        longest = np.array([1 + max(len(s.ids), len(t)) for s, t in zip(sources, targets, strict=True)], dtype=np.int64)
        order = np.argsort(longest, kind="stable")[::-1]
        found: dict[int, Likelihood] = {}
        for share in cut(longest[order], max_tokens=self.max_tokens, max_sentences=self.batch_size):
            rows = order[share].tolist()
            batches = members.batches(
                [readings[i] for i in rows], [before + i for i in rows], [targets[i] for i in rows]
            )
            with fitting("scoring", batches[0], {"batch_size": self.batch_size}):
                try:
                    passes = self._passes(batches)
                except UserError as error:
                    raise UserError(f"line {before + 1 + max(rows, key=lambda i: len(targets[i]))}: {error}") from error
                log_probs, coverage = self._log_probs(passes), self._coverage(passes)
            for row, i in enumerate(rows):
                values = log_probs[row, : len(targets[i]) + 1].tolist()
                seen = None if coverage is None else coverage[row, : len(sources[i].ids) + 1]
                tokens = members.target.tokens([*targets[i], EOS], sources[i].words)
                score = self.decoding.score(sum(values), len(values), seen)
                found[i] = Likelihood(score, sum(values), tuple(tokens), tuple(values))
            if meter:
                meter.add(len(rows), sum(len(targets[i]) + 1 for i in rows))
        return [found[i] for i in range(len(pairs))]

    def _passes(self, batches: Sequence[Batch]) -> list[_Pass]:
        """One batch for each model, and with it what the model makes of all its target tokens at once."""
        passes = []
        for model, batch in zip(self.members.models, batches, strict=True):
            outputs, weights = model(batch, need_weights=self.decoding.needs_weights)
            passes.append(_Pass(model, batch, outputs, weights))
        return passes

    def _log_probs(self, passes: Sequence[_Pass]) -> Tensor:
        """Of the target tokens, (B, T)."""
        target, mask = passes[0].batch.target, passes[0].batch.target_mask
        log_probs = torch.zeros(target.shape, device=target.device)
        width = max(1, LOGITS_AT_ONCE // len(target))
        for start in range(0, target.size(1), width):
            steps = slice(start, start + width)
            spoken = [one.log_probs(steps) for one in passes]  # each (N, V)
            averaged = spoken[0] if len(spoken) == 1 else combine(spoken, self.members.space)
            labels = target[:, steps][mask[:, steps]]  # (N,)
            log_probs[:, steps][mask[:, steps]] = averaged.gather(1, labels.unsqueeze(1)).squeeze(1)
        return log_probs.cpu()

    def _coverage(self, passes: Sequence[_Pass]) -> Tensor | None:
        """The mean of the models' weights, summed over the real target tokens, (B, S)."""
        if not self.decoding.needs_weights:
            return None
        there = [one.weights for one in passes if one.weights is not None]
        if len(there) < len(passes):
            raise UserError("decoding.coverage_penalty needs attention weights, and this model has none; set it to 0.")
        mask = passes[0].batch.target_mask.unsqueeze(2)  # (B, T, 1)
        return (torch.stack(there).mean(0) * mask).sum(1).cpu()


@dataclass(frozen=True)
class _Pass:
    """A model's way through a batch: outputs (B, T, H), weights (B, T, S) or None."""

    model: Seq2Seq
    batch: Batch
    outputs: Tensor
    weights: Tensor | None

    def log_probs(self, steps: slice) -> Tensor:
        """Of every token at the N real target tokens of these steps, (N, V)."""
        some = replace(self.batch, target=self.batch.target[:, steps])
        weights = None if self.weights is None else self.weights[:, steps]
        return self.model.logits(some, self.outputs[:, steps], weights).float().log_softmax(-1)


# -- the command -----------------------------------------------------------------------------------------------------


def score_lines(config: DictConfig) -> None:
    """Scores the input line by line.

    Raises:
        UserError: not a run, an input that is not there or not in two columns, an output that cannot be written.
    """
    asked = read(ScoreConfig, config)
    device = chosen_device(asked.device)
    changes = {"batch_size": asked.batch_size, "decoding": asked.decoding}
    runs = open_runs(asked.run, asked.checkpoint, changes, asked.task_name)
    settings = runs[0].settings
    with ExitStack() as stack:
        source = open_input(asked.input, stack)
        forced = Forced(
            Members(runs, device=device, space=asked.ensemble),
            part(Decoding, "decoding", runs[0].own.decoding),
            batch_size=settings.batch_size,
            max_tokens=settings.token_budget,
        )
        target = open_output(asked.output, asked.input, stack)

        def answer(texts: Sequence[str], before: int, meter: Meter) -> Iterator[str]:
            pairs = [_pair(text, asked.input, before + i) for i, text in enumerate(texts, start=1)]
            found = forced.likelihoods(pairs, before, meter)
            for line, (pair, one) in enumerate(zip(pairs, found, strict=True), start=before + 1):
                yield one.to_json(line, *pair) if asked.output.endswith(".jsonl") else one.to_line()

        if stream(lines(source), target, settings.batch_size, answer) and forced.cut:
            limit = forced.members.max_source_length
            print(f"cut to max_source_length={limit} tokens: {counted(forced.cut)}", file=sys.stderr)


def _pair(text: str, path: str, line: int) -> tuple[str, str]:
    columns = text.split("\t")
    if len(columns) != 2:
        raise UserError(
            f"{path}, line {line}: expected 2 tab-separated columns, source and target, found {len(columns)}."
        )
    return columns[0], columns[1]
