"""How a score depends on the length of the source: sentences of like length are scored together."""

from __future__ import annotations

import csv
import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from seq2seq_pl.errors import UserError
from seq2seq_pl.interfaces import Metric
from seq2seq_pl.scoring import Item
from seq2seq_pl.scripts import UNSPACED
from seq2seq_pl.values import Score

BINS = (5, 10, 15, 20, 30)
"""The largest length of each bin but the last, which has no end."""
LONGEST_BIN = 1_000_000
"""Longer numbers leave a plot no room."""


@dataclass(frozen=True)
class Bin:
    """The sentences of some source lengths and their scores by name."""

    label: str
    sentences: int
    scores: dict[str, Score]


def checked_bins(setting: str, bins: object) -> tuple[int, ...]:
    """The bins that a user set. Raises UserError if they are not numbers that grow from at least 1."""
    given = list(bins) if isinstance(bins, Sequence) else [bins]
    numbers = tuple(number for number in given if isinstance(number, int))
    if len(numbers) < len(given) or any(after <= before for before, after in itertools.pairwise([0, *numbers])):
        raise UserError(f"{setting} ({given}) must grow from at least 1, such as [5, 10, 20].")
    if numbers and numbers[-1] > LONGEST_BIN:
        raise UserError(f"{setting} ({numbers[-1]}): a bin must end at {LONGEST_BIN:,} or before.")
    return numbers


def unit_of(items: Sequence[Item]) -> str:
    """What lengths are counted in: "words", or "characters" where spaces do not separate words."""
    text = "".join(item.example.source for item in items)
    unspaced = len(re.findall(f"[{UNSPACED}]", text)) > sum(character.isalpha() for character in text) / 2
    single = all(len(item.example.source.split()) <= 1 for item in items)  # single words, as in pronunciation
    return "characters" if unspaced or single else "words"


def length(source: str, unit: str) -> int:
    """Length of a source; white space does not count."""
    words = source.split()
    return len(words) if unit == "words" else sum(map(len, words))


def binned(items: Sequence[Item], bins: Sequence[int], unit: str, metric: Metric) -> list[Bin]:
    """The bins that have sentences, shortest first; an empty source is in the first bin."""
    found = []
    for low, high in itertools.pairwise([0, *bins, None]):
        assert low is not None
        inside = [
            item
            for item in items
            if (length(item.example.source, unit) > low or low == 0)
            and (high is None or length(item.example.source, unit) <= high)
        ]
        if inside:
            scores = metric.compute([i.hypothesis for i in inside], [i.example.references for i in inside])
            label = f"{low + 1}+" if high is None else f"{low + 1}" if high == low + 1 else f"{low + 1}-{high}"
            found.append(Bin(label, len(inside), scores))
    return found


def plot_by_length(
    folder: Path, items: Sequence[Item], metric: Metric, bins: Sequence[int], title: str
) -> NDArray[np.uint8]:
    """Writes <score>_by_length.png and .csv of the metric's first score into a folder, which is made.

    Returns:
        The picture, (height, width, 3).
    """
    from matplotlib.image import imsave  # late: no first step shall wait for matplotlib

    from seq2seq_pl.picture import bars, pixels

    unit, name = unit_of(items), metric.names[0]
    found = binned(items, bins, unit, metric)
    image = pixels(
        bars(
            [one.label for one in found],
            [one.scores[name].value for one in found],
            [one.sentences for one in found],
            x=f"source length ({unit})",
            y=name,
            title=f"{title}: {name} by source length",
        )
    )
    folder.mkdir(parents=True, exist_ok=True)
    imsave(folder / f"{name}_by_length.png", image)
    with (folder / f"{name}_by_length.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["source_length", "unit", "sentences", name, "signature"])
        writer.writerows(
            [one.label, unit, one.sentences, one.scores[name].value, one.scores[name].signature] for one in found
        )
    return image
