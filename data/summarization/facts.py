"""What a report tells: the outcome, and what fills the slots of plots/*.tsv."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from grammar.dice import Dice

from summarization.names import WORDS, Name, Names, Word
from summarization.numbers import between, count, thousands

Slots: TypeAlias = Mapping[str, Name | Word | str]


@dataclass(frozen=True)
class Facts:
    """What happened: the outcome as tags, which choose among the phrasings, and what fills their {slots}."""

    tags: frozenset[str]
    slots: Slots


def word(dice: Dice, name: str) -> Word:
    """A word of a list of words.tsv."""
    return dice.pick(WORDS[name])


def two(dice: Dice, name: str) -> tuple[Word, Word]:
    """Two words of a list that a summary tells apart."""
    first = word(dice, name)
    return first, dice.pick([other for other in WORDS[name] if other.brief != first.brief])


def anywhere(dice: Dice, names: Names) -> Slots:
    """Slots that a report of any kind may use; none of them stands in a summary."""
    day, later_day = two(dice, "day")
    return {
        "day": day,
        "later_day": later_day,
        "month": word(dice, "month"),
        "year": str(2025 - between(dice, 3, 60)),
        "since": str(2025 - between(dice, 3, 24)),
        "years": count(between(dice, 3, 25)),
        "age": str(between(dice, 24, 64)),
        "young": str(between(dice, 17, 22)),
        "degrees": str(between(dice, 11, 27)),
        "second_town": names.town(),
        "aside_town": names.town(),
        "aside_person": names.person(),
        "aside_firm": names.firm(),
        "aside_count": count(between(dice, 2, 40)),
        "aside_sum": thousands(dice, 11, 900),
        "aside_age": str(between(dice, 101, 109)),
    }
