"""How much memory is free, and how much a loss keeps for its gradients."""

import sys

import pytest
import torch

from seq2seq_pl.memory import counting_kept, free_memory

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="nobody knows but on Linux")


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """A machine with 1,000 KiB available, and a function that writes further files of it."""
    monkeypatch.setattr("seq2seq_pl.memory._is_limited", lambda: False)

    def write(path, text):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text, encoding="utf-8")

    write("proc/meminfo", "MemTotal:    9999 kB\nMemAvailable:    1000 kB\n")
    write("proc/self/cgroup", "0::/jobs/one\n")
    return tmp_path, write


def test_what_is_available_is_free(machine):
    root, _ = machine
    assert free_memory(root) == 1000 * 1024


@pytest.mark.parametrize("group", ["jobs", "jobs/one"])
def test_a_control_group_and_those_around_it_leave_less(machine, group):
    root, write = machine
    write("sys/fs/cgroup/jobs/memory.max", "max\n")
    write("sys/fs/cgroup/jobs/one/memory.max", "max\n")
    write(f"sys/fs/cgroup/{group}/memory.max", "5000\n")
    write(f"sys/fs/cgroup/{group}/memory.current", "1800\n")
    assert free_memory(root) == 3200


def test_a_control_group_of_the_first_version_does_so_too(machine):
    root, write = machine
    write("proc/self/cgroup", "5:cpu,cpuacct:/other\n4:memory:/jobs/one\n")
    write("sys/fs/cgroup/memory/jobs/one/memory.limit_in_bytes", "5000\n")
    write("sys/fs/cgroup/memory/jobs/one/memory.usage_in_bytes", "6000\n")
    assert free_memory(root) == 0


def test_nothing_is_free_where_nobody_knows(machine, monkeypatch):
    root, write = machine
    assert free_memory(root / "elsewhere") == 0
    write("proc/meminfo", "MemTotal:    9999 kB\n")
    assert free_memory(root) == 0
    write("proc/meminfo", "MemAvailable:    1000 kB\n")
    monkeypatch.setattr("seq2seq_pl.memory._is_limited", lambda: True)
    assert free_memory(root) == 0


def test_what_is_kept_for_gradients_is_counted_once_a_storage():
    weight = torch.ones(3, 5, requires_grad=True)
    inputs = torch.ones(7, 3)
    with counting_kept() as kept:
        product = inputs @ weight  # keeps its inputs
        loss = (product.exp() + (inputs[2:] @ weight).sum()).sum()  # exp keeps its result; the slice shares its storage
    assert sum(kept.values()) == 4 * (7 * 3 + 7 * 5)
    loss.backward()
    assert weight.grad is not None
