"""Random clauses of doing: a verb, complements it can take, and adjuncts that suit both."""

from dataclasses import replace
from functools import cache

from grammar.dice import Dice
from grammar.lexicon import ADVERBS, VERBS, Noun, Verb
from grammar.phrases import Phrases, nouns_of, pronoun_for
from grammar.tree import (
    AtSite,
    Clause,
    Gap,
    Modal,
    Nominal,
    NounPhrase,
    Pair,
    Place,
    Pronoun,
    Tense,
    agreement,
    relative_of,
)

FREQUENCIES = tuple(word for word in ADVERBS if word.slot == "frequency")
DEGREES = tuple(word for word in ADVERBS if word.slot == "degree")
ACTION_MANNERS = tuple(word for word in ADVERBS if word.en in ("quickly", "slowly", "carefully", "quietly"))
ALONE, TOGETHER = (next(word for word in ADVERBS if word.en == en) for en in ("alone", "together"))
RELATIVE_FRAMES = ("plain", "object", "location", "recipient", "goal")
THIRD_PERSON = agreement(Pronoun("he"))
PURPOSEFUL = ("go", "come", "drive", "walk")
TENSES: tuple[tuple[Tense, float], ...] = (("present", 0.29), ("past", 0.4), ("future", 0.13), ("progressive", 0.18))
MODALS: tuple[tuple[Modal, float], ...] = (
    ("can", 0.25),
    ("must", 0.22),
    ("want", 0.25),
    ("should", 0.13),
    ("may", 0.07),
    ("like", 0.08),
)


@cache
def verbs_of(*frames: str) -> tuple[Verb, ...]:
    """The verbs of some frames."""
    return tuple(verb for verb in VERBS if verb.frame in frames)


def is_action(verb: Verb) -> bool:
    """Whether somebody does it, rather than being in a state or meeting an event."""
    return not set(verb.flags) & {"stative", "telic"}


