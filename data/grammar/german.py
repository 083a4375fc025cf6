"""German: verb second, verb last, the two brackets and what stands between them."""

from typing import Literal

from grammar.german_forms import (
    CONTRACTIONS,
    INTERROGATIVES,
    PRONOUNS,
    Case,
    determiner,
    finite_and_bracket,
    genitive,
    noun_form,
    reflexive,
    relative_pronoun,
)
from grammar.lexicon import NUMBERS, CalendarWord, Name, TimeWord
from grammar.tree import (
    AtRegion,
    AtSite,
    Clause,
    Clock,
    Command,
    Coordination,
    Date,
    Gap,
    Interrogative,
    Month,
    Near,
    Nominal,
    NounPhrase,
    Pair,
    Place,
    Pronoun,
    Quality,
    Question,
    Sentence,
    Statement,
    Subordination,
    Time,
    Weekday,
    Year,
    agreement,
    relative_of,
)

CONJUNCTIONS = {"because": "weil", "if": "wenn", "although": "obwohl", "before": "bevor", "while": "während"}
RELATIONS = {"on": "auf", "under": "unter", "behind": "hinter", "next to": "neben", "in front of": "vor"}
HOURS = {number.value: number.de for number in NUMBERS}

Order = Literal["second", "first", "last"]


def sentence(tree: Sentence) -> str:
    """The sentence as text, with its capital, commas and full stop."""
    main = tree.main if isinstance(tree, Subordination) else tree
    end = "?" if isinstance(main, Question) else "."
    kept: list[str] = []
    for word in [*_words(tree, []), end]:
        if kept and kept[-1] == "," and word in (",", end):
            kept.pop()
        kept.append(word)
    text = " ".join(kept).replace(" ,", ",").removesuffix(f" {end}") + end
    return text[0].upper() + text[1:]


def _words(tree: Sentence, front: list[str]) -> list[str]:
    match tree:
        case Statement(clause):
            return arrange(clause, "second", front or _own_front(clause))
        case Question(clause, asked):
            return _question(clause, asked)
        case Command(clause):
            return [*front, *_command(clause)]
        case Coordination(link, first, second):
            if link == "so":
                return [*_words(first, []), ",", *_words(second, ["deshalb"])]
            joint = ["und"] if link == "and" else [",", "aber"]
            return [*_words(first, []), *joint, *_words(second, [])]
        case Subordination(_, main, _, first):
            condition = [_conjunction(tree), *arrange(tree.condition, "last", []), ","]
            return _words(main, condition) if first else [*_words(main, []), ",", *condition]


def _conjunction(tree: Subordination) -> str:
    if tree.conjunction == "when":
        return "als" if tree.condition.tense == "past" else "wenn"
    return CONJUNCTIONS[tree.conjunction]


def _own_front(clause: Clause) -> list[str]:
    return times(clause.times) if clause.fronted else []


def _question(clause: Clause, asked: str) -> list[str]:
    match asked:
        case "yes_no":
            return arrange(clause, "first", [])
        case "subject":
            return arrange(clause, "second", [])
        case "object":
            return arrange(clause, "second", _asked_object(clause), asked)
        case "where":
            return arrange(clause, "second", ["wohin" if clause.verb.frame == "goal" else "wo"], asked)
        case _:
            return arrange(clause, "second", [{"when": "wann", "why": "warum"}[asked]])


def _command(clause: Clause) -> list[str]:
    particle = clause.verb.particle.removesuffix(" _")
    inside = [*_middle(clause, plea=["bitte"]), *([particle] if particle else [])]
    return [clause.verb.imperative, *inside, *_after(clause)]


def _asked_object(clause: Clause) -> list[str]:
    preposition, case = government(clause)
    if clause.object == Interrogative("what"):
        link = "r" if preposition[:1] in ("a", "u", "ü", "i") and preposition else ""
        return [f"wo{link}{preposition}" if preposition else "was"]
    assert clause.object is not None, "a question for the object has one"
    return prepositional(preposition, clause.object, case)


def government(clause: Clause) -> tuple[str, Case]:
    """The preposition, or an empty string, and the case of the verb's object."""
    preposition, _, case = clause.verb.government.rpartition("+")
    return preposition, "dative" if case == "dat" else "accusative"


