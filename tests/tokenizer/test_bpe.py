"""Byte-pair encoding, its dropout and its errors."""

import numpy as np
import pytest

from seq2seq_pl.errors import UserError
from seq2seq_pl.tokenizer.bpe import Bpe

WORDS = ["ab ab ab abc abc cab"]
TEXTS = ["The dog's bowl is on the table, isn't it?", "我们有两本书。", "dogs and dogs and 😀", "Grüße 1234"] * 5


def learned(dropout: float = 0.0, vocab_size: int = 60) -> Bpe:
    tokenizer = Bpe(vocab_size=vocab_size, min_frequency=1, dropout=dropout)
    tokenizer.train([text.replace("😀", "") for text in TEXTS])
    return tokenizer


def test_three_merges_worked_out_by_hand():
    """Words: ▁ab x 3, ▁abc x 2, ▁cab x 1. Pairs: ab 6, ▁a 5, ...: ab first; then ▁ab 5; then ▁ab+c 2."""
    tokenizer = Bpe(vocab_size=4 + 4 + 3, min_frequency=1)
    tokenizer.train(WORDS)
    assert tokenizer.tokens(range(4, 11)) == ["a", "b", "c", "▁", "ab", "▁ab", "▁abc"]
    assert tokenizer.tokens(tokenizer.encode(["abcab cb"])[0]) == ["▁abc", "ab", "▁", "c", "b"]


def test_no_dropout_equals_the_library():
    tokenizer = learned(dropout=1e-12)
    assert tokenizer.encode(TEXTS, np.random.default_rng(0)) == tokenizer.encode(TEXTS)


def test_full_dropout_leaves_characters():
    tokenizer = learned(dropout=1.0)
    (ids,) = tokenizer.encode(["The dog's"], np.random.default_rng(0))
    assert tokenizer.tokens(ids) == list("▁The▁dog's")


@pytest.mark.parametrize("dropout", [0.0, 0.1, 0.5, 0.9, 1.0])
def test_dropout_never_changes_the_text(dropout):
    tokenizer = learned(dropout)
    rng = np.random.default_rng(1)
    for text, ids in zip(TEXTS, tokenizer.encode(TEXTS, rng), strict=True):
        assert tokenizer.decode(ids) == text.replace("😀", "⁇")


def test_dropout_is_repeated_by_its_seed_and_only_by_it():
    tokenizer = learned(0.3)
    first, again, other = (tokenizer.encode(TEXTS, np.random.default_rng(seed)) for seed in (5, 5, 6))
    assert first == again
    assert first != other
    assert first != tokenizer.encode(TEXTS)


@pytest.mark.parametrize("dropout", [0.3, 1.0])
def test_a_generator_cuts_pieces_as_it_cuts_ids(dropout):
    tokenizer = learned(dropout)
    ids, pieces = (draw(TEXTS, np.random.default_rng(5)) for draw in (tokenizer.encode, tokenizer.pieces))
    assert list(map(tokenizer.piece_ids, pieces)) == ids
    assert pieces[2][-1] == "😀"  # which the vocabulary lacks
    assert "".join(pieces[2]) == "▁dogs▁and▁dogs▁and▁😀"


def test_unknown_characters_are_pieces_of_their_own():
    assert learned().pieces(["dogs 😀😀"]) == [["▁dogs", "▁", "😀", "😀"]]


def test_dropout_skips_a_merge_as_often_as_it_says():
    """With the one merge a+b, "ab" stays in two pieces with probability p."""
    tokenizer = Bpe(vocab_size=4 + 4 + 1, min_frequency=1, dropout=0.25)
    tokenizer.train(["我ab我ab"])
    encoded = tokenizer.encode(["ab"] * 4000, np.random.default_rng(0))
    assert np.mean([tokenizer.tokens(ids) == ["▁", "a", "b"] for ids in encoded]) == pytest.approx(0.25, abs=0.03)


def test_dropout_survives_saving_and_only_with_it_is_encoding_stochastic():
    tokenizer, other = learned(0.3), learned(0.0)
    assert tokenizer.stochastic
    assert not other.stochastic
    other.load(tokenizer.to_json())
    assert other.stochastic
    assert other.encode(TEXTS, np.random.default_rng(2)) == tokenizer.encode(TEXTS, np.random.default_rng(2))


def test_lowercase_is_the_same_text_in_lower_case():
    tokenizer = Bpe(vocab_size=22, min_frequency=1, lowercase=True)
    tokenizer.train(["The Dog THE DOG Äpfel"])
    assert tokenizer.decode(tokenizer.encode(["THE ÄDOG"])[0]) == "the ädog"


def test_a_vocabulary_that_the_text_cannot_fill_is_refused_with_the_attainable_size():
    message = r"tokenizer\.vocab_size \(50000\) is more than this training text can fill \(at most (\d+)\); set"
    with pytest.raises(UserError, match=message) as caught:
        learned(vocab_size=50000)
    attainable = int(str(caught.value).split("at most ")[1].split(")")[0])
    assert learned(vocab_size=attainable).vocab_size == attainable


def test_a_vocabulary_without_room_for_all_characters_is_refused_with_the_smallest_size():
    message = r"tokenizer\.vocab_size \(20\) is less than the 4 special tokens and \d+ characters of this training text"
    with pytest.raises(UserError, match=message) as caught:
        learned(vocab_size=20)
    smallest = int(str(caught.value).split("tokenizer.vocab_size=")[1].split(" ")[0])
    assert learned(vocab_size=smallest).vocab_size == smallest


def test_values_out_of_range_are_refused():
    with pytest.raises(UserError, match=r"tokenizer\.vocab_size \(-5\) must be at least 6; try 8000\."):
        Bpe(vocab_size=-5, min_frequency=1)
    with pytest.raises(UserError, match=r"tokenizer\.min_frequency \(0\) must be at least 1; try 2\."):
        Bpe(vocab_size=100, min_frequency=0)
    with pytest.raises(UserError, match=r"tokenizer\.vocab_size \(10000001\) must be at most 10000000; try 8000\."):
        Bpe(vocab_size=10_000_001, min_frequency=1)
    with pytest.raises(UserError, match=r"tokenizer\.min_frequency \(1{30}\) must be at most 10000000; try 2\."):
        Bpe(vocab_size=100, min_frequency=int("1" * 30))
    with pytest.raises(UserError, match=r"tokenizer\.dropout \(1\.5\) must be a probability from 0 to 1; try 0\.1\."):
        Bpe(vocab_size=100, min_frequency=1, dropout=1.5)


def test_without_a_size_the_vocabulary_is_what_the_text_can_fill() -> None:
    tokenizer = Bpe(vocab_size=None, min_frequency=1)
    tokenizer.train(["low lower lowest"])
    fixed = Bpe(vocab_size=tokenizer.vocab_size, min_frequency=1)
    fixed.train(["low lower lowest"])
    assert 10 < tokenizer.vocab_size < 8000
    assert fixed.encode(["lowest low"]) == tokenizer.encode(["lowest low"])
