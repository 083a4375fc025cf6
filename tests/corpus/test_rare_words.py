from __future__ import annotations

from collections import Counter

import pytest

from seq2seq_pl.corpus.rare_words import RareWords
from seq2seq_pl.errors import UserError

SIZES = {"train": 200, "valid": 30, "test": 50}


def corpus(**changes: int) -> RareWords:
    settings = {**{f"{split}_pairs": size for split, size in SIZES.items()}, "seed": 7, **changes}
    return RareWords(**settings, source="en", target="de")


def pairs(split: str, **changes: int) -> list[tuple[list[str], list[str]]]:
    """The words of each source and of its target, without punctuation."""
    records = corpus(**changes).records(split)
    return [tuple(record.fields[side].rstrip(".?").split() for side in ("en", "de")) for record in records]


def test_splits_have_the_sizes_asked_for():
    assert corpus().splits() == ("train", "valid", "test")
    assert {split: len(pairs(split)) for split in SIZES} == SIZES


def test_every_sentence_has_names_that_stand_in_no_other_and_its_target_has_the_same():
    everything = [pair for split in SIZES for pair in pairs(split)]
    counts = Counter(word.lower() for source, _ in everything for word in source)
    vocabulary = {word for word, count in counts.items() if count > 1}
    assert len(vocabulary) < 80
    for source, target in everything:
        names = sorted(word for word in source if counts[word.lower()] == 1)
        assert len(names) in (1, 2)
        assert names == sorted(word for word in target if counts[word.lower()] == 1)
        assert all(name.istitle() and name.isalpha() and name.isascii() for name in names)


def test_names_change_places_in_some_translations():
    counts = Counter(word for split in SIZES for source, _ in pairs(split) for word in source)
    orders = Counter()
    for source, target in pairs("train"):
        names = [word for word in source if counts[word] == 1]
        orders[names == [word for word in target if word in names], len(names)] += 1
    assert set(orders) == {(True, 1), (True, 2), (False, 2)}


def test_the_seed_alone_decides_and_more_to_learn_from_changes_only_what_comes_after():
    assert pairs("test") == pairs("test")
    assert pairs("train") != pairs("train", seed=8)
    assert pairs("train", train_pairs=210)[:200] == pairs("train")
    assert pairs("train", test_pairs=1) == pairs("train")


@pytest.mark.parametrize("name", ["train_pairs", "valid_pairs", "test_pairs"])
def test_a_split_without_sentences_is_refused(name):
    with pytest.raises(UserError, match=rf"^corpus\.{name} \(0\) must be at least 1\.$"):
        corpus(**{name: 0})
