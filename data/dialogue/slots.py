"""The pieces that most services ask for."""

from collections.abc import Mapping, Sequence

from dialogue import words
from dialogue.service import Slot
from dialogue.speech import Bank, Values

NAME = Slot(
    "name",
    words.LAST_NAMES,
    ("May I have your name, please?", "What name is it, please?", "And your name?"),
    ("My name is {name}.", "The name is {name}.", "{name}."),
    sentences=("My name is {name}.", "The name is {name}."),
)


def day(questions: Bank, word: str = "on", *, closed: str = "") -> Slot:
    """The weekday; `closed` is the one on which the house is closed, and the next day is offered."""
    return Slot(
        "day",
        words.DAYS,
        questions,
        (f"{word} {{day}}, please.", "{day}, please.", f"{word} {{day}}."),
        fragment=f"{word} {{day}}",
        changes=(
            "I would rather have {new} instead of {old}.",
            "could we make it {new} instead of {old}?",
            "make that {new}, please.",
            "let's say {new}, not {old}.",
        ),
        recalls=(("which day was that?", "what day did I say?"), (f"{word} {{day}}.", "{day}.")),
        refused={closed: words.NEXT_DAY[closed]} if closed else {},
        refusals=("I'm afraid we are closed on {value}s.", "I'm sorry, we are closed on {value}s."),
    )


def time(values: Sequence[str], questions: Bank) -> Slot:
    """The hour."""
    return Slot(
        "time",
        values,
        questions,
        ("at {time}, please.", "{time}, please.", "at {time}."),
        fragment="at {time}",
        changes=(
            "I would prefer {new} to {old}.",
            "could it be at {new} instead of {old}?",
            "at {new} would be better than at {old}.",
            "at {new}, not at {old}.",
        ),
        recalls=(("at what time was that?", "what time was it again?"), ("at {time}.", "{time}.")),
    )


PRICE_AGAIN = (("how much was that?", "what was the price again?"), ("{price} euros.",))


def priced(rates: Mapping[str, int], slot: str, known: Values, *, times: int = 1) -> dict[str, str]:
    """The rate of a slot's value as {rate}, and so many times that as {price}, once the slot is known."""
    if slot not in known:
        return {}
    rate = rates[known[slot]]
    return {"rate": str(rate), "price": str(rate * times)}
