"""Word translations: IBM Model 1 worked out by hand, a language that it has to find out, and the file."""

from __future__ import annotations

import math
import zipfile
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from seq2seq_pl import lexicon
from seq2seq_pl.errors import UserError
from seq2seq_pl.lexicon import Lexicon, learn, read_lexicon, write_lexicon
from seq2seq_pl.values import EOS, PAD

SIZES = (9, 11)
A, B = 4, 5  # of the source
X, Y = 6, 7  # of the target
WAY_OUT = "python -m seq2seq_pl.shortlist run=RUN"


def pair(source: list[int], target: list[int]) -> tuple[np.ndarray, np.ndarray]:
    return np.array([*source, EOS], dtype=np.int32), np.array([*target, EOS], dtype=np.int32)


def learnt(pairs, *, sizes=SIZES, iterations=5, translations=3, frequent=2) -> Lexicon:
    return learn(pairs, *sizes, iterations=iterations, translations=translations, frequent=frequent)


def probabilities(pairs, iterations: int) -> dict[tuple[int, int], float]:
    """p(t | s) by source and target id, in plain Python, sentence by sentence as the paper has it."""
    probs = {(s, t): 1.0 for source, target in pairs for s in source for t in target[:-1]}
    for _ in range(iterations):
        counts: Counter = Counter()
        for source, target in pairs:
            for t in target[:-1]:
                total = math.fsum(probs[s, t] for s in source)
                for s in source:
                    counts[s, t] += probs[s, t] / total
        totals: Counter = Counter()
        for (s, _), count in counts.items():
            totals[s] += count
        probs = {(s, t): count / totals[s] for (s, t), count in counts.items()}
    return probs


@pytest.fixture
def kept_probabilities(monkeypatch) -> dict[tuple[int, int], float]:
    """Filled by `learn`: its p(t | s) by source and target id."""
    found: dict[tuple[int, int], float] = {}
    inner = lexicon._best

    def best(sources, targets, probs, *rest):
        found.update(zip(zip(sources.tolist(), targets.tolist(), strict=True), probs.tolist(), strict=True))
        return inner(sources, targets, probs, *rest)

    monkeypatch.setattr(lexicon, "_best", best)
    return found


@pytest.fixture
def small() -> Lexicon:
    table = np.zeros((9, 3), dtype=np.int32)
    table[A] = X, Y, PAD
    return Lexicon(table, np.array([Y, X, 10], dtype=np.int32))


# -- learning --------------------------------------------------------------------------------------------------------


def test_an_iteration_is_the_one_worked_out_by_hand(kept_probabilities):
    # x comes from a or the empty word (1/2 each), then from a, b or the empty word (1/3 each), as y does.
    learnt([pair([A], [X]), pair([A, B], [X, Y])], iterations=1)
    assert kept_probabilities == pytest.approx(
        {(A, X): 5 / 7, (A, Y): 2 / 7, (B, X): 1 / 2, (B, Y): 1 / 2, (EOS, X): 5 / 7, (EOS, Y): 2 / 7}
    )


def test_the_next_iteration_shares_out_by_the_one_before(kept_probabilities):
    # Of the second x, b has 1/2 of 5/7 + 5/7 + 1/2, which is 7/27; of y, 1/2 of 2/7 + 2/7 + 1/2, which is 7/15.
    learnt([pair([A], [X]), pair([A, B], [X, Y])], iterations=2)
    assert kept_probabilities[B, Y] == pytest.approx(9 / 14)
    assert kept_probabilities[B, X] == pytest.approx(5 / 14)


@pytest.mark.parametrize("chunk_cells", [1, 50, 1 << 20])
def test_it_is_model_1_as_written_in_plain_python_whatever_is_worked_on_at_a_time(
    kept_probabilities, monkeypatch, chunk_cells
):
    monkeypatch.setattr(lexicon, "CHUNK_CELLS", chunk_cells)
    draw = np.random.default_rng(0)
    pairs = [
        pair(draw.integers(4, 9, draw.integers(1, 7)), draw.integers(4, 11, draw.integers(0, 5))) for _ in "x" * 40
    ]
    learnt(pairs, iterations=4)
    assert kept_probabilities == pytest.approx(probabilities(pairs, 4))


def test_the_words_of_a_language_are_found_out():
    draw = np.random.default_rng(1)
    size = 40
    sources = [draw.permutation(np.arange(4, size))[: draw.integers(2, 9)] for _ in range(300)]
    pairs = [pair(source, draw.permutation(size + 3 - source)) for source in sources]  # s is size + 3 - s, in any order
    found = learnt(pairs, sizes=(size, size), translations=1)
    assert found.translations[4:, 0].tolist() == list(range(size - 1, 3, -1))


