"""record.json, and the texts and scores of a scored split."""

import csv
import json
import math

import pytest

from seq2seq_pl.record import (
    RECORDED_PACKAGES,
    Bootstrap,
    environment,
    git_state,
    named_scores,
    processor,
    read_record,
    scores_json,
    write_record,
    write_results,
    write_scores,
)
from seq2seq_pl.scoring import Item, Scored
from seq2seq_pl.significance import Interval
from seq2seq_pl.values import Example, Score


def scored(*hypotheses: str, references: tuple[str, ...] = ("r",), source: str = "s") -> Scored:
    items = tuple(Item(i, text, Example(source, references)) for i, text in enumerate(hypotheses))
    return Scored({"bleu": Score(12.5, "BLEU|case:mixed")}, items)


def test_a_record_is_read_as_it_was_written(tmp_path):
    record = {"seed": 1, "text": "Übung 日本語", "scores": {"a": 0.1}}
    write_record(tmp_path, record)
    assert read_record(tmp_path) == record
    assert "日本語" in (tmp_path / "record.json").read_text(encoding="utf-8")


def test_the_environment_says_what_ran_and_names_no_place():
    found = environment()
    assert set(found["packages"]) == set(RECORDED_PACKAGES.split())
    assert all(version[0].isdigit() for version in found["packages"].values())
    assert found["processor"]["name"] == processor() != ""
    assert "/root" not in json.dumps({key: value for key, value in found.items() if key != "git"})


def test_a_checkout_without_a_commit_has_no_git_state_or_a_commit():
    state = git_state()
    assert state is None or len(state["commit"]) == 40


def test_texts_are_line_aligned_whatever_they_hold(tmp_path):
    write_results(tmp_path, "test", {"t": scored("a\nb", "", "c\u2028d\x85e", "f\r", source="s\ns")})
    assert (tmp_path / "hypotheses.txt").read_text(encoding="utf-8") == "a b\n\nc d e\nf\n"
    assert (tmp_path / "references.txt").read_text(encoding="utf-8") == "r\n" * 4
    assert (tmp_path / "sources.txt").read_text(encoding="utf-8") == "s s\n" * 4


def test_each_further_reference_has_a_file(tmp_path):
    several = scored("a", "b", references=("first", "second"))
    fewer = scored("c")
    mixed = Scored(several.scores, several.items + fewer.items)
    write_results(tmp_path, "test", {"t": mixed})
    assert (tmp_path / "references.txt").read_text() == "first\nfirst\nr\n"
    assert (tmp_path / "references.1.txt").read_text() == "second\nsecond\n\n"


def test_several_tasks_have_a_folder_each_and_one_file_of_scores(tmp_path):
    write_results(tmp_path, "test", {"one": scored("a"), "two": scored("b")}, several=True)
    assert (tmp_path / "one" / "hypotheses.txt").read_text() == "a\n"
    assert (tmp_path / "one" / "sources.txt").read_text() == "s\n"
    assert (tmp_path / "two" / "hypotheses.txt").read_text() == "b\n"
    assert set(json.loads((tmp_path / "scores.json").read_text())) == {"test/one/bleu", "test/two/bleu"}


@pytest.mark.parametrize(("split", "name"), [("valid", "val/t/bleu"), ("test_unseen", "test_unseen/t/bleu")])
def test_a_score_keeps_its_full_name_and_signature(split, name):
    scores = named_scores(split, {"t": scored("a")})
    assert scores_json(scores) == {name: {"value": 12.5, "signature": "BLEU|case:mixed"}}


def test_a_score_keeps_every_digit(tmp_path):
    value = 100 / 3
    write_results(tmp_path, "test", {"t": Scored({"bleu": Score(value, "x")}, ())})
    assert json.loads((tmp_path / "scores.json").read_text())["test/t/bleu"]["value"] == value


def test_nothing_temporary_is_left(tmp_path):
    write_results(tmp_path, "test", {"t": scored("a")})
    written = {"sources.txt", "hypotheses.txt", "references.txt", "scores.json"}
    assert {path.name for path in tmp_path.iterdir()} == written


SCORES = {"val/t/bleu": Score(100 / 3, "BLEU|case:mixed"), "val/t/loss": Score(1.5, "plain, with a comma")}
BOOTSTRAP = Bootstrap({"val/t/bleu": Interval(30.0, 36.5, 33.25)}, resamples=1000, seed=12345)


def test_a_score_with_an_interval_says_how_it_was_drawn_and_the_others_are_as_ever(tmp_path):
    write_scores(tmp_path, SCORES, BOOTSTRAP)
    content = json.loads((tmp_path / "scores.json").read_text())
    drawn = {"low": 30.0, "high": 36.5, "confidence": 0.95, "resamples": 1000, "seed": 12345}
    plain = scores_json(SCORES)
    assert content == {"val/t/bleu": plain["val/t/bleu"] | drawn, "val/t/loss": plain["val/t/loss"]}


def test_scores_are_a_table_too_one_row_each(tmp_path):
    write_scores(tmp_path, {**SCORES, "chrf": Score(5.0, "of a plain file")}, BOOTSTRAP)
    with (tmp_path / "scores.csv").open(encoding="utf-8") as file:
        header, *rows = csv.reader(file)
    assert header == ["split", "task", "name", "value", "low", "high", "signature"]
    assert rows == [
        ["val", "t", "bleu", str(100 / 3), "30.0", "36.5", "BLEU|case:mixed"],
        ["val", "t", "loss", "1.5", "", "", "plain, with a comma"],
        ["", "", "chrf", "5.0", "", "", "of a plain file"],
    ]


def test_numbers_that_json_does_not_have_are_written_as_texts(tmp_path):
    write_record(tmp_path, {"config": {"mixing_temperature": math.inf, "lr": 0.1}, "list": [math.nan, 1]})
    assert read_record(tmp_path) == {"config": {"mixing_temperature": "inf", "lr": 0.1}, "list": ["nan", 1]}
