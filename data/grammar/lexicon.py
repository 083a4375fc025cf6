"""The lexicon: the tables of lexicon/*.tsv as typed, frozen entries.

Every table is tab-separated with one header line; "-" stands for an empty cell.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

TABLES = Path(__file__).parent / "lexicon"

Gender = Literal["m", "f", "n"]
GENDERS: dict[str, Gender] = {"m": "m", "f": "f", "n": "n"}


@dataclass(frozen=True)
class Noun:
    """A common noun; a mass noun has empty plurals."""

    en: str
    en_plural: str
    de: str
    gender: Gender
    de_plural: str
    de_oblique: str
    """Singular accusative and dative; differs from `de` for weak nouns (den Studenten)."""
    de_genitive: str
    zh: str
    measure: str
    kinds: tuple[str, ...]

    @property
    def is_mass(self) -> bool:
        """Whether the noun has no plural and takes no indefinite article."""
        return not self.en_plural


@dataclass(frozen=True)
class Site:
    """A noun one can be at or go to, with the prepositions each language wants."""

    noun: Noun
    en_at: str
    de_at: str
    de_to: str
    zh_at: str


@dataclass(frozen=True)
class Region:
    """A town or country, which has no article."""

    en: str
    de: str
    zh: str


@dataclass(frozen=True)
class Name:
    """A person's name; `sex` is "m" or "f"."""

    en: str
    de: str
    de_oblique: str
    zh: str
    sex: Gender


@dataclass(frozen=True)
class Adjective:
    """An adjective; `kinds` are the kinds of nouns that it describes sensibly."""

    en: str
    comparative: str
    de: str
    de_stem: str
    de_comparative: str
    zh_before_noun: str
    zh_predicate: str
    kinds: tuple[str, ...]


@dataclass(frozen=True)
class Adverb:
    """An adverb of one slot: frequency, manner or degree."""

    slot: str
    en: str
    de: str
    zh: str


@dataclass(frozen=True)
class TimeWord:
    """A fixed expression of time and the tenses that it goes with."""

    en: str
    de: str
    zh: str
    tenses: tuple[str, ...]


@dataclass(frozen=True)
class CalendarWord:
    """A weekday or a month."""

    kind: str
    en: str
    de: str
    zh: str


@dataclass(frozen=True)
class Number:
    """A cardinal with its ordinal (German: in the dative, after "am")."""

    value: int
    en: str
    en_ordinal: str
    de: str
    de_ordinal: str
    zh: str
    zh_before_measure: str


@dataclass(frozen=True)
class Verb:
    """A verb sense.

    `frame` says which complements it takes and `government` which case or preposition the German object has.
    `zh` is a pattern: O, R, X and G stand for object, recipient, location and goal, L for where 了 goes.
    A German `particle` that ends in " _" stays a word of its own (Fußball spielen).
    """

    en: str
    third: str
    past: str
    ing: str
    en_preposition: str
    de: str
    particle: str
    du: str
    er: str
    participle: str
    auxiliary: str
    imperative: str
    government: str
    zh: str
    frame: str
    subjects: tuple[str, ...]
    objects: tuple[str, ...]
    flags: tuple[str, ...]

    @property
    def is_separable(self) -> bool:
        """Whether the German verb has a prefix that leaves it in a main clause."""
        return bool(self.particle) and not self.particle.endswith("_")

    @property
    def key(self) -> str:
        """A name that tells the senses of one English verb apart."""
        return f"{self.en} {self.en_preposition}".strip() + f" ({self.de_infinitive})"

    @property
    def is_reflexive(self) -> bool:
        """Whether the German verb needs mich, dich or sich."""
        return self.de.startswith("sich ")

    @property
    def de_bare(self) -> str:
        """The German infinitive without "sich" and without its particle."""
        return self.de.removeprefix("sich ")

    @property
    def de_infinitive(self) -> str:
        """The German infinitive with its particle, without "sich"."""
        return self.particle.replace(" _", " ") + self.de_bare


def read_table(name: str) -> list[dict[str, str]]:
    """The rows of lexicon/<name>.tsv, with "-" read as empty."""
    header, *lines = (TABLES / f"{name}.tsv").read_text(encoding="utf-8").splitlines()
    columns = header.split("\t")
    rows = []
    for line in lines:
        cells = ["" if cell == "-" else cell for cell in line.split("\t")]
        rows.append(dict(zip(columns, cells, strict=True)))
    return rows


def _words(cell: str) -> tuple[str, ...]:
    return tuple(cell.split())


def _noun(row: dict[str, str]) -> Noun:
    return Noun(
        en=row["en"],
        en_plural=row["en_plural"],
        de=row["de"],
        gender=GENDERS[row["gender"]],
        de_plural=row["de_plural"],
        de_oblique=row["de_oblique"],
        de_genitive=row["de_genitive"],
        zh=row["zh"],
        measure=row["measure"],
        kinds=_words(row["kinds"]),
    )


def _site(row: dict[str, str]) -> Site:
    return Site(_noun(row), row["en_at"], row["de_at"], row["de_to"], row["zh_at"])


def _adjective(row: dict[str, str]) -> Adjective:
    return Adjective(
        en=row["en"],
        comparative=row["comparative"],
        de=row["de"],
        de_stem=row["de_stem"],
        de_comparative=row["de_comparative"],
        zh_before_noun=row["zh_before_noun"],
        zh_predicate=row["zh_predicate"],
        kinds=_words(row["kinds"]),
    )


def _verb(row: dict[str, str]) -> Verb:
    return Verb(
        en=row["en"],
        third=row["third"],
        past=row["past"],
        ing=row["ing"],
        en_preposition=row["en_preposition"],
        de=row["de"],
        particle=row["particle"],
        du=row["du"],
        er=row["er"],
        participle=row["participle"],
        auxiliary=row["auxiliary"],
        imperative=row["imperative"],
        government=row["government"],
        zh=row["zh"],
        frame=row["frame"],
        subjects=_words(row["subjects"]),
        objects=_words(row["objects"]),
        flags=_words(row["flags"]),
    )


NOUNS = tuple(_noun(row) for row in read_table("nouns"))
SITES = tuple(_site(row) for row in read_table("places"))
REGIONS = tuple(Region(row["en"], row["de"], row["zh"]) for row in read_table("regions"))
NAMES = tuple(
    Name(row["en"], row["de"], row["de_oblique"], row["zh"], GENDERS[row["sex"]]) for row in read_table("names")
)
ADJECTIVES = tuple(_adjective(row) for row in read_table("adjectives"))
ADVERBS = tuple(Adverb(row["slot"], row["en"], row["de"], row["zh"]) for row in read_table("adverbs"))
TIMES = tuple(TimeWord(row["en"], row["de"], row["zh"], _words(row["tenses"])) for row in read_table("times"))
CALENDAR = tuple(CalendarWord(row["kind"], row["en"], row["de"], row["zh"]) for row in read_table("calendar"))
NUMBERS = tuple(
    Number(
        value=int(row["value"]),
        en=row["en"],
        en_ordinal=row["en_ordinal"],
        de=row["de"],
        de_ordinal=row["de_ordinal"],
        zh=row["zh"],
        zh_before_measure=row["zh_before_measure"],
    )
    for row in read_table("numbers")
)
VERBS = tuple(_verb(row) for row in read_table("verbs"))
