"""Random noun phrases, places and times that make sense where they stand."""

from functools import cache

from grammar.dice import Dice
from grammar.lexicon import ADJECTIVES, CALENDAR, NAMES, NOUNS, NUMBERS, REGIONS, SITES, TIMES, Adjective, Name, Noun
from grammar.tree import (
    AtRegion,
    AtSite,
    Clock,
    Date,
    Determiner,
    Month,
    Near,
    Nominal,
    NounPhrase,
    Pair,
    Place,
    Pronoun,
    Relation,
    Time,
    Weekday,
    Year,
)

PRONOUNS = tuple(Pronoun(word) for word in ("I", "you", "he", "she", "we", "they"))
POSSESSORS = PRONOUNS
FEMALE_NEUTERS = ("girl",)
YEARS = (1989, 1995, 1998, 2001, 2005, 2010, 2014, 2019)
WEEKDAYS = tuple(word for word in CALENDAR if word.kind == "weekday")
MONTHS = tuple(word for word in CALENDAR if word.kind == "month")
HOURS = tuple(number for number in NUMBERS if number.value <= 12)
DAYS = tuple(number for number in NUMBERS if number.value <= 30)
COUNTS = tuple(number for number in NUMBERS if number.value >= 2)
SMALL_COUNTS = tuple(number for number in COUNTS if number.value <= 12)
DAYS_WITH_HOURS = ("yesterday", "tomorrow", "today", "every day")
RELATIONS: tuple[Relation, ...] = ("on", "under", "behind", "next to", "in front of")

ALL_NOUNS = NOUNS + tuple(site.noun for site in SITES)
SITES_OF = {kind: tuple(site for site in SITES if kind in site.noun.kinds) for kind in ("site", "room")}
ENTRIES = tuple(noun for noun in NOUNS if "entry" in noun.kinds)
LANDMARKS = tuple(site.noun for site in SITES if "building" in site.noun.kinds)
FEMALE = tuple(name for name in NAMES if name.sex == "f")


@cache
def nouns_of(kinds: tuple[str, ...]) -> tuple[Noun, ...]:
    """The nouns that have one of the kinds."""
    return tuple(noun for noun in ALL_NOUNS if set(noun.kinds) & set(kinds))


@cache
def adjectives_for(noun: Noun) -> tuple[Adjective, ...]:
    """The adjectives that describe the noun sensibly."""
    return tuple(word for word in ADJECTIVES if set(word.kinds) & set(noun.kinds))


def pronoun_for(subject: Nominal) -> Pronoun:
    """The pronoun that stands for a subject: Anna becomes "she", the teachers "they"."""
    match subject:
        case Pronoun():
            return subject
        case Name(sex=sex):
            return Pronoun("she" if sex == "f" else "he")
        case Pair():
            return Pronoun("they")
        case NounPhrase(noun=noun, plural=plural):
            female = noun.gender == "f" or noun.en in FEMALE_NEUTERS
            return Pronoun("they" if plural else "she" if female else "he")
        case _:
            return Pronoun("he")


