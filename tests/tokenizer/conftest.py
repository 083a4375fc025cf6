"""One small training text with umlauts, Chinese, punctuation and digits, and every tokenizer trained on it."""

import json
from collections.abc import Callable

import pytest

from seq2seq_pl.interfaces import Tokenizer
from seq2seq_pl.tokenizer.bpe import Bpe
from seq2seq_pl.tokenizer.char import Char
from seq2seq_pl.tokenizer.unigram import Unigram
from seq2seq_pl.tokenizer.whitespace import Whitespace
from seq2seq_pl.tokenizer.word import Word

SENTENCES = [
    "The dog's bowl, isn't it?",
    "A dog (yes) runs for 5,000.50 dollars: half of it!",
    "Die Hunde hören „Grüße“ über der Straße; drei Äpfel.",
    "我们有两本书。你有3本书吗？",
    "我们在Berlin买了2本书，一本是ABC。",
    "for_each <s> and </s> & <pad> ▁ <unk>",
    "我们有两本书。 我们在Berlin",
]

MAKERS: dict[str, Callable[[], Tokenizer]] = {
    "word": lambda: Word(vocab_size=None, min_frequency=1),
    "whitespace": lambda: Whitespace(vocab_size=None, min_frequency=1),
    "char": lambda: Char(vocab_size=None, min_frequency=1),
    "bpe": lambda: Bpe(vocab_size=150, min_frequency=1),
    "unigram": lambda: Unigram(vocab_size=150),
}


def trained(kind: str) -> Tokenizer:
    tokenizer = MAKERS[kind]()
    tokenizer.train(SENTENCES * 3)
    return tokenizer


@pytest.fixture(scope="session", params=list(MAKERS))
def tokenizer(request: pytest.FixtureRequest) -> Tokenizer:
    return trained(request.param)


@pytest.fixture(scope="session")
def sentences() -> list[str]:
    return SENTENCES


@pytest.fixture(scope="session")
def train_again() -> Callable[[Tokenizer], Tokenizer]:
    """A second tokenizer of the same kind, trained on the same text."""
    return lambda tokenizer: trained(json.loads(tokenizer.to_json())["kind"])


@pytest.fixture(scope="session")
def untrained() -> dict[str, Callable[[], Tokenizer]]:
    return MAKERS
