"""Files that appear under their name only when they are complete, and survive the machine's end from then on."""

from __future__ import annotations

import errno
import os
import re
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from seq2seq_pl.errors import UserError, printable

NOT_THERE = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP)
UNFINISHED = re.compile(r"\..+\.[0-9a-f]{32}")


def typed_path(setting: str, text: str) -> Path:
    """A path as a user types it, ~ expanded, whether there is such a file or not.

    Raises:
        UserError: there can be no such file, or nobody may look whether there is.
    """
    try:
        path = Path(text).expanduser()
        path.stat()
    except RuntimeError as error:  # of ~NAME
        raise UserError(f"{setting}={printable(text)}: there is no home directory of that name.") from error
    except ValueError as error:  # of the system's own calls
        raise UserError(f"{setting}={printable(text)}: a path has no NUL character and no half of one.") from error
    except OSError as error:
        if error.errno not in NOT_THERE:
            raise UserError(f"{setting}={printable(text)}: {error.strerror}.") from error
    return path


@contextmanager
def complete(path: Path) -> Iterator[BinaryIO]:
    """A file to write, which takes its name when the block ends well: temporary name, flush, rename.

    Its folder is made.

    Raises:
        OSError: it could not be written; the error has its name.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    try:
        with temporary.open("xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
        _flush_names(path.parent)
    except OSError as error:
        if error.filename is None:  # a full disk is noticed where the name is not known
            error.filename = str(path)
        raise
    finally:
        temporary.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Writes a text file, UTF-8, which appears when it is complete."""
    with complete(path) as file:
        file.write(text.encode())


def keep_as(path: Path, name: str) -> None:
    """Gives a file a second name in its folder, in place of what had that name; without a file, does nothing."""
    if not path.is_file():
        return
    temporary = path.with_name(f".{name}.{uuid.uuid4().hex}")
    try:
        os.link(path, temporary)
    except OSError:  # a file system without links
        temporary.write_bytes(path.read_bytes())
    os.replace(temporary, path.with_name(name))


def remove_unfinished(folder: Path) -> None:
    """Removes what writers left that were killed. Only for a folder that nobody else writes to now."""
    for path in folder.iterdir() if folder.is_dir() else ():
        if UNFINISHED.fullmatch(path.name) and path.is_file():
            path.unlink()


def _flush_names(folder: Path) -> None:
    """Makes a rename last. Where a folder cannot be opened (Windows), the file system has to see to it."""
    try:
        handle = os.open(folder, os.O_RDONLY)
    except OSError:
        return
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
