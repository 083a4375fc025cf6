"""The grapheme-to-phoneme corpus: reproducible, distinct, closed; and each rule on words worked out by hand."""

import unicodedata
from collections import Counter
from functools import cache

import pytest
from g2p.corpus import SIZES, as_tsv, splits
from g2p.rules import (
    CONSONANT_LETTERS,
    CONSONANTS,
    VOWEL_LETTERS,
    VOWELS,
    letter_changes,
    pronunciations,
    readings,
    rule_names,
    sound_steps,
    table,
)
from g2p.words import Word
from generate import DATA

EXAMPLES = [
    ("trigraph", "batcha", ["b aː tʃ a"]),
    ("trigraph", "scheau", ["ʃ oː"]),
    ("digraph", "gnopho", ["ɲ oː f u"]),
    ("ch", "lacha", ["l aː x a"]),
    ("ch", "chin", ["tʃ i n"]),
    ("tion", "nation", ["n aː ʃ u n"]),
    ("gu", "guelto", ["ɡ e l t u"]),
    ("soft c and g", "cegis", ["s eː dʒ i s"]),
    ("hard c and g", "cogro", ["k o ɡ r u"]),
    ("h", "hoha", ["oː h a"]),
    ("s between vowels", "caso", ["k aː z u"]),
    ("doubled consonant", "casso", ["k a s u"]),
    ("silent first letter", "knot", ["n o t"]),
    ("silent first letter", "wran", ["r a n"]),
    ("vowel pair", "poula", ["p uː l a"]),
    ("silent e", "tane", ["t aː n"]),
    ("reduction", "tarte", ["t a r t ə"]),  # after two consonants the final e is heard
    ("glide", "bial", ["b j a l"]),
    ("glide", "mual", ["m w a l"]),
    ("y", "yony", ["j oː n i"]),
    ("letter", "jop", ["ʒ o p"]),
    ("nasal before a stop", "anpo", ["a m p u"]),
    ("nasal before a stop", "bank", ["b a ŋ k"]),
    ("lost stop", "lomb", ["l o m"]),
    ("lost stop", "sing", ["s i ŋ"]),  # before final devoicing, which would leave a k
    ("dark l", "salta", ["s a w t a"]),
    ("palatal", "notia", ["n oː tʃ a"]),  # the glide is what t was palatal before
    ("final devoicing", "rod", ["r o t"]),
    ("final devoicing", "rode", ["r oː t"]),  # after the silent e is gone
    ("agreement in voice", "obti", ["o p t i"]),
    ("agreement in voice", "bisbo", ["b i z b u"]),
    ("nasal vowel", "santo", ["s ã t u"]),
    ("doubled consonant", "sanno", ["s a n u"]),
    ("hiatus", "leona", ["l ə j oː n a"]),
    ("hiatus", "boa", ["b oː w a"]),
    ("moving stress", "megula", ["m ə ɡ uː l a", "m eː ɡ u l a"]),
    ("stress", "kamodon", ["k a m oː d u n"]),
    ("open syllable", "tota", ["t oː t a"]),
    ("doubled consonant", "totta", ["t o t a"]),
    ("reduction", "berelen", ["b ə r eː l ə n"]),
    ("short unless stressed", "maisona", ["m e z oː n a"]),  # after the reduction: no schwa
    ("harmony", "mina", ["m iː n e"]),
    ("lost schwa", "kaderona", ["k a d ə r oː n a", "k a d r oː n a"]),
    ("lost schwa", "raderula", ["r a d ə r uː l a", "r a d r uː l a", "r a d eː r u l a"]),
    ("stress mark", "a", ["a"]),
]


by_rules = cache(pronunciations)


@pytest.fixture(scope="module")
def drawn() -> dict[str, list[Word]]:
    return splits()


@pytest.fixture(scope="module")
def stored() -> dict[str, list[list[str]]]:
    rows = {}
    for name in SIZES:
        text = (DATA / "g2p" / f"{name}.tsv").read_bytes().decode("utf-8")
        rows[name] = [line.split("\t") for line in text.removesuffix("\n").split("\n")]
    return rows


def exceptional(word: Word) -> bool:
    """Whether the rules alone read it otherwise."""
    return not set(word.pronunciations) & set(by_rules(word.spelling))


# -- the rules -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("rule", "spelling", "accepted"), EXAMPLES)
def test_a_word_is_read_as_worked_out_by_hand(rule: str, spelling: str, accepted: list[str]) -> None:
    found = readings(spelling)
    assert sorted(pronunciations(spelling)) == sorted(accepted)
    assert pronunciations(spelling)[0] == accepted[0]
    assert any(rule in reading.rules for reading in found)


