"""What a line asks of its output: reading it, ids for the search, and the last look at the text."""

import pytest

from seq2seq_pl.constraints import SPELLINGS, Request, demand, occurs, read_request
from seq2seq_pl.errors import UserError
from seq2seq_pl.tokenizer.bpe import Bpe
from seq2seq_pl.tokenizer.char import Char
from seq2seq_pl.tokenizer.word import Word
from seq2seq_pl.values import UNK, Constraints

TEXTS = ["the dog sleeps, the cat (a cat) dances.", "dogs and a cat, cats", "狗在睡觉。"]


@pytest.fixture(scope="module")
def word() -> Word:
    tokenizer = Word(vocab_size=None, min_frequency=1)
    tokenizer.train(TEXTS)
    return tokenizer


@pytest.fixture(scope="module")
def bpe() -> Bpe:
    """Letters, ▁ and few merges: ▁ab, abc, ▁abc and the like can be cut in several ways."""
    tokenizer = Bpe(vocab_size=4 + 4 + 3, min_frequency=1)
    tokenizer.train(["ab ab ab abc abc cab"])
    return tokenizer


@pytest.fixture(scope="module")
def char() -> Char:
    tokenizer = Char(vocab_size=None, min_frequency=1)
    tokenizer.train(TEXTS)
    return tokenizer


# -- reading a line --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("The dog sleeps.", Request("The dog sleeps.")),
        ("The dog sleeps. {+Hund}", Request("The dog sleeps.", include=("Hund",))),
        ("The {-Katze} dog  sleeps.", Request("The dog sleeps.", exclude=("Katze",))),
        ("{>Der große} The dog.", Request("The dog.", beginning="Der große")),
        ("{+ a  b }{+c}{-d}x{>e}", Request("x", "e", ("a b", "c"), ("d",))),
        ("{>a} x {>b}", Request("x", "a b")),
        ("x {+a} {+a}", Request("x", include=("a",))),
        ("x {+}", Request("x", include=("",))),
        ("x {>}", Request("x")),
        ("{+a}", Request("", include=("a",))),
        ("{a} {+a {b} } {?c}", Request("{a} {+a {b} } {?c}")),
        ("", Request("")),
    ],
)
def test_a_line_says_inline_what_it_asks_for(line, expected):
    assert read_request(line, "inline") == expected


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("The dog.", Request("The dog.")),
        ("The dog.\tHund", Request("The dog.", include=("Hund",))),
        ("The dog.\t\tKatze", Request("The dog.", exclude=("Katze",))),
        ("The dog.\t\t\tDer große", Request("The dog.", beginning="Der große")),
        ("x\ta b | c\td|e |  | f\tg", Request("x", "g", ("a b", "c"), ("d|e", "f"))),
        ("x\t | \t", Request("x")),
        ("\ta", Request("", include=("a",))),
        ("{+a}\t", Request("{+a}")),
        ("", Request("")),
    ],
)
def test_a_line_says_in_columns_what_it_asks_for(line, expected):
    assert read_request(line, "columns") == expected


def test_more_columns_than_there_are_is_a_mistake():
    with pytest.raises(UserError, match=r"^expected at most 4 tab-separated columns \(source, .*\), found 5\.$"):
        read_request("a\tb\tc\td\te", "columns")


def test_a_plain_line_asks_for_nothing():
    assert read_request("{+a}\tb", None) == Request("{+a}\tb")
    assert not Request("a").constrained
    assert all(Request("a", **one).constrained for one in ({"beginning": "b"}, {"include": ("",)}, {"exclude": ("b",)}))


# -- the last look ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("phrase", "text", "there"),
    [
        ("cat", "the cat sleeps", True),
        ("cat", "cat", True),
        ("cat", "(cat)", True),
        ("cat", "a category", False),
        ("cat", "a bobcat", False),
        ("cat", "a category, no cat", True),
        ("the cat", "the cat's", True),
        ("cat", "cat2", False),
        (",", "well, no", True),
        (", no", "well, now", False),
        ("dances.", "it dances.", True),
        ("睡觉", "狗在睡觉。", True),
        ("dog", "狗dog狗", True),
        ("dog", "the  cat", False),
    ],
)
def test_a_phrase_occurs_as_whole_words(phrase, text, there):
    assert occurs(phrase, text) is there


def test_a_text_meets_a_demand_if_all_of_it_is_met(word):
    asked = demand(Request("x", "the", ("dog",), ("cat",)), word)
    assert asked.met_by("the dog sleeps")
    assert asked.met_by("the dog and cats")
    assert not asked.met_by("a dog sleeps, the dog dances")
    assert not asked.met_by("the dogs")
    assert not asked.met_by("the dog and the cat")


