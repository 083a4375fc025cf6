"""What happens in a report on sport or a concert.

A slot that the main event has no part in (another game, an earlier storm) is there to be left out of the summary.
"""

from grammar.dice import Dice

from summarization.facts import Facts, word
from summarization.names import Names
from summarization.numbers import between, count, near, ordinal, thousands


def match(dice: Dice, names: Names) -> Facts:
    """A football match: a late goal wins it or saves a point."""
    host, guest, third, fourth = (names.team("football club") for _ in range(4))
    outcome = dice.pick(["home", "away", "draw"])
    winner, loser = (guest, host) if outcome == "away" else (host, guest)
    leader, chaser = (host, guest) if dice.chance(0.5) else (guest, host)
    behind = dice.pick([1, 1, 1, 2, 2, 2, 3])
    return Facts(
        frozenset({"draw"} if outcome == "draw" else {"win", outcome}),
        {
            "host": host,
            "guest": guest,
            "third": third,
            "fourth": fourth,
            "winner": winner,
            "loser": loser,
            "leader": leader,
            "chaser": chaser if outcome == "draw" else winner,
            "ground": names.place("", word(dice, "ground").text),
            "score": f"{behind}-{behind}" if outcome == "draw" else f"{behind + 1}-{behind}",
            "half": "1-0" if behind == 1 else dice.pick(["1-0", "2-0", "2-1"]),
            "early": names.person(),
            "early_minute": count(between(dice, 3, 29)),
            "scorer": names.person(),
            "minute": ordinal(between(dice, 76, 89)),
            "crowd": thousands(dice, 12, 480),
            "coach": names.person(),
            "hurt": names.person(),
            "hurt_minute": count(between(dice, 11, 70)),
            "other_score": dice.pick(["1-0", "2-0", "2-1", "3-0", "3-1", "3-2", "4-1", "4-2"]),
            "level_score": dice.pick(["0-0", "1-1", "2-2", "3-3"]),
            "past_score": dice.pick(["1-0", "2-0", "2-1", "3-0", "3-1", "3-2", "4-1", "4-2"]),
        },
    )


def game(dice: Dice, names: Names) -> Facts:
    """A basketball game, sometimes with overtime."""
    host, guest, third, fourth = (names.team("basketball club") for _ in range(4))
    outcome, length = dice.pick(["home", "away"]), dice.weighted([("regular", 0.6), ("overtime", 0.4)])
    winner, loser = (guest, host) if outcome == "away" else (host, guest)
    level = between(dice, 64, 92)
    lost = level + between(dice, 2, 7)
    won = lost + between(dice, 1, 6 if length == "overtime" else 14)
    behind, other = between(dice, 27, 38), between(dice, 62, 90)
    points = between(dice, 18, 34)
    return Facts(
        frozenset({outcome, length}),
        {
            "host": host,
            "guest": guest,
            "third": third,
            "fourth": fourth,
            "winner": winner,
            "loser": loser,
            "leader": dice.pick([host, guest]),
            "ground": names.place("", word(dice, "court").text),
            "score": f"{won}-{lost}",
            "level": f"{level}-{level}",
            "half": f"{behind + between(dice, 1, 8)}-{behind}",
            "other_score": f"{other + between(dice, 1, 15)}-{other}",
            "top": names.person(),
            "points": count(points),
            "rival": names.person(),
            "rival_points": count(near(dice, points, 9, 12)),
            "rival_minutes": count(between(dice, 24, 39)),
            "rebounds": count(between(dice, 4, 15)),
            "streak": count(between(dice, 3, 12)),
            "crowd": thousands(dice, 11, 160),
            "coach": names.person(),
        },
    )


def race(dice: Dice, names: Names) -> Facts:
    """A race that is won near the finish, or by the judges' decision."""
    outcome = dice.weighted([("clean", 0.6), ("out", 0.4)])
    length = between(dice, 21, 60)
    return Facts(
        frozenset({outcome}),
        {
            "race": names.called("the", word(dice, "contest").text, "the race"),
            **{role: names.person() for role in ("winner", "second", "third", "first", "pacer", "holder")},
            **{role: names.person() for role in ("junior", "junior_second")},
            "town": names.town(),
            "length": count(length),
            "left": count(between(dice, 2, 9)),
            "cramp": count(between(dice, 5, length - 10)),
            "gap": count(between(dice, 2, 58)),
            "third_gap": count(between(dice, 2, 58)),
            "junior_gap": count(between(dice, 2, 58)),
            "runners": thousands(dice, 3, 60),
            "hours": count(between(dice, 2, 5)),
            "minutes": count(between(dice, 2, 59)),
            "offence": word(dice, "offence"),
        },
    )


def concert(dice: Dice, names: Names) -> Facts:
    """A concert takes place, is cancelled, or is put off."""
    outcome = dice.weighted([("played", 0.4), ("cancelled", 0.3), ("postponed", 0.3)])
    singer, group = names.person(), names.called("the", word(dice, "ensemble").text, "the group")
    act, other_act = (singer, group) if dice.chance(0.6) else (group, singer)
    crowd, songs = between(dice, 8, 240), between(dice, 10, 24)
    return Facts(
        frozenset({outcome, "played" if outcome == "played" else "off", dice.pick(["plain", "revised"])}),
        {
            "act": act,
            "other_act": other_act,
            "town": names.town(),
            "hall": names.place("", word(dice, "hall").text),
            "crowd": count(crowd * 100),
            "expected": count(near(dice, crowd, 30, 3) * 100),
            "past_crowd": count(near(dice, crowd, 90, 3) * 100),
            "cities": count(between(dice, 4, 30)),
            "illness": word(dice, "illness"),
            "tickets": thousands(dice, 8, 240),
            "date": f"{between(dice, 2, 30)} {dice.pick(['January', 'April', 'June', 'September', 'December'])}",
            "support": names.person(),
            "fan": names.person(),
            "songs": count(songs),
            "old_songs": count(between(dice, 2, songs - 4)),
            "records": thousands(dice, 110, 9000),
            "countries": count(between(dice, 3, 30)),
            "price": str(between(dice, 12, 95)),
            "queue": count(between(dice, 2, 9)),
        },
    )
