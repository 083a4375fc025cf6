"""Whole words."""

import pytest

from seq2seq_pl.errors import UserError
from seq2seq_pl.tokenizer.word import Word
from seq2seq_pl.values import UNK


def learned(*texts: str, vocab_size: int | None = None, min_frequency: int = 1) -> Word:
    tokenizer = Word(vocab_size=vocab_size, min_frequency=min_frequency)
    tokenizer.train(texts)
    return tokenizer


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("The dog's (2nd) bowl.", ["▁The", "▁dog", "'", "s", "▁(", "2", "nd", ")", "▁bowl", "."]),
        ("5,000.50", ["▁5", ",", "000", ".", "50"]),
        ("我们在Berlin买2本 书", ["我", "们", "在", "Berlin", "买", "2", "本", "▁", "书"]),
        ("カタカナ ひらがな", [*"カタカナ", "▁", *"ひらがな"]),
    ],
)
def test_words_numbers_marks_and_chinese_characters_are_tokens(text, tokens):
    tokenizer = learned(text)
    (ids,) = tokenizer.encode([text])
    assert tokenizer.tokens(ids) == tokens
    assert tokenizer.decode(ids) == text


def test_the_vocabulary_is_cut_to_the_most_frequent_words():
    tokenizer = learned("a b b c c c", vocab_size=7)
    assert tokenizer.tokens(range(4, 7)) == ["▁", "▁c", "▁b"]
    assert tokenizer.encode(["a b c"]) == [[UNK, 6, 5]]


def test_rare_words_are_unknown():
    assert learned("a b b c c c", min_frequency=2).tokens(range(4, 7)) == ["▁", "▁c", "▁b"]


def test_an_unknown_word_is_shown_in_its_place():
    tokenizer = learned("the dog 我们有书")
    assert [tokenizer.decode(ids) for ids in tokenizer.encode(["the cat dog", "我们没有", "我没没"])] == [
        "the ⁇ dog",
        "我们⁇有",
        "我⁇⁇",
    ]


def test_the_piece_of_an_unknown_word_is_the_word_as_the_vocabulary_would_write_it():
    tokenizer = Word(vocab_size=None, min_frequency=1, lowercase=True)
    tokenizer.train(["the dog"])
    (pieces,) = tokenizer.pieces(["The  ZANTHO\u0308R's dog, 没有"])
    assert pieces == ["▁the", "▁zanthör", "'", "s", "▁dog", ",", "▁", "没", "有"]
    assert tokenizer.decode(tokenizer.piece_ids(pieces)) == "the ⁇ ⁇ ⁇ dog ⁇ ⁇ ⁇"


def test_values_out_of_range_are_refused():
    with pytest.raises(UserError, match=r"tokenizer\.vocab_size \(5\) must be at least 6; null keeps all words\."):
        Word(vocab_size=5, min_frequency=1)
    with pytest.raises(UserError, match=r"tokenizer\.min_frequency \(0\) must be at least 1; 1 keeps all words\."):
        Word(vocab_size=None, min_frequency=0)
