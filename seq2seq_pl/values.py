"""The values that travel through the house: special ids, records, batches, memories, states, hypotheses, scores.

Legend of shapes, used in every docstring of the package:
    B  sentences in a batch        S  source tokens       T  target tokens       K  hypotheses per sentence
    E  embedding size              H  hidden size         A  attention size      C  context size
    Q  query size                  L  layers              V  target vocabulary   N  real tokens of a batch
Masks are bool and True where a token is real. Every tensor is batch-first.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

PAD, UNK, BOS, EOS = 0, 1, 2, 3
SPECIAL_TOKENS = ("<pad>", "<unk>", "<s>", "</s>")

State = Mapping[str, Tensor]  # what a decoder carries from one step to the next: tensors (B, K, ...) by name


@dataclass(frozen=True)
class Record:
    """One item of a corpus as it was read.

    Attributes:
        fields: column or language -> text.
        origin: where it was read, as a user would look it up ("corpus/train.tsv, line 812").
    """

    fields: Mapping[str, str]
    origin: str


@dataclass(frozen=True)
class Example:
    """One item of a task: a source text and its references; the first reference is what training learns."""

    source: str
    references: tuple[str, ...]
    origin: str = ""


@dataclass(frozen=True)
class Constraints:
    """What the output of one sentence has to be like; all are target ids, as in `Hypothesis.tokens`.

    Attributes:
        prefix: what it begins with.
        include: phrases that must occur in it, each at least one token.
        exclude: phrases that must not, each at least one token.
    """

    prefix: tuple[int, ...] = ()
    include: tuple[tuple[int, ...], ...] = ()
    exclude: tuple[tuple[int, ...], ...] = ()


@dataclass(frozen=True)
class Batch:
    """Sentences that go through the model together.

    Attributes:
        source: token ids, EOS-terminated, padded on the right, (B, S).
        target: token ids, EOS-terminated, no BOS, padded on the right, (B, T); (B, 0) where there is no target.
        index: position of each sentence in its split, (B,).
        task: name of the task that all sentences of the batch belong to.
        copies: the id that each source token has in the target, (B, S): one of the vocabulary's V, or one from V on for
            a word that the vocabulary lacks, counted within its sentence. The target then holds such ids too. None
            where nothing is copied.
        constraints: what each of the B outputs has to be like; empty where no output has to be like anything.
    """

    source: Tensor
    target: Tensor
    index: Tensor
    task: str
    copies: Tensor | None = None
    constraints: tuple[Constraints, ...] = ()

    @property
    def source_mask(self) -> Tensor:
        """True where a source token is real, (B, S)."""
        return self.source != PAD

    @property
    def target_mask(self) -> Tensor:
        """True where a target token is real, (B, T)."""
        return self.target != PAD

    def to(self, device: torch.device | str, non_blocking: bool = False) -> Batch:
        """The same batch on another device."""
        tensors = (self.source, self.target, self.index)
        source, target, index = (tensor.to(device, non_blocking=non_blocking) for tensor in tensors)
        copies = None if self.copies is None else self.copies.to(device, non_blocking=non_blocking)
        return replace(self, source=source, target=target, index=index, copies=copies)


@dataclass(frozen=True)
class Memory:
    """What a decoder may look at: the encoded source, shared by all hypotheses of a sentence.

    Attributes:
        states: encoder states, (B, S, H).
        mask: True where a source token is real, (B, S).
        summary: the fixed context vector, (B, H).
        final: last recurrent states by name ("hidden", "cell"), each (B, L, H); empty where the encoder has none.
        keys: what the decoder derives from the source alone, once per batch, by name; each (B, ...).
        copies: the batch's, (B, S); None where no output copies.
        task: the batch's.
    """

    states: Tensor
    mask: Tensor
    summary: Tensor
    final: Mapping[str, Tensor] = field(default_factory=dict)
    keys: Mapping[str, Tensor] = field(default_factory=dict)
    copies: Tensor | None = None
    task: str = ""

    def select(self, rows: Tensor) -> Memory:
        """The memory of some of the sentences, rows (B',)."""
        return replace(
            self,
            states=self.states.index_select(0, rows),
            mask=self.mask.index_select(0, rows),
            summary=self.summary.index_select(0, rows),
            final={name: value.index_select(0, rows) for name, value in self.final.items()},
            keys={name: value.index_select(0, rows) for name, value in self.keys.items()},
            copies=None if self.copies is None else self.copies.index_select(0, rows),
        )


@dataclass(frozen=True)
class SearchState:
    """What a `Stepper` carries through a search: one memory and one state for each model that takes part.

    A memory depends on the source alone and is never copied per hypothesis; a state has tensors (B, K, ...).
    `weights` are the attention weights of the step just made, (B, K, S), where they were asked for and there are some.
    """

    memories: tuple[Memory, ...]
    states: tuple[State, ...]
    weights: Tensor | None = None

    def select(self, rows: Tensor) -> SearchState:
        """The search of some of the sentences, rows (B',)."""
        states = tuple({name: value.index_select(0, rows) for name, value in state.items()} for state in self.states)
        return SearchState(tuple(memory.select(rows) for memory in self.memories), states)

    def reorder(self, parents: Tensor) -> SearchState:
        """Hypothesis k of sentence b continues hypothesis parents[b, k]; parents (B, K')."""
        rows = torch.arange(len(parents), device=parents.device).unsqueeze(1)  # (B, 1)
        places: dict[int, Tensor] = {}  # by K

        def reordered(value: Tensor) -> Tensor:
            size = value.shape[1]
            if size not in places:
                places[size] = (rows * size + parents).flatten()  # (B * K',)
            # index_select copies whole rows, several times as fast as value[rows, parents] on a CPU.
            return value.flatten(0, 1).index_select(0, places[size]).view(*parents.shape, *value.shape[2:])

        states = tuple({name: reordered(value) for name, value in state.items()} for state in self.states)
        return SearchState(self.memories, states)


@dataclass(frozen=True)
class Hypothesis:
    """One output of a search.

    Attributes:
        tokens: ids without BOS and EOS; from V on, words copied from the source (see `Batch.copies`).
        log_prob: natural log-probability of the tokens, and of EOS if finished.
        score: what the search ranks by (log_prob after length normalisation and the like).
        finished: False where the length limit cut it before EOS.
    """

    tokens: tuple[int, ...]
    log_prob: float
    score: float
    finished: bool


@dataclass(frozen=True)
class Candidate:
    """A continuation that a search looked at, and what became of it.

    Attributes:
        step: how many tokens it has, its own counted.
        parent: place of the hypothesis that it continues among the live ones of the step before.
        token: its last token.
        log_prob: of all its tokens.
        score: what the search ranked it by in this step.
        fate: "live" goes on, "kept" is a result so far, "pruned" was dropped.
        place: among the live ones of this step; -1 where it is not live.
    """

    step: int
    parent: int
    token: int
    log_prob: float
    score: float
    fate: Literal["live", "kept", "pruned"]
    place: int = -1


@dataclass(frozen=True)
class Affine:
    """A last layer and what it is to read: logits = inputs @ weight^T + bias, with I units before it.

    Attributes:
        inputs: (..., I).
        weight: (V, I).
        bias: (V,).
    """

    inputs: Tensor
    weight: Tensor
    bias: Tensor


@dataclass(frozen=True)
class Loss:
    """Sums over the N real target tokens of a batch; all scalars.

    Attributes:
        total: what training minimises (divide by tokens for the mean), in nats.
        nll: negative log-likelihood without any smoothing, in nats; exp(nll / tokens) is the perplexity.
        correct: tokens whose most likely prediction is the right one.
        tokens: N.
    """

    total: Tensor
    nll: Tensor
    correct: Tensor
    tokens: Tensor


@dataclass(frozen=True)
class Score:
    """A figure and the signature without which it means nothing."""

    value: float
    signature: str


@dataclass(frozen=True)
class Statistics:
    """What a corpus score is made of, sentence by sentence, so that it can be computed again for any sample of them.

    Attributes:
        rows: numbers of each of I sentences, (I, D); those of a sample are their sum.
        finish: sums (D,) -> scores by name.
    """

    rows: NDArray[np.float64]
    finish: Callable[[NDArray[np.float64]], dict[str, float]]
