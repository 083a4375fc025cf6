"""One training in several processes: how many, what they say, and that it is the same training."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from seq2seq_pl.errors import Stopped, UserError
from seq2seq_pl.processes import processes, train

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


def test_several_machines_need_somebody_else(tiny, corpus_folder, tmp_path):
    settings = tiny(corpus_folder, tmp_path / "run", *TWO, "+trainer.num_nodes=2")
    with pytest.raises(UserError, match=r"trainer\.num_nodes \(2\) needs .* torchrun or srun\."):
        processes(settings)


@pytest.mark.slow
def test_a_mistake_in_a_process_is_told_as_one(tiny, corpus_folder, tmp_path):
    settings = tiny(corpus_folder, tmp_path / "run", *TWO, "model.dropout=7")
    with pytest.raises(UserError, match=r"dropout \(7\) must be"):
        train(settings, resume=False, changed=[])
