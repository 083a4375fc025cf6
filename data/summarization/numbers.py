"""Numbers as a newspaper writes them."""

from grammar.dice import Dice

SMALL = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


def between(dice: Dice, low: int, high: int) -> int:
    """A whole number, both ends included."""
    return dice.pick(range(low, high + 1))


def near(dice: Dice, value: int, most: int, least: int) -> int:
    """Another number that is at most `most` away, and at least `least`."""
    return dice.pick([other for other in range(value - most, value + most + 1) if other >= least and other != value])


def count(value: int) -> str:
    """How many: in words up to nine, then in digits, with a comma before the thousands."""
    return SMALL[value] if value < 10 else f"{value:,}"


def ordinal(value: int) -> str:
    """84 -> 84th."""
    ending = "th" if value % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(value % 10, "th")
    return f"{value}{ending}"


def tenths(value: int) -> str:
    """523 -> 52.3."""
    return f"{value // 10}.{value % 10}"


def thousands(dice: Dice, low: int, high: int) -> str:
    """So many hundreds, as large crowds and sums are given."""
    return count(between(dice, low, high) * 100)
