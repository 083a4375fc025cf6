"""The closed lists that values come from: names, places, days, hours and numbers."""

from collections.abc import Mapping


def listed(words: str) -> tuple[str, ...]:
    """The words of a text."""
    return tuple(words.split())


FIRST_NAMES = listed(
    "Adam Anna Ben Clara David Ella Emma Felix Grace Hannah Hugo Iris Ivan Jack Julia Kofi Laura Lena Marco "
    "Mei Nina Oscar Paula Rosa Samir Tara Tom Viktor Yusuf Zoe"
)
LAST_NAMES = listed(
    "Adams Baker Brown Carter Cooper Costa Diaz Evans Fischer Garcia Hall Hansen Hill Jones Keller Khan Kim "
    "Lopez Martin Meyer Miller Moreau Nakamura Novak Okafor Patel Rossi Sato Schmidt Silva Singh Taylor "
    "Turner Weber Wilson Wong"
)
TOWNS = listed("Bern Bonn Bremen Dresden Graz Hamburg Leipzig Linz Munich Prague Salzburg Vienna")
STREETS = (
    "Park Street",
    "Mill Road",
    "Church Lane",
    "Station Road",
    "Garden Street",
    "Bridge Street",
    "River Lane",
    "Castle Road",
    "School Lane",
    "Market Street",
)
ADDRESSES = tuple(f"{number} {street}" for street in STREETS for number in (5, 7, 12, 18, 21, 30, 44, 63))

DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
NEXT_DAY = dict(zip(DAYS, (*DAYS[1:], DAYS[0]), strict=True))
EVENING = ("six", "half past six", "seven", "half past seven", "eight", "half past eight", "nine")
OFFICE = ("nine", "half past nine", "ten", "half past ten", "eleven", "two", "half past two", "three", "four")
DEPARTURES = ("ten past six", "twenty to eight", "ten past nine", "quarter to eleven", "noon", "quarter past two")
NUMBERS = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")


def number(phrase: str) -> int:
    """What the first word of a phrase counts: "three nights" -> 3."""
    return NUMBERS.index(phrase.split()[0]) + 1


def counted(noun: str, last: int) -> tuple[str, ...]:
    """One night, two nights, ... up to the last number."""
    return tuple(f"{word} {noun}" if word == "one" else f"{word} {noun}s" for word in NUMBERS[:last])


def table(fields: str, *lines: str) -> tuple[Mapping[str, str], ...]:
    """Rows of values that belong together: the names of the fields, then the cells of a row between bars."""
    names = fields.split()
    return tuple(dict(zip(names, line.split(" | "), strict=True)) for line in lines)


RELATIVES = table(
    "person he",
    "brother | he",
    "sister | she",
    "uncle | he",
    "aunt | she",
    "father | he",
    "mother | she",
    "grandfather | he",
    "grandmother | she",
)
