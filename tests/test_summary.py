"""What a command prints when it is done."""

import io

import pytest
from rich.console import Console

from seq2seq_pl.scoring import Item
from seq2seq_pl.significance import Interval
from seq2seq_pl.store import Report
from seq2seq_pl.summary import (
    data_table,
    print_next_commands,
    print_score_tables,
    print_scores,
    sample_table,
    score_table,
)
from seq2seq_pl.values import Example, Score


@pytest.fixture
def shown():
    """Prints to a terminal 80 columns wide -> the text."""

    def show(thing) -> str:
        console = Console(file=io.StringIO(), width=80)
        thing(console) if callable(thing) else console.print(thing)
        return console.file.getvalue()

    return show


def item(text: str) -> Item:
    return Item(0, f"output of {text}", Example(text, (f"reference of {text}",)))


def test_what_was_left_out_and_cut_is_shown(shown):
    reports = {
        ("t", "train"): Report("train", kept=29_000, empty=1_234, too_long=56, source_tokens=58_000),
        ("t", "test"): Report("test", kept=3, cut=2, target_tokens=6, target_unknown=3),
    }
    text = shown(data_table(reports))
    train, test = (next(line for line in text.splitlines() if line.split()[:1] == [name]) for name in ("train", "test"))
    assert train.split()[1:] == ["29,000", "2.0", "0.0", "0.00", "1,234", "56", "0"]
    assert test.split()[1:] == ["3", "0.0", "2.0", "50.00", "0", "0", "2"]


def test_the_name_of_a_split_is_whole_on_a_narrow_terminal(shown):
    text = shown(data_table({("summarization", "test_unseen"): Report("x"), ("translation", "train"): Report("x")}))
    assert "summarization/test_unseen " in text


def test_tasks_are_named_where_there_are_several(shown):
    text = shown(data_table({("a", "test"): Report("test"), ("b", "test"): Report("test")}))
    assert "a/test" in text
    assert "b/test" in text


def test_scores_stand_by_split_with_their_signatures_below(shown):
    bleu = Score(34.567, "nrefs:1|tok:13a")
    scores = {"test/t/bleu": bleu, "test/t/loss": Score(1.234, "plain"), "test_unseen/t/bleu": bleu}
    text = shown(lambda console: print_score_tables(console, scores))
    assert "34.57" in text
    assert "1.23" in text
    assert "nrefs:1|tok:13a" in text
    assert "test_unseen" in text


def test_many_scores_stand_below_each_other(shown):
    scores = {f"{split}/t/score{i}": Score(10 * i, "plain") for split in ("test", "test_unseen") for i in range(7)}
    lines = rows(shown(score_table(scores)))
    assert ["scores", "test/t", "test_unseen/t"] in lines
    assert ["score6", "60.00", "60.00"] in lines


def test_a_baseline_has_its_own_name(shown):
    lines = rows(shown(score_table({"test/t/rouge1": Score(40, "x"), "test/t/lead-3/rouge1": Score(35, "x")})))
    assert ["test/t", "40.00"] in lines
    assert ["lead-3", "35.00"] in lines


def test_each_task_has_a_table(shown):
    scores = {"test/a/bleu": Score(1, "x"), "test/b/wer": Score(2, "x"), "test_new/a/bleu": Score(3, "x")}
    first, second = shown(lambda console: print_score_tables(console, scores)).split("wer")
    assert "test_new/a" in first
    assert "test/b" in second


def test_tasks_that_score_alike_by_name_keep_a_signature_each(shown):
    scores = {
        f"test/{task}/bleu": Score(1, f"nrefs:1|tok:{tok}") for task, tok in (("a", "zh"), ("b", "13a"), ("c", "zh"))
    }
    text = shown(lambda console: print_score_tables(console, scores))
    assert text.count("bleu: nrefs:1|tok:zh\n") == 1
    assert text.count("bleu: nrefs:1|tok:13a\n") == 1


def rows(text: str) -> list[list[str]]:
    return [line.split() for line in text.splitlines()]


def test_each_score_has_a_row_with_its_interval(shown):
    scores = {"test/t/loss": Score(1.234, "plain"), "test/t/bleu": Score(37.414, "nrefs:1|tok:13a")}
    intervals = {"test/t/bleu": Interval(36.518, 38.304, 37.4)}
    text = shown(lambda console: print_scores(console, scores, intervals))
    assert ["test/t", "value", "95", "%", "interval"] in rows(text)
    assert ["loss", "1.23"] in rows(text)
    assert ["bleu", "37.41", "36.52", "–", "38.30"] in rows(text)
    assert ["bleu:", "nrefs:1|tok:13a"] in rows(text)
    assert "plain" not in text


def test_no_interval_is_no_column_and_a_signature_that_names_its_score_stands_alone(shown):
    scores = {"rougeL": Score(50.0, f"rougeL|{'x' * 100}")}
    text = shown(lambda console: print_scores(console, scores, {}))
    assert "interval" not in text
    assert f"\n  rougeL|{'x' * 100}\n" in text, "a signature that is cut or wrapped cannot be copied"


def test_splits_and_tasks_have_a_table_each(shown):
    scores = {f"test/{task}/bleu": Score(value, "plain") for task, value in (("a", 11.0), ("b", 22.0))}
    found = rows(shown(lambda console: print_scores(console, scores, {})))
    assert [row for row in found if len(row) == 2] == [
        ["test/a", "value"],
        ["bleu", "11.00"],
        ["test/b", "value"],
        ["bleu", "22.00"],
    ]


def test_a_sample_without_a_source_shows_none(shown):
    text = shown(sample_table([Item(0, "out", Example("", ("right",)))], 1))
    assert "source" not in text
    assert "right" in text


def test_samples_are_spread_evenly_and_their_text_is_no_markup(shown):
    text = shown(sample_table([item(f"[bold]{i}[/nothing]") for i in range(9)], 3))
    assert [i for i in range(9) if f"[bold]{i}[/nothing]" in text] == [0, 4, 8]


@pytest.mark.parametrize(("items", "count", "rows"), [(0, 5, 0), (1, 5, 1), (3, 1, 1), (3, 0, 0), (2, 5, 2)])
def test_there_are_as_many_samples_as_asked_for_and_there(shown, items, count, rows):
    text = shown(sample_table([item(f"nr{i}") for i in range(items)], count))
    assert text.count("output of") == rows


def test_next_commands_name_the_run(shown):
    text = shown(lambda console: print_next_commands(console, "runs/[a]/b", ["t"]))
    assert "tensorboard --logdir runs/[a]/b" in text
    assert "seq2seq_pl.generate run=runs/[a]/b\n" in text
    text = shown(lambda console: print_next_commands(console, "runs/x", ["talk", "reversal"]))
    assert "seq2seq_pl.generate run=runs/x task_name=talk" in text
