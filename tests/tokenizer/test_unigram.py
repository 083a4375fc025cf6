"""The unigram tokenizer and the sizes it can have."""

import pytest

from seq2seq_pl.errors import UserError
from seq2seq_pl.tokenizer.unigram import Unigram

TEXTS = ["low lower lowest new newer newest slow slower slowest"] * 4


def learned(vocab_size: int, texts: list[str] = TEXTS) -> Unigram:
    tokenizer = Unigram(vocab_size=vocab_size)
    tokenizer.train(texts)
    return tokenizer


def test_stems_that_many_words_share_are_found():
    tokenizer = learned(18)
    assert {"▁low", "▁new", "▁slow"} <= set(tokenizer.tokens(range(18)))
    assert tokenizer.tokens(tokenizer.encode(["newest slower"])[0]) == ["▁new", "e", "s", "t", "▁slow", "e", "r"]


def test_neighbouring_unknown_characters_are_one_piece():
    assert learned(18).pieces(["lowzqen ÖÖw"]) == [["▁low", "zq", "e", "n", "▁", "ÖÖ", "w"]]


def test_the_order_of_the_training_text_does_not_matter():
    words = TEXTS[0].split()
    assert learned(24, words).to_json() == learned(24, words[::-1]).to_json()


def test_a_vocabulary_that_the_text_cannot_fill_is_refused_with_the_attainable_size():
    message = r"tokenizer\.vocab_size \(50000\) is more than this training text can fill \(at most (\d+)\); set"
    with pytest.raises(UserError, match=message) as caught:
        learned(50000)
    attainable = int(str(caught.value).split("at most ")[1].split(")")[0])
    assert learned(attainable).vocab_size == attainable


def test_a_vocabulary_without_room_for_all_characters_is_refused_with_the_smallest_size():
    message = (
        r"tokenizer\.vocab_size \(10\) is less than the 4 special tokens and 9 characters of .*vocab_size=13 or more"
    )
    with pytest.raises(UserError, match=message):
        learned(10)
    assert learned(13).vocab_size == 13


def test_a_vocab_size_out_of_range_is_refused():
    with pytest.raises(UserError, match=r"tokenizer\.vocab_size \(5\) must be at least 6; try 8000\."):
        Unigram(vocab_size=5)


def test_without_a_size_the_vocabulary_is_what_the_text_can_fill() -> None:
    tokenizer = Unigram(vocab_size=None)
    tokenizer.train(["low lower lowest", "new newer newest"])
    assert 10 < tokenizer.vocab_size < 8000
    assert tokenizer.decode(tokenizer.encode(["newest low"])[0]) == "newest low"
