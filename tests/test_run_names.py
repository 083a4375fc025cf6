"""What runs are called beside each other."""

import pytest

from seq2seq_pl.run_names import Trained, alike, flat, named, short_directories, varied

GRU = {"model.encoder": "rnn", "model.encoder.cell": "gru", "model.dropout": "0.1"}


def run(directory: str, settings: dict[str, str] | None = None, seed: int | None = 1, **typed: str) -> Trained:
    return Trained(directory, settings or {}, typed, seed)


def names(*runs: Trained) -> list[str]:
    return named(runs)[0]


def test_settings_are_flat_texts_without_what_says_where_and_how_it_is_shown():
    config = {
        "run_dir": "/home/x/runs/1",
        "seed": 3,
        "metric": {"bleu": {"_target_": "seq2seq_pl.metric.bleu.Bleu"}},
        "model": {"_target_": "seq2seq_pl.model.seq2seq.Seq2Seq", "dropout": 0.1, "share": False},
        "optimizer": {"_target_": "torch.optim.Adam", "betas": [0.9, 0.98], "eps": None},
        "callback": {"checkpoint": {"_target_": "C", "dirpath": "/home/x/runs/1/checkpoints"}},
    }
    assert flat(config) == {
        "model": "seq2seq",
        "model.dropout": "0.1",
        "model.share": "false",
        "optimizer": "Adam",
        "optimizer.betas": "[0.9, 0.98]",
        "optimizer.eps": "null",
        "callback.checkpoint": "C",
        "callback.checkpoint.dirpath": "/checkpoints",
    }


def test_what_the_choice_of_a_part_explains_is_left_out():
    additive = {"attention": "additive", "attention.size": "8"}
    assert varied([additive, {"attention": "none"}]) == {"attention": ("additive", "none")}
    runs = [additive, {"attention": "none"}, {**additive, "attention.size": "9"}]
    assert varied(runs) == {"attention": ("additive", "none", "additive"), "attention.size": ("8", None, "9")}


def test_a_name_is_the_setting_that_differs_by_its_shortest_end():
    assert names(run("a", GRU), run("b", {**GRU, "model.encoder.cell": "lstm"})) == ["cell=gru", "cell=lstm"]
    first, second = {"encoder.size": "1", "decoder.size": "2"}, {"encoder.size": "2", "decoder.size": "3"}
    assert names(run("a", first), run("b", second)) == [
        "encoder.size=1 decoder.size=2",
        "encoder.size=2 decoder.size=3",
    ]


def test_a_setting_that_others_follow_is_named_alone():
    followed = [{"model.dropout": x, "model.encoder.dropout": x, "model.decoder.dropout": x} for x in ("0.1", "0.2")]
    assert names(run("a", followed[0]), run("b", followed[1])) == ["dropout=0.1", "dropout=0.2"]


def test_a_setting_that_one_run_lacks_is_named_so():
    assert names(run("a", GRU), run("b", {**GRU, "callback.ema": "ema"})) == ["ema=no", "ema=ema"]


MANY = [{f"setting{i}": value for i, value in enumerate(values)} for values in ("1111", "2345")]


def test_where_many_settings_differ_the_name_is_what_was_typed():
    first, second = run("a", MANY[0], experiment="cho2014"), run("b", MANY[1], experiment="luong2015")
    assert names(first, second) == ["experiment=cho2014", "experiment=luong2015"]
    assert names(run("a", MANY[0]), second) == ["experiment=default", "experiment=luong2015"]


def test_where_nothing_short_tells_runs_apart_the_name_is_the_directory():
    assert names(run("x/a", MANY[0]), run("x/b", MANY[1])) == ["a", "b"]
    long = [{"path": letter * 60} for letter in "ab"]
    assert names(run("x/a", long[0]), run("x/b", long[1])) == ["a", "b"]
    assert names(run("x/a"), run("x/b")) == ["a", "b"]


def test_runs_that_differ_by_seed_alone_are_one_group():
    other = {**GRU, "model.encoder.cell": "lstm"}
    runs = [run("a", GRU, 1), run("b", other, 1), run("c", GRU, 2), run("outputs", seed=None)]
    found, groups = named(runs)
    assert found == ["cell=gru seed=1", "cell=lstm", "cell=gru seed=2", "outputs"]
    assert [(group.name, group.members, group.seeds) for group in groups] == [
        ("cell=gru", (0, 2), (1, 2)),
        ("cell=lstm", (1,), (1,)),
        ("outputs", (3,), ()),
    ]


def test_one_group_has_no_settings_to_be_named_by():
    found, (group,) = named([run("a", GRU, 1), run("b", GRU, 2)])
    assert (found, group.name) == (["seed=1", "seed=2"], "all runs")


def test_the_same_seed_twice_is_no_sample_of_seeds():
    runs = [run("a", GRU, 1), run("b", GRU, 1), run("c", GRU, 2)]
    assert alike(runs) == [(0,), (1,), (2,)]
    assert names(*runs) == ["a", "b", "c"]


def test_runs_of_unknown_settings_are_never_alike():
    assert alike([run("a", seed=1), run("b", seed=2)]) == [(0,), (1,)]


@pytest.mark.parametrize(
    ("directories", "short"),
    [
        (["runs/t/a", "runs/t/b"], ["a", "b"]),
        (["x/sweep/0", "y/sweep/0"], ["x/sweep/0", "y/sweep/0"]),
        (["s/0", "t/0", "t/1"], ["s/0", "t/0", "1"]),
        (["runs/a", "runs/a/evaluate/test"], ["a", "test"]),
        (["a", "x/a"], ["a", "x/a"]),
        ([".", "a"], [".", "a"]),
        (["/", "/a"], ["/", "a"]),
    ],
)
def test_directories_are_named_by_their_shortest_end(directories, short):
    assert short_directories(directories) == short
