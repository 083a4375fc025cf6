"""Scores by source length."""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from pathlib import Path

import pytest
from matplotlib.image import imread

from seq2seq_pl.by_length import binned, checked_bins, length, plot_by_length, unit_of
from seq2seq_pl.errors import UserError
from seq2seq_pl.metric.bleu import Bleu
from seq2seq_pl.metric.distinct import Distinct
from seq2seq_pl.scoring import Item
from seq2seq_pl.values import Example


def items(*sources: str) -> list[Item]:
    return [Item(i, source, Example(source, (source,))) for i, source in enumerate(sources)]


def test_each_bin_is_scored_on_its_own_sentences() -> None:
    perfect, wrong = "a b c d e", "k l m n o p q"
    found = binned([*items(perfect), Item(1, "x x x x", Example(wrong, (wrong,)))], [5, 10], "words", Bleu())
    assert [(one.label, one.sentences) for one in found] == [("1-5", 1), ("6-10", 1)]
    assert found[0].scores["bleu"].value == pytest.approx(100)
    assert found[1].scores["bleu"].value < 1


def test_bins_cover_every_sentence_once_and_empty_ones_are_left_out() -> None:
    texts = items(*(" ".join("w" * n) for n in (0, 1, 5, 6, 10, 31, 40)))
    found = binned(texts, (5, 10, 15, 20, 30), "words", Bleu())
    assert [(one.label, one.sentences) for one in found] == [("1-5", 3), ("6-10", 2), ("31+", 2)]


@pytest.mark.parametrize(
    ("sources", "unit"),
    [
        (["two dogs", "a cat sleeps"], "words"),
        (["他有一只猫。", "两只狗"], "characters"),
        (["他 有 GPU 一只 猫", "两只狗在外面跑"], "characters"),
        (["개 두 마리", "고양이 한 마리"], "words"),
        (["phoneme", "grapheme"], "characters"),
    ],
)
def test_lengths_are_words_where_spaces_separate_them(sources: Sequence[str], unit: str) -> None:
    assert unit_of(items(*sources)) == unit


def test_white_space_is_no_character() -> None:
    assert length("他 有", "characters") == 2
    assert length(" two  dogs ", "words") == 2


def test_picture_and_table_are_of_the_first_score_and_the_folder_is_made(tmp_path: Path) -> None:
    image = plot_by_length(tmp_path / "new", items("a b", "a b c d"), Distinct(orders=[2, 1]), [3], "t")
    assert {path.name for path in (tmp_path / "new").iterdir()} == {
        "distinct2_by_length.png",
        "distinct2_by_length.csv",
    }
    assert imread(tmp_path / "new" / "distinct2_by_length.png").shape[:2] == image.shape[:2]
    with (tmp_path / "new" / "distinct2_by_length.csv").open(encoding="utf-8") as file:
        header, *rows = csv.reader(file)
    assert header == ["source_length", "unit", "sentences", "distinct2", "signature"]
    assert [row[:4] for row in rows] == [["1-3", "words", "1", "50.0"], ["4+", "words", "1", "75.0"]]


def test_bins_are_kept_as_they_were_set() -> None:
    assert checked_bins("bins", [1, 7]) == (1, 7)
    assert checked_bins("bins", []) == ()


@pytest.mark.parametrize("bins", [[0, 5], [5, 5], [10, 5], ["a"], [2.5], 5.5])
def test_bins_that_do_not_grow_are_refused(bins: object) -> None:
    shown = re.escape(str(bins if isinstance(bins, list) else [bins]))
    with pytest.raises(UserError, match=rf"^some\.bins \({shown}\) must grow from at least 1, such as \[5, 10, 20\]\."):
        checked_bins("some.bins", bins)
