"""What the C library does with memory that was freed."""

from __future__ import annotations

import ctypes
import os

TRIM_THRESHOLD, MMAP_MAX = -1, -4
"""Parameters of mallopt in glibc's malloc.h."""
NEVER = 2**31 - 1


def keep_freed_memory() -> bool:
    """Lets this process keep what it frees, for its next allocation. Returns whether the C library does so.

    glibc maps large blocks anew for each tensor and gives them back to the system when the tensor goes, so that the
    system has to fill the next one with zeros, page by page; a training or a search, which makes tensors of the same
    sizes again and again, waits for that. Where the user chose (MALLOC_TRIM_THRESHOLD_ or MALLOC_MMAP_MAX_ in the
    environment), or the C library is another, nothing is changed. See mallopt(3).
    """
    if "MALLOC_TRIM_THRESHOLD_" in os.environ or "MALLOC_MMAP_MAX_" in os.environ:
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):  # TypeError: on Windows there is no library without a name
        return False
    return bool(mallopt(TRIM_THRESHOLD, NEVER) and mallopt(MMAP_MAX, 0))
