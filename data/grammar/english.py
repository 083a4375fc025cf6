"""English: agreement, do-support, irregular forms, a or an."""

from dataclasses import replace

from grammar.lexicon import CalendarWord, Name, TimeWord
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
)

OBJECT_FORMS = {"I": "me", "you": "you", "he": "him", "she": "her", "we": "us", "they": "them", "it": "it"}
POSSESSIVES = {"I": "my", "you": "your", "he": "his", "she": "her", "we": "our", "they": "their"}
COMPLEMENTIZERS = {"that": "that", "whether": "whether"}
VOWELS = "aeiou"


def sentence(tree: Sentence) -> str:
    """The sentence as text, with its capital and its full stop."""
    text = " ".join(_words(tree)).replace(" ,", ",")
    return text[0].upper() + text[1:] + ("?" if _asks(tree) else ".")


def _asks(tree: Sentence) -> bool:
    if isinstance(tree, Subordination):
        return isinstance(tree.main, Question)
    return isinstance(tree, Question)


def _words(tree: Sentence) -> list[str]:
    match tree:
        case Statement(clause):
            return declarative(clause)
        case Question(clause, asked):
            return _question(clause, asked)
        case Command(clause):
            return _command(clause)
        case Coordination(link, first, second):
            return [*_words(first), ",", link, *_words(second)]
        case Subordination(conjunction, main, condition, True):
            return [conjunction, *declarative(condition), ",", *_words(main)]
        case Subordination(conjunction, main, condition, _):
            return [*_words(main), conjunction, *declarative(condition)]


def declarative(clause: Clause) -> list[str]:
    """A clause in statement order; a gap as its subject leaves no word."""
    front = times(clause.times) if clause.fronted else []
    return [*front, *nominal(clause.subject), *predicate(clause)]


def predicate(clause: Clause) -> list[str]:
    """All that follows the subject of a statement."""
    finite, rest = verb_group(clause)
    often = clause.frequency
    if often is not None and not rest and clause.verb.frame not in ("copula", "existence"):
        clause, finite = replace(clause, frequency=None), [often.en, *finite]
    return [*finite, *_core(clause, rest), *_tail(clause)]


def _question(clause: Clause, asked: str) -> list[str]:
    if asked == "subject":
        return declarative(clause)
    finite, rest = verb_group(clause, inverts=True)
    subject = nominal(clause.subject)
    opening = {"yes_no": [], "object": _asked_object(clause), "where": ["where"], "when": ["when"], "why": ["why"]}
    return [*opening[asked], *finite, *subject, *_core(clause, rest, asked), *_tail(clause)]


def _asked_object(clause: Clause) -> list[str]:
    return nominal(clause.object) if clause.object is not None else []


def _command(clause: Clause) -> list[str]:
    start = ["please"] if not clause.negated else ["please", "do", "not"]
    return [*start, *_core(clause, [clause.verb.en]), *_tail(clause)]


def _core(clause: Clause, verb: list[str], asked: str = "") -> list[str]:
    """Everything from the frequency adverb to the last complement."""
    words = [] if clause.frequency is None else [clause.frequency.en]
    words = [*verb, *words] if clause.verb.frame in ("copula", "existence") else [*words, *verb]
    preposition = [clause.verb.en_preposition] if clause.verb.en_preposition else []
    thing = nominal(clause.object, subject=False) if clause.object is not None and asked != "object" else []
    person = nominal(clause.recipient, subject=False) if clause.recipient is not None else []
    if clause.verb.frame == "recipient":
        words += [*thing, *preposition, *person] if preposition else [*person, *thing]
    else:
        words += [*preposition, *thing]
    if clause.quality is not None:
        words += _quality(clause.quality)
    if clause.goal is not None and asked != "where":
        words += place(clause.goal, goes=clause.verb.frame == "goal")
    return words


def _tail(clause: Clause) -> list[str]:
    """The adjuncts, in the order manner, company, place, time; then the clauses."""
    words = [clause.manner.en] if clause.manner is not None else []
    if clause.companion is not None:
        words += ["with", *nominal(clause.companion, subject=False)]
    if clause.place is not None:
        words += place(clause.place)
    if not clause.fronted:
        words += times(clause.times)
    if clause.purpose is not None:
        words += ["to", *_core(clause.purpose, [clause.purpose.verb.en]), *_tail(clause.purpose)]
    if clause.complement is not None:
        words += [COMPLEMENTIZERS[clause.verb.frame], *declarative(clause.complement)]
    return words


def verb_group(clause: Clause, *, inverts: bool = False) -> tuple[list[str], list[str]]:
    """The finite word with "not", and the rest of the verb.

    Args:
        clause: the clause whose verb is wanted.
        inverts: whether the subject comes between the two, so that a full verb needs "do".
    """
    finite, rest = _affirmative(clause)
    needs_auxiliary = inverts or clause.negated
    if finite and not rest and clause.verb.frame not in ("copula", "existence") and needs_auxiliary:
        finite, rest = [_do(clause)], [clause.verb.en]
    elif clause.modal in ("want", "like") and needs_auxiliary:
        finite, rest = [_do(clause)], [clause.modal, "to", clause.verb.en]
    elif clause.modal == "must" and clause.tense == "past" and needs_auxiliary:
        finite, rest = ["did"], ["have", "to", clause.verb.en]
    if not clause.negated:
        return finite, rest
    if clause.verb.frame == "existence":
        return finite, ["no", *rest]
    if finite == ["can"]:
        return ([*finite], ["not", *rest]) if inverts else (["cannot"], rest)
    return (finite, ["not", *rest]) if inverts else ([*finite, "not"], rest)


