"""The contract of every part. Types only: no behaviour lives here. The legend of shapes stands in values.py."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
from torch import Tensor, nn
from torch.nn import functional

from seq2seq_pl.values import (
    Affine,
    Batch,
    Candidate,
    Example,
    Hypothesis,
    Loss,
    Memory,
    Record,
    Score,
    SearchState,
    State,
    Statistics,
)


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
    """Turns records into sources and their references.

    `converses` says that what is typed at a prompt answers what was said before.
    """

    converses: bool = False

    @abstractmethod
    def examples(self, record: Record) -> Iterator[Example]:
        """The examples of a record, mostly one. Raises UserError naming its origin where a field is missing."""

    def prompt(self, text: str, before: Sequence[str] = ()) -> str:
        """What a model reads of a text that a person gives; `before` are the turns of their conversation so far.

        A source of `examples` is left as it is.
        """
        return text

    def baselines(self, source: str) -> Mapping[str, str]:
        """Outputs that need no model, by name ("lead-3"); their scores are shown beside those of models."""
        return {}


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
    def train(self, texts: Iterable[str], tags: Sequence[str] = ()) -> None:
        """Learns the vocabulary, to which an id is added for each tag.

        Raises UserError if the text cannot fill the vocabulary asked for.
        """

    @abstractmethod
    def tag(self, name: str) -> int | None:
        """The id of a tag, which stands for no text; None where there is no such tag."""

    @abstractmethod
    def encode(self, texts: Sequence[str], rng: np.random.Generator | None = None) -> list[list[int]]:
        """Ids of each text, without BOS and EOS; with `rng`, subword regularisation is drawn from it."""

    @abstractmethod
    def pieces(self, texts: Sequence[str], rng: np.random.Generator | None = None) -> list[list[str]]:
        """The text behind each id of `encode`, as the vocabulary writes it; also where the vocabulary lacks it.

        The same state of `rng` cuts a text as in `encode`, so that `piece_ids` of the pieces are the ids.
        """

    @abstractmethod
    def piece_ids(self, pieces: Sequence[str]) -> list[int]:
        """The id of each piece; UNK where the vocabulary lacks it."""

    @abstractmethod
    def decode(self, ids: Sequence[int], copied: Sequence[str] = ()) -> str:
        """The text a person would have written; special tokens and tags are left out, `<unk>` is shown as "⁇".

        The id vocab_size + k stands for the piece copied[k].
        """

    @abstractmethod
    def tokens(self, ids: Sequence[int], copied: Sequence[str] = ()) -> list[str]:
        """The tokens behind the ids, readable (for pictures and tables); `copied` is as in `decode`."""

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


class Embedding(nn.Embedding):
    """A vector for each token. nn.Embedding's own contract, and what it may want to know before training."""

    def begin(self, vocabulary: Sequence[str], side: str) -> str | None:
        """Told once, before a training from scratch, which token each row stands for; side is "source" or "target".

        Returns a sentence for the user, if there is something to say. Raises UserError if a file it needs is unusable.
        """
        return None


class Bridge(nn.Module, ABC):
    """Makes the first recurrent state of a decoder from an encoder's memory. `blind` says that it looks at nothing."""

    blind: bool = False

    @abstractmethod
    def forward(self, memory: Memory) -> Mapping[str, Tensor]:
        """First states by name ("hidden" and, for an LSTM, "cell"), each (B, L, H) of the decoder."""


class Attention(nn.Module, ABC):
    """Looks into the memory. `context_size` is C; 0 where there is nothing to see beyond the first state.

    `need_weights` False says that the caller has no use for the weights, which may then be None. An attention whose
    answer depends on its earlier answers or on the time carries that as a state and overrides `start` and `step`.
    `reads_query` False says that the answer is the same whatever is asked, so that nobody learns to ask.
    """

    context_size: int
    reads_query: bool = True

    @abstractmethod
    def keys(self, memory: Memory) -> Tensor:
        """What depends on the source alone, (B, S, A); computed once per batch and handed to `forward` and `step`."""

    @abstractmethod
    def forward(
        self, query: Tensor, keys: Tensor, memory: Memory, need_weights: bool = True
    ) -> tuple[Tensor, Tensor | None]:
        """The T queries of a target in their order: query (B, T, Q) -> context (B, T, C), weights (B, T, S).

        Each row of weights sums to 1 and is 0 on PAD; None where there are none.
        """

    def start(self, memory: Memory) -> State:
        """The state before the first query, each tensor (B, 1, ...)."""
        return {}

    def step(
        self, query: Tensor, state: State, keys: Tensor, memory: Memory, need_weights: bool = True
    ) -> tuple[Tensor, Tensor | None, State]:
        """One query of each hypothesis: query (B, K, Q) -> context (B, K, C), weights (B, K, S), next state."""
        return *self(query, keys, memory, need_weights), state


class AttentionFactory(Protocol):
    """Makes an attention for the sizes it is to join; a decoder may make one for each of its layers."""

    def __call__(self, *, query_size: int, memory_size: int) -> Attention: ...


class BridgeFactory(Protocol):
    """Makes a bridge for the sizes it is to join."""

    def __call__(self, *, memory_size: int, hidden_size: int, layers: int, names: Sequence[str]) -> Bridge: ...


