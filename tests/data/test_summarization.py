"""The summarization corpus: reproducible, new names in every split, and summaries that say what their documents say."""

import re
from string import Formatter

import pytest
from generate import CORPORA, DATA
from grammar.dice import Dice
from summarization import corpus
from summarization.corpus import KINDS, SIZES, Report, as_tsv, sentences, splits
from summarization.facts import Facts
from summarization.names import WORDS, Name, Names, Word
from summarization.numbers import SMALL, count, ordinal, tenths
from summarization.wording import Narrator, Plot, expand, phrasings


@pytest.fixture(scope="module")
def drawn() -> dict[str, list[Report]]:
    return splits()


@pytest.fixture(scope="module")
def reports(drawn: dict[str, list[Report]]) -> list[Report]:
    return [report for name in SIZES for report in drawn[name]]


def words(text: str) -> list[str]:
    return re.findall(r"\w+(?:[.,]\d+)*", text)


def spaced(text: str) -> str:
    """The words between spaces, so that `in` finds whole words only."""
    return f" {' '.join(words(text.lower()))} "


def choices(text: str) -> list[str]:
    """All that a text with [first|second] can become."""
    found = re.search(r"\[([^\[\]]*)\]", text)
    if found is None:
        return [text]
    return [way for one in found[1].split("|") for way in choices(text[: found.start()] + one + text[found.end() :])]


# -- the files -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", SIZES)
def test_generation_reproduces_the_committed_bytes(drawn: dict[str, list[Report]], name: str) -> None:
    assert (DATA / "summarization" / f"{name}.tsv").read_bytes() == as_tsv(drawn[name])


@pytest.mark.parametrize(("name", "size"), [("train", 6_000), ("valid", 300), ("test", 500)])
def test_a_split_has_its_header_its_size_and_two_full_columns(name: str, size: int) -> None:
    text = (DATA / "summarization" / f"{name}.tsv").read_bytes().decode("ascii")
    header, *lines = text.removesuffix("\n").split("\n")
    assert header == "document\tsummary"
    assert len(lines) == size
    assert all(re.fullmatch(r"\S+( \S+)*\t\S+( \S+)*", line) for line in lines)


def test_the_corpus_is_written_with_the_others() -> None:
    assert CORPORA["summarization"] is corpus.files


def test_no_document_and_no_summary_comes_twice_in_or_across_splits(reports: list[Report]) -> None:
    assert len({report.document for report in reports}) == len(reports)
    assert len({report.summary for report in reports}) == len(reports)


@pytest.mark.parametrize("name", ["valid", "test"])
def test_no_invented_name_outside_train_is_in_train(drawn: dict[str, list[Report]], name: str) -> None:
    known = {word for report in drawn["train"] for word in words(report.document)}
    assert [stem for report in drawn[name] for stem in report.stems if stem in known] == []