def _affirmative(clause: Clause) -> tuple[list[str], list[str]]:
    third = agreement(clause.subject) == agreement(Pronoun("he"))
    verb = clause.verb
    if clause.modal is not None:
        return _modal(clause, third)
    if clause.tense == "future":
        return ["will"], ["be" if verb.frame == "existence" else verb.en]
    if clause.tense == "progressive":
        return [_be(clause.subject, past=False)], [verb.ing]
    if verb.frame == "copula":
        return [_be(clause.subject, past=clause.tense == "past")], []
    if verb.frame == "existence":
        assert clause.object is not None, "an existential clause names what exists"
        return [_be(clause.object, past=clause.tense == "past")], []
    if clause.tense == "past":
        return [verb.past], []
    return [verb.third if third else verb.en], []


def _modal(clause: Clause, third: bool) -> tuple[list[str], list[str]]:
    base, past = clause.verb.en, clause.tense == "past"
    match clause.modal:
        case "can":
            return ["could" if past else "can"], [base]
        case "must":
            return (["had"], ["to", base]) if past else (["must"], [base])
        case "want" | "like":
            stem = clause.modal
            past_form = {"want": "wanted", "like": "liked"}[stem]
            return [past_form if past else stem + "s" if third else stem], ["to", base]
        case _:
            return [str(clause.modal)], [base]


def _do(clause: Clause) -> str:
    if clause.tense == "past":
        return "did"
    return "does" if agreement(clause.subject) == agreement(Pronoun("he")) else "do"


def _be(subject: Nominal, *, past: bool) -> str:
    agrees = agreement(subject)
    if agrees.plural or agrees.person == 2:
        return "were" if past else "are"
    if past:
        return "was"
    return "am" if agrees.person == 1 else "is"


def nominal(phrase: Nominal, *, subject: bool = True) -> list[str]:
    """A noun phrase in subject or object form."""
    match phrase:
        case Pronoun(word):
            return [word if subject else OBJECT_FORMS[word]]
        case Name():
            return [phrase.en]
        case Interrogative(word):
            return [word]
        case Gap():
            return []
        case Pair(first, second):
            return [*nominal(first, subject=subject), "and", *nominal(second, subject=subject)]
        case NounPhrase():
            return noun_phrase(phrase)


def noun_phrase(phrase: NounPhrase) -> list[str]:
    """Determiner, adjective, noun and relative clause."""
    words = [phrase.adjective.en] if phrase.adjective is not None else []
    words.append(phrase.noun.en_plural if phrase.plural else phrase.noun.en)
    words = [*_determiner(phrase, words[0]), *words]
    if phrase.relative is not None:
        words += [_relative_pronoun(phrase), *declarative(phrase.relative)]
    return words


def _determiner(phrase: NounPhrase, following: str) -> list[str]:
    if phrase.owner is not None:
        owner = noun_phrase(phrase.owner)
        return [*owner[:-1], owner[-1] + "'s"]
    match phrase.determiner:
        case "possessive":
            assert phrase.possessor is not None, "a possessive determiner has a possessor"
            holder = phrase.possessor
            return [holder.en + "'s" if isinstance(holder, Name) else POSSESSIVES[holder.word]]
        case "number":
            assert phrase.number is not None, "a counted phrase has a number"
            return [phrase.number.en]
        case "a":
            starts_with_vowel = following[0] in VOWELS and not following.startswith("uni")
            return ["an" if starts_with_vowel else "a"]
        case "this":
            return ["these" if phrase.plural else "this"]
        case "bare":
            return []
        case _:
            return [phrase.determiner]


def _relative_pronoun(phrase: NounPhrase) -> str:
    return "who" if "person" in phrase.noun.kinds else "that"


def _quality(quality: Quality) -> list[str]:
    if quality.than is not None:
        return [quality.adjective.comparative, "than", *nominal(quality.than, subject=False)]
    degree = [quality.degree.en] if quality.degree is not None else []
    return [*degree, quality.adjective.en]


def place(where: Place, *, goes: bool = False) -> list[str]:
    """A place as where something is, or as where somebody goes."""
    match where:
        case AtSite(site, phrase):
            return ["to" if goes else site.en_at, *noun_phrase(phrase)]
        case AtRegion(region):
            return ["to" if goes else "in", region.en]
        case Near(relation, phrase):
            return [relation, *noun_phrase(phrase)]


def times(moments: tuple[Time, ...]) -> list[str]:
    """The times, day before hour."""
    return [_time(moment) for moment in moments]


def _time(moment: Time) -> str:
    match moment:
        case TimeWord():
            return moment.en
        case Weekday(CalendarWord(en=day)):
            return f"on {day}"
        case Month(CalendarWord(en=month)):
            return f"in {month}"
        case Date(day=number, month=CalendarWord(en=month)):
            return f"on the {number.en_ordinal} of {month}"
        case Year(year):
            return f"in {year}"
        case Clock(hour, "full"):
            return f"at {hour.en} o'clock"
        case Clock(hour, part):
            return f"at {part} {hour.en}"
