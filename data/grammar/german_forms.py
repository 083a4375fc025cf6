"""German forms: articles, adjective endings, nouns, pronouns and verbs in their paradigms."""

from typing import Literal

from grammar.lexicon import Gender, Name, Verb
from grammar.tree import Agreement, Clause, Gap, NounPhrase, Pronoun, agreement

Case = Literal["nominative", "accusative", "dative"]
Class = Literal["m", "f", "n", "plural"]

DEFINITE: dict[Case, dict[Class, str]] = {
    "nominative": {"m": "der", "f": "die", "n": "das", "plural": "die"},
    "accusative": {"m": "den", "f": "die", "n": "das", "plural": "die"},
    "dative": {"m": "dem", "f": "der", "n": "dem", "plural": "den"},
}
STRONG: dict[Case, dict[Class, str]] = {
    "nominative": {"m": "er", "f": "e", "n": "es", "plural": "e"},
    "accusative": {"m": "en", "f": "e", "n": "es", "plural": "e"},
    "dative": {"m": "em", "f": "er", "n": "em", "plural": "en"},
}
CONTRACTIONS = {
    ("in", "dem"): "im",
    ("in", "das"): "ins",
    ("an", "dem"): "am",
    ("von", "dem"): "vom",
    ("zu", "dem"): "zum",
    ("zu", "der"): "zur",
}
PRONOUNS: dict[Case, dict[str, str]] = {
    "nominative": {"I": "ich", "you": "du", "he": "er", "she": "sie", "we": "wir", "they": "sie"},
    "accusative": {"I": "mich", "you": "dich", "he": "ihn", "she": "sie", "we": "uns", "they": "sie"},
    "dative": {"I": "mir", "you": "dir", "he": "ihm", "she": "ihr", "we": "uns", "they": "ihnen"},
}
POSSESSIVES = {"I": "mein", "you": "dein", "he": "sein", "she": "ihr", "we": "unser", "they": "ihr"}
INTERROGATIVES: dict[Case, str] = {"nominative": "wer", "accusative": "wen", "dative": "wem"}

# ich, du, er, and the form of wir and sie
AUXILIARIES = {
    "sein": ("bin", "bist", "ist", "sind"),
    "haben": ("habe", "hast", "hat", "haben"),
    "werden": ("werde", "wirst", "wird", "werden"),
    "können": ("kann", "kannst", "kann", "können"),
    "müssen": ("muss", "musst", "muss", "müssen"),
    "wollen": ("will", "willst", "will", "wollen"),
    "dürfen": ("darf", "darfst", "darf", "dürfen"),
    "mögen": ("mag", "magst", "mag", "mögen"),
    "wissen": ("weiß", "weißt", "weiß", "wissen"),
}
# These are told in the simple past, every other verb in the perfect, as one speaks.
SIMPLE_PASTS = {
    "sein": "war",
    "haben": "hatte",
    "mögen": "mochte",
    "wissen": "wusste",
    "kennen": "kannte",
    "geben": "gab",
    "können": "konnte",
    "müssen": "musste",
    "wollen": "wollte",
    "sollen": "sollte",
}


def class_of(gender: Gender, plural: bool) -> Class:
    """The column of a declension table."""
    return "plural" if plural else gender


def noun_form(phrase: NounPhrase, case: Case) -> str:
    """The noun, with the -n of the dative plural and the endings of weak nouns."""
    noun = phrase.noun
    if not phrase.plural:
        return noun.de if case == "nominative" else noun.de_oblique
    needs_ending = case == "dative" and not noun.de_plural.endswith(("n", "s"))
    return noun.de_plural + "n" if needs_ending else noun.de_plural


def ein_ending(case: Case, column: Class) -> str:
    """The ending of ein, kein and the possessives."""
    bare = (case == "nominative" and column in ("m", "n")) or (case == "accusative" and column == "n")
    return "" if bare else STRONG[case][column]


def weak_ending(case: Case, column: Class) -> str:
    """The adjective's ending after der, dieser, jeder and welcher."""
    short = (column != "plural" and case == "nominative") or (column in ("f", "n") and case == "accusative")
    return "e" if short else "en"


def mixed_ending(case: Case, column: Class) -> str:
    """The adjective's ending after ein, kein and the possessives."""
    shows_gender = not ein_ending(case, column)
    return STRONG[case][column] if shows_gender else weak_ending(case, column)


