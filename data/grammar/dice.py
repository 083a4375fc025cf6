"""Seeded draws that come out the same on every Python version."""

import random
from collections import Counter
from collections.abc import Hashable, Sequence
from typing import TypeVar

Item = TypeVar("Item")
Word = TypeVar("Word", bound=Hashable)


class Dice:
    """Draws from one integer seed.

    Only `Random.random` is used: its sequence is promised not to change between Python versions, while
    those of `choice` and `shuffle` are not.
    """

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._drawn: Counter[Hashable] = Counter()

    def chance(self, probability: float) -> bool:
        """True with this probability."""
        return self._random.random() < probability

    def pick(self, items: Sequence[Item]) -> Item:
        """One of the items, all equally likely."""
        return items[int(self._random.random() * len(items))]

    def weighted(self, items: Sequence[tuple[Item, float]]) -> Item:
        """One of the items, each as likely as its weight."""
        rest = self._random.random() * sum(weight for _, weight in items)
        for item, weight in items:
            rest -= weight
            if rest < 0:
                return item
        return items[-1][0]

    def fair(self, items: Sequence[Word]) -> Word:
        """The less often drawn of two items, so that rare words catch up with common ones."""
        first, second = self.pick(items), self.pick(items)
        chosen = second if self._drawn[second] < self._drawn[first] else first
        self._drawn[chosen] += 1
        return chosen
