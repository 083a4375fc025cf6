"""Random clauses of every kind: doing, being, saying and the weather."""

from dataclasses import replace

from grammar.actions import TENSES, Actions, is_quantified, same_noun, verbs_of
from grammar.lexicon import ADJECTIVES, ADVERBS
from grammar.phrases import pronoun_for
from grammar.tree import Clause, Nominal, NounPhrase, Place, Pronoun, Quality, Tense

PERSONAL = tuple(word for word in ADJECTIVES if "person" in word.kinds)
DEGREES = tuple(word for word in ADVERBS if word.slot == "degree")


class Clauses(Actions):
    """Draws clauses of every kind."""

    def clause(self, richness: float, *, tense: Tense | None = None, complements: bool = True) -> Clause:
        """A declarative clause of any kind.

        Args:
            richness: how long, in [0, 1].
            tense: the tense it has to have, if any.
            complements: whether it may have a that-clause.
        """
        kind = self.dice.weighted(
            [("verb", 0.76), ("copula", 0.15), ("existence", 0.04), ("that", 0.07 * complements), ("weather", 0.01)]
        )
        if kind == "copula":
            return self.copula(richness, tense)
        if kind == "existence":
            return self.existence(richness, tense)
        if kind == "that":
            return self.that_clause(richness, tense)
        if kind == "weather":
            return self.weather(tense)
        return self.action(richness, tense=tense)

    def copula(self, richness: float, tense: Tense | None) -> Clause:
        """Somebody or something has a quality."""
        adjective = self.dice.fair(PERSONAL if self.dice.chance(0.6 * richness) else ADJECTIVES)
        if "person" in adjective.kinds and self.dice.chance(0.6):
            subject: Nominal = self.phrases.person(richness * 0.5)
        else:
            subject = self.phrases.definite(adjective.kinds, 0.0, plural=self.dice.chance(0.25))
        if isinstance(subject, NounPhrase):
            subject = replace(subject, adjective=None)
            if self.dice.chance(0.08 + 0.4 * richness):
                subject = self.with_relative(subject)
        than = degree = None
        if adjective.comparative and self.dice.chance(0.4):
            kinds = subject.noun.kinds if isinstance(subject, NounPhrase) else ("person",)
            than = self.standard(subject, tuple(kind for kind in kinds if kind in adjective.kinds)[:1])
        elif self.dice.chance(0.35):
            degree = self.dice.pick(DEGREES)
        drawn = tense if tense is not None else self.static_tense()
        drawn = "present" if drawn == "progressive" or (drawn == "future" and than is not None) else drawn
        be = verbs_of("copula")[0]
        clause = Clause(subject, be, drawn, quality=Quality(adjective, degree, than))
        if degree is None and not is_quantified(subject) and self.dice.chance(0.15):
            return self.negate(clause)
        if drawn == "past" and than is None and "person" in adjective.kinds and self.dice.chance(0.4):
            times = self.phrases.times("past", richness, hours=False)
            return replace(clause, times=times, fronted=self.dice.chance(0.5))
        return clause

    def standard(self, subject: Nominal, kinds: tuple[str, ...]) -> Nominal | None:
        """What something is compared with, if something else comes to mind."""
        if kinds == ("person",) and self.dice.chance(0.6):
            return self.other_person(subject)
        than = self.phrases.definite(kinds, 0.0, pronoun_for(subject))
        return None if same_noun(than, subject) else replace(than, adjective=None)

    def existence(self, richness: float, tense: Tense | None) -> Clause:
        """There is something somewhere."""
        tense = "past" if tense == "past" or (tense is None and self.dice.chance(0.35)) else "present"
        if self.dice.chance(0.5):
            place: Place = self.phrases.near(richness, ("surface",))
            kinds: tuple[str, ...] = ("small", "text")
        else:
            place, kinds = self.phrases.site(richness), ("surface", "load", "device", "pet")
        negated = self.dice.chance(0.2)
        thing = self.phrases.indefinite(kinds, richness, bare=negated)
        return Clause(Pronoun("there"), verbs_of("existence")[0], tense, negated, object=thing, place=place)

    def weather(self, tense: Tense | None) -> Clause:
        """It rains or snows."""
        drawn = tense if tense is not None else self.dice.weighted(TENSES)
        return self.timed(Clause(Pronoun("it"), self.dice.pick(verbs_of("weather")), drawn), 0.5, fronted=False)

    def that_clause(self, richness: float, tense: Tense | None) -> Clause:
        """Somebody says, thinks or asks something."""
        verb = self.dice.fair(verbs_of("that", "whether"))
        clause = self.inflect(Clause(self.phrases.person(richness * 0.5), verb), tense)
        inner = self.clause(richness, complements=False)
        return replace(clause, complement=replace(inner, fronted=False))
