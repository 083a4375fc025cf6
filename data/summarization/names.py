"""Invented names, put together from syllables, so that there are always more of them than any split shows."""

import re
from collections.abc import Set
from dataclasses import dataclass
from pathlib import Path

from grammar.dice import Dice


@dataclass(frozen=True)
class Name:
    """A name as a text says it first, and how it says it from then on."""

    full: str
    short: str


@dataclass(frozen=True)
class Word:
    """Words of a report, and how a summary puts the same."""

    text: str
    brief: str

    def __str__(self) -> str:
        return self.text


def table() -> dict[str, tuple[Word, ...]]:
    """The lists of words.tsv by name."""
    lists: dict[str, tuple[Word, ...]] = {}
    text = (Path(__file__).parent / "words.tsv").read_text(encoding="utf-8")
    for line in text.splitlines()[1:]:
        name, words, brief = line.split("\t")
        further = tuple(Word(word, brief or word) for word in words.split(", "))
        lists[name] = lists.get(name, ()) + further
    return lists


WORDS = table()
UGLY = re.compile(r"(.)\1\1|aa|ii|uu|iu|oo", re.IGNORECASE)
"""What two syllables must not make where they meet."""


class Names:
    """Draws the names of one report: no two begin with the same syllable, no first name and no club's comes twice.

    Args:
        dice: where the numbers come from.
        taken: invented words that must not be drawn, since an earlier split has them.

    Attributes:
        stems: the words invented so far, without the first name, the sector or whatever else belongs to a name.
    """

    def __init__(self, dice: Dice, taken: Set[str] = frozenset()) -> None:
        self._dice = dice
        self._taken = taken
        self._drawn: set[str] = set()
        self.stems: list[str] = []

    def _fresh(self, name: str) -> str:
        """A word of a list that was not drawn before."""
        while True:
            word = self._word(name)
            if word not in self._drawn:
                self._drawn.add(word)
                return word

    def _word(self, name: str) -> str:
        return self._dice.pick(WORDS[name]).text

    def stem(self, ending: str) -> str:
        """A first syllable, a middle and an ending of the list named."""
        while True:
            first = self._fresh("syllable")
            stem = first + self._word("middle") + self._word(ending)
            if stem not in self._taken and not UGLY.search(stem):
                self.stems.append(stem)
                return stem
            self._drawn.remove(first)

    def town(self) -> Name:
        stem = self.stem("town ending")
        return Name(stem, stem)

    def person(self) -> Name:
        """A usual first name and an invented family name."""
        family = self.stem("family ending")
        return Name(f"{self._fresh('first name')} {family}", family)

    def firm(self, sector: str = "") -> Name:
        """A firm of a sector, or of any."""
        stem = self.stem("firm ending")
        return Name(f"{stem} {sector or self._word('sector')}", stem)

    def team(self, club: str) -> Name:
        """A town with what its club calls itself; `club` is the list to take that from."""
        town = self.stem("town ending")
        return Name(f"{town} {self._fresh(club)}", town)

    def place(self, before: str, after: str = "") -> Name:
        """A mountain, a stadium, a hall: an invented name between two words."""
        full = f"{before} {self.stem('place ending')} {after}".strip()
        return Name(full, full)

    def called(self, before: str, after: str, short: str) -> Name:
        """An event or a group called after an invented place: 'the Belarford Marathon', later 'the race'."""
        return Name(f"{before} {self.stem('town ending')} {after}", short)