class Phrases:
    """Draws the parts of clauses; `richness` in [0, 1] makes them longer."""

    def __init__(self, dice: Dice) -> None:
        self.dice = dice

    def person(self, richness: float) -> Nominal:
        """Somebody who may act, without a relative clause."""
        kind = self.dice.weighted(
            [("pronoun", 0.26), ("name", 0.24), ("phrase", 0.45), ("pair", 0.02 + 0.06 * richness)]
        )
        if kind == "pronoun":
            return self.dice.pick(PRONOUNS)
        if kind == "name":
            return self.dice.fair(NAMES)
        if kind == "pair":
            return self._pair(richness)
        return self.phrase(("person",), richness, subject=True)

    def _pair(self, richness: float) -> Pair:
        if self.dice.chance(0.5):
            first, second = self.dice.fair(NAMES), self.dice.fair(NAMES)
            return Pair(first, second if second != first else NounPhrase(self.dice.fair(nouns_of(("person",))), "the"))
        return Pair(self.definite(("person",), richness), self.definite(("person",), richness))

    def definite(
        self, kinds: tuple[str, ...], richness: float, holder: Pronoun | None = None, *, plural: bool = False
    ) -> NounPhrase:
        """The, this or somebody's noun."""
        noun = self.dice.fair(nouns_of(kinds))
        plural = plural and has_plural(noun)
        determiner = self._known(noun, self.dice.weighted([("the", 0.6), ("this", 0.15), ("possessive", 0.25)]))
        return self._complete(noun, _DETERMINERS[determiner], plural, richness, holder)

    def phrase(
        self, kinds: tuple[str, ...], richness: float, *, subject: bool = False, holder: Pronoun | None = None
    ) -> NounPhrase:
        """A noun phrase of any determiner."""
        noun = self.dice.fair(nouns_of(kinds))
        if noun.is_mass:
            determiner = self.dice.weighted([("bare", 0.6), ("the", 0.3), ("possessive", 0.1)])
            return self._complete(noun, _DETERMINERS[determiner], False, richness, holder)
        plural = has_plural(noun) and self.dice.chance(0.34)
        if plural:
            bare = 0.05 if subject else 0.25
            determiner = self.dice.weighted(
                [
                    ("the", 0.3),
                    ("this", 0.1),
                    ("possessive", 0.15),
                    ("number", 0.38),
                    ("some", 0.09),
                    ("many", 0.09),
                    ("bare", bare),
                ]
            )
        else:
            indefinite = 0.12 if subject else 0.35
            determiner = self.dice.weighted(
                [("the", 0.45), ("this", 0.1), ("possessive", 0.2), ("a", indefinite), ("every", 0.04 * subject)]
            )
        return self._complete(noun, _DETERMINERS[self._known(noun, determiner)], plural, richness, holder)

    def _known(self, noun: Noun, determiner: str) -> str:
        """The determiner, or one that suits the noun: a family is somebody's, a king is nobody's."""
        if "family" in noun.kinds:
            return determiner if determiner == "number" or self.dice.chance(0.15) else "possessive"
        is_lone = "unique" in noun.kinds or determiner == "possessive"
        return "the" if is_lone and not _is_owned(noun) else determiner

    def indefinite(self, kinds: tuple[str, ...], richness: float, *, bare: bool = False) -> NounPhrase:
        """A noun that is not yet known: bare, or with "a" or a number."""
        noun = self.dice.fair(nouns_of(kinds))
        if noun.is_mass or bare:
            return self._complete(noun, "bare", not noun.is_mass, richness, None)
        determiner = self.dice.weighted([("a", 0.5), ("number", 0.3), ("many", 0.15), ("some", 0.1)])
        return self._complete(noun, _DETERMINERS[determiner], determiner != "a", richness, None)

    def _complete(
        self, noun: Noun, determiner: Determiner, plural: bool, richness: float, holder: Pronoun | None
    ) -> NounPhrase:
        adjectives = adjectives_for(noun)
        describes = bool(adjectives) and self.dice.chance(0.1 + 0.5 * richness)
        owner = None
        if determiner == "the" and _is_owned(noun) and self.dice.chance(0.09 + 0.1 * richness):
            owner = self._owner()
        possessor: Pronoun | Name | None = None
        if determiner == "possessive":
            possessor = holder if holder is not None and self.dice.chance(0.6) else self.dice.pick(POSSESSORS)
            if self.dice.chance(0.2):
                possessor = self.dice.fair(NAMES)
        counts = COUNTS if "ware" in noun.kinds else SMALL_COUNTS
        return NounPhrase(
            noun=noun,
            determiner=determiner,
            plural=plural,
            number=self.dice.fair(counts) if determiner == "number" else None,
            possessor=possessor,
            owner=owner,
            adjective=self.dice.fair(adjectives) if describes else None,
        )

    def _owner(self) -> NounPhrase:
        noun = self.dice.fair(nouns_of(("person",)))
        if "kin" in noun.kinds and self.dice.chance(0.6):
            return NounPhrase(noun, "possessive", possessor=self.dice.pick(POSSESSORS))
        return NounPhrase(noun, "the")

    def site(self, richness: float, kinds: tuple[str, ...] = ("site", "room")) -> AtSite:
        """A place with a preposition of its own."""
        site = self.dice.fair(SITES_OF[self.dice.pick(kinds)])
        determiner = self.dice.weighted([("the", 0.75), ("a", 0.15), ("this", 0.1)])
        phrase = self._complete(site.noun, _DETERMINERS[determiner], False, 0.6 * richness, None)
        return AtSite(site, phrase)

    def region(self) -> AtRegion:
        """A town or country."""
        return AtRegion(self.dice.fair(REGIONS))

    def near(self, richness: float, kinds: tuple[str, ...], *, on: bool = False) -> Near:
        """On, under, behind ... a thing; `on` allows only what lies flat on top or beneath."""
        if "entry" not in kinds:
            noun = self.dice.fair(nouns_of(kinds))
            relation = self.dice.weighted([("on", 0.5), ("under", 0.25), ("next to", 0.25)])
            relation = "on" if on and relation == "next to" else relation
        else:
            noun = self.dice.fair(ENTRIES + LANDMARKS)
            relation = self.dice.weighted([("behind", 0.35), ("next to", 0.3), ("in front of", 0.35)])
        known = next(candidate for candidate in RELATIONS if candidate == relation)
        return Near(known, self._complete(noun, "the", False, 0.5 * richness, None))

    def times(self, tense: str, richness: float, *, hours: bool = True) -> tuple[Time, ...]:
        """A time that goes with the tense ("modal" is one here): a day, an hour or both."""
        fixed = tuple(time for time in TIMES if tense in time.tenses)
        if tense == "progressive":
            return (self.dice.pick(fixed),)
        if tense == "present":
            day: Time = self.dice.fair(fixed)
        else:
            year = 0.08 * (tense == "past")
            kind = self.dice.weighted(
                [("fixed", 0.5), ("weekday", 0.2), ("month", 0.08), ("date", 0.12), ("year", year)]
            )
            day = self._calendar(kind) or self.dice.fair(fixed)
        takes_hour = isinstance(day, Weekday | Date) or getattr(day, "en", "") in DAYS_WITH_HOURS
        if not (hours and takes_hour and self.dice.chance(0.25 + 0.3 * richness)):
            return (day,)
        return (day, self._clock())

    def _calendar(self, kind: str) -> Time | None:
        match kind:
            case "weekday":
                return Weekday(self.dice.pick(WEEKDAYS))
            case "month":
                return Month(self.dice.pick(MONTHS))
            case "date":
                return Date(self.dice.pick(DAYS), self.dice.pick(MONTHS))
            case "year":
                return Year(self.dice.fair(YEARS))
            case _:
                return None

    def _clock(self) -> Clock:
        hour = self.dice.pick(HOURS)
        part = self.dice.pick(("full", "half past", "a quarter past", "a quarter to"))
        match part:
            case "half past" | "a quarter past" | "a quarter to":
                return Clock(hour, part)
            case _:
                return Clock(hour, "full")

    def place(self, richness: float) -> Place:
        """Where an action happens."""
        if self.dice.chance(0.15):
            return self.region()
        return self.site(richness)


_DETERMINERS: dict[str, Determiner] = {
    "the": "the",
    "a": "a",
    "this": "this",
    "bare": "bare",
    "every": "every",
    "some": "some",
    "many": "many",
    "number": "number",
    "possessive": "possessive",
}


def has_plural(noun: Noun) -> bool:
    """Whether to speak of several: not of mothers or kings, nor of places, which would be rare words."""
    return not noun.is_mass and not set(noun.kinds) & {"unique", "site", "room", "building"}


def _is_owned(noun: Noun) -> bool:
    """Whether somebody can be said to have it."""
    if "person" in noun.kinds:
        return "kin" in noun.kinds
    return "home" in noun.kinds or not set(noun.kinds) & {"site", "building", "transport", "entry"}
