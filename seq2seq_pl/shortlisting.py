"""The shortlist of a run: made from its training split, and opened where it is to be searched among."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from omegaconf import DictConfig
from rich.console import Console

from seq2seq_pl.build import build_data, copies_words
from seq2seq_pl.command_config import ShortlistConfig, read
from seq2seq_pl.config import TrainConfig
from seq2seq_pl.datamodule import Tokenizers
from seq2seq_pl.errors import UserError
from seq2seq_pl.lexicon import FILE, Lexicon, learn, read_lexicon, write_lexicon
from seq2seq_pl.saved import find_checkpoint, load_tokenizers, read_checkpoint, run_folder, settings_of
from seq2seq_pl.store import Ids, Split, fingerprint

SEED = 12345
"""Of the choice of sentence pairs."""
MOST = {"translations": 1_000, "iterations": 100}
"""More translations of a word are no shortlist, more iterations change nothing."""


def make_shortlist(config: DictConfig) -> None:
    """Writes <run>/shortlist.npz and says what is in it, and what to type next.

    Raises:
        UserError: not a run, one that copies words, a corpus that is not there, or a setting that cannot be.
    """
    asked = read(ShortlistConfig, config)
    _check(asked)
    checkpoint = find_checkpoint(asked.run, asked.checkpoint)
    saved = read_checkpoint(checkpoint)
    settings = settings_of(saved, {"corpus": asked.corpus, "cache_dir": asked.cache_dir})
    refuse_copying(settings)
    tokenizers = load_tokenizers(saved, settings)
    data = build_data(settings, tokenizers, trained=True)
    stores = [data.open(task, "train") for task in data.tasks]
    places = _drawn([len(store) for store in stores], asked.pairs)
    lexicon = learn(
        _pairs(stores, places),
        tokenizers.source.vocab_size,
        tokenizers.target.vocab_size,
        iterations=asked.iterations,
        translations=asked.translations,
        frequent=asked.frequent,
    )
    path = run_folder(checkpoint) / FILE
    write_lexicon(path, lexicon, _mark(tokenizers))
    say = Console().print
    say(
        f"{path}: at most {lexicon.translations.shape[1]:,} translations of each of {len(lexicon.translations):,} "
        f"source tokens, and {len(lexicon.frequent):,} frequent target tokens of {tokenizers.target.vocab_size:,}",
        highlight=False,
        soft_wrap=True,
    )
    say("[bold]next[/bold]")
    for command in (f"generate run={asked.run} shortlist=true", f"evaluate run={asked.run} shortlist=true split=valid"):
        say(f"  python -m seq2seq_pl.{command}", soft_wrap=True, markup=False, highlight=False)


def open_shortlist(run: str, checkpoint: Path, settings: TrainConfig, tokenizers: Tokenizers) -> Lexicon:
    """The shortlist of a run that the user called `run`.

    Raises:
        UserError: there is none, it is damaged or another run's, or the run copies words.
    """
    refuse_copying(settings)
    sizes = tokenizers.source.vocab_size, tokenizers.target.vocab_size
    way_out = f"python -m seq2seq_pl.shortlist run={run}"
    return read_lexicon(run_folder(checkpoint) / FILE, _mark(tokenizers), sizes, way_out)


def refuse_copying(settings: TrainConfig) -> None:
    """Raises UserError where words of the source are copied."""
    if copies_words(settings):
        raise UserError(
            "a run that copies words of its source (model/output=pointer_generator) has no shortlist, as it writes "
            "words that are in no list; set shortlist=false."
        )


def _check(asked: ShortlistConfig) -> None:
    for name, most in MOST.items():
        if getattr(asked, name) > most:
            raise UserError(f"{name} ({getattr(asked, name)}) must be at most {most:,}.")


def _mark(tokenizers: Tokenizers) -> str:
    return fingerprint({"tokenizers": tokenizers.to_json()})


def _drawn(sizes: Sequence[int], most: int) -> list[tuple[int, int]]:
    """Store and row of sentence pairs, in an order drawn once and for all, so that some of them stand for all."""
    order = np.random.default_rng(SEED).permutation(sum(sizes))[:most]
    starts = np.cumsum([0, *sizes])
    stores = np.searchsorted(starts, order, side="right") - 1
    return list(zip(stores.tolist(), (order - starts[stores]).tolist(), strict=True))


def _pairs(stores: Sequence[Split], places: Sequence[tuple[int, int]]) -> Iterator[tuple[Ids, Ids]]:
    return ((stores[store].source(row), stores[store].target(row)) for store, row in places)
