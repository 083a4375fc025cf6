"""What holds for every tokenizer."""

from __future__ import annotations

import json
import unicodedata
from collections import Counter

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.strategies import DataObject

from seq2seq_pl.errors import UserError
from seq2seq_pl.tokenizer.trained import LONGEST_WORD, valid_text
from seq2seq_pl.values import SPECIAL_TOKENS, UNK

quick = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def normal(text: str) -> str:
    return " ".join(unicodedata.normalize("NFC", text).replace("▁", "_").split())


def there_and_back(tokenizer, text: str) -> str:
    return tokenizer.decode(tokenizer.encode([text])[0])


def test_special_tokens_have_the_first_ids_and_every_id_has_its_own_token(tokenizer):
    tokens = tokenizer.tokens(range(tokenizer.vocab_size))
    assert tuple(tokens[:4]) == SPECIAL_TOKENS
    assert max(Counter(tokens).values()) == 1


def test_training_text_comes_back_exactly(tokenizer, sentences):
    for sentence in sentences:
        assert there_and_back(tokenizer, sentence) == normal(sentence)


@quick
@given(data=st.data())
def test_recombined_words_come_back_exactly(tokenizer, sentences, data: DataObject):
    words = st.sampled_from(" ".join(sentences).split())
    text = " ".join(data.draw(st.lists(words)))
    assert there_and_back(tokenizer, text) == normal(text)


@quick
@given(data=st.data())
def test_any_text_of_seen_characters_comes_back_exactly(tokenizer, sentences, data: DataObject):
    text = data.draw(st.text(alphabet=sorted({*"".join(sentences), *"\u3000\u00a0\t\n"})))
    back = there_and_back(tokenizer, text)
    whole = json.loads(tokenizer.to_json())["kind"] in ("word", "whitespace")  # the others know every seen character
    unknown_word = whole and "⁇" in back
    assert unknown_word or back == normal(text)


@quick
@given(data=st.data())
def test_the_ids_of_a_text_are_the_librarys_whatever_was_read_before(tokenizer, sentences, data: DataObject):
    strange = "\u3000\u00a0\t\n\u0301\u2329▁日本ー。İßσς\ud800\udc00<s>\U0001f600"
    words = st.text(alphabet=sorted({*"".join(sentences), *strange}), max_size=4) | st.sampled_from(
        [*" ".join(sentences).split(), "x" * LONGEST_WORD, "x" * (LONGEST_WORD + 1)]
    )
    texts = data.draw(st.lists(st.lists(words).map(" ".join)))
    library = tokenizer.trained.encode_batch_fast(list(map(valid_text, texts)), add_special_tokens=False)
    assert tokenizer.encode(texts) == [found.ids for found in library]


def test_no_more_words_are_remembered_than_fit(tokenizer, sentences, monkeypatch):
    expected = tokenizer.encode(sentences)
    monkeypatch.setattr("seq2seq_pl.tokenizer.trained.WORDS", 3)
    words = " ".join(sentences).split()
    for word in words:
        tokenizer.encode([word])
        assert len(tokenizer._words) <= 4
    assert tokenizer.encode(sentences) == expected


@pytest.mark.parametrize("text", ["我们有两本书。", "„Grüße“", "The dog's bowl, isn't it?", "我们在Berlin"])
def test_text_is_detokenised_as_a_person_would_write_it(tokenizer, text):
    assert there_and_back(tokenizer, text) == text


@quick
@given(text=st.text())
def test_any_text_at_all_gives_valid_ids_and_one_line(tokenizer, text: str):
    (ids,) = tokenizer.encode([text])
    assert all(i == UNK or len(SPECIAL_TOKENS) <= i < tokenizer.vocab_size for i in ids)
    assert len(tokenizer.decode(ids).splitlines()) <= 1


@quick
@given(data=st.data())
def test_any_ids_decode_to_one_line_and_have_a_token_each(tokenizer, data: DataObject):
    ids = data.draw(st.lists(st.integers(0, tokenizer.vocab_size - 1)))
    assert len(tokenizer.decode(ids).splitlines()) <= 1
    assert len(tokenizer.tokens(ids)) == len(ids)


# -- pieces ----------------------------------------------------------------------------------------------------------


@quick
@given(text=st.text())
def test_the_ids_of_a_texts_pieces_are_its_ids(tokenizer, text: str):
    (ids,), (pieces,) = tokenizer.encode([text]), tokenizer.pieces([text])
    assert tokenizer.piece_ids(pieces) == ids
    assert all(i == UNK or piece == token for i, piece, token in zip(ids, pieces, tokenizer.tokens(ids), strict=True))


@quick
@given(text=st.text())
def test_a_text_whose_pieces_are_all_copied_comes_back_exactly_unknown_or_not(tokenizer, text: str):
    (pieces,) = tokenizer.pieces([text])
    ids = range(tokenizer.vocab_size, tokenizer.vocab_size + len(pieces))
    assert tokenizer.decode(ids, pieces) == normal(text)
    assert tokenizer.tokens(ids, pieces) == pieces


NASTY = ["dog 😀😀 هر", "e\u0301 ZANTHÖR\u00a0qx", "我们没没有Zürß", "👩‍👩‍👧 \ufeffx", "ﬁ İx \ud800", "<unk> ▁▁ ⁇"]


def test_pieces_of_a_batch_are_those_of_its_texts_one_by_one(tokenizer, sentences):
    texts = [*sentences, *NASTY, "", " \n"]
    assert tokenizer.pieces(texts) == [tokenizer.pieces([text])[0] for text in texts]
    assert list(map(tokenizer.piece_ids, tokenizer.pieces(texts))) == tokenizer.encode(texts)
    assert tokenizer.pieces([]) == []


