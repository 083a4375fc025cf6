"""What a service is: the pieces that a clerk has to know, and how both sides speak of them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from string import Formatter

from dialogue.speech import Bank, Values, filled


@dataclass(frozen=True)
class Slot:
    """A piece that the clerk needs; the placeholder in its phrasings is its own name, in `changes` {old} and {new}.

    A customer who gives it unasked says one of `sentences`, or `fragment` ("on Friday") within a sentence where there
    are none; two pieces that both have a fragment make one answer. `refused` are values that the house does not offer,
    with what the clerk offers instead.
    """

    name: str
    values: Sequence[str]
    questions: Bank
    answers: Bank
    fragment: str = ""
    sentences: Bank = ()
    changes: Bank = ()
    recalls: tuple[Bank, Bank] = ((), ())
    refused: Mapping[str, str] = field(default_factory=dict)
    refusals: Bank = ()


@dataclass(frozen=True)
class Aside:
    """A question of the customer that has nothing to do with what is asked, once the slots that it needs are known."""

    questions: Bank
    answers: Bank
    needs: tuple[str, ...] = ()


@dataclass(frozen=True)
class Service:
    """A counter or a telephone that a customer turns to.

    `what` describes the order from the pieces known so far: of each entry, the first of the alternatives between bars
    whose values are all known is said. `derived` adds what follows from the pieces: prices, platforms, times. The
    customer always opens with the `first` slots.
    """

    name: str
    greetings: Bank
    openings: Bank
    slots: tuple[Slot, ...]
    what: tuple[str, ...]
    done: Bank
    derived: Callable[[Values], Values]
    asides: tuple[Aside, ...]
    recalls: tuple[tuple[Bank, Bank], ...] = ()
    first: tuple[str, ...] = ()
    pieces: Bank = ("{pieces}, please.", "{pieces}.")

    def describe(self, known: Values) -> str:
        """The order as far as it is known: "a table for four on Friday"."""
        said = []
        for entry in self.what:
            fitting = [text for text in entry.split("|") if fields(text) <= set(known)]
            said += fitting[:1]
        return filled(" ".join(said), known)


def fields(*phrasings: str) -> set[str]:
    """The names of the values that phrasings need."""
    return {name for text in phrasings for _, name, _, _ in Formatter().parse(text) if name}
