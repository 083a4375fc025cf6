"""The memory of a machine, as far as Linux tells: how much is free, and how much a loss keeps for its gradients."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from torch import Tensor

V2, V1 = ("memory.max", "memory.current"), ("memory.limit_in_bytes", "memory.usage_in_bytes")
"""The limit and the use of a control group, by the version of its system."""


def free_memory(root: Path = Path("/")) -> int:
    """Bytes that this process may still take without another giving way; 0 where nobody knows.

    Nobody does on other systems than Linux, nor where a limit of the process itself (`ulimit -v`) counts addresses.

    Args:
        root: where proc and sys are.
    """
    if sys.platform != "linux" or _is_limited():
        return 0
    try:
        lines = (root / "proc/meminfo").read_text(encoding="utf-8").splitlines()
        found = [1024 * int(line.split()[1]) for line in lines if line.startswith("MemAvailable:")]
        groups = (root / "proc/self/cgroup").read_text(encoding="utf-8").splitlines()
        return max(0, min([*found, *_of_groups(groups, root / "sys/fs/cgroup")])) if found else 0
    except (OSError, ValueError, IndexError):
        return 0


def _is_limited() -> bool:
    import resource  # which Windows has not

    kinds = (resource.RLIMIT_AS, resource.RLIMIT_DATA)
    return any(resource.getrlimit(kind)[0] != resource.RLIM_INFINITY for kind in kinds)


def _of_groups(lines: list[str], mounted: Path) -> Iterator[int]:
    """What each control group around this process leaves it; https://docs.kernel.org/admin-guide/cgroup-v2.html."""
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers and "memory" not in controllers.split(","):
            continue
        top, (limit, used) = (mounted / "memory", V1) if controllers else (mounted, V2)
        own = top / path.strip("/")
        for folder in (own, *own.parents):
            if (folder / limit).is_file() and (most := (folder / limit).read_text(encoding="utf-8").strip()) != "max":
                yield int(most) - int((folder / used).read_text(encoding="utf-8"))
            if folder == top:
                break


@contextmanager
def counting_kept() -> Iterator[dict[int, int]]:
    """Counts what autograd keeps for a backward pass in the meantime: the bytes of each storage, by its address."""
    kept: dict[int, int] = {}

    def note(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        yield kept
