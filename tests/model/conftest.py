"""A tiny batch and a tiny memory, and models to put them through."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
import torch

from seq2seq_pl.model.seq2seq import Seq2Seq
from seq2seq_pl.values import EOS, PAD, Batch, Memory

sys.path.insert(0, str(Path(__file__).parent))
from combinations import build_from


@pytest.fixture(scope="session")
def build() -> Callable[..., Seq2Seq]:
    """YAML files by kind, settings and the two vocabulary sizes -> the model, drawn from a seed; names of tasks."""
    return build_from


@pytest.fixture(scope="session")
def batch_of() -> Callable[..., Batch]:
    """Sources and targets without their EOS -> batch."""

    def padded(sentences: Sequence[Sequence[int]]) -> torch.Tensor:
        size = max(map(len, sentences)) + 1
        return torch.tensor([[*ids, EOS] + [PAD] * (size - 1 - len(ids)) for ids in sentences])

    def made(sources: Sequence[Sequence[int]], targets: Sequence[Sequence[int]]) -> Batch:
        source = padded(sources)
        copies = torch.where(source > EOS, source + 4, source)  # 9 and 10 are words that a target of 13 ids lacks
        return Batch(source, padded(targets), torch.arange(len(sources)), "", copies)

    return made


@pytest.fixture
def batch(batch_of) -> Batch:
    """B=3, S=6, T=4; real source tokens 4, 6, 1 and target tokens 4, 2, 3, EOS counted."""
    return batch_of([[5, 10, 4], [9, 4, 7, 7, 6], []], [[12, 4, 8], [6], [11, 5]])


@pytest.fixture
def memory() -> Memory:
    """Random, B=2, S=5, H=8, the second sentence of 3 tokens; final states of 2 LSTM layers."""
    states, summary, hidden, cell = (
        torch.randn(2, *shape, generator=torch.Generator().manual_seed(seed))
        for seed, shape in enumerate([(5, 8), (8,), (2, 8), (2, 8)])
    )
    mask = torch.tensor([[True] * 5, [True] * 3 + [False] * 2])
    return Memory(states, mask, summary, final={"hidden": hidden, "cell": cell})