def test_every_rule_has_an_example() -> None:
    assert {rule for rule, _, _ in EXAMPLES} == set(rule_names())


def test_a_symbol_that_a_rule_speaks_of_is_a_letter_or_a_sound() -> None:
    letters, sounds = {*VOWEL_LETTERS, *CONSONANT_LETTERS}, {*VOWELS, *CONSONANTS, "ˈ"}
    assert {symbol for change in letter_changes() for symbol in change.old} == letters
    changes = [change for step in sound_steps() for change in step.changes.values()]
    assert {symbol for change in changes for symbol in change.old} <= sounds
    assert {symbol for change in (*letter_changes(), *changes) for symbol in change.new} <= sounds


# -- the files -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", SIZES)
def test_generation_reproduces_the_committed_bytes(drawn: dict[str, list[Word]], name: str) -> None:
    assert (DATA / "g2p" / f"{name}.tsv").read_bytes() == as_tsv(drawn[name])


@pytest.mark.parametrize(("name", "size"), [("train", 6_000), ("valid", 500), ("test", 800)])
def test_a_split_has_its_size_and_words_of_3_to_14_letters(
    stored: dict[str, list[list[str]]], name: str, size: int
) -> None:
    assert len(stored[name]) == size
    assert {len(spelling) for spelling, *_ in stored[name]} <= set(range(3, 15))
    assert all(len(row) >= 2 for row in stored[name])


def test_no_spelling_comes_twice_in_or_across_splits(stored: dict[str, list[list[str]]]) -> None:
    spellings = [row[0] for name in SIZES for row in stored[name]]
    assert len(set(spellings)) == len(spellings)


def test_all_accepted_pronunciations_of_a_word_differ(stored: dict[str, list[list[str]]]) -> None:
    assert all(len(set(row)) == len(row) for name in SIZES for row in stored[name])


def test_letters_and_phonemes_are_the_same_in_every_split(stored: dict[str, list[list[str]]]) -> None:
    for name in SIZES:
        assert {letter for row in stored[name] for letter in row[0]} == {*VOWEL_LETTERS, *CONSONANT_LETTERS}
        assert {sound for row in stored[name] for cell in row[1:] for sound in cell.split(" ")} == {
            *VOWELS,
            *CONSONANTS,
        }
    assert len({*VOWEL_LETTERS, *CONSONANT_LETTERS}) == 24
    assert len({*VOWELS, *CONSONANTS}) == 38
    assert all(unicodedata.is_normalized("NFC", sound) for sound in (*VOWELS, *CONSONANTS))


@pytest.mark.parametrize("name", ["valid", "test"])
def test_the_morphemes_of_a_word_outside_train_are_known_from_train(drawn: dict[str, list[Word]], name: str) -> None:
    for part in ("prefix", "stem", "suffix", "ending"):
        known = {getattr(word, part) for word in drawn["train"]}
        assert {getattr(word, part) for word in drawn[name]} <= known


def test_every_rule_is_shown_often_in_train(drawn: dict[str, list[Word]]) -> None:
    shown: Counter[str] = Counter()
    for word in drawn["train"]:
        found = readings(word.spelling)
        if word.pronunciations == tuple(" ".join(reading.sounds) for reading in found):
            shown.update({rule for reading in found for rule in reading.rules})
    assert [rule for rule in rule_names() if shown[rule] < 40] == []


# -- exceptions ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "right"), [("train", 5_739), ("valid", 479), ("test", 768)])
def test_the_rules_alone_get_as_many_words_right_as_the_readme_says(
    drawn: dict[str, list[Word]], name: str, right: int
) -> None:
    assert sum(by_rules(word.spelling)[0] in word.pronunciations for word in drawn[name]) == right


def test_an_exception_is_an_odd_stem_or_a_word_without_relatives(drawn: dict[str, list[Word]]) -> None:
    odd = {row["spelling"] for row in table("exceptions") if row["kind"] == "stem"}
    for name in SIZES:
        for word in drawn[name]:
            assert exceptional(word) == (word.stem in odd or not word.stem)


def test_an_odd_stem_is_met_in_train_often_enough_to_be_learnt(drawn: dict[str, list[Word]]) -> None:
    met = Counter(word.stem for word in drawn["train"])
    assert all(met[row["spelling"]] >= 3 for row in table("exceptions") if row["kind"] == "stem")


@pytest.mark.parametrize("name", SIZES)
def test_about_one_word_in_twelve_has_further_pronunciations(stored: dict[str, list[list[str]]], name: str) -> None:
    assert 0.07 <= sum(len(row) > 2 for row in stored[name]) / len(stored[name]) <= 0.1
