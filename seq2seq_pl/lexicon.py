"""Which target ids are plausible for a source id: word translations learnt from pairs of sentences, and their file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from seq2seq_pl.errors import UserError
from seq2seq_pl.files import complete
from seq2seq_pl.store import Ids
from seq2seq_pl.values import EOS, PAD

FILE = "shortlist.npz"
"""In a run's directory."""
CHUNK_CELLS = 1 << 20
"""Cells, pairs of a source and a target token of one sentence, that are worked on at a time."""
MOST_CELLS = 1 << 25
"""Cells that are learnt from; they and what they are counted by take some 0.3 GB, 0.8 GB where no two are alike."""

Numbers = NDArray[np.float64]
Keys = NDArray[np.int64]


@dataclass(frozen=True)
class Lexicon:
    """What is plausible in a target.

    Attributes:
        translations: likeliest target ids of each source id, best first, filled up with PAD, (source vocabulary, W).
        frequent: most frequent target ids, most frequent first, (F,).
    """

    translations: Ids
    frequent: Ids


# -- learning --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Chunk:
    """The cells of some sentences: each target token with every source token of its sentence.

    Attributes:
        keys: the C' different ones, source id * target vocabulary + target id, in this order, (C',).
        cells: which of the keys each of C cells has, target token by target token, (C,).
        lengths: cells of each target token, (N,).
    """

    keys: Keys
    cells: NDArray[np.int32]
    lengths: NDArray[np.int64]


def learn(
    pairs: Iterable[tuple[Ids, Ids]],
    source_size: int,
    target_size: int,
    *,
    iterations: int,
    translations: int,
    frequent: int,
) -> Lexicon:
    """The best translations by IBM Model 1, p(t | s), Brown et al. 1993, sec. 4.1 (https://aclanthology.org/J93-2003/).

    A target token has come from one of the source tokens, each as likely as the others beforehand; the source's EOS,
    which every source has, is the empty word that whatever has no translation came from. Each iteration of EM shares
    every target token out by the p so far, all equal at first, and counts.

    Args:
        pairs: ids of source and target, EOS at their ends.
        source_size: ids of the source vocabulary; `target_size` likewise.
        translations: of each source id, as far as it has met so many.
        frequent: target ids, as far as there are so many.
    """
    chunks = list(_chunks(pairs, target_size))
    keys = _merged(chunks)
    places = [np.searchsorted(keys, chunk.keys) for chunk in chunks]
    sources, targets = np.divmod(keys, target_size)
    probs = np.ones(len(keys))
    for _ in range(iterations):
        counts = np.zeros(len(keys))
        for chunk, place in zip(chunks, places, strict=True):
            counts[place] += _shared_out(chunk, probs[place])
        totals = np.bincount(sources, counts, source_size)
        probs = counts / totals.clip(np.finfo(np.float64).tiny)[sources]
    seen = np.zeros(len(keys), dtype=np.int64)
    for chunk, place in zip(chunks, places, strict=True):
        seen[place] += np.bincount(chunk.cells, minlength=len(place))
    empty = sources == EOS  # meets each target token once
    usual = targets[empty][np.argsort(-seen[empty], kind="stable")]
    best = _best(sources, targets, probs, source_size, translations)
    return Lexicon(best, usual[:frequent].astype(np.int32))


def _chunks(pairs: Iterable[tuple[Ids, Ids]], target_size: int) -> Iterator[_Chunk]:
    """Chunks of CHUNK_CELLS cells and the rest of a sentence at most, MOST_CELLS in all."""
    keys: list[Keys] = []
    lengths: list[NDArray[np.int64]] = []
    size = total = 0
    for source, target in pairs:
        rows = target[:-1].astype(np.int64)[:, None] + source.astype(np.int64) * target_size  # (T, S)
        keys.append(rows.ravel())
        lengths.append(np.full(len(rows), rows.shape[1]))
        size, total = size + rows.size, total + rows.size
        if size >= CHUNK_CELLS:
            yield _chunk(keys, lengths)
            keys, lengths, size = [], [], 0
        if total >= MOST_CELLS:
            break
    if size:
        yield _chunk(keys, lengths)


def _chunk(keys: list[Keys], lengths: list[NDArray[np.int64]]) -> _Chunk:
    different, cells = np.unique(np.concatenate(keys), return_inverse=True)
    return _Chunk(different, cells.astype(np.int32), np.concatenate(lengths))


def _merged(chunks: list[_Chunk]) -> Keys:
    """The different keys of all chunks, in their order."""
    nothing = np.zeros(0, dtype=np.int64)
    return np.unique(np.concatenate([nothing, *(chunk.keys for chunk in chunks)]))


def _shared_out(chunk: _Chunk, probs: Numbers) -> Numbers:
    """How many target tokens come by each key, whose probabilities are given, (C',) -> (C',)."""
    shares = probs[chunk.cells]
    starts = np.cumsum(chunk.lengths) - chunk.lengths
    shares /= np.repeat(np.add.reduceat(shares, starts), chunk.lengths)
    return np.bincount(chunk.cells, shares, len(probs)).astype(np.float64, copy=False)


def _best(sources: Keys, targets: Keys, probs: Numbers, source_size: int, most: int) -> Ids:
    """The likeliest targets of each source; of equally likely ones the lowest ids; keys are in the order of sources."""
    order = np.lexsort((targets, -probs, sources))  # by source, and there by probability
    starts = np.searchsorted(sources, np.arange(source_size))
    rank = np.arange(len(order)) - starts[sources]
    kept = rank < most
    table = np.full((source_size, int(rank[kept].max(initial=-1)) + 1), PAD, dtype=np.int32)
    table[sources[kept], rank[kept]] = targets[order][kept]
    return table


# -- the file --------------------------------------------------------------------------------------------------------


def write_lexicon(path: Path, lexicon: Lexicon, vocabulary: str) -> None:
    """Writes it, with a fingerprint of the tokenizers whose ids it has; it appears when it is complete."""
    with complete(path) as file:
        np.savez(
            file,
            translations=lexicon.translations,
            frequent=lexicon.frequent,
            vocabulary=np.array(vocabulary),
        )


def read_lexicon(path: Path, vocabulary: str, sizes: tuple[int, int], way_out: str) -> Lexicon:
    """What `write_lexicon` wrote; nothing in it is run.

    Args:
        vocabulary: the fingerprint that it has to have.
        sizes: of the source's and the target's vocabulary.
        way_out: the command that makes it.
    Raises:
        UserError: there is none, it is damaged, or its ids are of another vocabulary.
    """
    if not path.is_file():
        raise UserError(f"{path}: there is no shortlist yet; make it with {way_out}")
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as content:
            found, *arrays = (content[name] for name in ("vocabulary", "translations", "frequent"))
        own = str(found)
        lexicon = Lexicon(*(array.astype(np.int32, casting="safe") for array in arrays))
    except Exception as error:  # a damaged file makes numpy raise nearly anything
        raise UserError(f"{path} is damaged or no shortlist; make it again with {way_out}") from error
    if own != vocabulary or not _fits(lexicon, *sizes):
        raise UserError(f"{path} is a shortlist of another vocabulary than this run's; make it again with {way_out}")
    return lexicon


def _fits(lexicon: Lexicon, source_size: int, target_size: int) -> bool:
    arrays = (lexicon.translations, lexicon.frequent)
    shaped = (lexicon.translations.ndim, lexicon.frequent.ndim) == (2, 1) and len(lexicon.translations) == source_size
    return shaped and all(((array >= 0) & (array < target_size)).all() for array in arrays)