class Actions:
    """Draws clauses with a full verb; `richness` in [0, 1] makes them longer."""

    def __init__(self, dice: Dice) -> None:
        self.dice = dice
        self.phrases = Phrases(dice)

    def action(self, richness: float, *, tense: Tense | None = None, verb: Verb | None = None) -> Clause:
        """A clause with a full verb and everything that may come with it."""
        verb = verb or self.dice.fair(verbs_of("plain", "object", "recipient", "goal", "location", "put"))
        subject = self.subject(verb, richness)
        clause = self.complete(Clause(subject, verb), richness)
        clause = self.inflect(clause, tense)
        return self.embellish(clause, richness)

    def subject(self, verb: Verb, richness: float) -> Nominal:
        """A subject that can do what the verb says."""
        if "person" in verb.subjects and self.dice.chance(0.93 if len(verb.subjects) == 1 else 0.6):
            subject = self.phrases.person(richness)
        else:
            subject = self.phrases.definite(verb.subjects, richness, plural=self.dice.chance(0.2))
        if self.dice.chance(0.04 + 0.3 * richness):
            return self.with_relative(subject)
        return subject

    def complete(self, clause: Clause, richness: float) -> Clause:
        """Adds the complements that the verb's frame demands."""
        verb, holder = clause.verb, pronoun_for(clause.subject)
        match verb.frame:
            case "object":
                return replace(clause, object=self.thing(clause, richness))
            case "recipient":
                receiver: Nominal = self.phrases.definite(("person",), richness * 0.5, holder)
                receiver = self.other_person(clause.subject) if same_noun(receiver, clause.subject) else receiver
                if self.dice.chance(0.3):
                    receiver = self.other_person(clause.subject)
                return replace(clause, recipient=receiver, object=self.thing(clause, richness))
            case "goal" | "location":
                return replace(clause, goal=self.goal(verb, richness))
            case "put":
                where = self.phrases.near(richness, ("surface",), on=True)
                return replace(clause, goal=where, object=self.thing(clause, richness * 0.5))
            case _:
                return clause

    def thing(self, clause: Clause, richness: float) -> Nominal:
        """The object."""
        verb, holder = clause.verb, pronoun_for(clause.subject)
        if "person" in verb.objects and self.dice.chance(0.75 if verb.objects == ("person",) else 0.35):
            if self.dice.chance(0.5):
                return self.other_person(clause.subject)
            someone = self.phrases.definite(("person",), richness, holder, plural=self.dice.chance(0.2))
            return self.other_person(clause.subject) if same_noun(someone, clause.subject) else someone
        if "definite" in verb.flags:
            return self.phrases.definite(verb.objects, richness, holder)
        return self.phrases.phrase(verb.objects, richness, holder=holder)

    def other_person(self, subject: Nominal) -> Nominal:
        """A name or a pronoun that is not the subject's."""
        for _ in range(8):
            candidate: Nominal = self.phrases.person(0.0)
            third = agreement(candidate).person == 3
            clashes = agreement(candidate).person == agreement(subject).person and not third
            if isinstance(candidate, Pronoun) and pronoun_for(subject) == candidate:
                continue
            if not isinstance(candidate, NounPhrase | Pair) and candidate != subject and not clashes:
                return candidate
        return NounPhrase(self.dice.fair(nouns_of(("person",))), "the")

    def goal(self, verb: Verb, richness: float) -> Place:
        """Where one goes, lives, sits or stands."""
        wanted = self.dice.pick(verb.objects)
        if wanted == "region":
            return self.phrases.region()
        if wanted in ("surface", "seat", "entry"):
            return self.phrases.near(richness, (wanted,))
        return self.phrases.site(richness, (wanted,))

    def inflect(self, clause: Clause, tense: Tense | None) -> Clause:
        """Gives the clause a tense or a modal, and perhaps a negation."""
        verb = clause.verb
        modal = None
        drawn: Tense
        if "stative" in verb.flags:
            drawn = self.static_tense()
        elif "telic" in verb.flags:
            drawn = self.dice.weighted([("past", 0.8), ("future", 0.2)])
        else:
            drawn = self.dice.weighted(TENSES)
        tense = drawn if tense is None or (tense == "present" and "telic" in verb.flags) else tense
        if "stative" in verb.flags and tense in ("future", "progressive"):
            tense = "present"
        if tense in ("present", "past") and not {"stative", "nomodal"} & set(verb.flags) and self.dice.chance(0.25):
            modal = self.modal(clause, tense)
        if tense == "present" and "telic" in verb.flags and modal is None:
            tense = "future"
        tense = self.told_apart(clause, tense, modal)
        clause = replace(clause, tense=tense, modal=modal)
        if tense != "progressive" and "noneg" not in verb.flags and self.dice.chance(0.13):
            return self.negate(clause)
        return clause

    def static_tense(self) -> Tense:
        """The tense of a state."""
        return "present" if self.dice.chance(0.65) else "past"

    def told_apart(self, clause: Clause, tense: Tense, modal: Modal | None) -> Tense:
        """Avoids the past of put, cut and read where English does not tell it from the present."""
        same = clause.verb.en == clause.verb.past and agreement(clause.subject) != THIRD_PERSON
        return "future" if same and tense == "past" and modal is None else tense

    def modal(self, clause: Clause, tense: Tense) -> Modal | None:
        """A modal that goes with the tense and the subject."""
        if is_thing(clause.subject):
            return None
        modal = self.dice.weighted(MODALS)
        if tense == "past" and modal not in ("can", "must", "want"):
            return "want"
        if modal == "like" and not _can_be_liked(clause):
            return "can"
        return modal

    def negate(self, clause: Clause) -> Clause:
        """The clause denied; unchanged where a quantifier would make the denial ambiguous."""
        if clause.modal == "may" or (clause.modal == "like" and clause.object is not None):
            return clause
        parts = (clause.subject, clause.object, clause.recipient)
        if any(isinstance(part, Pair) or is_quantified(part) for part in parts):
            return clause
        if any(_is_indefinite(part) for part in (clause.subject, clause.recipient)):
            return clause
        if _is_indefinite(clause.object) and "+" in clause.verb.government:
            return clause
        return replace(clause, negated=True)

    def embellish(self, clause: Clause, richness: float) -> Clause:
        """Adds adjuncts, and a relative clause to the last phrase where nothing follows it."""
        clause = self.with_adverbs(clause, richness)
        purposeful = clause.verb.en in PURPOSEFUL and isinstance(clause.goal, AtSite) and clause.modal != "like"
        if purposeful and self.dice.chance(0.25 + 0.5 * richness) and not clause.negated:
            return replace(self.timed(clause, richness, fronted=True), purpose=self.purpose(clause, richness))
        if isinstance(clause.object, NounPhrase) and self.dice.chance(0.03 + 0.5 * richness):
            thing = self.with_relative(clause.object)
            last = clause.goal is None and not (clause.verb.frame == "recipient" and clause.verb.en_preposition)
            if last and clause.manner is None and relative_of(thing) is not None and clause.modal != "like":
                return replace(self.timed(clause, richness, fronted=True), object=thing)
        if self.takes_place(clause) and self.dice.chance(0.08 + 0.5 * richness):
            clause = replace(clause, place=self.phrases.place(richness))
        if self.takes_company(clause) and self.dice.chance(0.04 + 0.25 * richness):
            companion = self.phrases.definite(("person",), richness * 0.5, pronoun_for(clause.subject))
            clause = replace(clause, companion=companion)
        return self.timed(clause, richness, fronted=self.dice.chance(0.4))

    def with_adverbs(self, clause: Clause, richness: float) -> Clause:
        """Adds a frequency or a manner."""
        if not is_action(clause.verb) or clause.negated or clause.modal == "like":
            return clause
        if clause.tense == "present" and clause.modal is None and self.dice.chance(0.45):
            return replace(clause, frequency=self.dice.pick(FREQUENCIES))
        if not self.dice.chance(0.06 + 0.2 * richness):
            return clause
        if clause.verb.frame == "object" and "person" not in clause.verb.objects and self.dice.chance(0.7):
            return replace(clause, manner=self.dice.pick(ACTION_MANNERS))
        if clause.verb.frame == "plain" and not is_thing(clause.subject):
            return replace(clause, manner=TOGETHER if agreement(clause.subject).plural else ALONE)
        return clause

    def timed(self, clause: Clause, richness: float, *, fronted: bool) -> Clause:
        """Adds a time that suits the tense."""
        if "stative" in clause.verb.flags or clause.modal == "like":
            return clause
        if not self.dice.chance(0.22 + 0.4 * richness) or clause.frequency is not None:
            return clause
        tense = "modal" if clause.modal is not None and clause.tense == "present" else clause.tense
        times = self.phrases.times(tense, richness, hours=clause.tense != "progressive")
        return replace(clause, times=times, fronted=fronted)

    def takes_place(self, clause: Clause) -> bool:
        """Whether the action can be located."""
        verb = clause.verb
        if clause.goal is not None or not is_action(verb) or verb.frame == "recipient" or "noplace" in verb.flags:
            return False
        return not set(verb.objects) & {"site", "room", "building"} and relative_of(clause.object) is None

    def takes_company(self, clause: Clause) -> bool:
        """Whether somebody can do it with somebody else."""
        if clause.manner is not None or not is_action(clause.verb) or clause.negated:
            return False
        alone = clause.verb.frame == "plain" or (clause.verb.frame == "object" and "person" not in clause.verb.objects)
        return alone and not clause.verb.en_preposition and not is_thing(clause.subject)

    def purpose(self, clause: Clause, richness: float) -> Clause:
        """What somebody goes somewhere for."""
        verbs = tuple(
            verb for verb in verbs_of("object") if is_action(verb) and verb.imperative and not verb.en_preposition
        )
        verb = self.dice.fair(verbs)
        return self.complete(Clause(clause.subject, verb), richness * 0.7)

    def with_relative(self, phrase: Nominal) -> Nominal:
        """The phrase with a relative clause, if its determiner allows one."""
        if not isinstance(phrase, NounPhrase) or phrase.owner is not None or phrase.noun.is_mass:
            return phrase
        if phrase.determiner not in ("the", "a", "number", "some", "many") or not self.dice.chance(0.8):
            return phrase
        return replace(phrase, relative=self.relative(phrase.noun, phrase.plural))

    def relative(self, noun: Noun, plural: bool) -> Clause:
        """A clause with a gap for the noun, as its subject or its object."""
        gap = Gap(noun.gender, plural, "person" in noun.kinds)
        acting = _relative_verbs(noun, "subject")
        undergoing = _relative_verbs(noun, "object")
        if acting and (not undergoing or self.dice.chance(0.6)):
            clause = self.complete(Clause(gap, self.dice.fair(acting)), 0.15)
        else:
            clause = Clause(self.phrases.person(0.1), self.dice.fair(undergoing), object=gap)
        clause = self.inflect(clause, None)
        clause = replace(clause, tense="past" if clause.tense == "progressive" else clause.tense)
        clause = replace(clause, tense=self.told_apart(clause, clause.tense, clause.modal))
        if clause.modal == "like":
            clause = replace(clause, modal=None, negated=False)
        timed = clause.tense == "past" and clause.modal is None
        return self.timed(clause, 0.1, fronted=False) if timed else clause


