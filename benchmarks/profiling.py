"""Where the time of a training step goes, beside the arithmetic that it must do.

    python benchmarks/profiling.py R --pieces DIR            # also T, R-feed; DIR is the race kit's folder
    python benchmarks/profiling.py T --pieces DIR --operators

A step is taken apart (batch, forward, logits and loss, backward, clipping, optimizer), then the same batches go through
Lightning's loop with the callbacks of the recipe, and the difference is what the loop costs. The arithmetic is counted
by torch's own counter in the forward pass and three times that; the machine's rate is measured on a product of
1024 x 512 x 2048 before and after.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from hydra import compose, initialize_config_dir
from recipes import MODELS, settings
from rich.console import Console
from rich.table import Table
from torch.profiler import ProfilerActivity, profile
from torch.utils.flop_counter import FlopCounterMode

from seq2seq_pl.allocation import keep_freed_memory
from seq2seq_pl.build import build_data, build_module, build_tokenizers, build_trainer
from seq2seq_pl.config import TrainConfig, validate
from seq2seq_pl.datamodule import DataModule, Tokenizers
from seq2seq_pl.launch import register_resolvers
from seq2seq_pl.module import Seq2SeqModule
from seq2seq_pl.training import quieten
from seq2seq_pl.values import Batch

CONF = Path(__file__).parents[1] / "conf"
WARM = 5  # steps that are not counted


def main() -> None:
    """Prints the table of a model."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", choices=list(MODELS))
    parser.add_argument("--pieces", type=Path, required=True, help="the race kit's folder")
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--operators", action="store_true", help="also torch's own table of operators")
    parser.add_argument("changes", nargs="*", help="settings, as for train")
    asked = parser.parse_args()
    torch.set_num_threads(asked.threads)
    keep_freed_memory()  # as every command does
    quieten()
    with tempfile.TemporaryDirectory() as folder:
        given = configured([*settings(asked.model, asked.pieces), *asked.changes], Path(folder), asked.steps)
        show(given, asked)


def configured(arguments: list[str], folder: Path, steps: int) -> TrainConfig:
    """The settings that a command line makes; the cache is the user's own."""
    register_resolvers()
    limits = [f"run_dir={folder}", f"+trainer.limit_train_batches={steps + WARM}", "+trainer.limit_val_batches=0"]
    with initialize_config_dir(str(CONF), version_base="1.3"):
        return validate(compose("train", [*arguments, *limits, "trainer.max_epochs=1"]))


def show(given: TrainConfig, asked: argparse.Namespace) -> None:
    """Measures and prints."""
    before = product_rate()
    tokenizers = build_tokenizers(given)
    data = build_data(given, tokenizers)
    data.prepare_data()
    module = build_module(given, tokenizers, data.example)
    module.train()
    # Built outside of a training, the optimizer has no steps to plan for.
    optimizer = module.optimizer_factory(params=module.parameters())
    loader = iter(data.loader("train"))
    phases: dict[str, list[float]] = defaultdict(list)
    tokens: list[int] = []
    counted: list[int] = []
    for number in range(asked.steps + WARM):
        flops = FlopCounterMode(display=False)
        size = step(module, optimizer, loader, phases if number >= WARM else defaultdict(list), given)
        if number >= WARM:
            tokens.append(size)
    with flops:
        batch = next(loader)
        module.forced(batch)
        counted.append(int(batch.target_mask.sum()))
    per_token = 3 * flops.get_total_flops() / counted[0]
    whole = sum(map(sum, phases.values()))
    table = Table("", "ms a step", "share", box=None)
    for name, seconds in phases.items():
        table.add_row(name, f"{1000 * statistics.mean(seconds):.1f}", f"{sum(seconds) / whole:.1%}")
    table.add_row("together", f"{1000 * whole / asked.steps:.1f}", "")
    rate = sum(tokens) / whole
    after = product_rate()
    ceiling = 1e9 * (before + after) / 2 / per_token
    loop, own = through_lightning(given, tokenizers, data)
    overhead = loop - own - statistics.mean(phases["optimizer"])
    table.add_row("in Lightning's loop, callbacks counted", f"{1000 * loop:.1f}", "")
    table.add_row("of which neither ours nor torch's", f"{1000 * overhead:.1f}", f"{overhead / loop:.1%}")
    console = Console()
    console.print(table)
    console.print(
        f"{rate:,.0f} target tokens/s; arithmetic {per_token / 1e6:.1f} MFLOP a token, products run at "
        f"{before:.0f} and {after:.0f} GFLOP/s, so at most {ceiling:,.0f} tokens/s: {rate / ceiling:.0%} of it",
        highlight=False,
    )
    if asked.operators:
        with profile(activities=[ProfilerActivity.CPU]) as found:
            for _ in range(10):
                step(module, optimizer, loader, defaultdict(list), given)
        print(found.key_averages().table(sort_by="self_cpu_time_total", row_limit=25, max_name_column_width=45))


def step(
    module: Seq2SeqModule,
    optimizer: torch.optim.Optimizer,
    loader: Iterator[Batch],
    phases: dict[str, list[float]],
    given: TrainConfig,
) -> int:
    """One training step; returns its target tokens."""

    @contextmanager
    def phase(name: str) -> Iterator[None]:
        began = time.perf_counter()
        yield
        phases[name].append(time.perf_counter() - began)

    with phase("batch"):
        batch = next(loader)
    with phase("forward"):
        outputs, weights = module.model(batch, 1.0, module.objective.needs_weights)
    with phase("logits and loss"):
        last, labels = module.model.last_layer(batch, outputs), batch.target[batch.target_mask]
        assert last is not None
        loss = module.objective.over(last, labels, weights, batch.target_mask)
    with phase("backward"):
        (loss.total / loss.tokens).backward()
    with phase("clipping"):
        torch.nn.utils.clip_grad_norm_(module.parameters(), float(str(given.trainer["gradient_clip_val"])))
    with phase("optimizer"):
        optimizer.step()
        optimizer.zero_grad()
    return int(batch.target_mask.sum())


def through_lightning(given: TrainConfig, tokenizers: Tokenizers, data: DataModule) -> tuple[float, float]:
    """Seconds of a step in the training loop, and those that our own part of it and the backward pass take."""
    module = build_module(given, tokenizers, data.example)
    trainer = build_trainer(given)
    starts: list[float] = []
    inside: list[float] = []

    def timed(name: str, into: list[float]) -> None:
        original: Callable[..., object] = getattr(module, name)

        def noted(*arguments: object, **named: object) -> object:
            began = time.perf_counter()
            if into is starts:
                starts.append(began)
            answer = original(*arguments, **named)
            if starts[WARM:] and into is inside:
                inside.append(time.perf_counter() - began)
            return answer

        setattr(module, name, noted)

    timed("on_train_batch_start", starts)
    for name in ("training_step", "backward", "configure_gradient_clipping"):
        timed(name, inside)
    trainer.fit(module, data)
    starts.append(time.perf_counter())
    steps = len(starts) - 1 - WARM
    return (starts[-1] - starts[WARM]) / steps, sum(inside) / steps


def product_rate() -> float:
    """GFLOP/s of a float32 product."""
    left, right = torch.randn(1024, 512), torch.randn(2048, 512)
    for _ in range(20):
        torch.nn.functional.linear(left, right)
    began = time.perf_counter()
    for _ in range(60):
        torch.nn.functional.linear(left, right)
    return 2 * 1024 * 512 * 2048 * 60 / (time.perf_counter() - began) / 1e9


if __name__ == "__main__":
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    sys.exit(main())
