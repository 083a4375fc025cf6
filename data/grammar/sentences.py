"""Random sentences: clauses stated, asked, ordered, and joined."""

from dataclasses import replace

from grammar.actions import is_action, verbs_of
from grammar.clauses import Clauses
from grammar.dice import Dice
from grammar.lexicon import Verb
from grammar.phrases import has_plural, nouns_of
from grammar.tree import (
    Asked,
    Clause,
    Command,
    Conjunction,
    Coordination,
    Interrogative,
    Link,
    Nominal,
    NounPhrase,
    Pronoun,
    Question,
    Sentence,
    Statement,
    Subordination,
    Tense,
    relative_of,
)

# How long sentences are: (richness, share). The last two make the tail that the plot by length needs.
RICHNESS = ((0.0, 0.34), (0.3, 0.16), (0.7, 0.14), (1.1, 0.36))


class Sentences:
    """An endless, seeded stream of sentences."""

    def __init__(self, seed: int) -> None:
        self.dice = Dice(seed)
        self.clauses = Clauses(self.dice)

    def draw(self) -> Sentence:
        """The next sentence."""
        richness = self.dice.weighted(RICHNESS)
        joins = 0.04 + 0.75 * richness
        kind = self.dice.weighted(
            [
                ("statement", 0.55),
                ("question", 0.2 - 0.1 * richness),
                ("command", 0.07 - 0.05 * richness),
                ("joined", joins),
            ]
        )
        match kind:
            case "statement":
                return Statement(self.clauses.clause(richness))
            case "question":
                return self.question(richness)
            case "command":
                return self.command(richness * 0.5)
            case _:
                return self.joined(richness)

    def joined(self, richness: float) -> Sentence:
        """Two or three clauses in one sentence."""
        if self.dice.chance(0.62):
            return self.subordination(richness * 0.7)
        return self.coordination(richness * 0.6)

    def coordination(self, richness: float) -> Coordination:
        """Two main clauses with "and", "but" or "so"."""
        link: Link = self.dice.weighted([("and", 0.4), ("but", 0.35), ("so", 0.25)])
        first = self.clauses.clause(richness, complements=False)
        second = self._beside(first, richness)
        if link == "so":
            second = replace(second, fronted=False)
        elif self.dice.chance(0.3 * richness):
            return Coordination(link, Statement(first), self.subordination(richness * 0.5, plain=True))
        return Coordination(link, Statement(first), Statement(second))

    def subordination(self, richness: float, *, plain: bool = False) -> Subordination:
        """A main sentence with an adverbial clause; `plain` puts a statement first."""
        conjunction: Conjunction = self.dice.weighted(
            [("because", 0.32), ("when", 0.2), ("if", 0.2), ("although", 0.14), ("before", 0.08), ("while", 0.06)]
        )
        first = not plain and self.dice.chance(0.4)
        match conjunction:
            case "because" | "although":
                main = self.clauses.clause(richness)
                condition = self._beside(main, richness)
                return self._joined(conjunction, Statement(main), condition, first)
            case "if":
                result = self._result(richness, plain)
                return self._joined("if", result, self._condition(richness), first and not isinstance(result, Question))
            case "before":
                return self._joined("before", self._doing(richness, "past"), self._event(richness), first)
            case "while":
                return self._joined("while", self._doing(richness, "past"), self._state(richness), first)
            case _:
                tense: Tense = "past" if self.dice.chance(0.6) else "present"
                event = self._event(richness) if tense == "past" else replace(self._state(richness), tense=tense)
                return self._joined("when", self._doing(richness, tense), event, first)

    def _joined(
        self, conjunction: Conjunction, main: Statement | Question | Command, condition: Clause, first: bool
    ) -> Subordination:
        condition = replace(condition, fronted=False)
        if isinstance(main, Statement) and first:
            main = Statement(replace(main.clause, fronted=False))
        return Subordination(conjunction, main, condition, first)

    def _clause(self, richness: float, tense: Tense | None) -> Clause:
        return self.clauses.clause(richness, tense=tense, complements=False)

    def _beside(self, other: Clause, richness: float) -> Clause:
        """A second clause that happens when the other one does."""
        tense: Tense = other.tense if self.dice.chance(0.8) else "present"
        clause = self._clause(richness, tense)
        return replace(clause, times=(), fronted=False) if other.times else clause

    def _doing(self, richness: float, tense: Tense) -> Statement:
        clause = self.clauses.action(richness, tense=tense, verb=self.dice.fair(_deeds()))
        return Statement(replace(clause, times=(), fronted=False))

    def _event(self, richness: float) -> Clause:
        verb = self.dice.fair(_told_verbs("plain", "object", "recipient", "goal"))
        clause = self.clauses.action(richness, tense="past", verb=verb)
        return replace(clause, times=(), fronted=False, negated=False, modal=None)

    def _state(self, richness: float) -> Clause:
        verb = self.dice.fair(tuple(verb for verb in _told_verbs("plain", "object", "location") if is_action(verb)))
        clause = self.clauses.action(richness, tense="past", verb=verb)
        return replace(clause, times=(), fronted=False, negated=False, modal=None, frequency=None)

    def _condition(self, richness: float) -> Clause:
        if self.dice.chance(0.15):
            return replace(self.clauses.weather("present"), times=())
        return replace(self._clause(richness, "present"), times=(), frequency=None)

    def _result(self, richness: float, plain: bool) -> Statement | Question | Command:
        if not plain and self.dice.chance(0.15):
            return self.command(richness * 0.5)
        clause = self.clauses.action(richness, tense="future", verb=self.dice.fair(_deeds()))
        if not plain and self.dice.chance(0.15):
            return Question(self._askable(clause), "yes_no")
        return Statement(clause)

    def question(self, richness: float) -> Question:
        """A question for the whole clause or for one part."""
        asked: Asked = self.dice.weighted(
            [("yes_no", 0.4), ("subject", 0.13), ("object", 0.2), ("where", 0.1), ("when", 0.08), ("why", 0.09)]
        )
        match asked:
            case "subject":
                return Question(self._asked_subject(richness), asked)
            case "object":
                return Question(self._asked_object(richness), asked)
            case "where":
                return Question(self._asked_place(richness), asked)
            case "when":
                tense: Tense = "past" if self.dice.chance(0.5) else "future"
                verbs = tuple(verb for verb in verbs_of("plain", "object", "recipient", "goal") if is_action(verb))
                clause = self.clauses.action(richness * 0.6, tense=tense, verb=self.dice.fair(verbs))
                return Question(replace(self._askable(clause), times=(), modal=None, frequency=None), asked)
            case "why":
                clause = self.clauses.clause(richness * 0.6, complements=False)
                return Question(self._askable(clause, keeps_negation=True), asked)
            case _:
                return Question(self._askable(self.clauses.clause(richness)), asked)

    def _askable(self, clause: Clause, *, keeps_negation: bool = False) -> Clause:
        """The clause with a time at its end, if any, and no denial."""
        negated = clause.negated and keeps_negation and clause.verb.frame != "existence"
        complete = clause
        if clause.verb.frame == "existence" and clause.negated:
            complete = replace(clause, object=self.clauses.phrases.indefinite(("small",), 0.0))
        if clause.fronted and (relative_of(clause.object) is not None or clause.purpose is not None):
            complete = replace(complete, times=())
        if isinstance(clause.subject, NounPhrase) and clause.subject.determiner in ("a", "bare", "some", "many"):
            complete = replace(complete, subject=replace(clause.subject, determiner="the"))
        if clause.frequency is not None and clause.frequency.en == "never":
            complete = replace(complete, frequency=None)
        if clause.subject == Pronoun("I"):
            complete = _addressed(complete)
        return replace(complete, negated=negated, fronted=False)

    def _asked_subject(self, richness: float) -> Clause:
        verb = self.dice.fair(
            tuple(verb for verb in verbs_of("object", "recipient", "goal", "location") if "person" in verb.subjects)
        )
        subject: Nominal = Interrogative("who")
        if self.dice.chance(0.35):
            noun = self.dice.fair(nouns_of(("person",)))
            plural = has_plural(noun) and self.dice.chance(0.5)
            subject = NounPhrase(noun, "how many" if plural else "which", plural)
        clause = self.clauses.complete(Clause(subject, verb), richness)
        clause = self.clauses.inflect(clause, None)
        clause = replace(clause, negated=False)
        return replace(self.clauses.timed(clause, richness, fronted=False), fronted=False)

    def _asked_object(self, richness: float) -> Clause:
        verb = self.dice.fair(tuple(verb for verb in verbs_of("object") if "person" in verb.subjects))
        clause = self.clauses.inflect(Clause(self.clauses.phrases.person(richness), verb), None)
        asked: Nominal = Interrogative("what")
        if "person" in verb.objects:
            asked = Interrogative("who")
        if self.dice.chance(0.5) and verb.objects != ("drink",):
            noun = self.dice.fair(tuple(noun for noun in nouns_of(verb.objects) if not noun.is_mass))
            plural = has_plural(noun) and self.dice.chance(0.5)
            asked = NounPhrase(noun, "how many" if plural else "which", plural)
        modal = None if clause.modal == "like" else clause.modal
        clause = replace(clause, object=asked, negated=False, modal=modal)
        return replace(self.clauses.timed(clause, richness, fronted=False), fronted=False)

    def _asked_place(self, richness: float) -> Clause:
        verbs = tuple(verb for verb in verbs_of("goal", "location", "plain") if "noplace" not in verb.flags)
        clause = self._askable(self.clauses.action(richness * 0.6, verb=self.dice.fair(verbs)))
        return replace(clause, place=None, purpose=None)

    def command(self, richness: float) -> Command:
        """Please do, or do not."""
        verbs = verbs_of("plain", "object", "recipient", "goal", "location", "put")
        verb = self.dice.fair(tuple(verb for verb in verbs if verb.imperative and is_action(verb)))
        clause = self.clauses.complete(Clause(Pronoun("you"), verb), richness)
        clause = replace(clause, object=_ordered(clause.object), recipient=_ordered(clause.recipient))
        if self.dice.chance(0.25):
            clause = self.clauses.negate(clause)
        return Command(self.clauses.with_adverbs(replace(clause, tense="future"), richness))


def _deeds() -> tuple[Verb, ...]:
    """What one may do at any time."""
    return tuple(verb for verb in verbs_of("plain", "object", "recipient", "goal", "put") if is_action(verb))


def _told_verbs(*frames: str) -> tuple[Verb, ...]:
    """The verbs whose English past tells itself from the present, states aside."""
    return tuple(verb for verb in verbs_of(*frames) if verb.en != verb.past and "stative" not in verb.flags)


def _addressed(clause: Clause) -> Clause:
    """The clause about the listener instead of the speaker."""
    you, me = Pronoun("you"), Pronoun("I")
    return replace(
        clause,
        subject=you,
        object=me if clause.object == you else clause.object,
        recipient=me if clause.recipient == you else clause.recipient,
    )


def _ordered(phrase: Nominal | None) -> Nominal | None:
    """What a command is about: never the listener, and known rather than any."""
    if phrase == Pronoun("you"):
        return Pronoun("I")
    is_bare = isinstance(phrase, NounPhrase) and phrase.determiner == "bare"
    return replace(phrase, determiner="the") if isinstance(phrase, NounPhrase) and is_bare else phrase
