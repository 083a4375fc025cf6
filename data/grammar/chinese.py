"""Chinese: time and place before the verb, measure words, 了 and 没, the clause before its noun."""

from dataclasses import replace

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
    Question,
    Sentence,
    Statement,
    Subordination,
    Time,
    Weekday,
    Year,
)

PRONOUNS = {"I": "我", "you": "你", "he": "他", "she": "她", "we": "我们", "they": "他们", "it": "", "there": ""}
RELATIONS = {"on": "上", "under": "下面", "behind": "后面", "next to": "旁边", "in front of": "前面"}
MODALS = {"can": "能", "must": "必须", "want": "想", "should": "应该", "may": "可以", "like": "喜欢"}
NEGATED_MODALS = {"can": "不能", "must": "不可以", "want": "不想", "should": "不应该", "like": "不喜欢"}
COUNTED = {number.value: number.zh_before_measure for number in NUMBERS}


def sentence(tree: Sentence) -> str:
    """The sentence as text, with full-width punctuation and no spaces."""
    main = tree.main if isinstance(tree, Subordination) else tree
    return _text(tree) + ("？" if isinstance(main, Question) else "。")


def _text(tree: Sentence, opening: str = "") -> str:
    match tree:
        case Statement(clause):
            return arrange(clause, opening=opening)
        case Question(clause, asked):
            return _question(clause, asked, opening)
        case Command(clause):
            return "请" + ("不要" if clause.negated else "") + _verb_phrase(clause, asked="command")
        case Coordination(link, first, second):
            joint = {"and": "，", "but": "，但是", "so": "，所以"}[link]
            return f"{_text(first)}{joint}{_text(second)}"
        case Subordination():
            return _subordination(tree)


def _subordination(tree: Subordination) -> str:
    """The condition always comes first, whatever the other languages do."""
    condition = arrange(tree.condition)
    match tree.conjunction:
        case "because":
            return f"因为{condition}，所以{_text(tree.main)}"
        case "if":
            return f"如果{condition}，{_text(tree.main, '就')}"
        case "although":
            return f"虽然{condition}，但是{_text(tree.main)}"
        case "before":
            return f"在{arrange(tree.condition, aspect=False)}之前，{_text(tree.main)}"
        case "when":
            return f"{arrange(tree.condition, aspect=False)}的时候，{_text(tree.main)}"
        case "while":
            return f"在{arrange(tree.condition, aspect=False)}期间，{_text(tree.main)}"


def _question(clause: Clause, asked: str, opening: str) -> str:
    if asked == "yes_no":
        return arrange(clause, asked=asked, opening=opening) + "吗"
    return arrange(clause, asked=asked, opening=opening)


def arrange(clause: Clause, *, asked: str = "", aspect: bool = True, opening: str = "") -> str:
    """A clause: topic time, subject, time, adverbs, verb phrase.

    Args:
        clause: what to say.
        asked: the part that is asked for and becomes a question word in its place.
        aspect: whether a past action may carry 了.
        opening: an adverb right after the subject, such as 就.
    """
    when = times(clause.times) + ("什么时候" if asked == "when" else "")
    subject = nominal(clause.subject)
    if clause.verb.frame == "existence":
        assert clause.place is not None, "an existential clause has a place"
        subject = ground(clause.place)
    if isinstance(clause.subject, NounPhrase) and clause.subject.determiner == "every":
        opening += "都"
    start = when + subject if clause.fronted else subject + when
    why = "为什么" if asked == "why" else ""
    return start + why + opening + _verb_phrase(clause, asked=asked, aspect=aspect)


def _verb_phrase(clause: Clause, *, asked: str = "", aspect: bool = True) -> str:
    """Adverbs, negation or modal, company, place, manner and the verb with its objects."""
    if clause.complement is not None:
        tail = f"{arrange(clause.complement)}"
        whether = clause.verb.frame == "whether"
        return _before_verb(clause) + clause.verb.zh + (_whether(clause.complement) if whether else tail)
    if clause.verb.frame == "copula":
        return _copula(clause, asked)
    before = "" if asked in ("command", "purpose") else _before_verb(clause)
    is_state = clause.verb.frame == "location" or (asked == "where" and clause.verb.frame != "goal")
    if clause.tense == "progressive" and is_state:
        before = before.removesuffix("正在")
    company = f"和{nominal(clause.companion)}一起" if clause.companion is not None else ""
    where = "在" + ground(clause.place) if clause.place is not None and clause.verb.frame != "existence" else ""
    if clause.place is None and asked == "where" and clause.verb.frame not in ("goal", "location", "put"):
        where = "在哪里"
    if before.endswith("正在"):
        where = where.removeprefix("在") if not company else where
    manner = clause.manner.zh if clause.manner is not None else ""
    purpose = ""
    if clause.purpose is not None:
        # Of two verbs in a row the last one shows that both are done: 他去市场买了面包。
        purpose = _verb_phrase(replace(clause.purpose, tense=clause.tense, modal=None), asked="purpose")
        aspect = False
    return before + company + where + manner + _pattern(clause, asked, aspect) + purpose


def _whether(clause: Clause) -> str:
    return arrange(clause, opening="是否")


def _before_verb(clause: Clause) -> str:
    """Frequency, then negation, modal, future or progressive."""
    frequency = clause.frequency.zh if clause.frequency is not None else ""
    return frequency + _auxiliary(clause)


