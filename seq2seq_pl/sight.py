"""What there is to see of one sentence: outputs, tokens one by one, where the model looked, what the search did."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray

from seq2seq_pl.beam_tree import Node as TreeNode
from seq2seq_pl.beam_tree import grow
from seq2seq_pl.build import build_texts
from seq2seq_pl.callback.attention_maps import source_labels
from seq2seq_pl.interfaces import Decoding
from seq2seq_pl.members import Members, Run
from seq2seq_pl.parts import part
from seq2seq_pl.schema import Node
from seq2seq_pl.values import Batch, Candidate, Example, Hypothesis

ALTERNATIVES = 5
"""Tokens that are named for each place of an output."""


@dataclass(frozen=True)
class Token:
    """A token of the output, given the source and the tokens before.

    Attributes:
        text: as the tokenizer writes it.
        log_prob: natural logarithm of its probability.
        rank: how many tokens are likelier, plus 1.
        likeliest: tokens that could have come here and their probabilities, the likeliest first.
    """

    text: str
    log_prob: float
    rank: int
    likeliest: tuple[tuple[str, float], ...]


@dataclass(frozen=True)
class Sight:
    """What there is to see of a sentence.

    Attributes:
        example: its source, and its references where it has some.
        hypotheses: what the search found, best first.
        texts: the same as text.
        decoding: settings of the search.
        widened: whether it was asked for more hypotheses than it usually is, see `search`.
        source_tokens: S tokens that the model read, EOS last; a word to be copied as it is written.
        cut: whether the source has more.
        tokens: T tokens of the best output, with EOS if it is finished.
        weights: where the model looked while it read its best output, (T, S); None without attention.
        tree: what the search looked at.
    """

    example: Example
    hypotheses: Sequence[Hypothesis]
    texts: Sequence[str]
    decoding: Node
    widened: bool
    source_tokens: Sequence[str]
    cut: bool
    tokens: Sequence[Token]
    weights: NDArray[np.float32] | None
    tree: TreeNode


@torch.inference_mode()
def look(run: Run, example: Example, index: int, device: str) -> Sight:
    """Decodes a source and lets the model read its best output again; `index` is what samplings draw by."""
    members = Members([run], device=device)
    reading = members.read([example.source])
    source = reading[0][0]
    (batch,) = members.batches(reading, [index])
    searched = search(members, batch, run.own.decoding)
    hypotheses, best = searched.hypotheses, searched.hypotheses[0]
    (forced,) = members.batches(reading, [index], [best.tokens])
    if best.tokens and not best.finished:
        forced = replace(forced, target=forced.target[:, :-1])  # no EOS
    tokens, weights = read_again(members, forced, source.words)
    texts = build_texts(run.settings, run.tokenizers, lambda split, task, place: example)
    return Sight(
        example=example,
        hypotheses=hypotheses,
        texts=[" ".join(members.target.decode(one.tokens, source.words).splitlines()) for one in hypotheses],
        decoding=searched.settings,
        widened=searched.settings != run.own.decoding,
        source_tokens=source_labels(texts, batch, source.words),
        cut=source.cut,
        tokens=tokens,
        weights=weights,
        tree=grow(searched.steps, lambda token: members.target.tokens([token], source.words)[0], best.tokens),
    )


@dataclass(frozen=True)
class Search:
    """What a search found, what it looked at step by step, and the settings it was made with."""

    hypotheses: list[Hypothesis]
    steps: list[Sequence[Candidate]]
    settings: Node


def search(members: Members, batch: Batch, settings: Node) -> Search:
    """Decodes a batch of one.

    A search that has a beam and returns one hypothesis is asked for all of its beam, which is what it looked for
    anyway; but not where that changes the best output, as where groups of a beam look at each other.
    """
    usual = _watched(members, batch, settings)
    if settings.get("n_best", 1) != 1 or settings.get("beam_size", 1) == 1:
        return usual
    wide = _watched(members, batch, {**settings, "n_best": settings["beam_size"]})
    return wide if wide.hypotheses[0] == usual.hypotheses[0] else usual


def _watched(members: Members, batch: Batch, settings: Node) -> Search:
    steps: list[Sequence[Candidate]] = []
    decoding = part(Decoding, "decoding", settings)
    (found,) = decoding.decode(members.stepper([batch]), batch, lambda _, candidates: steps.append(candidates))
    return Search(found, steps, settings)


def read_again(members: Members, batch: Batch, words: Sequence[str]) -> tuple[list[Token], NDArray[np.float32] | None]:
    """The target tokens of a batch of one, and the attention weights (T, S) where there are some."""
    (model,) = members.models
    outputs, weights = model(batch)
    log_probs = model.logits(batch, outputs, weights).float().log_softmax(-1).cpu()  # (T, V)
    ids = batch.target[0].cpu()
    own = log_probs.gather(1, ids.unsqueeze(1))  # (T, 1)
    ranks = 1 + (log_probs > own).sum(1)
    values, likeliest = log_probs.topk(min(ALTERNATIVES, log_probs.size(1)))
    tokens = []
    for token, log_prob, rank, *best in zip(
        ids.tolist(), own.squeeze(1).tolist(), ranks.tolist(), likeliest.tolist(), values.tolist(), strict=True
    ):
        possible = [(i, math.exp(value)) for i, value in zip(*best, strict=True) if value > -math.inf]
        named = members.target.tokens([token, *(i for i, _ in possible)], words)
        pairs = zip(named[1:], (prob for _, prob in possible), strict=True)
        tokens.append(Token(named[0], log_prob, rank, tuple(pairs)))
    return tokens, None if weights is None else weights[0].float().cpu().numpy()
