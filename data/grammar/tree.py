"""The abstract sentence: what is said, before any language says it.

The trees are frozen, so they compare and hash by value. Word order, agreement, case, articles and
punctuation are none of their business: english.py, german.py and chinese.py decide those.
"""

from dataclasses import dataclass
from typing import Literal

from grammar.lexicon import (
    Adjective,
    Adverb,
    CalendarWord,
    Gender,
    Name,
    Noun,
    Number,
    Region,
    Site,
    TimeWord,
    Verb,
)

Determiner = Literal["the", "a", "this", "bare", "every", "some", "many", "number", "which", "how many", "possessive"]
Tense = Literal["present", "past", "future", "progressive"]
Modal = Literal["can", "must", "want", "should", "may", "like"]
Conjunction = Literal["because", "when", "if", "although", "before", "while"]
Link = Literal["and", "but", "so"]
Asked = Literal["yes_no", "subject", "object", "where", "when", "why"]
Relation = Literal["on", "under", "behind", "next to", "in front of"]


@dataclass(frozen=True)
class Pronoun:
    """A personal pronoun, by its English subject form; "it" is the it of the weather only."""

    word: Literal["I", "you", "he", "she", "we", "they", "it", "there"]


@dataclass(frozen=True)
class Interrogative:
    """ "who" or "what" in the place of a noun phrase."""

    word: Literal["who", "what"]


@dataclass(frozen=True)
class Gap:
    """The place in a relative clause that its head noun fills."""

    gender: Gender
    plural: bool
    person: bool


@dataclass(frozen=True)
class NounPhrase:
    """A common noun with all that belongs to it."""

    noun: Noun
    determiner: Determiner
    plural: bool = False
    number: Number | None = None
    possessor: Pronoun | Name | None = None
    owner: "NounPhrase | None" = None
    """Whose it is, as a noun: the teacher's book; the phrase itself is then definite."""
    adjective: Adjective | None = None
    relative: "Clause | None" = None


@dataclass(frozen=True)
class Pair:
    """Two phrases joined by "and"."""

    first: "Nominal"
    second: "Nominal"


Nominal = NounPhrase | Name | Pronoun | Pair | Interrogative | Gap


@dataclass(frozen=True)
class AtSite:
    """In, at or on a place that has a preposition of its own (in the park, at the station)."""

    site: Site
    phrase: NounPhrase


@dataclass(frozen=True)
class AtRegion:
    """In or to a town or country."""

    region: Region


@dataclass(frozen=True)
class Near:
    """Somewhere relative to a thing: under the table."""

    relation: Relation
    phrase: NounPhrase


Place = AtSite | AtRegion | Near


@dataclass(frozen=True)
class Weekday:
    """On Monday."""

    day: CalendarWord


@dataclass(frozen=True)
class Month:
    """In May."""

    month: CalendarWord


@dataclass(frozen=True)
class Date:
    """On the third of May."""

    day: Number
    month: CalendarWord


@dataclass(frozen=True)
class Year:
    """In 1998."""

    year: int


@dataclass(frozen=True)
class Clock:
    """At an hour; `part` is the quarter, half or full hour that is told."""

    hour: Number
    part: Literal["full", "half past", "a quarter past", "a quarter to"]


Time = TimeWord | Weekday | Month | Date | Year | Clock


@dataclass(frozen=True)
class Quality:
    """What a copula says of its subject: an adjective with a degree, or a comparison."""

    adjective: Adjective
    degree: Adverb | None = None
    than: Nominal | None = None


@dataclass(frozen=True)
class Clause:
    """One verb with its complements, adjuncts, tense, modality and polarity."""

    subject: Nominal
    verb: Verb
    tense: Tense = "present"
    negated: bool = False
    modal: Modal | None = None
    object: Nominal | None = None
    recipient: Nominal | None = None
    goal: Place | None = None
    """The place that the verb requires: where one goes, lives or puts something."""
    quality: Quality | None = None
    complement: "Clause | None" = None
    frequency: Adverb | None = None
    manner: Adverb | None = None
    companion: Nominal | None = None
    place: Place | None = None
    times: tuple[Time, ...] = ()
    fronted: bool = False
    """Whether the times open the clause."""
    purpose: "Clause | None" = None
    """What for, as an infinitive whose subject is this clause's subject."""


@dataclass(frozen=True)
class Statement:
    """A clause that is asserted."""

    clause: Clause


@dataclass(frozen=True)
class Question:
    """A clause that is asked: whether it holds, or for one of its parts."""

    clause: Clause
    asked: Asked


@dataclass(frozen=True)
class Command:
    """A clause that is ordered; its subject is "you"."""

    clause: Clause


@dataclass(frozen=True)
class Subordination:
    """A main sentence with one adverbial clause, before or after it."""

    conjunction: Conjunction
    main: Statement | Question | Command
    condition: Clause
    condition_first: bool


@dataclass(frozen=True)
class Coordination:
    """Two main sentences; "so" makes the second a consequence."""

    link: Link
    first: "Statement | Subordination"
    second: "Statement | Subordination"


Sentence = Statement | Question | Command | Subordination | Coordination


@dataclass(frozen=True)
class Agreement:
    """What a subject imposes on its verb."""

    person: Literal[1, 2, 3]
    plural: bool


def agreement(subject: Nominal) -> Agreement:
    """Person and number of a subject."""
    match subject:
        case Pronoun("I"):
            return Agreement(1, False)
        case Pronoun("you"):
            return Agreement(2, False)
        case Pronoun("we"):
            return Agreement(1, True)
        case Pronoun("they") | Pair():
            return Agreement(3, True)
        case NounPhrase() | Gap():
            return Agreement(3, subject.plural)
        case _:
            return Agreement(3, False)


def relative_of(nominal: Nominal | None) -> Clause | None:
    """The relative clause that a phrase ends with, if any."""
    return nominal.relative if isinstance(nominal, NounPhrase) else None