def arrange(clause: Clause, order: Order, front: list[str], asked: str = "") -> list[str]:
    """A clause with its finite verb second, first or last.

    Args:
        clause: what to say.
        order: where the finite verb stands.
        front: what opens a verb-second clause instead of the subject.
        asked: the part that `front` asks for, which is then not said again.
    """
    finite, bracket = finite_and_bracket(clause)
    fronted = clause.fronted and order == "second" and asked == ""
    particle = clause.verb.particle.removesuffix(" _")
    if order == "last":
        joined = finite if bracket else clause.verb.particle.replace(" _", " ") + finite
        return [*_subject(clause), *_middle(clause, asked=asked, fronted=fronted), *bracket, joined, *_after(clause)]
    if not bracket and particle:
        bracket = [particle]
    inside = [*_middle(clause, asked=asked, fronted=fronted), *bracket, *_after(clause)]
    if order == "first" or front:
        return [*front, finite, *_subject(clause), *inside]
    return [*_subject(clause), finite, *inside]


def _subject(clause: Clause) -> list[str]:
    if clause.verb.frame in ("weather", "existence"):
        return ["es"]
    return [*nominal(clause.subject, "nominative"), *_relative(clause.subject)]


def _middle(clause: Clause, *, asked: str = "", fronted: bool = False, plea: list[str] | None = None) -> list[str]:
    """What stands between the brackets, from the pronouns to the last complement."""
    preposition, case = government(clause)
    thing = None if asked == "object" else clause.object
    recipient = nominal(clause.recipient, "dative") if clause.recipient is not None else []
    bare_object = [] if preposition or thing is None else nominal(thing, case, negative=carries_kein(clause))
    words = [reflexive(agreement(clause.subject))] if clause.verb.is_reflexive else []
    if isinstance(thing, Pronoun):
        words, bare_object = [*words, *bare_object], []
    if isinstance(clause.recipient, Pronoun):
        words, recipient = [*words, *recipient], []
    words += [*(plea or []), *([] if fronted else times(clause.times)), *_adverb(clause), *recipient, *bare_object]
    if clause.negated and not carries_kein(clause) and clause.modal != "like":
        words.append("nicht")
    if clause.manner is not None:
        words.append(clause.manner.de)
    if preposition and thing is not None:
        words += prepositional(preposition, thing, case)
    if clause.companion is not None:
        words += prepositional("mit", clause.companion, "dative")
    return [*words, *_last_complements(clause, asked)]


def _last_complements(clause: Clause, asked: str) -> list[str]:
    words = place(clause.place) if clause.place is not None else []
    if clause.goal is not None and asked != "where":
        words += place(clause.goal, frame=clause.verb.frame)
    if clause.quality is not None:
        words += _quality(clause.quality)
    return words


def _adverb(clause: Clause) -> list[str]:
    """The adverb before the objects; "like to" is one too."""
    if clause.modal == "like":
        return ["nicht", "gern"] if clause.negated else ["gern"]
    if clause.tense == "progressive":
        return ["gerade"]
    return [clause.frequency.de] if clause.frequency is not None else []


def carries_kein(clause: Clause) -> bool:
    """Whether the clause is negated by kein on its indefinite object instead of nicht."""
    if not clause.negated or clause.modal == "like" or not isinstance(clause.object, NounPhrase):
        return False
    return clause.object.determiner in ("a", "bare") and clause.object.owner is None


def _after(clause: Clause) -> list[str]:
    """What follows the closing bracket: the clauses."""
    words = _relative(clause.object)
    if clause.purpose is not None:
        words += [
            ",",
            "um",
            *_middle(clause.purpose),
            *_zu_infinitive(clause.purpose),
            *_relative(clause.purpose.object),
        ]
    if clause.complement is not None:
        words += [",", clause.verb.government, *arrange(clause.complement, "last", []), ","]
    return words


def _zu_infinitive(clause: Clause) -> list[str]:
    particle = clause.verb.particle
    if particle.endswith("_"):
        return [particle.removesuffix(" _"), "zu", clause.verb.de_bare]
    return [particle + "zu" + clause.verb.de_bare] if particle else ["zu", clause.verb.de_bare]


