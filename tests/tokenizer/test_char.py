"""Single characters."""

import pytest

from seq2seq_pl.errors import UserError
from seq2seq_pl.tokenizer.char import Char


def test_every_character_is_a_token_and_the_space_is_one_too():
    tokenizer = Char(vocab_size=None, min_frequency=1)
    tokenizer.train(["on by 书"])
    (ids,) = tokenizer.encode(["no 书y"])
    assert tokenizer.tokens(ids) == ["▁", "n", "o", "▁", "书", "y"]


def test_text_without_a_space_in_training_can_still_be_spaced():
    tokenizer = Char(vocab_size=None, min_frequency=1)
    tokenizer.train(["我a"])
    assert tokenizer.decode(tokenizer.encode(["a 我 a"])[0]) == "a 我 a"


def test_rare_characters_are_unknown():
    tokenizer = Char(vocab_size=None, min_frequency=2)
    tokenizer.train(["aabbc"])
    assert tokenizer.decode(tokenizer.encode(["abc"])[0]) == "ab⁇"


def test_values_out_of_range_are_refused():
    with pytest.raises(UserError, match=r"tokenizer\.vocab_size \(0\) must be at least 6; null keeps all characters\."):
        Char(vocab_size=0, min_frequency=1)
    with pytest.raises(UserError, match=r"tokenizer\.min_frequency \(0\) must be at least 1; 1 keeps all characters\."):
        Char(vocab_size=None, min_frequency=0)