def test_the_best_come_first_and_the_rest_is_filled_up():
    pairs = [*[pair([A], [X])] * 3, *[pair([A], [Y])] * 2, pair([A, B], [8])]
    found = learnt(pairs, translations=2)
    assert found.translations.shape == (9, 2)
    assert found.translations[A].tolist() == [X, Y]
    assert found.translations[B].tolist() == [8, PAD]
    assert not found.translations[[0, 1, 2, 6, 7, 8]].any()
    assert found.frequent.tolist() == [X, Y]
    assert learnt(pairs, frequent=9).frequent.tolist() == [X, Y, 8]
    assert learnt(pairs, translations=9).translations.shape == (9, 3)


def test_of_equally_good_ones_the_lowest_id_is_first():
    found = learnt([pair([A], [Y, X, 9])], translations=2, frequent=3)
    assert found.translations[A].tolist() == [X, Y]
    assert found.frequent.tolist() == [X, Y, 9]


def test_no_more_is_read_than_fits_into_memory(monkeypatch):
    monkeypatch.setattr(lexicon, "MOST_CELLS", 10)
    read = []
    pairs = (read.append(number) or pair([A], [X]) for number in range(100))
    found = learnt(pairs)
    assert len(read) == 5  # of two cells each
    assert found.frequent.tolist() == [X]


def test_targets_without_a_token_teach_nothing():
    found = learnt([pair([A], [])])
    assert found.translations.shape == (9, 0)
    assert found.frequent.shape == (0,)


# -- the file --------------------------------------------------------------------------------------------------------


def test_what_is_written_is_read(tmp_path, small):
    path = tmp_path / "run" / "shortlist.npz"
    write_lexicon(path, small, "0123456789abcdef")
    assert [found.name for found in path.parent.iterdir()] == ["shortlist.npz"]
    found = read_lexicon(path, "0123456789abcdef", SIZES, WAY_OUT)
    assert found.translations.tolist() == small.translations.tolist()
    assert found.frequent.tolist() == small.frequent.tolist()


def test_where_there_is_none_the_command_that_makes_it_is_told(tmp_path):
    with pytest.raises(UserError) as caught:
        read_lexicon(tmp_path / "shortlist.npz", "", SIZES, WAY_OUT)
    assert str(caught.value) == f"{tmp_path / 'shortlist.npz'}: there is no shortlist yet; make it with {WAY_OUT}"


def damaged(path: Path) -> str:
    with pytest.raises(UserError) as caught:
        read_lexicon(path, "ours", SIZES, WAY_OUT)
    return str(caught.value).removeprefix(f"{path} ")


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.99])
def test_a_truncated_file_is_told(tmp_path, small, share):
    path = tmp_path / "shortlist.npz"
    write_lexicon(path, small, "ours")
    whole = path.read_bytes()
    path.write_bytes(whole[: int(share * len(whole))])
    assert damaged(path) == f"is damaged or no shortlist; make it again with {WAY_OUT}"


def test_a_byte_that_has_changed_is_told(tmp_path, small):
    path = tmp_path / "shortlist.npz"
    write_lexicon(path, small, "ours")
    with zipfile.ZipFile(path) as archive:
        start = archive.getinfo("frequent.npy").header_offset
    content = bytearray(path.read_bytes())
    content[start + 200] ^= 1
    path.write_bytes(bytes(content))
    assert damaged(path) == f"is damaged or no shortlist; make it again with {WAY_OUT}"


@pytest.mark.parametrize("content", [b"text\n", b"\x00" * 1000, b"PK\x03\x04 no zip", b"\x80\x02K\x01."])
def test_a_file_that_is_no_shortlist_is_told(tmp_path, content):
    path = tmp_path / "shortlist.npz"
    path.write_bytes(content)
    assert damaged(path) == f"is damaged or no shortlist; make it again with {WAY_OUT}"


@pytest.mark.parametrize(
    "changes",
    [
        {"translations": np.array([[object()]])},  # a pickle, which could run something
        {"translations": np.zeros((9, 2))},
        {"frequent": np.array(["x"])},
    ],
)
def test_arrays_of_another_kind_are_told(tmp_path, small, changes):
    path = tmp_path / "shortlist.npz"
    arrays = {"translations": small.translations, "frequent": small.frequent, "vocabulary": np.array("ours")}
    np.savez(path, **{**arrays, **changes})
    assert damaged(path) == f"is damaged or no shortlist; make it again with {WAY_OUT}"


def test_ids_of_another_vocabulary_are_told(tmp_path, small):
    path = tmp_path / "shortlist.npz"
    told = f"is a shortlist of another vocabulary than this run's; make it again with {WAY_OUT}"
    write_lexicon(path, small, "theirs")
    assert damaged(path) == told
    for odd in (
        Lexicon(small.translations[1:], small.frequent),
        Lexicon(small.translations, np.array([11], dtype=np.int32)),
        Lexicon(small.translations - 1, small.frequent),
        Lexicon(small.frequent, small.frequent),
    ):
        write_lexicon(path, odd, "ours")
        assert damaged(path) == told