def _auxiliary(clause: Clause) -> str:
    verb, past = clause.verb, clause.tense == "past"
    if clause.modal is not None:
        if clause.negated:
            return "不必" if clause.modal == "must" and past else NEGATED_MODALS[clause.modal]
        return MODALS[clause.modal]
    if clause.tense == "future":
        return "不会" if clause.negated else "会"
    if clause.tense == "progressive":
        return "正在"
    if not clause.negated:
        return ""
    if "having" in verb.flags:
        return "没"
    return "没" if past and "stative" not in verb.flags else "不"


def _copula(clause: Clause, asked: str) -> str:
    assert clause.quality is not None, "a copula has a quality"
    quality = clause.quality
    predicate = quality.adjective.zh_predicate
    if quality.than is not None:
        return f"{_before_verb(clause)}比{nominal(quality.than)}{predicate}"
    degree = quality.degree.zh if quality.degree is not None else ""
    if predicate.endswith("的"):
        return f"{_before_verb(clause)}是{predicate}"
    is_plain = not degree and not clause.negated and asked != "yes_no"
    if is_plain:
        degree = "很"
    return _before_verb(clause) + degree + predicate


def _pattern(clause: Clause, asked: str, aspect: bool) -> str:
    """The verb's pattern with its slots filled."""
    shows_le = clause.tense == "past" and clause.modal is None and not clause.negated and aspect
    filled = ""
    for letter in clause.verb.zh:
        match letter:
            case "O":
                filled += _object(clause)
            case "R":
                filled += nominal(clause.recipient) if clause.recipient is not None else ""
            case "X" | "G":
                filled += _goal(clause, asked)
            case "L":
                filled += "了" if shows_le and not isinstance(clause.object, Gap) else ""
            case _:
                filled += letter
    return filled


def _object(clause: Clause) -> str:
    """The object; a gap in the middle of the pattern is taken up by a pronoun."""
    if isinstance(clause.object, Gap) and not clause.verb.zh.endswith("O"):
        if not clause.object.person:
            return "它们" if clause.object.plural else "它"
        singular = "她" if clause.object.gender == "f" else "他"
        return singular + ("们" if clause.object.plural else "")
    return nominal(clause.object) if clause.object is not None else ""


def _goal(clause: Clause, asked: str) -> str:
    if asked == "where":
        return "哪里"
    assert clause.goal is not None, "the verb's frame requires a place"
    if clause.verb.frame == "goal" and isinstance(clause.goal, AtSite):
        beside = clause.goal.site.zh_at if clause.goal.site.zh_at == "边" else ""
        return noun_phrase(clause.goal.phrase) + beside
    return ground(clause.goal)


def ground(where: Place) -> str:
    """A place as a location, with its localiser."""
    match where:
        case AtSite(site, phrase):
            return noun_phrase(phrase) + site.zh_at
        case AtRegion(region):
            return region.zh
        case Near(relation, phrase):
            return noun_phrase(phrase) + RELATIONS[relation]


def nominal(phrase: Nominal) -> str:
    """A noun phrase; a gap leaves nothing."""
    match phrase:
        case Pronoun(word):
            return PRONOUNS[word]
        case Name():
            return phrase.zh
        case Interrogative(word):
            return {"who": "谁", "what": "什么"}[word]
        case Gap():
            return ""
        case Pair(first, second):
            return f"{nominal(first)}和{nominal(second)}"
        case NounPhrase():
            return noun_phrase(phrase)


def noun_phrase(phrase: NounPhrase) -> str:
    """Determiner with measure word, relative clause, adjective, noun."""
    noun = phrase.noun
    relative = arrange(phrase.relative) + "的" if phrase.relative is not None else ""
    adjective = phrase.adjective.zh_before_noun if phrase.adjective is not None else ""
    before, between, after = "", "", ""
    measure = noun.measure
    match phrase.determiner:
        case "possessive":
            assert phrase.possessor is not None, "a possessive determiner has a possessor"
            before = nominal(phrase.possessor) + "的"
        case "number":
            assert phrase.number is not None, "a counted phrase has a number"
            before = COUNTED[phrase.number.value] + measure
        case "a":
            before = "一" + measure
        case "this":
            between = "这些" if phrase.plural else "这" + (measure or "些")
        case "every" | "which":
            before = {"every": "每", "which": "哪"}[phrase.determiner] + measure
        case "some" | "many":
            before = {"some": "一些", "many": "很多"}[phrase.determiner]
        case "how many":
            before = "多少" + measure
        case _:
            pass
    if phrase.plural and phrase.determiner in ("the", "possessive"):
        is_person = "person" in noun.kinds
        after = "们" if is_person else ""
        between = "那些" if not is_person and phrase.determiner == "the" and phrase.owner is None else ""
    if phrase.owner is not None:
        before = noun_phrase(phrase.owner) + "的"
    return before + relative + between + adjective + noun.zh + after


def times(moments: tuple[Time, ...]) -> str:
    """The times, day before hour."""
    return "".join(_time(moment) for moment in moments)


def _time(moment: Time) -> str:
    match moment:
        case TimeWord():
            return moment.zh
        case Weekday(CalendarWord(zh=day)):
            return day
        case Month(CalendarWord(zh=month)):
            return month
        case Date(day=number, month=CalendarWord(zh=month)):
            return f"{month}{number.zh}日"
        case Year(year):
            return f"{year}年"
        case Clock(hour, "a quarter to"):
            return f"差一刻{COUNTED[hour.value]}点"
        case Clock(hour, part):
            minutes = {"full": "", "half past": "半", "a quarter past": "一刻"}[part]
            return f"{COUNTED[hour.value]}点{minutes}"
