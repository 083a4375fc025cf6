"""Memory that is freed is there for the next tensor."""

from __future__ import annotations

import os
import platform
import subprocess
import sys

import pytest

from seq2seq_pl.allocation import keep_freed_memory

pytestmark = pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the C library is not glibc")

PROGRAM = """
import resource, sys
from seq2seq_pl.allocation import keep_freed_memory
kept = keep_freed_memory() if sys.argv[1] == "keep" else None
bytearray(50_000_000)
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(10):
    bytearray(50_000_000)
print(kept, resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def faults(environment: dict[str, str], what: str) -> tuple[str, int]:
    """What the function says, and pages that ten times 50 MB cost anew."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, what], env=environment, capture_output=True, text=True, check=True
    )
    kept, count = done.stdout.split()
    return kept, int(count)


@pytest.fixture
def environment(monkeypatch):
    for name in ("MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_MAX_", "LD_PRELOAD"):
        monkeypatch.delenv(name, raising=False)
    return dict(os.environ)


def test_freed_memory_is_used_again(environment):
    kept, few = faults(environment, "keep")
    assert kept == "True"
    assert few < 100
    _, many = faults(environment, "plain")
    assert many > 10_000


def test_the_users_choice_stands(monkeypatch):
    monkeypatch.setenv("MALLOC_TRIM_THRESHOLD_", "131072")
    assert not keep_freed_memory()
