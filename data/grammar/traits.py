"""Which word stands in which construction: the pairs that a split can hold out."""

from collections.abc import Iterator

from grammar.tree import (
    AtSite,
    Clause,
    Command,
    Coordination,
    Near,
    Nominal,
    NounPhrase,
    Pair,
    Place,
    Question,
    Sentence,
    Statement,
    Subordination,
)

Trait = tuple[str, str]
"""A word (English; for a verb with its German infinitive in brackets) and a construction."""


def traits(tree: Sentence) -> Iterator[Trait]:
    """Every (word, construction) pair of a sentence, in reading order, repeats included."""
    match tree:
        case Statement(clause) | Command(clause):
            yield from _clause(clause)
        case Question(clause):
            yield clause.verb.key, "question"
            yield from _clause(clause)
        case Coordination():
            yield from traits(tree.first)
            yield from traits(tree.second)
        case Subordination():
            yield from traits(tree.main)
            yield tree.condition.verb.key, "subordinate clause"
            yield from _clause(tree.condition)


def _clause(clause: Clause) -> Iterator[Trait]:
    if clause.modal is not None:
        yield clause.verb.key, "modal"
    if clause.negated:
        yield clause.verb.key, "negation"
    for phrase in (clause.subject, clause.object, clause.recipient, clause.companion):
        yield from _nominal(phrase)
    for place in (clause.goal, clause.place):
        yield from _place(place)
    if clause.quality is not None:
        if clause.quality.degree is not None:
            yield clause.quality.adjective.en, "degree"
        yield from _nominal(clause.quality.than)
    if clause.complement is not None:
        yield clause.complement.verb.key, "subordinate clause"
        yield from _clause(clause.complement)
    if clause.purpose is not None:
        yield from _clause(clause.purpose)


def _place(place: Place | None) -> Iterator[Trait]:
    if isinstance(place, AtSite | Near):
        yield from _nominal(place.phrase)


def _nominal(phrase: Nominal | None) -> Iterator[Trait]:
    if isinstance(phrase, Pair):
        yield from _nominal(phrase.first)
        yield from _nominal(phrase.second)
    if not isinstance(phrase, NounPhrase):
        return
    if phrase.determiner == "number":
        yield phrase.noun.en, "counted"
    if phrase.determiner == "possessive":
        yield phrase.noun.en, "possessed"
    if phrase.adjective is not None and phrase.plural:
        yield phrase.adjective.en, "plural"
    if phrase.adjective is not None and phrase.determiner == "a":
        yield phrase.adjective.en, "indefinite"
    if phrase.relative is not None:
        yield phrase.noun.en, "relative head"
        yield from _clause(phrase.relative)