def determiner(phrase: NounPhrase, case: Case, *, negative: bool) -> tuple[str, str]:
    """The determiner, empty if there is none, and the ending that the adjective takes after it.

    Args:
        phrase: the noun phrase.
        case: its case.
        negative: whether an indefinite phrase carries its clause's negation, as kein.
    """
    column = class_of(phrase.noun.gender, phrase.plural)
    strong, mixed, weak = STRONG[case][column], mixed_ending(case, column), weak_ending(case, column)
    if phrase.owner is not None:
        return DEFINITE[case][column], weak
    if negative and phrase.determiner in ("a", "bare"):
        return "kein" + ein_ending(case, column), mixed
    match phrase.determiner:
        case "the":
            return DEFINITE[case][column], weak
        case "this" | "every" | "which":
            stem = {"this": "dies", "every": "jed", "which": "welch"}[phrase.determiner]
            return stem + STRONG[case][column], weak
        case "a":
            return "ein" + ein_ending(case, column), mixed
        case "possessive":
            return _possessive(phrase.possessor, case, column)
        case "some" | "many" | "how many":
            stem = {"some": "einig", "many": "viel", "how many": "wie viel"}[phrase.determiner]
            return stem + STRONG[case][column], strong
        case "number":
            assert phrase.number is not None, "a counted phrase has a number"
            return phrase.number.de, strong
        case _:
            return "", strong


def _possessive(possessor: Pronoun | Name | None, case: Case, column: Class) -> tuple[str, str]:
    assert possessor is not None, "a possessive determiner has a possessor"
    if isinstance(possessor, Name):
        return possessor.de_oblique + "s", STRONG[case][column]
    return POSSESSIVES[possessor.word] + ein_ending(case, column), mixed_ending(case, column)


def genitive(owner: NounPhrase) -> list[str]:
    """A singular owner in the genitive: des Lehrers, meiner Tante."""
    feminine = owner.noun.gender == "f"
    if isinstance(owner.possessor, Pronoun):
        article = POSSESSIVES[owner.possessor.word] + ("er" if feminine else "es")
    else:
        article = "der" if feminine else "des"
    return [article, owner.noun.de_genitive]


def relative_pronoun(gap: Gap, case: Case) -> str:
    """der, die, das as a relative pronoun."""
    if gap.plural and case == "dative":
        return "denen"
    return DEFINITE[case][class_of(gap.gender, gap.plural)]


def reflexive(agrees: Agreement) -> str:
    """The accusative reflexive pronoun."""
    if agrees.person == 3:
        return "sich"
    return "uns" if agrees.plural else "mich" if agrees.person == 1 else "dich"


def present(verb: Verb, agrees: Agreement) -> str:
    """The finite present of a full verb, without its particle."""
    infinitive = verb.de_bare
    if infinitive in AUXILIARIES:
        return auxiliary(infinitive, agrees)
    if agrees.plural:
        return infinitive
    if agrees.person == 1:
        return infinitive.removesuffix("n").removesuffix("e") + "e"
    return verb.du if agrees.person == 2 else verb.er


def auxiliary(infinitive: str, agrees: Agreement) -> str:
    """The finite present of an auxiliary or a modal."""
    first, second, third, plural = AUXILIARIES[infinitive]
    if agrees.plural:
        return plural
    return {1: first, 2: second, 3: third}[agrees.person]


def simple_past(infinitive: str, agrees: Agreement) -> str:
    """The finite simple past of the few verbs that keep it."""
    stem = SIMPLE_PASTS[infinitive]
    if agrees.plural:
        return stem + ("n" if stem.endswith("e") else "en")
    return stem + "st" if agrees.person == 2 else stem


def keeps_simple_past(verb: Verb) -> bool:
    """Whether the verb is told in the simple past; geben only as "es gab"."""
    return verb.de_bare in SIMPLE_PASTS and not (verb.de_bare == "geben" and verb.frame != "existence")


def finite_and_bracket(clause: Clause) -> tuple[str, list[str]]:
    """The finite verb and what stands at the end of the clause; a bare finite verb leaves that empty."""
    verb, agrees = clause.verb, agreement(clause.subject)
    if clause.modal is not None and clause.modal != "like":
        return _modal(clause, agrees), [verb.de_infinitive]
    if clause.tense == "future":
        return auxiliary("werden", agrees), [verb.de_infinitive]
    if clause.tense == "past" and keeps_simple_past(verb):
        return simple_past(verb.de_bare, agrees), []
    if clause.tense == "past":
        return auxiliary(verb.auxiliary, agrees), [verb.participle]
    return present(verb, agrees), []


def _modal(clause: Clause, agrees: Agreement) -> str:
    past = clause.tense == "past"
    match clause.modal:
        case "should":
            return simple_past("sollen", agrees)
        case "must" if clause.negated and not past:
            return auxiliary("dürfen", agrees)
        case "may":
            return auxiliary("dürfen", agrees)
        case _:
            infinitive = {"can": "können", "must": "müssen", "want": "wollen"}[str(clause.modal)]
            return simple_past(infinitive, agrees) if past else auxiliary(infinitive, agrees)