def nominal(phrase: Nominal, case: Case, *, negative: bool = False) -> list[str]:
    """A phrase in its case, without the relative clause that may follow it."""
    match phrase:
        case Pronoun(word):
            return [PRONOUNS[case][word]]
        case Name():
            return [phrase.de if case == "nominative" else phrase.de_oblique]
        case Interrogative("who"):
            return [INTERROGATIVES[case]]
        case Interrogative():
            return ["was"]
        case Gap():
            return []
        case Pair(first, second):
            return [*nominal(first, case), "und", *nominal(second, case)]
        case NounPhrase():
            return noun_phrase(phrase, case, negative=negative)


def noun_phrase(phrase: NounPhrase, case: Case, *, negative: bool = False) -> list[str]:
    """Determiner, adjective, noun and owner."""
    article, ending = determiner(phrase, case, negative=negative)
    words = [article] if article else []
    if phrase.adjective is not None:
        words.append(phrase.adjective.de_stem + ending)
    owner = genitive(phrase.owner) if phrase.owner is not None else []
    return [*words, noun_form(phrase, case), *owner]


def prepositional(preposition: str, phrase: Nominal, case: Case) -> list[str]:
    """A preposition with its phrase; contracted with the article unless a relative clause follows."""
    if not preposition:
        return nominal(phrase, case)
    first, *rest = nominal(phrase, case)
    contracted = CONTRACTIONS.get((preposition, first))
    is_definite = isinstance(phrase, NounPhrase) and (phrase.determiner == "the" or phrase.owner is not None)
    if contracted is None or not is_definite or relative_of(phrase) is not None:
        return [preposition, first, *rest]
    return [contracted, *rest]


def _relative(phrase: Nominal | None) -> list[str]:
    clause = relative_of(phrase)
    if clause is None:
        return []
    if isinstance(clause.subject, Gap):
        opening = [relative_pronoun(clause.subject, "nominative")]
    else:
        assert isinstance(clause.object, Gap), "a relative clause has its gap as subject or object"
        preposition, case = government(clause)
        opening = [*([preposition] if preposition else []), relative_pronoun(clause.object, case)]
    return [",", *opening, *arrange(clause, "last", [], "object" if isinstance(clause.object, Gap) else ""), ","]


def _quality(quality: Quality) -> list[str]:
    if quality.than is not None:
        return [quality.adjective.de_comparative, "als", *nominal(quality.than, "nominative")]
    degree = [quality.degree.de] if quality.degree is not None else []
    return [*degree, quality.adjective.de]


def place(where: Place, *, frame: str = "location") -> list[str]:
    """A place as where something is (dative), or as where it goes (accusative, zu or nach)."""
    moves = frame in ("goal", "put")
    match where:
        case AtSite(site, phrase):
            preposition = site.de_to if moves else site.de_at
            return prepositional(preposition, phrase, "accusative" if moves and preposition != "zu" else "dative")
        case AtRegion(region):
            return ["nach" if moves else "in", region.de]
        case Near(relation, phrase):
            return prepositional(RELATIONS[relation], phrase, "accusative" if moves else "dative")


def times(moments: tuple[Time, ...]) -> list[str]:
    """The times, day before hour."""
    return [_time(moment) for moment in moments]


def _time(moment: Time) -> str:
    match moment:
        case TimeWord():
            return moment.de
        case Weekday(CalendarWord(de=day)):
            return f"am {day}"
        case Month(CalendarWord(de=month)):
            return f"im {month}"
        case Date(day=number, month=CalendarWord(de=month)):
            return f"am {number.de_ordinal} {month}"
        case Year(year):
            return f"im Jahr {year}"
        case Clock(hour, part):
            return _clock(hour.value, part)


def _clock(hour: int, part: str) -> str:
    if part == "full":
        return f"um {'ein' if hour == 1 else HOURS[hour]} Uhr"
    if part == "half past":
        return f"um halb {HOURS[hour % 12 + 1]}"
    return f"um Viertel {'nach' if part == 'a quarter past' else 'vor'} {HOURS[hour]}"
