"""What the rooms of the house agree on: special ids, the values that travel, and the contract of every part.

Legend of shapes, used in every docstring of the package:
    B  sentences in a batch        S  source tokens       T  target tokens       K  hypotheses per sentence
    E  embedding size              H  hidden size         A  attention size      C  context size
    Q  query size                  L  layers              V  target vocabulary   N  real tokens of a batch
Masks are bool and True where a token is real. Every tensor is batch-first. Types only: no behaviour lives here.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from torch import Tensor, nn

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
class Batch:
    """Sentences that go through the model together.

    Attributes:
        source: token ids, EOS-terminated, padded on the right, (B, S).
        target: token ids, EOS-terminated, no BOS, padded on the right, (B, T); (B, 0) where there is no target.
        index: position of each sentence in its split, (B,).
        task: name of the task that all sentences of the batch belong to.
    """

    source: Tensor
    target: Tensor
    index: Tensor
    task: str

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
        return Batch(source, target, index, self.task)


@dataclass(frozen=True)
class Memory:
    """What a decoder may look at: the encoded source, shared by all hypotheses of a sentence.

    Attributes:
        states: encoder states, (B, S, H).
        mask: True where a source token is real, (B, S).
        summary: the fixed context vector, (B, H).
        final: last recurrent states by name ("hidden", "cell"), each (B, L, H); empty where the encoder has none.
        keys: what the decoder derives from the source alone, once per batch, by name; each (B, ...).
    """

    states: Tensor
    mask: Tensor
    summary: Tensor
    final: Mapping[str, Tensor] = field(default_factory=dict)
    keys: Mapping[str, Tensor] = field(default_factory=dict)

    def select(self, rows: Tensor) -> Memory:
        """The memory of some of the sentences, rows (B',)."""
        return replace(
            self,
            states=self.states[rows],
            mask=self.mask[rows],
            summary=self.summary[rows],
            final={name: value[rows] for name, value in self.final.items()},
            keys={name: value[rows] for name, value in self.keys.items()},
        )


@dataclass(frozen=True)
class SearchState:
    """What a `Stepper` carries through a search: one memory and one state for each model that takes part.

    A memory depends on the source alone and is never copied per hypothesis; a state has tensors (B, K, ...).
    """

    memories: tuple[Memory, ...]
    states: tuple[State, ...]

    def select(self, rows: Tensor) -> SearchState:
        """The search of some of the sentences, rows (B',)."""
        states = tuple({name: value[rows] for name, value in state.items()} for state in self.states)
        return SearchState(tuple(memory.select(rows) for memory in self.memories), states)

    def reorder(self, parents: Tensor) -> SearchState:
        """Hypothesis k of sentence b continues hypothesis parents[b, k]; parents (B, K')."""
        rows = torch.arange(len(parents), device=parents.device).unsqueeze(1)  # (B, 1)
        states = tuple({name: value[rows, parents] for name, value in state.items()} for state in self.states)
        return SearchState(self.memories, states)


@dataclass(frozen=True)
class Hypothesis:
    """One output of a search.

    Attributes:
        tokens: ids without BOS and EOS.
        log_prob: natural log-probability of the tokens, and of EOS if finished.
        score: what the search ranks by (log_prob after length normalisation and the like).
        finished: False where the length limit cut it before EOS.
    """

    tokens: tuple[int, ...]
    log_prob: float
    score: float
    finished: bool


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


class Corpus(ABC):
    """Where records come from."""

    @abstractmethod
    def splits(self) -> tuple[str, ...]:
        """Names of the splits: "train", "valid", "test" and further tests ("test_..."), in this order."""

    @abstractmethod
    def records(self, split: str) -> Iterator[Record]:
        """The records of a split, streamed in file order. Raises UserError naming file, line and way out."""

    @abstractmethod
    def files(self, split: str) -> tuple[Path, ...]:
        """The files a split is read from, downloaded first where needed. Raises UserError if one is missing."""


class Task(ABC):
    """Turns a record into a source and its references."""

    @abstractmethod
    def example(self, record: Record) -> Example:
        """Raises UserError naming the record's origin where a field is missing."""


class Tokenizer(ABC):
    """Text to ids and back; ids 0 to 3 are SPECIAL_TOKENS. Trained once, on training text only."""

    @property
    @abstractmethod
    def vocab_size(self) -> int:
        """Number of ids, special tokens counted."""

    @property
    def stochastic(self) -> bool:
        """Whether `encode` with an `rng` draws a segmentation; then training tokenizes anew in every epoch."""
        return False

    @abstractmethod
    def train(self, texts: Iterable[str]) -> None:
        """Learns the vocabulary. Raises UserError if the text cannot fill the vocabulary asked for."""

    @abstractmethod
    def encode(self, texts: Sequence[str], rng: np.random.Generator | None = None) -> list[list[int]]:
        """Ids of each text, without BOS and EOS; with `rng`, subword regularisation is drawn from it."""

    @abstractmethod
    def decode(self, ids: Sequence[int]) -> str:
        """The text a person would have written; special tokens are left out, `<unk>` is shown as "⁇"."""

    @abstractmethod
    def tokens(self, ids: Sequence[int]) -> list[str]:
        """The tokens behind the ids, readable (for pictures and tables)."""

    @abstractmethod
    def to_json(self) -> str:
        """Everything needed to rebuild it; the counterpart of `load`."""

    @abstractmethod
    def load(self, text: str) -> None:
        """Restores what `to_json` wrote. Raises UserError if it is not such a text."""


class Encoder(nn.Module, ABC):
    """Reads the source. `output_size` is H of its states and of its summary."""

    output_size: int

    @abstractmethod
    def forward(self, embedded: Tensor, mask: Tensor) -> Memory:
        """Args: embedded (B, S, E); mask (B, S), at least one real token a row, real tokens first."""


class Bridge(nn.Module, ABC):
    """Makes the first recurrent state of a decoder from an encoder's memory."""

    @abstractmethod
    def forward(self, memory: Memory) -> Mapping[str, Tensor]:
        """First states by name ("hidden" and, for an LSTM, "cell"), each (B, L, H) of the decoder."""


class Attention(nn.Module, ABC):
    """Looks into the memory. `context_size` is C; 0 where there is nothing to see beyond the first state."""

    context_size: int

    @abstractmethod
    def keys(self, memory: Memory) -> Tensor:
        """What depends on the source alone, (B, S, A); computed once per batch and handed to `forward`."""

    @abstractmethod
    def forward(self, query: Tensor, keys: Tensor, memory: Memory) -> tuple[Tensor, Tensor | None]:
        """Query (B, T, Q) -> context (B, T, C) and weights (B, T, S), whose rows sum to 1 and are 0 on PAD, or None."""


class Decoder(nn.Module, ABC):
    """Writes the target. `output_size` is H of its outputs."""

    output_size: int

    @abstractmethod
    def prepare(self, memory: Memory) -> Memory:
        """The memory with the keys this decoder needs; called once per batch, before everything else."""

    @abstractmethod
    def start(self, memory: Memory) -> State:
        """The state before the first token, each tensor (B, 1, ...)."""

    @abstractmethod
    def step(self, embedded: Tensor, state: State, memory: Memory) -> tuple[Tensor, Tensor | None, State]:
        """One token for each hypothesis: embedded (B, K, E) -> outputs (B, K, H), weights (B, K, S), next state."""

    @abstractmethod
    def forward(self, embedded: Tensor, memory: Memory) -> tuple[Tensor, Tensor | None]:
        """Teacher forcing over the whole target: embedded (B, T, E) -> outputs (B, T, H), weights (B, T, S)."""


class Output(nn.Module, ABC):
    """Turns decoder outputs into logits over the target vocabulary."""

    @abstractmethod
    def forward(self, outputs: Tensor) -> Tensor:
        """outputs (..., H) -> logits (..., V)."""


class Objective(nn.Module, ABC):
    """What training minimises."""

    @abstractmethod
    def forward(self, logits: Tensor, labels: Tensor) -> Loss:
        """Args: logits (N, V) and labels (N,) of real tokens only."""


class Stepper(Protocol):
    """All that decoding ever sees of a model, an ensemble or a table of probabilities."""

    def start(self, batch: Batch) -> SearchState:
        """The state before the first token, one hypothesis a sentence (K = 1)."""

    def step(self, tokens: Tensor, state: SearchState) -> tuple[Tensor, SearchState]:
        """Log-probabilities of the next token: tokens (B, K) -> log_probs (B, K, V), next state."""


class Decoding(ABC):
    """A search or sampling strategy."""

    @abstractmethod
    def decode(self, stepper: Stepper, batch: Batch) -> list[list[Hypothesis]]:
        """For each sentence of the batch its hypotheses, best score first, at least one."""


class Metric(ABC):
    """A score of texts against references. `higher_is_better` says which way a monitor looks."""

    higher_is_better: bool

    @abstractmethod
    def compute(self, hypotheses: Sequence[str], references: Sequence[Sequence[str]]) -> dict[str, Score]:
        """Scores by name; references[i] holds all references of hypotheses[i], at least one."""


class Schedule(ABC):
    """A factor that changes while training: a learning-rate factor, a teacher-forcing ratio."""

    @abstractmethod
    def __call__(self, step: int) -> float:
        """The factor at optimizer step `step`, counted from 0."""

    def begin(self, total_steps: int) -> None:  # noqa: B027 (to react is optional)
        """Told, before the first step, how many optimizer steps the training will have at most."""

    def observe(self, value: float, higher_is_better: bool) -> None:  # noqa: B027 (to react is optional)
        """Told the monitored score after each validation; a schedule that does not react ignores it."""
