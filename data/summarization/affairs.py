"""What happens in a report on a town or a firm.

A slot that the main event has no part in (another game, an earlier storm) is there to be left out of the summary.
"""

from grammar.dice import Dice

from summarization.facts import Facts, two, word
from summarization.names import Names
from summarization.numbers import between, count, near, tenths, thousands


def vote(dice: Dice, names: Names) -> Facts:
    """A council decides on something to be built."""
    majority = between(dice, 15, 38)
    minority = between(dice, 7, majority - 1)
    also, past, cost = between(dice, 15, 38), between(dice, 15, 38), between(dice, 2, 95)
    absent = between(dice, 2, 6)
    return Facts(
        frozenset({dice.pick(["passed", "failed"]), dice.pick(["plain", "revised"])}),
        {
            "town": names.town(),
            "project": word(dice, "project"),
            "minor": word(dice, "minor plan"),
            "majority": count(majority),
            "minority": count(minority),
            "also_majority": count(also),
            "also_minority": count(between(dice, 7, also - 1)),
            "past_majority": count(past),
            "past_minority": count(between(dice, 7, past - 1)),
            "cost": str(cost),
            "old_cost": str(near(dice, cost, 9, 1)),
            "hours": count(between(dice, 2, 7)),
            "minutes": count(between(dice, 10, 50)),
            "absent": count(absent),
            "members": count(majority + minority + absent),
            "signers": thousands(dice, 4, 90),
            **{role: names.person() for role in ("speaker", "opponent", "signer", "member")},
        },
    )


def election(dice: Dice, names: Names) -> Facts:
    """A town chooses its mayor among three; sometimes there is a recount."""
    winner, loser, third, retired, neighbour = (names.person() for _ in range(5))
    share = between(dice, 421, 598)
    loser_share = (1000 - share) * between(dice, 55, 70) // 100
    all_seats = between(dice, 25, 60)
    return Facts(
        frozenset({dice.pick(["kept", "unseated", "open"]), dice.pick(["plain", "revised"])}),
        {
            "winner": winner,
            "loser": loser,
            "third": third,
            "retired": retired,
            "neighbour": neighbour,
            "town": names.town(),
            "share": tenths(share),
            "first_share": tenths(near(dice, share, 19, 400)),
            "loser_share": tenths(loser_share),
            "third_share": tenths(1000 - share - loser_share),
            "neighbour_share": tenths(between(dice, 501, 689)),
            "turnout": tenths(between(dice, 441, 799)),
            "old_turnout": tenths(between(dice, 441, 799)),
            "poll": count(between(dice, 36, 52)),
            "all_seats": count(all_seats),
            "seats": count(between(dice, 10, all_seats // 2)),
            "fans": count(between(dice, 4, 60) * 10),
            "flats": count(between(dice, 4, 60) * 10),
            "term": count(between(dice, 2, 6)),
        },
    )


def opening(dice: Dice, names: Names) -> Facts:
    """A building opens late or on time, or its opening is put off."""
    outcome = dice.pick(["late", "punctual", "postponed"])
    building, second_building = two(dice, "building")
    old_month, new_month = two(dice, "month")
    cost, area = between(dice, 12, 240), between(dice, 20, 130) * 100
    return Facts(
        frozenset({outcome, "postponed" if outcome == "postponed" else "open", dice.pick(["over", "even"])}),
        {
            "building": building,
            "second_building": second_building,
            "town": names.town(),
            "architect": names.person(),
            "second_architect": names.person(),
            "guest": names.person(),
            "donor": names.firm(),
            "gift": str(between(dice, 2, 11)),
            "months": count(between(dice, 2, 18)),
            "cost": str(cost),
            "planned": str(cost - between(dice, 2, 10)),
            "second_cost": str(between(dice, 12, 240)),
            "old_month": old_month,
            "new_month": new_month,
            "fault": word(dice, "fault"),
            "rooms": count(between(dice, 12, 90)),
            "floors": count(between(dice, 2, 8)),
            "seats": count(between(dice, 4, 90) * 10),
            "area": count(area),
            "more": count(area - between(dice, 8, 19) * 100),
            "visitors": thousands(dice, 4, 90),
        },
    )


def results(dice: Dice, names: Names) -> Facts:
    """A firm tells what it earned, and where it will hire or dismiss people."""
    outcome = dice.pick(["up", "down", "loss"])
    low = between(dice, 3, 240)
    high = low + between(dice, 2, 60)
    profit, past_profit = (high, low) if outcome == "up" else (low, high)
    jobs = between(dice, 4, 95) * 10
    return Facts(
        frozenset({outcome}),
        {
            "firm": names.firm(),
            "rival": names.firm(),
            "town": names.town(),
            "boss": names.person(),
            "unionist": names.person(),
            "founder": names.person(),
            "profit": str(profit),
            "past_profit": str(past_profit),
            "rival_profit": str(near(dice, profit, 40, 2)),
            "sales": count(high * between(dice, 6, 12)),
            "sales_abroad": str(between(dice, 20, 80)),
            "percent": str(between(dice, 2, 14)),
            "jobs": count(jobs),
            "feared": count(jobs + between(dice, 2, 20) * 10),
            "other_jobs": count(between(dice, 10, 190) * 10),
            "staff": thousands(dice, 21, 300),
            "countries": count(between(dice, 2, 30)),
            "good_reason": word(dice, "good reason"),
            "bad_reason": word(dice, "bad reason"),
        },
    )


def strike(dice: Dice, names: Names) -> Facts:
    """Workers end a strike, go on with it, or do without it."""
    outcome = dice.pick(["ended", "on", "averted"])
    workers, other_workers = two(dice, "workers")
    agreed, days = between(dice, 22, 78), between(dice, 3, 26)
    return Facts(
        frozenset({outcome}),
        {
            "workers": workers,
            "other_workers": other_workers,
            # the third column says in which sector they work
            "firm": names.firm(workers.brief),
            "town": names.town(),
            **{role: names.person() for role in ("boss", "leader", "worker")},
            "raise": tenths(agreed),
            "low": tenths(agreed - between(dice, 4, 15)),
            "demand": tenths(agreed + between(dice, 4, 40)),
            "other_raise": tenths(near(dice, agreed, 20, 11)),
            "against": str(between(dice, 57, 96)),
            "days": count(days),
            "other_days": count(near(dice, days, 9, 2)),
            "more": count(between(dice, 2, 20)),
            "months": count(between(dice, 10, 36)),
            "members": thousands(dice, 21, 900),
            "new_members": count(between(dice, 3, 60) * 10),
            "staff": thousands(dice, 6, 200),
            "customers": thousands(dice, 21, 900),
            "sum": thousands(dice, 900, 9000),
        },
    )
