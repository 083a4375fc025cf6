"""Whatever white space separates."""

import pytest

from seq2seq_pl.errors import UserError
from seq2seq_pl.tokenizer.whitespace import Whitespace
from seq2seq_pl.values import UNK


def learned(*texts: str, vocab_size: int | None = None, min_frequency: int = 1) -> Whitespace:
    tokenizer = Whitespace(vocab_size=vocab_size, min_frequency=min_frequency)
    tokenizer.train(texts)
    return tokenizer


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("k aː t͡ʃ ə ˈn", ["▁k", "▁aː", "▁t͡ʃ", "▁ə", "▁ˈn"]),
        ("K AE1 T", ["▁K", "▁AE1", "▁T"]),
        ("the dog 's bowl , is@@ n't it ?", ["▁the", "▁dog", "▁'s", "▁bowl", "▁,", "▁is@@", "▁n't", "▁it", "▁?"]),
        ("„Grüße“ (5,000.50) <unk>", ["▁„Grüße“", "▁(5,000.50)", "▁<unk>"]),
    ],
)
def test_only_white_space_separates_tokens(text, tokens):
    tokenizer = learned(text)
    (ids,) = tokenizer.encode([text])
    assert tokenizer.tokens(ids) == tokens
    assert tokenizer.decode(ids) == text


def test_a_chinese_token_is_the_same_at_the_start_and_later():
    tokenizer = learned("我 喜欢 你 。")
    assert tokenizer.tokens(range(5, tokenizer.vocab_size)) == ["▁。", "▁你", "▁喜欢", "▁我"]
    for text in ("你 喜欢 我 。", "。 喜欢 你 我"):
        (ids,) = tokenizer.encode([text])
        assert UNK not in ids
        assert tokenizer.decode(ids) == text


def test_the_vocabulary_is_cut_to_the_most_frequent_tokens():
    tokenizer = learned("a b b c c c", vocab_size=7)
    assert tokenizer.tokens(range(4, 7)) == ["▁", "▁c", "▁b"]
    assert tokenizer.encode(["a b c"]) == [[UNK, 6, 5]]


def test_rare_tokens_are_unknown_and_shown_in_their_place():
    tokenizer = learned("k k aː aː t", min_frequency=2)
    assert tokenizer.decode(tokenizer.encode(["k t aː t"])[0]) == "k ⁇ aː ⁇"


def test_case_is_ignored_only_if_asked():
    assert learned("K ae").encode(["k"]) == [[UNK]]
    tokenizer = Whitespace(vocab_size=None, min_frequency=1, lowercase=True)
    tokenizer.train(["K AE1"])
    assert tokenizer.decode(tokenizer.encode(["K AE1 k"])[0]) == "k ae1 k"


def test_values_out_of_range_are_refused():
    with pytest.raises(UserError, match=r"tokenizer\.vocab_size \(5\) must be at least 6; null keeps all tokens\."):
        Whitespace(vocab_size=5, min_frequency=1)
    with pytest.raises(UserError, match=r"tokenizer\.min_frequency \(0\) must be at least 1; 1 keeps all tokens\."):
        Whitespace(vocab_size=None, min_frequency=0)
