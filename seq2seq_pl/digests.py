"""What is in a file, in 64 digits; of large files that stay as they are it is remembered."""

from __future__ import annotations

import hashlib
import json
import os
import time
from contextlib import suppress
from pathlib import Path

from seq2seq_pl.files import write_text

LARGE = 64 * 2**20
"""Bytes of a file from which on its digest is remembered; a smaller one is read in a moment."""
SETTLED = 5.0
"""Seconds for which a file has to have been left alone: clocks of file systems are coarse."""


def file_digest(path: Path) -> str:
    """SHA-256 of a file's bytes, in hex."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()


def remembered_digest(path: Path, folder: Path) -> str:
    """The same, but a large file is not read again while the system says that nobody has touched it.

    That is while its place, size and times are the same: the time of the last change to a file and its name (ctime)
    cannot be set by programs, unlike that of the last change to its bytes. Only where there is such a time (POSIX).

    Args:
        folder: where digests are kept, a small file for each.
    """
    before = _identity(path)
    if before is None:
        return file_digest(path)
    note = folder / f"{hashlib.sha256(os.fsencode(path.resolve())).hexdigest()[:32]}.json"
    try:
        kept = json.loads(note.read_text(encoding="utf-8"))
        if kept["identity"] == before and len(kept["sha256"]) == 64:
            return str(kept["sha256"])
    except (OSError, ValueError, KeyError, TypeError):  # not there, or not one of ours
        pass
    began = time.time()
    digest = file_digest(path)
    if _identity(path) == before and max(before[-2:]) < (began - SETTLED) * 1e9:
        with suppress(OSError):  # a cache that cannot be written is no reason not to go on
            write_text(note, json.dumps({"identity": before, "sha256": digest}))
    return digest


def _identity(path: Path) -> list[int] | None:
    """By what a file is known: its place, size and times in nanoseconds; None where its digest is not remembered."""
    found = path.stat()
    if os.name != "posix" or found.st_size < LARGE:
        return None
    return [found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns]