class Decoder(nn.Module, ABC):
    """Writes the target. `output_size` is H of its outputs; `need_weights` is as in `Attention`."""

    output_size: int

    @abstractmethod
    def prepare(self, memory: Memory) -> Memory:
        """The memory with the keys this decoder needs; called once per batch, before everything else."""

    @abstractmethod
    def start(self, memory: Memory) -> State:
        """The state before the first token, each tensor (B, 1, ...)."""

    @abstractmethod
    def step(
        self, embedded: Tensor, state: State, memory: Memory, need_weights: bool = True
    ) -> tuple[Tensor, Tensor | None, State]:
        """One token for each hypothesis: embedded (B, K, E) -> outputs (B, K, H), weights (B, K, S), next state."""

    @abstractmethod
    def forward(self, embedded: Tensor, memory: Memory, need_weights: bool = True) -> tuple[Tensor, Tensor | None]:
        """Teacher forcing over the whole target: embedded (B, T, E) -> outputs (B, T, H), weights (B, T, S)."""


class Output(nn.Module, ABC):
    """Turns decoder outputs into logits over the target vocabulary.

    `copying` says that it copies source tokens: it is then given attention weights and the source's `copies`, and its
    logits run over V + S ids, -inf for ids that the sentence does not have.
    """

    copying: bool = False

    @abstractmethod
    def forward(self, outputs: Tensor, weights: Tensor | None = None, copies: Tensor | None = None) -> Tensor:
        """outputs (..., H), weights (..., S), copies (..., S) -> logits (..., V), or (..., V + S) where it copies.

        They are made anew, as the caller may write over them.
        """

    def affine(self, outputs: Tensor) -> Affine | None:
        """outputs (..., H) -> the last layer, not applied yet; None where the logits are made in another way."""
        return None


class Initialization(ABC):
    """Draws the first weights of a model."""

    @abstractmethod
    def __call__(self, model: nn.Module) -> None:
        """Overwrites parameters in place; the row of PAD in an embedding stays zero."""


class Objective(nn.Module, ABC):
    """What training minimises. `needs_weights` says that it wants the attention weights."""

    needs_weights: bool = False

    @abstractmethod
    def forward(
        self, logits: Tensor, labels: Tensor, weights: Tensor | None = None, mask: Tensor | None = None
    ) -> Loss:
        """Args: logits (N, V) and labels (N,) of real tokens only; weights (B, T, S), mask (B, T) of the target."""

    def over(self, last: Affine, labels: Tensor, weights: Tensor | None = None, mask: Tensor | None = None) -> Loss:
        """As `forward`, with the logits of the N tokens not made yet."""
        loss: Loss = self(functional.linear(last.inputs, last.weight, last.bias), labels, weights, mask)
        return loss


class Stepper(Protocol):
    """All that decoding ever sees of a model, an ensemble or a table of probabilities."""

    def start(self, batch: Batch) -> SearchState:
        """The state before the first token, one hypothesis a sentence (K = 1)."""

    def step(self, tokens: Tensor, state: SearchState, need_weights: bool = False) -> tuple[Tensor, SearchState]:
        """Log-probabilities of the next token: tokens (B, K) -> log_probs (B, K, V), next state.

        `need_weights` asks for the attention weights in the next state; they stay None where there are none.
        """


Watch = Callable[[int, Sequence[Candidate]], None]
"""Is told, after each step, a sentence's place in its batch and what the search looked at for it, best first."""


class Decoding(ABC):
    """A search or sampling strategy. `needs_weights` says that its scores depend on attention weights."""

    needs_weights: bool = False

    @abstractmethod
    def decode(self, stepper: Stepper, batch: Batch, watch: Watch | None = None) -> list[list[Hypothesis]]:
        """For each sentence of the batch its hypotheses, best score first, all different, at least one.

        Where the batch has constraints, every output meets them; a sentence that cannot has the hypothesis () of
        log_prob -inf. Raises UserError for constraints that this strategy does not know.
        """

    def score(self, log_prob: float, length: int, coverage: Tensor | None = None) -> float:
        """What a finished hypothesis is ranked by.

        Args:
            log_prob: of its tokens and EOS.
            length: tokens, EOS counted.
            coverage: sum of the attention weights over these tokens, (S,), where `needs_weights`.
        """
        return log_prob


class Metric(ABC):
    """A score of texts against references.

    Attributes:
        names: of its scores, in the order of importance.
        higher_is_better: which way a monitor looks.
    """

    names: tuple[str, ...]
    higher_is_better: bool

    @abstractmethod
    def compute(self, hypotheses: Sequence[str], references: Sequence[Sequence[str]]) -> dict[str, Score]:
        """Scores by name; references[i] holds all references of hypotheses[i], at least one."""

    def statistics(self, hypotheses: Sequence[str], references: Sequence[Sequence[str]]) -> Statistics | None:
        """What `compute` sums up; None for a score that is not made of sums over sentences."""
        return None


class Schedule(ABC):
    """A factor that changes while training: a learning-rate factor, a teacher-forcing ratio."""

    @abstractmethod
    def __call__(self, step: int) -> float:
        """The factor at optimizer step `step`, counted from 0."""

    def begin(self, total_steps: int) -> None:  # noqa: B027 (to react is optional)
        """Told, before the first step, how many optimizer steps the training will have at most."""

    def observe(self, value: float, higher_is_better: bool) -> None:  # noqa: B027 (to react is optional)
        """Told the monitored score after each validation; a schedule that does not react ignores it."""
