"""One training in several processes: how many, what they say, and that it is the same training."""

from __future__ import annotations

import csv
import json
import os
import time
from pathlib import Path

import pytest
import torch
from torch import distributed
from torch.multiprocessing.spawn import start_processes

from seq2seq_pl.errors import UserError
from seq2seq_pl.processes import free_port, processes, train, wait_for_all
from seq2seq_pl.saved import read_checkpoint
from seq2seq_pl.training import run

TWO = ("trainer=ddp", "trainer.accelerator=cpu", "trainer.devices=2")
CROWD = ("batch_size=8", "model.dropout=0", "trainer.max_epochs=3", "callback=[checkpoint,telemetry]", "logger=[csv]")


@pytest.mark.parametrize(
    ("overrides", "count"),
    [((), 1), (TWO, 2), ((*TWO, "trainer.strategy=auto"), 2), ((*TWO, "trainer.devices=3"), 3)],
)
def test_there_are_as_many_as_devices(tiny, corpus_folder, tmp_path, overrides, count):
    assert processes(tiny(corpus_folder, tmp_path / "run", *overrides)) == count


@pytest.mark.parametrize("name", ["LOCAL_RANK", "SLURM_PROCID"])
def test_processes_started_by_somebody_else_are_left_to_it(tiny, corpus_folder, tmp_path, monkeypatch, name):
    monkeypatch.setenv(name, "0")
    assert processes(tiny(corpus_folder, tmp_path / "run", *TWO)) == 1


@pytest.mark.parametrize("devices", [TWO, ("trainer.devices=1",)])
def test_several_machines_need_somebody_else(tiny, corpus_folder, tmp_path, devices):
    settings = tiny(corpus_folder, tmp_path / "run", *devices, "+trainer.num_nodes=2")
    with pytest.raises(UserError, match=r"trainer\.num_nodes \(2\) needs .* torchrun or srun\."):
        processes(settings)


@pytest.mark.slow
def test_two_processes_train_as_one_does_with_twice_the_accumulation(tiny, corpus_folder, tmp_path):
    one = run(tiny(corpus_folder, tmp_path / "one", *CROWD, "+trainer.accumulate_grad_batches=4"))
    halves = (*CROWD, *TWO, "+trainer.accumulate_grad_batches=2")
    two = train(tiny(corpus_folder, tmp_path / "two", *halves), resume=False, changed=[])
    first, second = (read_checkpoint(tmp_path / name / "checkpoints" / "last.ckpt").weights for name in ("one", "two"))
    for name, value in first.items():
        torch.testing.assert_close(second[name], value, rtol=1e-4, atol=1e-5)
    for name, score in one.scores.items():
        assert two.scores[name].value == pytest.approx(score.value, rel=1e-4)
    steps = [json.loads((tmp_path / name / "record.json").read_text())["steps"] for name in ("one", "two")]
    assert steps[0] == steps[1]


@pytest.mark.slow
def test_two_processes_go_on_and_log_what_they_would_have_logged(tiny, corpus_folder, tmp_path):
    settings = (*CROWD, *TWO, "model.dropout=0.2", "callback.telemetry.every_n_steps=3")
    longer = (*settings, "trainer.max_epochs=2")
    train(tiny(corpus_folder, tmp_path / "whole", *longer), resume=False, changed=[])
    train(tiny(corpus_folder, tmp_path / "halves", *settings, "trainer.max_epochs=1"), resume=False, changed=[])
    train(tiny(corpus_folder, tmp_path / "halves", *longer), resume=True, changed=["trainer.max_epochs"])
    whole, halves = (logged(tmp_path / name / "metrics.csv") for name in ("whole", "halves"))
    assert [row["step"] for row in whole if "train/loss" in row] == ["3", "6", "9"]  # an epoch has five
    assert halves == whole


def logged(path: Path) -> list[dict[str, str]]:
    """The rows of a log of numbers, without what depends on the machine and without tests, which came twice."""
    with path.open() as file:
        rows = [{name: value for name, value in row.items() if value} for row in csv.DictReader(file)]
    return [
        {name: value for name, value in row.items() if name != "train/tokens_per_second"}
        for row in rows
        if not any(name.startswith("test") for name in row)
    ]


def gather(rank: int, address: dict[str, str], folder: Path) -> None:
    """Comes early where others come late; writes down who had come when it was let go."""
    os.environ |= {**address, "RANK": str(rank)}
    distributed.init_process_group("gloo")
    if rank == 1:
        time.sleep(1)
    (folder / f"came_{rank}").touch()
    wait_for_all()
    (folder / f"seen_by_{rank}").write_text(" ".join(sorted(path.name for path in folder.glob("came_*"))))
    distributed.destroy_process_group()


@pytest.mark.slow
def test_no_process_goes_before_all_have_come(tmp_path):
    address = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free_port()), "WORLD_SIZE": "2"}
    start_processes(gather, (address, tmp_path), 2)
    for rank in range(2):
        assert (tmp_path / f"seen_by_{rank}").read_text() == "came_0 came_1"


def test_there_is_nobody_to_wait_for_in_one_process():
    wait_for_all()


@pytest.mark.slow
def test_a_mistake_in_a_process_is_told_as_one(tiny, corpus_folder, tmp_path):
    settings = tiny(corpus_folder, tmp_path / "run", *TWO, "model.dropout=7")
    with pytest.raises(UserError, match=r"dropout \(7\) must be"):
        train(settings, resume=False, changed=[])
