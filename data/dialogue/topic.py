"""What people talk about: the facts of one speaker, and how the other asks for them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dialogue.speech import Bank, Values


@dataclass(frozen=True)
class Exchange:
    """A question and its answer; `reaction` is what the one who asked says next.

    Its values are the facts of the teller, who answers; or asks, where the exchange is `turned` round.
    """

    question: Bank
    answer: Bank
    reaction: Bank = ()
    turned: bool = False


@dataclass(frozen=True)
class Topic:
    """Something to talk about.

    `tables` hold the facts, of each a row is drawn. The first of the `exchanges` always comes; of the others, some in
    order. `recalls` ask again for a fact that was told, by its name. `farewell` is said by the one
    who heard the facts. `returned` is the question that turns the topic round ("And you?"), where that is possible.
    """

    name: str
    tables: tuple[Sequence[Values], ...]
    exchanges: tuple[Exchange, ...]
    recalls: Mapping[str, Exchange]
    farewell: Exchange
    returned: Bank = ()


AND_YOU = ("And what about you?", "And you?", "What about you?")
