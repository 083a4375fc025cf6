"""Tags: ids of tasks, which stand for no text, in every tokenizer that a YAML names."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from seq2seq_pl.errors import UserError
from seq2seq_pl.interfaces import Tokenizer
from seq2seq_pl.parts import part
from seq2seq_pl.values import SPECIAL_TOKENS, UNK

CONF = Path(__file__).parents[2] / "conf" / "tokenizer"
TAGS = ("translation", "g2p", "a task")
SEEN = "do <translation> and < g2p > and <a task>"
"""Looks like tags and is training text."""

quick = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(scope="module", params=sorted(path.stem for path in CONF.glob("*.yaml")))
def untrained(request, composed) -> Callable[[], Tokenizer]:
    """Makes a tokenizer as its YAML has it; one with dropout drops."""
    config = composed(f"tokenizer={request.param}").tokenizer
    if "dropout" in config:
        config.dropout = 0.3
    return lambda: part(Tokenizer, "tokenizer", config)


@pytest.fixture(scope="module")
def learn(untrained, sentences) -> Callable[..., Tokenizer]:
    """Trains one on text that even rare words are frequent in, with some tags."""

    def train(*tags: str) -> Tokenizer:
        tokenizer = untrained()
        tokenizer.train([*sentences, SEEN] * 10, tags)
        return tokenizer

    return train


@pytest.fixture(scope="module")
def tagged(learn) -> Tokenizer:
    return learn(*TAGS)


@pytest.fixture(scope="module")
def plain(learn) -> Tokenizer:
    return learn()


def test_tags_have_the_last_ids_which_the_vocabulary_counts(tagged, plain):
    assert tagged.vocab_size == plain.vocab_size + len(TAGS)
    assert [tagged.tag(name) for name in TAGS] == list(range(plain.vocab_size, tagged.vocab_size))


def test_there_are_no_other_tags(tagged, plain):
    assert [tagged.tag(name) for name in ("", "dialogue", "<g2p>", "<s>", "dog")] == [None] * 5
    assert [plain.tag(name) for name in TAGS] == [None] * 3


def test_all_other_ids_are_as_without_tags(tagged, plain, sentences):
    ids = range(plain.vocab_size)
    assert tagged.tokens(ids) == plain.tokens(ids)
    texts = [*sentences, SEEN, "dogs 😀"]
    assert tagged.encode(texts) == plain.encode(texts)
    assert tagged.pieces(texts) == plain.pieces(texts)
    drawn, same = (one.encode(texts, np.random.default_rng(3)) for one in (tagged, plain))
    assert drawn == same


def test_a_text_leaves_tags_out_and_pictures_show_them(tagged):
    (ids,) = tagged.encode(["A dog"])
    first, second, third = (tagged.tag(name) for name in TAGS)
    assert tagged.decode([first, *ids[:1], second, *ids[1:], third, third]) == tagged.decode(ids) == "A dog"
    assert tagged.tokens([third, *ids, first]) == ["<a task>", *tagged.tokens(ids), "<translation>"]
    assert tagged.decode([first]) == ""


def test_copied_words_come_behind_the_tags(tagged):
    (ids,), size = tagged.encode(["A dog"]), tagged.vocab_size
    assert tagged.decode([tagged.tag("g2p"), *ids, size + 1], ["▁no", "▁Zanthör"]) == "A dog Zanthör"
    assert tagged.tokens([size, size - 1], ["▁no"]) == ["▁no", "<a task>"]


@quick
@given(
    text=st.text() | st.text(alphabet="<translation> g2p▁") | st.sampled_from([SEEN, *(f"<{name}>" for name in TAGS)])
)
def test_no_text_is_a_tag(tagged, text):
    for rng in (None, np.random.default_rng(5)):
        (ids,), (pieces,) = tagged.encode([text], rng), tagged.pieces([text], rng)
        assert set(ids).isdisjoint(map(tagged.tag, TAGS))
        assert set(tagged.piece_ids(pieces)).isdisjoint(map(tagged.tag, TAGS))


def test_what_a_picture_shows_of_a_tag_is_no_piece(tagged):
    assert tagged.piece_ids([f"<{name}>" for name in TAGS]) == [UNK] * 3


def test_text_that_looks_like_a_tag_comes_back(tagged):
    (ids,) = tagged.encode([SEEN])
    assert tagged.decode(ids) == SEEN


# -- saved and loaded ------------------------------------------------------------------------------------------------


def test_tags_survive_saving(untrained, tagged, sentences):
    other = untrained()
    other.load(tagged.to_json())
    assert other.to_json() == tagged.to_json()
    assert other.vocab_size == tagged.vocab_size
    assert [other.tag(name) for name in TAGS] == [tagged.tag(name) for name in TAGS]
    assert other.encode(sentences) == tagged.encode(sentences)


def test_a_tokenizer_saved_before_there_were_tags_has_none(untrained, tagged, plain):
    content = json.loads(plain.to_json())
    assert content.pop("tags") == []
    other = untrained()
    for text in (tagged.to_json(), json.dumps(content)):
        other.load(text)
    assert other.to_json() == plain.to_json()
    assert other.vocab_size == plain.vocab_size
    assert other.tag("g2p") is None


@pytest.mark.parametrize("tags", [5, "g2p", None, {"g2p": 4}, [["g2p"]]], ids=str)
def test_tags_that_are_no_list_of_names_are_refused_and_change_nothing(untrained, tagged, plain, tags):
    other = untrained()
    other.load(tagged.to_json())
    with pytest.raises(UserError, match=r"^tokenizer\.json is damaged \(tags .*\); delete it or train again\.$"):
        other.load(json.dumps({**json.loads(plain.to_json()), "tags": tags}))
    assert other.to_json() == tagged.to_json()


def test_training_again_forgets_the_tags(untrained, sentences):
    tokenizer = untrained()
    for tags in (TAGS, ("dialogue",)):
        tokenizer.train(sentences * 10, tags)
        assert tokenizer.vocab_size - tokenizer.tag(tags[-1]) == 1
    assert tokenizer.tag("g2p") is None
    assert tokenizer.tokens([0, tokenizer.vocab_size - 1]) == [SPECIAL_TOKENS[0], "<dialogue>"]