def test_copied_words_stand_among_the_others(tokenizer):
    (dog,), size = tokenizer.encode(["A dog"]), tokenizer.vocab_size
    text = tokenizer.decode([2, *dog, size, UNK, size + 1, 3], ["▁Zanthör", "▁Q"])
    assert text.replace(" ⁇", "⁇") == "A dog Zanthör⁇ Q"  # only whole words bring the space before an unknown one


def test_special_tokens_are_no_pieces(tokenizer):
    assert tokenizer.piece_ids([*SPECIAL_TOKENS, "no such piece"]) == [UNK] * 5


@pytest.mark.parametrize("text", ["<s>", "</s>", "<pad>", "<unk>", "a<s>b</s>", "<pad><pad>", "<s> <unk> </s>"])
def test_text_that_looks_like_a_special_token_is_text(tokenizer, text):
    (ids,) = tokenizer.encode([text])
    assert set(ids).isdisjoint({0, 2, 3})
    if text.startswith("<s> "):
        assert tokenizer.decode(ids) == text


def test_unknown_characters_are_shown_as_double_question_marks(tokenizer):
    for text in ("dog 😀", "dog هر", "dog \x00\x07"):
        (ids,) = tokenizer.encode([text])
        assert UNK in ids
        assert set(tokenizer.decode(ids).removeprefix("dog ")) <= set("⁇ ")


@pytest.mark.parametrize(
    "space", ["\n", "\r\n", "\v", "\f", "\x1c", "\x1d", "\x1e", "\x85", "\u2028", "\u2029", "\u3000"]
)
def test_every_kind_of_white_space_is_one_space(tokenizer, space):
    assert there_and_back(tokenizer, f"{space}A{space}{space}dog{space}") == "A dog"


def test_decomposed_letters_are_composed(tokenizer):
    assert there_and_back(tokenizer, unicodedata.normalize("NFD", "Die Hunde hören")) == "Die Hunde hören"


def test_a_lone_surrogate_does_not_crash(tokenizer):
    assert there_and_back(tokenizer, "dog \ud800") == "dog ⁇"


def test_nothing_is_nothing(tokenizer):
    assert tokenizer.encode([]) == []
    assert tokenizer.encode(["", " \n"]) == [[], []]
    assert tokenizer.decode([]) == ""


def test_special_ids_are_left_out_of_text_and_unknown_is_shown(tokenizer):
    (dog,) = tokenizer.encode(["dog"])
    assert tokenizer.decode([2, *dog, 3, 0, 0]) == "dog"
    assert tokenizer.decode([1]) == "⁇"
    assert tokenizer.tokens([0, 1, 2, 3]) == list(SPECIAL_TOKENS)


def test_a_batch_is_encoded_like_its_texts_one_by_one(tokenizer, sentences):
    assert tokenizer.encode(sentences) == [tokenizer.encode([sentence])[0] for sentence in sentences]


def test_training_twice_gives_the_same_json(tokenizer, train_again):
    assert train_again(tokenizer).to_json() == tokenizer.to_json()


def test_a_saved_tokenizer_is_the_same_after_loading(tokenizer, untrained, sentences):
    saved = tokenizer.to_json()
    other = untrained[json.loads(saved)["kind"]]()
    other.load(saved)
    assert other.to_json() == saved
    assert other.encode(sentences) == tokenizer.encode(sentences)
    assert other.vocab_size == tokenizer.vocab_size


def test_without_dropout_a_generator_changes_nothing(tokenizer, sentences):
    assert tokenizer.encode(sentences, np.random.default_rng(0)) == tokenizer.encode(sentences)


@pytest.mark.parametrize("kind", ["word", "whitespace", "char", "bpe", "unigram"])
def test_training_on_no_text_is_refused(untrained, kind):
    with pytest.raises(UserError, match=r"tokenizer: the training text is empty; check the train split"):
        untrained[kind]().train(["", " \n"])


@pytest.mark.parametrize("text", ["", "{}", "[]", "not json", '{"kind": "bpe"}'])
def test_a_text_that_is_not_a_saved_tokenizer_is_refused(untrained, text):
    with pytest.raises(UserError, match=r"tokenizer\.json is not a saved tokenizer; delete it or train again\."):
        untrained["bpe"]().load(text)


def changed(tokenizer, **values: object) -> str:
    return json.dumps({**json.loads(tokenizer.to_json()), **values})


def test_a_tokenizer_of_another_kind_is_refused(tokenizer, untrained):
    with pytest.raises(UserError, match=r"holds a sentences tokenizer, not bpe; set tokenizer=sentences\."):
        untrained["bpe"]().load(changed(tokenizer, kind="sentences"))


def test_another_format_version_is_refused(tokenizer):
    with pytest.raises(UserError, match=r"format version 99, this program reads 1; use the program version"):
        tokenizer.load(changed(tokenizer, version=99))


@pytest.mark.parametrize("damage", [{"library": {}}, {"settings": {"vocab_size": 9, "colour": 1}}, {"settings": None}])
def test_a_damaged_tokenizer_is_refused_and_changes_nothing(tokenizer, damage):
    before = tokenizer.to_json()
    with pytest.raises(UserError, match=r"tokenizer\.json is damaged \(.+\); delete it or train again\."):
        tokenizer.load(changed(tokenizer, **damage))
    assert tokenizer.to_json() == before
