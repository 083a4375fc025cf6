"""What happens in a report on an accident, a storm or a rescue.

A slot that the main event has no part in (another game, an earlier storm) is there to be left out of the summary.
"""

from grammar.dice import Dice

from summarization.facts import Facts, two, word
from summarization.names import Name, Names
from summarization.numbers import between, count, near, thousands


def accident(dice: Dice, names: Names) -> Facts:
    """Two vehicles collide; sometimes the first number of injured is wrong."""
    carrier, other = word(dice, "carrier"), word(dice, "vehicle")
    vehicle, second_vehicle = (carrier, other) if dice.chance(0.5) else (other, carrier)
    cause, wrong = two(dice, "cause")
    hurt = between(dice, 3, 29)
    return Facts(
        frozenset({dice.weighted([("revised", 0.6), ("plain", 0.4)])}),
        {
            "vehicle": vehicle,
            "second_vehicle": second_vehicle,
            "cause": cause,
            "wrong": wrong,
            "town": names.town(),
            "hurt": count(hurt),
            "first": count(near(dice, hurt, 5, 2)),
            "before": count(near(dice, hurt, 12, 2)),
            "unhurt": count(between(dice, 2, 30)),
            "closed": count(between(dice, 2, 12)),
            "queue": count(between(dice, 2, 18)),
            "trucks": count(between(dice, 2, 6)),
            "helpers": count(between(dice, 12, 45)),
            "sum": thousands(dice, 300, 4000),
            "witness": names.person(),
            "neighbour": names.person(),
        },
    )


def storm(dice: Dice, names: Names) -> Facts:
    """A storm with a name leaves homes without power."""
    homes, wind = between(dice, 11, 480), between(dice, 85, 160)
    return Facts(
        frozenset({dice.pick(["hurt", "unhurt"]), dice.weighted([("revised", 0.6), ("plain", 0.4)])}),
        {
            "storm": Name(f"Storm {names.stem('place ending')}", "the storm"),
            "old_storm": Name(f"Storm {names.stem('place ending')}", "the earlier storm"),
            "town": names.town(),
            "homes": count(homes * 100),
            "first_homes": count(near(dice, homes, 40, 5) * 100),
            "old_homes": thousands(dice, 11, 480),
            "old_hurt": count(between(dice, 2, 28)),
            "old_sum": thousands(dice, 2000, 9000),
            "left": count(between(dice, 11, 90) * 10),
            "damage": word(dice, "damage"),
            "hurt": count(between(dice, 2, 28)),
            "wind": str(wind),
            "next_wind": str(near(dice, wind, 30, 70)),
            "trains": count(between(dice, 4, 60)),
            "stranded": count(between(dice, 2, 60) * 10),
            "calls": count(between(dice, 40, 400)),
            "engineer": names.person(),
            "witness": names.person(),
        },
    )


def rescue(dice: Dice, names: Names) -> Facts:
    """Somebody is missing, and found after hours."""
    where = dice.pick(["mountain", "lake", "caves"])
    before, after = {"mountain": ("Mount", ""), "lake": ("Lake", ""), "caves": ("the", "Caves")}[where]
    hours = between(dice, 14, 60)
    return Facts(
        frozenset({where, dice.pick(["hurt", "unhurt"])}),
        {
            "place": names.place(before, after),
            "town": names.town(),
            **{role: names.person() for role in ("person", "caller", "past_person", "officer")},
            "hobby": word(dice, "hobby"),
            "finder": word(dice, "finder"),
            "injury": word(dice, "injury"),
            "hours": count(hours),
            "alarm": count(between(dice, 4, 9)),
            "search": count(between(dice, 3, hours - 10)),
            "past_hours": count(near(dice, hours, 20, 10)),
            "searchers": count(between(dice, 12, 90)),
            "bars": count(between(dice, 2, 6)),
            "cold": count(between(dice, 2, 9)),
            "dogs": count(between(dice, 2, 12)),
            "sum": thousands(dice, 110, 900),
        },
    )
