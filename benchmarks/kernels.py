"""What single pieces of a training step and of a search cost, written in one way and in another.

    python benchmarks/kernels.py                 # two threads
    python benchmarks/kernels.py --threads 1

Both ways run in turns in this process; the table has the median of each and the median ratio. Sizes are those of model
R of recipes.py: 64 sentences, 16 target and 15 source tokens, 512 units, 8,004 words.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import torch
from rich.console import Console
from rich.table import Table
from torch import Tensor
from torch.nn import functional as F

from seq2seq_pl.allocation import keep_freed_memory
from seq2seq_pl.decoding.likeliest import likeliest
from seq2seq_pl.model.additive import additive_scores
from seq2seq_pl.model.dropout import dropout
from seq2seq_pl.model.scan import scanned
from seq2seq_pl.objective.cross_entropy import AT_ONCE, CrossEntropy
from seq2seq_pl.products import linear, log_softmax
from seq2seq_pl.values import Affine, SearchState

SENTENCES, TARGET, SOURCE, SIZE, WORDS = 64, 16, 15, 512, 8004
TOKENS = 920
Ways = tuple[Callable[[], object], Callable[[], object]]


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=15)
    asked = parser.parse_args()
    torch.set_num_threads(asked.threads)
    torch.manual_seed(1)
    keep_freed_memory()  # as every command does
    table = Table("", "ms", "ours, ms", "ratio", box=None)
    for name, ways in training():
        table.add_row(name, *compared(ways, asked.repeats))
    with torch.inference_mode():
        for name, ways in searching():
            table.add_row(name, *compared(ways, asked.repeats))
    Console().print(table)


def compared(ways: Ways, repeats: int) -> list[str]:
    """The medians of both ways and of their ratio."""
    seconds: tuple[list[float], list[float]] = ([], [])
    for number in range(repeats + 2):
        for way, spent in zip(ways, seconds, strict=True):
            began = time.perf_counter()
            way()
            if number >= 2:
                spent.append(time.perf_counter() - began)
    ratios = [one / other for one, other in zip(*seconds, strict=True)]
    return [*(f"{1000 * statistics.median(spent):.2f}" for spent in seconds), f"{statistics.median(ratios):.2f}"]


def training() -> list[tuple[str, Ways]]:
    """Pieces of a training step; forward and backward, but for dropout."""
    numbers = torch.randn(1024, 1024)
    query, keys, energy = (
        torch.randn(shape, requires_grad=True)
        for shape in ((SENTENCES, TARGET, SIZE), (SENTENCES, SOURCE, SIZE), (SIZE,))
    )
    layer = torch.nn.GRU(256, SIZE, batch_first=True)
    embedded = torch.randn(SENTENCES, TARGET, 256, requires_grad=True)
    return [
        ("dropout of 2^20 numbers: F.dropout", (lambda: F.dropout(numbers, 0.3), lambda: dropout(numbers, 0.3, True))),
        (
            "additive scores: the formula",
            (
                lambda: (torch.tanh(query.unsqueeze(2) + keys.unsqueeze(1)) @ energy).sum().backward(),
                lambda: additive_scores(query, keys, energy).sum().backward(),
            ),
        ),
        (
            "a GRU over the target: nn.GRU",
            (
                lambda: layer(embedded)[0].sum().backward(),
                lambda: scanned("gru", layer, embedded, None)[0].sum().backward(),  # type: ignore[union-attr]
            ),
        ),
        *losses(),
    ]


def losses() -> list[tuple[str, Ways]]:
    """The last layer with its loss: all logits, and some at once."""
    last = Affine(*(torch.randn(shape, requires_grad=True) for shape in ((TOKENS, SIZE), (WORDS, SIZE), (WORDS,))))
    labels, objective = torch.randint(WORDS, (TOKENS,)), CrossEntropy(WORDS)
    usual = AT_ONCE[True]

    def whole() -> None:
        objective(F.linear(last.inputs, last.weight, last.bias), labels).total.backward()

    def some(count: int) -> Callable[[], None]:
        def rows() -> None:
            AT_ONCE[True] = count
            objective.over(last, labels).total.backward()
            AT_ONCE[True] = usual

        return rows

    return [
        ("last layer and loss: all logits", (whole, some(usual))),
        *(
            (f"last layer and loss: 2^{power} logits at once", (some(1 << power), some(usual)))
            for power in (19, 21, 24)
        ),
    ]


def searching() -> list[tuple[str, Ways]]:
    """Pieces of a search's step with 320 hypotheses, and with 5."""
    outputs, weight, bias = torch.randn(320, SIZE), torch.randn(WORDS, SIZE), torch.randn(WORDS)
    logits = torch.randn(SENTENCES, 5, WORDS)
    kept = torch.randn(SENTENCES, 5, 14, 512)  # keys and values of 14 tokens
    rows, parents = torch.arange(SENTENCES).unsqueeze(1), torch.randint(5, (SENTENCES, 5))
    state = SearchState((), ({"written": kept},))
    return [
        (
            "logits of 320 hypotheses: F.linear",
            (lambda: F.linear(outputs, weight, bias), lambda: linear(outputs, weight, bias)),
        ),
        (
            "logits of 5 hypotheses: F.linear",
            (lambda: F.linear(outputs[:5], weight, bias), lambda: linear(outputs[:5], weight, bias)),
        ),
        ("log-softmax of 320: a new tensor", (lambda: logits.log_softmax(-1), lambda: log_softmax(logits))),
        (
            "best 6 of each of 320: topk",
            (lambda: logits[..., 3:].topk(6, sorted=False), lambda: likeliest(logits[..., 3:], 6)),
        ),
        (
            "best of each of 320: max",
            (lambda: logits[..., 3:].max(-1), lambda: likeliest(logits[..., 3:], 1)),
        ),
        ("states of 320 reordered: by rows and parents", (lambda: kept[rows, parents], lambda: state.reorder(parents))),
        ("attention of one step: five dimensions", (lambda: fused(kept, False), lambda: fused(kept, True))),
    ]


def fused(kept: Tensor, flat: bool) -> Tensor:
    """Attention of 4 heads to one step's keys and values (B, K, T, 2 H), in four or in five dimensions."""
    key, value = (part.unflatten(-1, (4, -1)).transpose(-3, -2) for part in kept.chunk(2, dim=-1))
    if flat:
        key, value = key.flatten(0, 1), value.flatten(0, 1)
    return F.scaled_dot_product_attention(key[..., -1:, :], key, value)


if __name__ == "__main__":
    main()
