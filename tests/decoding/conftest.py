"""A model that is a table of probabilities, and an exhaustive search to hold the others against."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache

import pytest
import torch
from omegaconf import OmegaConf
from torch import Tensor

from seq2seq_pl.build import build_model
from seq2seq_pl.model.seq2seq import Seq2Seq
from seq2seq_pl.values import BOS, EOS, PAD, Batch, SearchState

Distribution = Callable[[int, tuple[int, ...]], list[float]]
"""Key of a sentence and prefix -> log-probabilities of the next token."""


@dataclass(frozen=True)
class TableStepper:
    """Looks the next token's log-probabilities up by the sentence's first token and the whole prefix."""

    distribution: Distribution

    def start(self, batch: Batch) -> SearchState:
        return SearchState((), ({"prefix": batch.source[:, :1].unsqueeze(1)},))

    def step(self, tokens: Tensor, state: SearchState, need_weights: bool = False) -> tuple[Tensor, SearchState]:
        prefix = torch.cat((state.states[0]["prefix"], tokens.unsqueeze(2)), dim=2)  # (B, K, 1 + t)
        assert (prefix[:, :, 1] == BOS).all()
        log_probs = [[self.distribution(row[0], tuple(row[2:])) for row in rows] for rows in prefix.tolist()]
        return torch.tensor(log_probs), SearchState((), ({"prefix": prefix},))


@pytest.fixture(scope="session")
def table_stepper() -> Callable[[Distribution], TableStepper]:
    return TableStepper


@pytest.fixture(scope="session")
def random_table() -> Callable[..., TableStepper]:
    """A table drawn from a seed; the draw depends on the whole prefix. PAD and BOS are given much probability."""

    def make(seed: int, vocab_size: int, end: float = 0.0) -> TableStepper:
        def distribution(key: int, prefix: tuple[int, ...]) -> list[float]:
            rng = random.Random(f"{seed} {key} {prefix}")
            logits = [2 * rng.gauss(0, 1) for _ in range(vocab_size)]
            logits[PAD] += 2
            logits[BOS] += 2
            logits[EOS] += end
            return torch.tensor(logits).log_softmax(0).tolist()

        return TableStepper(distribution)

    return make


@pytest.fixture(scope="session")
def batch_of() -> Callable[[Sequence[Sequence[int]]], Batch]:
    """Sources without their EOS -> batch; the first token of each is its key in a table and its index."""

    def make(sources: Sequence[Sequence[int]]) -> Batch:
        size = max(map(len, sources)) + 1
        rows = [[*source, EOS] + [PAD] * (size - 1 - len(source)) for source in sources]
        index = torch.tensor([row[0] for row in rows])  # the sentence's own, whatever batch it is in
        return Batch(torch.tensor(rows), torch.zeros(len(rows), 0, dtype=torch.long), index, "table")

    return make


@pytest.fixture(scope="session")
def model_of(composed) -> Callable[..., Seq2Seq]:
    """A tiny model with these parts whose weights are drawn so large that it has opinions; 11 target tokens."""

    @cache
    def make(decoder: str, output: str = "projection") -> Seq2Seq:
        sizes = ("embedding.size=8", "encoder.hidden_size=6", "decoder.hidden_size=8", "attention.size=5")
        parts = (f"model/decoder={decoder}", f"model/output={output}")
        config = composed(*parts, *(f"model.{size}" for size in sizes))
        torch.manual_seed(0)
        model = build_model(OmegaConf.to_container(config.model, resolve=True), 80, 11)
        for parameter in model.parameters():
            torch.nn.init.normal_(parameter, std=0.3)
        return model.eval()

    return make
