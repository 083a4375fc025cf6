"""How the invented language is read aloud: the small engine that applies the rules of spelling.tsv and sounds.tsv.

First the spelling becomes sounds: from the left, the first rule of spelling.tsv that fits takes its letters and gives a
sound. Then every line of sounds.tsv changes the whole word, in the order of the table; it sees the word as the lines
above have left it, not what it changes itself. A rule that `may` apply makes a second accepted pronunciation.

In the tables `from` holds alternatives (letters, or one sound) and `to` what becomes of each; "-" is nothing. A
neighbourhood (`left`, `right`) is a row of symbols or classes: `a|b` is either of two, `?` perhaps, `*` any number, `#`
the edge of the word, `=` the sound itself once more.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

HERE = Path(__file__).parent

VOWEL_LETTERS = list("aeiouy")
CONSONANT_LETTERS = list("bcdfghjklmnprstvwz")
LETTERS = {
    "VOWEL": VOWEL_LETTERS,
    "CONSONANT": CONSONANT_LETTERS,
    "FRONT": list("eiy"),
    "BACK": list("aou"),
}
"""The classes of letters that spelling.tsv names."""

VOICELESS = [*"ptkfsʃx", "tʃ"]
VOICED = [*"bdɡvzʒ", "dʒ"]
SONORANTS = list("mnɲŋlrjw")
CONSONANTS = [*VOICELESS, *VOICED, "h", *SONORANTS]
NASAL_VOWELS = list("ãẽõ")
VOWELS = [*"aeiouə", "aː", "eː", "iː", "oː", "uː", *NASAL_VOWELS]
SOUNDS = {
    "VOWEL": VOWELS,
    "CONSONANT": CONSONANTS,
    "FRONT": ["e", "i", "eː", "iː", "ẽ"],
    "NASAL": NASAL_VOWELS,
    "OBSTRUENT": [*VOICELESS, *VOICED],
    "VOICELESS": VOICELESS,
    "SONORANT": SONORANTS,
    "SOUND": [*CONSONANTS, *VOWELS],
}
"""The classes of sounds that sounds.tsv names; SOUND is any but the mark of stress."""

Symbols = tuple[str, ...]
"""Letters or sounds."""


@dataclass(frozen=True)
class Change:
    """One alternative of a rule: old symbols that become new ones between certain neighbours."""

    rule: str
    old: Symbols
    """Nothing where the rule inserts."""
    new: Symbols
    """Nothing where the letter or sound is silent."""
    left: re.Pattern[str]
    right: re.Pattern[str]

    def fits(self, word: Symbols, start: int) -> bool:
        """Whether the old symbols stand at this place of the word, between the neighbours asked for."""
        end = start + len(self.old)
        return (
            word[start:end] == self.old
            and self.left.search(_joined(("#", *word[:start]))) is not None
            and self.right.match(_joined((*word[end:], "#"))) is not None
        )


@dataclass(frozen=True)
class Step:
    """A line of sounds.tsv, applied to a whole word at once; `changes` are its alternatives by what they change."""

    changes: Mapping[Symbols, Change]
    optional: bool

    def apply(self, word: Symbols) -> tuple[Symbols, frozenset[str]]:
        """The word after the change, and the name of the rule if it changed anything."""
        changed: list[str] = []
        rules: set[str] = set()
        for place in range(len(word) + 1):
            here = word[place : place + 1]
            change = self.changes.get(here) or self.changes.get(())
            if change is not None and change.fits(word, place):
                changed += change.new
                rules.add(change.rule)
                if change.old:
                    continue
            changed += here
        return tuple(changed), frozenset(rules)


@dataclass(frozen=True)
class Reading:
    """A pronunciation and the names of the rules that led to it."""

    sounds: Symbols
    rules: frozenset[str]


def readings(spelling: str) -> list[Reading]:
    """Every pronunciation that the rules allow, the one without optional changes first."""
    found = [_sounded(spelling)]
    for step in sound_steps():
        following = []
        for reading in found:
            sounds, rules = step.apply(reading.sounds)
            if step.optional and rules:
                following.append(reading)
            following.append(Reading(sounds, reading.rules | rules))
        found = list({reading.sounds: reading for reading in following}.values())
    return found


def pronunciations(spelling: str) -> tuple[str, ...]:
    """What the rules make of a spelling: sounds separated by spaces, all accepted pronunciations."""
    return tuple(" ".join(reading.sounds) for reading in readings(spelling))


def _sounded(spelling: str) -> Reading:
    letters, place = tuple(spelling), 0
    sounds: list[str] = []
    rules: set[str] = set()
    while place < len(letters):
        change = next(change for change in letter_changes() if change.fits(letters, place))
        sounds += change.new
        rules.add(change.rule)
        place += len(change.old)
    return Reading(tuple(sounds), frozenset(rules))


@cache
def letter_changes() -> tuple[Change, ...]:
    """spelling.tsv: what letters sound like, the first that fits."""
    return tuple(change for row in table("spelling") for change in _changes(row, LETTERS))


@cache
def sound_steps() -> tuple[Step, ...]:
    """sounds.tsv: what becomes of sounds, line by line."""
    return tuple(
        Step({change.old: change for change in _changes(row, SOUNDS)}, row["use"] == "may") for row in table("sounds")
    )


def rule_names() -> list[str]:
    """The names of all rules, in their order."""
    return list(dict.fromkeys(row["rule"] for name in ("spelling", "sounds") for row in table(name)))


def table(name: str) -> list[dict[str, str]]:
    """The lines of a table in this folder by column, "-" read as empty."""
    header, *lines = (HERE / f"{name}.tsv").read_text(encoding="utf-8").splitlines()
    columns = header.split("\t")
    cells = [["" if cell == "-" else cell for cell in line.split("\t")] for line in lines]
    return [dict(zip(columns, row, strict=True)) for row in cells]


def _changes(row: Mapping[str, str], classes: Mapping[str, list[str]]) -> Iterator[Change]:
    alternatives = row["from"].split() or [""]
    results = row["to"].split() or [""] * len(alternatives)
    for old, new in zip(alternatives, results, strict=True):
        left, right = (_pattern(row[side], classes, old) for side in ("left", "right"))
        symbols = tuple(old) if classes is LETTERS else (old,) * bool(old)
        yield Change(row["rule"], symbols, (new,) * bool(new), re.compile(f"(?:^| ){left}$"), re.compile(right))


def _pattern(neighbours: str, classes: Mapping[str, list[str]], itself: str) -> str:
    """The regular expression of a neighbourhood over symbols that each have a space after them."""
    expression = ""
    for element in neighbours.split():
        often = element[-1] if element[-1] in "?*" else ""
        names = element.removesuffix(often).split("|")
        symbols = [symbol for name in names for symbol in classes.get(name, [itself if name == "=" else name])]
        expression += f"(?:(?:{'|'.join(map(re.escape, symbols))}) ){often}"
    return expression


def _joined(symbols: Symbols) -> str:
    return "".join(f"{symbol} " for symbol in symbols)