@cache
def _relative_verbs(noun: Noun, role: str) -> tuple[Verb, ...]:
    kinds = set(noun.kinds)
    if role == "subject":
        return tuple(verb for verb in verbs_of(*RELATIVE_FRAMES) if kinds & set(verb.subjects))
    sayable = tuple(verb for verb in verbs_of("object") if not {"having", "owning"} & set(verb.flags))
    return tuple(verb for verb in sayable if kinds & set(verb.objects) and "person" in verb.subjects)


def same_noun(first: Nominal, second: Nominal) -> bool:
    """Whether two phrases speak of the same kind of person or thing."""
    return isinstance(first, NounPhrase) and isinstance(second, NounPhrase) and first.noun == second.noun


def is_thing(subject: Nominal) -> bool:
    """Whether the subject is something that has no will."""
    if isinstance(subject, Gap):
        return not subject.person
    return isinstance(subject, NounPhrase) and not set(subject.noun.kinds) & {"person", "animal"}


def _can_be_liked(clause: Clause) -> bool:
    thing = clause.object
    if clause.verb.frame == "plain":
        return "telic" not in clause.verb.flags and clause.verb.en not in ("arrive", "depart", "come back")
    is_bare = isinstance(thing, NounPhrase) and thing.determiner == "bare" and thing.relative is None
    return clause.verb.frame == "object" and is_bare and not clause.verb.is_reflexive


def is_quantified(phrase: Nominal | None) -> bool:
    return isinstance(phrase, NounPhrase) and phrase.determiner in ("every", "some", "many", "number")


def _is_indefinite(phrase: Nominal | None) -> bool:
    return isinstance(phrase, NounPhrase) and phrase.determiner in ("a", "bare") and phrase.owner is None