def test_valid_and_test_have_as_many_reports_of_every_kind(drawn: dict[str, list[Report]]) -> None:
    for name, size in SIZES.items():
        kinds = [report.kind for report in drawn[name]]
        assert all(kinds.count(kind) in (size // len(KINDS), size // len(KINDS) + 1) for kind in KINDS)


# -- documents and summaries -----------------------------------------------------------------------------------------


def test_lengths_are_in_range(reports: list[Report]) -> None:
    for report in reports:
        assert 4 <= len(sentences(report.document)) <= 7
        assert 40 <= len(report.document.split()) <= 80
        assert 10 <= len(report.summary.split()) <= 20


def test_a_sentence_begins_with_a_capital_and_ends_with_a_full_stop(reports: list[Report]) -> None:
    for report in reports:
        for sentence in (*sentences(report.document), report.summary):
            assert re.fullmatch(r'("?[A-Z]|\d)[^"{}\[\]|]*("[^"]+)?\.', sentence), sentence
        assert not any(sentence[0].isdigit() for sentence in sentences(report.document))


def test_everything_that_fills_a_summary_stands_in_its_document(reports: list[Report]) -> None:
    plots = {kind: Plot(kind) for kind in KINDS}
    for report in reports:
        (summary,) = plots[report.kind].fitting("summary", report.facts)
        for _, slot, _, _ in Formatter().parse(summary):
            if slot is None:
                continue
            value = report.facts.slots[slot.removesuffix(".brief")]
            told = value.full if isinstance(value, Name) else str(value)
            assert spaced(told) in spaced(report.document), (told, report)


def test_every_number_and_every_name_of_a_summary_stands_in_its_document(reports: list[Report]) -> None:
    for report in reports:
        known = set(words(report.document))
        _, *rest = words(report.summary)
        copied = {word for word in rest if word[0].isupper() or word[0].isdigit() or word in SMALL}
        copied |= {stem for stem in report.stems if stem in words(report.summary)}
        assert copied <= known, report


def test_no_sentence_says_all_that_a_summary_says(reports: list[Report]) -> None:
    for report in reports:
        wanted = set(words(report.summary.lower()))
        assert not any(wanted <= set(words(sentence.lower())) for sentence in sentences(report.document))


@pytest.mark.parametrize("kind", KINDS)
def test_an_outcome_has_one_summary_and_every_summary_has_its_outcome(kind: str) -> None:
    plot = Plot(kind)
    fitting = [plot.fitting("summary", KINDS[kind](Dice(seed), Names(Dice(seed)))) for seed in range(200)]
    assert all(len(texts) == 1 and choices(texts[0]) == texts for texts in fitting)
    assert {texts[0] for texts in fitting} == {row.text for row in plot.phrasings if "summary" in row.roles}


# -- the phrasings ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_plans_name_only_parts_that_can_be_told_and_every_part_is_in_a_plan(kind: str) -> None:
    rows = Plot(kind).phrasings
    told = {role for row in rows for role in row.roles} - {"plan", "summary"}
    planned = {role for row in rows if "plan" in row.roles for way in choices(row.text) for role in way.split()}
    assert planned <= told
    assert told - {role for row in phrasings("any") for role in row.roles} <= planned


@pytest.mark.parametrize("kind", KINDS)
def test_every_report_can_be_told_by_three_plans_of_which_none_tells_a_part_twice(kind: str) -> None:
    plot = Plot(kind)
    for seed in range(100):
        plans = plot.fitting("plan", KINDS[kind](Dice(seed), Names(Dice(seed))))
        assert len(plans) >= 3
        for way in (way for plan in plans for way in choices(plan)):
            assert len(set(way.split())) == len(way.split())


def test_every_word_of_the_lists_is_used(reports: list[Report]) -> None:
    text = " ".join(f"{report.document} {report.summary}" for report in reports).lower()
    lists = {name: entries for name, entries in WORDS.items() if not name.endswith(("ending", "syllable", "middle"))}
    assert [word for entries in lists.values() for word in entries if word.text.lower() not in text] == []


# -- worked out by hand ----------------------------------------------------------------------------------------------


def test_a_name_is_told_in_full_and_then_for_short() -> None:
    narrator = Narrator()
    slots = {"who": Name("Anna Belarsen", "Belarsen"), "race": Name("the Dalavi Run", "the race")}
    assert narrator.sentence("{race} was won by {who}.", slots) == "The Dalavi Run was won by Anna Belarsen."
    assert narrator.sentence('"a joy," said {who} after {race}.', slots) == '"A joy," said Belarsen after the race.'


@pytest.mark.parametrize(
    ("word", "article"),
    [
        *(("bus", "a"), ("ambulance", "an"), ("83-80", "an"), ("18-year-old", "an"), ("11,300", "an"), ("118", "a")),
        *(("1,100", "a"), ("Elmafield", "an")),
    ],
)
def test_a_or_an_goes_by_the_next_word(word: str, article: str) -> None:
    assert Narrator().sentence("he saw a(n) {x}.", {"x": Word(word, word)}) == f"He saw {article} {word}."


def test_one_of_each_choice_is_drawn_the_inner_first() -> None:
    ways = {expand("[no|the [big |]dog]s", Dice(seed)) for seed in range(40)}
    assert ways == {"nos", "the dogs", "the big dogs"}


def test_a_part_without_a_phrasing_for_these_facts_is_left_out() -> None:
    plot = Plot("accident")
    assert plot.fitting("first", Facts(frozenset({"plain"}), {})) == []
    assert len(plot.fitting("first", Facts(frozenset({"revised"}), {}))) == 3


def test_numbers_are_written_as_newspapers_do() -> None:
    assert [count(2), count(9), count(10), count(43_300)] == ["two", "nine", "10", "43,300"]
    assert [ordinal(n) for n in (81, 82, 83, 84, 11, 112)] == ["81st", "82nd", "83rd", "84th", "11th", "112th"]
    assert tenths(523) == "52.3"


def test_names_of_a_report_begin_differently_and_avoid_those_taken() -> None:
    names = Names(Dice(5))
    stems = [names.stem("town ending") for _ in range(20)]
    syllables = sorted((word.text for word in WORDS["syllable"]), key=len)
    assert len({[syllable for syllable in syllables if stem.startswith(syllable)][-1] for stem in stems}) == 20
    assert names.stems == stems
    again = Names(Dice(5), frozenset(stems[:1]))
    assert stems[0] not in [again.stem("town ending") for _ in range(20)]
