"""Random words of the invented language: stems from syllables, and their forms from affixes."""

from dataclasses import dataclass

from grammar.dice import Dice

from g2p.rules import CONSONANT_LETTERS, VOWEL_LETTERS, table

LENGTHS = range(3, 15)
"""Letters of a word."""
STEM_LENGTHS = range(3, 9)
SYLLABLES = ((1, 0.35), (2, 0.5), (3, 0.15))
"""How many syllables stems have."""
MAX_CONSONANTS = 4
"""The longest row of consonant letters; vowel letters stand in rows of 3 at most."""


@dataclass(frozen=True)
class Word:
    """A spelling, all its accepted pronunciations, and the morphemes that it is made of.

    `stem` is empty in a word that has no relatives.
    """

    spelling: str
    pronunciations: tuple[str, ...]
    prefix: str
    stem: str
    suffix: str
    ending: str


class Forms:
    """Draws parts of words by the weights of parts.tsv."""

    def __init__(self, dice: Dice) -> None:
        self._dice = dice
        self._parts: dict[str, list[tuple[str, float]]] = {}
        for row in table("parts"):
            self._parts.setdefault(row["place"], []).append((row["spelling"], float(row["weight"])))

    def part(self, place: str) -> str:
        """A part for this place of a word."""
        return self._dice.weighted(self._parts[place])

    def stem(self) -> str:
        """An onset and a nucleus, more syllables, and a coda."""
        while True:
            stem = self.part("onset") + self.part("nucleus")
            for _ in range(self._dice.weighted(SYLLABLES) - 1):
                stem += self.part("middle") + self.part("nucleus")
            stem += self.part("coda")
            if len(stem) in STEM_LENGTHS and is_readable(stem):
                return stem

    def affixes(self) -> tuple[str, str, str]:
        """A prefix, a suffix and an ending, each perhaps empty."""
        return self.part("prefix"), self.part("suffix"), self.part("ending")


def is_readable(spelling: str) -> bool:
    """Whether no letter stands three times in a row, and no row of vowels or consonants is too long."""
    vowels = consonants = alike = 0
    for before, letter in zip(f" {spelling}", spelling, strict=False):
        vowels = vowels + 1 if letter in VOWEL_LETTERS else 0
        consonants = consonants + 1 if letter in CONSONANT_LETTERS else 0
        alike = alike + 1 if letter == before else 1
        if vowels > 3 or consonants > MAX_CONSONANTS or alike > 2:
            return False
    return True
