"""Short ways to write an abstract sentence down by hand."""

from dataclasses import replace

from grammar.lexicon import (
    ADJECTIVES,
    ADVERBS,
    CALENDAR,
    NAMES,
    NOUNS,
    NUMBERS,
    REGIONS,
    SITES,
    TIMES,
    VERBS,
    Adjective,
    Adverb,
    CalendarWord,
    Name,
    Noun,
    Number,
    TimeWord,
    Verb,
)
from grammar.tree import (
    AtRegion,
    AtSite,
    Clause,
    Gap,
    Nominal,
    NounPhrase,
    Pronoun,
    Quality,
)


def noun(en: str) -> Noun:
    return next(word for word in (*NOUNS, *(site.noun for site in SITES)) if word.en == en)


def verb(en: str, preposition: str = "", frame: str = "") -> Verb:
    return next(v for v in VERBS if (v.en, v.en_preposition) == (en, preposition) and frame in ("", v.frame))


def adjective(en: str, kind: str = "") -> Adjective:
    return next(word for word in ADJECTIVES if word.en == en and (not kind or kind in word.kinds))


def adverb(en: str) -> Adverb:
    return next(word for word in ADVERBS if word.en == en)


def name(en: str) -> Name:
    return next(word for word in NAMES if word.en == en)


def number(value: int) -> Number:
    return next(word for word in NUMBERS if word.value == value)


def calendar(en: str) -> CalendarWord:
    return next(word for word in CALENDAR if word.en == en)


def moment(en: str) -> TimeWord:
    return next(word for word in TIMES if word.en == en)


def the(en: str, like: str = "", *, plural: bool = False) -> NounPhrase:
    found = noun(en)
    quality = next((w for w in ADJECTIVES if w.en == like and set(w.kinds) & set(found.kinds)), None)
    return NounPhrase(found, "the", plural, adjective=quality)


def a(en: str, like: str = "") -> NounPhrase:
    return replace(the(en, like), determiner="a")


def this(en: str, like: str = "", *, plural: bool = False) -> NounPhrase:
    return replace(the(en, like, plural=plural), determiner="this")


def bare(en: str, like: str = "", *, plural: bool = False) -> NounPhrase:
    return replace(the(en, like, plural=plural), determiner="bare")


def counted(value: int, en: str, like: str = "") -> NounPhrase:
    return replace(the(en, like, plural=True), determiner="number", number=number(value))


def of(possessor: Pronoun | Name, en: str, like: str = "", *, plural: bool = False) -> NounPhrase:
    return replace(the(en, like, plural=plural), determiner="possessive", possessor=possessor)


def at(en: str, like: str = "") -> AtSite:
    return AtSite(next(site for site in SITES if site.noun.en == en), the(en, like))


def to(en: str) -> AtRegion:
    return AtRegion(next(region for region in REGIONS if region.en == en))


def gap(en: str, *, plural: bool = False) -> Gap:
    return Gap(noun(en).gender, plural, "person" in noun(en).kinds)


I, YOU, HE, SHE, WE, THEY = (Pronoun(word) for word in ("I", "you", "he", "she", "we", "they"))  # noqa: E741
ANNA, PETER = name("Anna"), name("Peter")
IT = Pronoun("it")


def is_(subject: Nominal, en: str, *, kind: str = "", than: Nominal | None = None, degree: str = "") -> Clause:
    quality = Quality(adjective(en, kind), adverb(degree) if degree else None, than)
    return Clause(subject, verb("be"), quality=quality)


CALLS = Clause(HE, verb("call"), object=the("doctor"))
READS = Clause(the("teacher"), verb("read"), object=a("book", "old"))
GIVES = Clause(ANNA, verb("give"), recipient=the("student"), object=a("gift"))
GOES = Clause(WE, verb("go"), goal=at("station"))
EXISTS = Clause(Pronoun("there"), verb("there be"), object=counted(2, "chair", "old"), place=at("kitchen"))
SLEEPS = Clause(the("child"), verb("sleep"), "past")
RAINS = Clause(IT, verb("rain"))
MAN_WHO_CALLED = replace(the("man"), relative=Clause(gap("man"), verb("call"), "past", object=ANNA))
BOOK_I_BOUGHT = replace(
    the("book"), relative=Clause(I, verb("buy"), "past", object=gap("book"), times=(moment("yesterday"),))
)
BUS_WE_AWAIT = replace(the("bus"), relative=Clause(WE, verb("wait", "for"), object=gap("bus")))
FRIENDS_HELPED = replace(
    the("friend", plural=True), relative=Clause(SHE, verb("help"), "past", object=gap("friend", plural=True))
)