def test_texts_are_compared_as_the_tokenizer_writes_them():
    tokenizer = Word(vocab_size=None, min_frequency=1, lowercase=True)
    tokenizer.train(["the dog caf\u00e9"])
    asked = demand(Request("x", "  The", ("Cafe\u0301",), ("DOG",)), tokenizer)
    assert (asked.beginning, asked.include, asked.exclude) == ("the", ("caf\u00e9",), ("dog",))
    assert asked.constraints is not None


# -- ids for the search ----------------------------------------------------------------------------------------------


def test_phrases_are_asked_for_as_the_tokenizer_cuts_them(word):
    asked = demand(Request("x", "the cat", ("a cat", "狗"), ("dogs",)), word)
    assert asked.constraints is not None
    assert asked.constraints.prefix == tuple(word.encode(["the cat"])[0])
    assert asked.constraints.include == tuple(map(tuple, word.encode(["a cat", "狗"])))
    assert tuple(word.encode(["dogs"])[0]) in asked.constraints.exclude


def test_a_mark_that_never_follows_a_space_is_asked_for_where_it_stands(word):
    asked = demand(Request("x", "", (",",), (",",)), word)
    space, comma = word.piece_ids(["▁", ","])
    assert word.piece_ids(["▁,"]) == [UNK]
    assert asked.constraints == Constraints(include=((comma,),), exclude=((comma,), (space, comma)))


def test_a_mark_that_does_both_must_not_occur_in_either_place(word):
    asked = demand(Request("x", exclude=("(",)), word)
    (opening,) = word.piece_ids(["▁("])
    assert opening != UNK
    assert asked.constraints is not None
    assert (opening,) in asked.constraints.exclude


@pytest.mark.parametrize(
    "request_",
    [
        Request("x", include=("zebra",)),
        Request("x", include=("the zebra",)),
        Request("x", include=("dog", "zebra")),
        Request("x", include=("",)),
        Request("x", include=("\x1c",)),
        Request("x", beginning="zebra"),
        Request("x", beginning="the zebra"),
        Request("x", exclude=("",)),
    ],
)
def test_what_the_vocabulary_cannot_write_cannot_be_asked_for(word, request_):
    assert demand(request_, word).constraints is None


def test_a_word_of_the_source_can_be_copied(word):
    size = word.vocab_size
    asked = demand(Request("x", "▁zebra", ("the zebra",), ("gnu",)), word, words=["▁gnu", "▁zebra"])
    assert asked.constraints is None  # ▁ is an underscore to whoever types it
    asked = demand(Request("x", "zebra", ("the zebra",), ("gnu",)), word, words=["▁gnu", "▁zebra"])
    (the,) = word.piece_ids(["▁the"])
    assert asked.constraints == Constraints((size + 1,), ((the, size + 1),), ((size,),))


def test_an_unknown_word_that_must_not_occur_needs_no_search(word):
    asked = demand(Request("x", exclude=("zebra",)), word)
    assert asked.constraints == Constraints()
    assert not asked.met_by("a zebra")  # as of a model that copies


def test_what_must_not_occur_is_forbidden_in_every_segmentation(bpe):
    asked = demand(Request("x", exclude=("abc",)), bpe)
    assert asked.constraints is not None
    written = {tuple(bpe.tokens(ids)) for ids in asked.constraints.exclude}
    assert written == {
        ("▁abc",),
        ("▁ab", "c"),
        ("▁", "ab", "c"),
        ("▁", "a", "b", "c"),
    }
    assert bpe.tokens(asked.constraints.exclude[0]) == ["▁abc"]
    assert demand(Request("x", include=("abc",)), bpe).constraints == Constraints(
        include=(tuple(bpe.encode(["abc"])[0]),)
    )


def test_the_ways_to_write_a_phrase_are_bounded(bpe):
    few = demand(Request("x", exclude=("ab" * 20,)), bpe)
    long = demand(Request("x", exclude=("ab" * 500,)), bpe)
    assert few.constraints is not None
    assert long.constraints is not None
    assert len(few.constraints.exclude) == len(set(few.constraints.exclude)) == SPELLINGS
    assert long.constraints.exclude == (tuple(bpe.encode(["ab" * 500])[0]),)


def test_a_character_tokenizer_has_one_way(char):
    asked = demand(Request("x", "the", ("cat",), ("dog",)), char)
    assert asked.constraints is not None
    assert char.tokens(asked.constraints.prefix) == list("▁the")
    assert [char.tokens(ids) for ids in asked.constraints.include] == [list("▁cat")]
    assert [char.tokens(ids) for ids in asked.constraints.exclude] == [list("▁dog")]


def test_nothing_asked_is_no_constraint(word):
    assert demand(Request("x"), word).constraints == Constraints()
