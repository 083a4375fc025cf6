import pytest

from seq2seq_pl.corpus.random_ids import RandomIds
from seq2seq_pl.errors import UserError


def corpus(**changes: int) -> RandomIds:
    settings = {"sequences": 4, "source_length": 2, "target_length": 3, "numbers": 11, "seed": 7, **changes}
    return RandomIds(**settings, source="question", target="answer")


def test_sequences_have_the_lengths_asked_for() -> None:
    records = list(corpus().records("train"))
    assert len(records) == 4
    assert all(len(r.fields["question"].split()) == 2 and len(r.fields["answer"].split()) == 3 for r in records)


def test_every_number_comes_once_before_any_comes_twice() -> None:
    numbers = [n for r in corpus().records("train") for text in r.fields.values() for n in text.split()]
    assert sorted(map(int, numbers[:11])) == list(range(11))


def test_all_splits_hold_the_same_pairs_and_the_seed_decides_which() -> None:
    assert [r.fields for r in corpus().records("train")] == [r.fields for r in corpus().records("test")]
    assert [r.fields for r in corpus().records("train")] != [r.fields for r in corpus(seed=8).records("train")]


@pytest.mark.parametrize("name", ["sequences", "source_length", "target_length", "numbers"])
def test_a_size_below_one_is_refused(name: str) -> None:
    with pytest.raises(UserError, match=rf"^corpus\.{name} \(0\) must be at least 1\.$"):
        corpus(**{name: 0})
