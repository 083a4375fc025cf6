"""Training of the unigram language model tokenizer, section 3.2 of https://arxiv.org/abs/1804.10959.

Expectation maximisation over all segmentations of all words at once, vectorised over the words, in a fixed order.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray

LONGEST_PIECE = 16  # characters, as in SentencePiece
EM_STEPS = 2  # between two prunings, as in SentencePiece
SHRINK = 0.75  # share of the pieces that survives a pruning
RARE = 0.5  # expected occurrences below which a piece is given up, as in SentencePiece
DECIMALS = 6  # of a log-probability: fewer than would show the order of summation

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def candidates(counts: Mapping[str, int], *, limit: int) -> list[str]:
    """Substrings of at least two characters seen at least twice: the `limit` that cover most text, ties by alphabet."""
    seen: Counter[str] = Counter()
    for word, count in counts.items():
        for start in range(len(word) - 1):
            for end in range(start + 2, min(start + LONGEST_PIECE, len(word)) + 1):
                seen[word[start:end]] += count
    frequent = [(-count * len(piece), piece) for piece, count in seen.items() if count > 1]
    return [piece for _, piece in sorted(frequent)[:limit]]


class Lattice:
    """Every way to write some words with some pieces, as a graph.

    A word of n characters has n + 1 nodes; an arc goes over a piece from the node before it to the node after it.
    """

    def __init__(self, words: Sequence[str], pieces: Mapping[str, int], *, proper: bool) -> None:
        """With `proper`, no arc covers a whole word."""
        arcs: list[tuple[int, int, int, int, int]] = []
        self.first = np.cumsum([0, *(len(word) + 1 for word in words)])[:-1]  # (words,)
        self.last = self.first + np.array([len(word) for word in words], dtype=np.int64)
        for number, (word, base) in enumerate(zip(words, self.first.tolist(), strict=True)):
            for start in range(len(word)):
                for end in range(start + 1, min(start + LONGEST_PIECE, len(word)) + 1):
                    piece = pieces.get(word[start:end])
                    if piece is not None and not (proper and end - start == len(word)):
                        arcs.append((number, base + start, base + end, end, piece))
        table = np.array(arcs, dtype=np.int64).reshape(-1, 5)
        table = table[np.lexsort((table[:, 1], table[:, 2], table[:, 3]))]
        self.word, self.start, self.end, self.offset, self.piece = table.T.copy()

    def prune(self, alive: NDArray[np.bool_]) -> None:
        """Removes the arcs of pieces that are given up."""
        keep = alive[self.piece]
        self.word, self.start, self.end = self.word[keep], self.start[keep], self.end[keep]
        self.offset, self.piece = self.offset[keep], self.piece[keep]

    def forward(self, scores: Floats, add: np.ufunc) -> Floats:
        """Log-score of reaching each node: `add` is logaddexp for all paths together, maximum for the best one."""
        reached = np.full(self.last[-1] + 1, -np.inf)
        reached[self.first] = 0.0
        return sweep(reached, self.start, self.end, scores[self.piece], self.offset, add)

    def expected(self, scores: Floats, counts: Floats) -> Floats:
        """Expected occurrences of each piece in the words, each word `counts` times."""
        before = self.forward(scores, np.logaddexp)
        after = np.full(len(before), -np.inf)
        after[self.last] = 0.0
        left = self.last[self.word] - self.start  # characters from the arc's start to the end of its word
        order = np.lexsort((self.end, self.start, left))
        along = scores[self.piece]
        sweep(after, self.end[order], self.start[order], along[order], left[order], np.logaddexp)
        share = np.exp(before[self.start] + along + after[self.end] - before[self.last][self.word])
        return np.bincount(self.piece, share * counts[self.word], minlength=len(scores)).astype(np.float64)


def sweep(value: Floats, source: Ints, goal: Ints, along: Floats, stage: Ints, add: np.ufunc) -> Floats:
    """Carries `value` over the arcs source -> goal, sorted by stage and within it by goal; fills it in place."""
    if not len(goal):
        return value
    groups = np.flatnonzero(np.r_[True, goal[1:] != goal[:-1]])  # first arc of each goal
    stages = np.flatnonzero(np.r_[True, stage[1:] != stage[:-1], True])  # first arc of each stage, and the end
    cuts = np.searchsorted(groups, stages)
    for low, high, begin, finish in zip(stages[:-1], stages[1:], cuts[:-1], cuts[1:], strict=True):
        heads = groups[begin:finish]
        value[goal[heads]] = add.reduceat(value[source[low:high]] + along[low:high], heads - low)
    return value


def log_probs(expected: Floats, alive: NDArray[np.bool_]) -> Floats:
    """The variational maximisation step: digamma instead of the logarithm, so that rare pieces lose more."""
    amounts = torch.from_numpy(np.where(alive, np.maximum(expected, 0.1), 0.0))
    scores = (torch.digamma(amounts) - torch.digamma(amounts.sum())).numpy()
    return np.where(alive, scores, -np.inf)


def strongest(amounts: Floats, optional: Ints, keep: int) -> NDArray[np.bool_]:
    """True for the pieces that are not optional and for the `keep` optional ones with the largest amounts."""
    alive = np.ones(len(amounts), dtype=np.bool_)
    alive[optional] = False
    ranked = optional[np.argsort(-np.round(amounts[optional], DECIMALS), kind="stable")]
    alive[ranked[:keep]] = True
    return alive


def learn(counts: Mapping[str, int], characters: Iterable[str], seeds: Sequence[str], *, keep: int) -> dict[str, float]:
    """Log-probabilities of the pieces that are kept.

    Args:
        counts: how often each word occurs.
        characters: pieces that are always kept.
        seeds: longer pieces to choose from.
        keep: how many of the seeds stay.
    """
    words = sorted(counts)
    weights = np.array([counts[word] for word in words], dtype=np.float64)
    single = list(characters)
    pieces = [*single, *seeds]
    ids = {piece: number for number, piece in enumerate(pieces)}
    optional = np.arange(len(single), len(pieces))
    text, inner = Lattice(words, ids, proper=False), Lattice(pieces, ids, proper=True)
    alive = np.ones(len(pieces), dtype=np.bool_)
    scores = np.full(len(pieces), -np.log(len(pieces)))
    while True:
        for _ in range(EM_STEPS):
            expected = text.expected(scores, weights)
            optional = optional[alive[optional]]
            common = int((expected[optional] >= RARE).sum())
            alive = alive & strongest(np.where(alive, expected, -1.0), optional, max(keep, common))
            scores = log_probs(expected, alive)
            text.prune(alive)
        optional = optional[alive[optional]]
        if len(optional) <= keep:
            break
        inner.prune(alive)
        rewritten = inner.forward(scores, np.maximum)[inner.last]  # best score of each piece without itself
        loss = np.full(len(pieces), -np.inf)
        loss[optional] = expected[optional] * (scores[optional] - rewritten[optional])
        alive = alive & strongest(loss, optional, max(keep, int(SHRINK * len(optional))))
        scores = np.where(alive, scores, -np.inf)
        text.prune(alive)
    return {pieces[i]: round(float(scores[i]), DECIMALS) for i in np.flatnonzero(alive)}
