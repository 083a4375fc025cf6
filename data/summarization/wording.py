"""From the facts of a report to its sentences, by the phrasings in plots/*.tsv."""

import re
from dataclasses import dataclass
from pathlib import Path
from string import Formatter

from grammar.dice import Dice

from summarization.facts import Facts, Slots
from summarization.names import Name

HERE = Path(__file__).parent / "plots"
CHOICE = re.compile(r"\[([^\[\]]*)\]")
ARTICLE = re.compile(r"\b(a|A)\(n\)(?= (\w+))")
AN = re.compile(r"[aeiouAEIOU]|8|1[18](?!\d)")
"""A word or a number that begins with a vowel's sound: eight, eleven, eighteen, eighty."""


@dataclass(frozen=True)
class Phrasing:
    """One way to tell one part (role) of a report, or either of several; fits reports with all the tags of `when`."""

    roles: frozenset[str]
    when: frozenset[str]
    text: str


def phrasings(plot: str) -> tuple[Phrasing, ...]:
    """The rows of plots/<plot>.tsv."""
    lines = (HERE / f"{plot}.tsv").read_text(encoding="utf-8").splitlines()[1:]
    rows = [line.split("\t") for line in lines]
    return tuple(Phrasing(frozenset(roles.split()), frozenset(when.split()), text) for roles, when, text in rows)


def expand(text: str, dice: Dice) -> str:
    """Draws one of each [first|second|third], the innermost brackets first."""
    while (found := CHOICE.search(text)) is not None:
        text = text[: found.start()] + dice.pick(found[1].split("|")) + text[found.end() :]
    return text


class Narrator(Formatter):
    """Fills slots: the full name where it comes first in a report, the short one from then on."""

    def __init__(self) -> None:
        self._told: set[Name] = set()

    def format_field(self, value: object, format_spec: str) -> str:
        if not isinstance(value, Name):
            return str(value)
        known = value in self._told
        self._told.add(value)
        return value.short if known else value.full

    def sentence(self, text: str, slots: Slots) -> str:
        """A phrasing as a sentence: filled, with a or an, and a capital."""
        filled = self.vformat(text, (), slots)
        articled = ARTICLE.sub(lambda found: found[1] + ("n" if AN.match(found[2]) else ""), filled)
        start = 1 if articled.startswith('"') else 0
        return articled[:start] + articled[start].upper() + articled[start + 1 :]


class Plot:
    """The phrasings of one kind of report."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.phrasings = (*phrasings(name), *phrasings("any"))
        self._rows: dict[str, list[Phrasing]] = {}
        for row in self.phrasings:
            for role in sorted(row.roles):
                self._rows.setdefault(role, []).append(row)

    def fitting(self, role: str, facts: Facts) -> list[str]:
        """Every way to tell this part of a report with these facts; none, where there is nothing to tell."""
        return [row.text for row in self._rows[role] if row.when <= facts.tags]

    def document(self, facts: Facts, dice: Dice) -> str:
        """One report, by one of the plans that fit: the order of its parts, one sentence each."""
        narrator = Narrator()
        roles = expand(dice.pick(self.fitting("plan", facts)), dice).split()
        ways = [self.fitting(role, facts) for role in roles]
        return " ".join(narrator.sentence(expand(dice.pick(texts), dice), facts.slots) for texts in ways if texts)

    def summary(self, facts: Facts) -> str:
        """The one summary that belongs to these facts."""
        (text,) = self.fitting("summary", facts)
        return Narrator().sentence(text, facts.slots)
