"""The arithmetic of unigram training, against sums written out by hand."""

import numpy as np
import pytest

from seq2seq_pl.tokenizer.unigram_training import Lattice, candidates, learn

PIECES = {"a": 0, "b": 1, "ab": 2}
PROBS = np.array([0.5, 0.2, 0.3])


def test_expected_counts_are_those_of_all_segmentations():
    """ "ab" is a+b with 0.1 or ab with 0.3: shares 1/4 and 3/4. "a" is a."""
    lattice = Lattice(["ab", "a"], PIECES, proper=False)
    assert lattice.expected(np.log(PROBS), np.array([4.0, 2.0])) == pytest.approx([1 + 2, 1, 3])


def test_the_best_other_way_to_write_a_piece_leaves_the_piece_out():
    lattice = Lattice(["a", "b", "ab"], PIECES, proper=True)
    best = lattice.forward(np.log(PROBS), np.maximum)[lattice.last]
    assert best == pytest.approx([-np.inf, -np.inf, np.log(0.1)])


def test_candidates_are_repeated_substrings_that_cover_most_text():
    assert candidates({"abc": 2, "bcd": 1, "xy": 1}, limit=2) == ["abc", "bc"]


def test_learning_keeps_all_characters_and_as_many_pieces_as_asked():
    scores = learn({"abab": 9, "cab": 5, "abc": 1}, "abc", ["ab", "abab", "ca", "cab"], keep=2)
    assert {"a", "b", "c"} < scores.keys()
    assert len(scores) == 5
    assert "ab" in scores or "abab" in scores
    assert sum(np.exp(list(scores.values()))) <= 1.0
