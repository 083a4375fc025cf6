"""How a conversation is put into words: phrasings, speakers with a manner, and the finished conversation."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from grammar.dice import Dice

Bank = tuple[str, ...]
"""Phrasings of one and the same, from the most formal to the most casual; `{name}` stands for a value."""
Values = Mapping[str, str]


@dataclass(frozen=True)
class Mention:
    """A value that a turn says."""

    turn: int
    name: str
    value: str


@dataclass(frozen=True)
class Conversation:
    """Turns of two speakers who alternate, and what a reader has to keep in mind.

    `said` holds the values that the customer gives, in order; `confirmation` is the turn that repeats the final ones.
    `recalled` holds pairs of where a fact was told and where it is asked for again and answered.
    """

    sort: str
    turns: tuple[str, ...]
    said: tuple[Mention, ...] = ()
    confirmation: int = -1
    recalled: tuple[tuple[Mention, Mention], ...] = ()


class Voice:
    """One speaker, formal or casual throughout a conversation."""

    def __init__(self, dice: Dice) -> None:
        self._dice = dice
        self._is_casual = dice.chance(0.5)

    def choose(self, bank: Bank) -> str:
        """One phrasing from the formal or from the casual half; both know the middle of three."""
        half = (len(bank) + 1) // 2
        return self._dice.pick(bank[-half:] if self._is_casual else bank[:half])

    def say(self, bank: Bank, values: Values) -> str:
        """One phrasing with its values."""
        return filled(self.choose(bank), values)


def filled(phrasing: str, values: Values) -> str:
    """The phrasing with its values, which may name further values themselves."""
    while "{" in phrasing:
        phrasing = phrasing.format_map(values)
    return phrasing


def written(*parts: str) -> str:
    """The parts of a turn as one text: a capital after every full stop, and "an" before a vowel."""
    text = " ".join(part for part in parts if part)
    text = re.sub(r"\b([Aa]) (?=[aeiou])", r"\1n ", text.replace(" ,", ","))
    return re.sub(r"(?:^|(?<=[.!?] ))[a-z]", lambda letter: letter.group().upper(), text)
