"""Lines of text files, plain or gzip, found and read so that every mistake is named with its file and line."""

from __future__ import annotations

import difflib
import gzip
import os
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Protocol

from seq2seq_pl.errors import UserError, listing, printable


class Original(Protocol):
    """The public original of a corpus, used where `corpus.path` is null."""

    def fetch(self) -> Path:
        """The folder with the files, downloaded first where needed. Raises UserError with the way out."""


def did_you_mean(name: str, names: Iterable[str]) -> str:
    """The end of a sentence: "; did you mean X?" with the nearest of the names, or a full stop."""
    nearest = difflib.get_close_matches(name, list(names), n=1)
    return f"; did you mean {printable(nearest[0])}?" if nearest else "."


def folder(path: str | None, original: Original | None) -> Path:
    """The folder of a corpus: `path` with ~ expanded, or where its original was downloaded to.

    Raises:
        UserError: there is no such folder, or neither a path nor an original.
    """
    if path is None:
        if original is None:
            raise UserError("corpus.path is null and this corpus has no download; set corpus.path=DIR.")
        return original.fetch()
    try:
        directory = Path(path).expanduser()
    except RuntimeError as error:  # ~nobody
        raise UserError(f"corpus.path ({path}): there is no such home directory; set corpus.path=DIR.") from error
    if os.path.isfile(directory):
        raise UserError(
            f"corpus.path ({path}) is a file, not a directory; give its folder (corpus.path={directory.parent})."
        )
    if not os.path.isdir(directory):  # False also for a name that is too long
        raise UserError(f"corpus.path ({path}): no such directory, seen from {Path.cwd()}; set corpus.path=DIR.")
    return directory


def find(path: Path) -> Path:
    """The file itself, or its twin with (without) the suffix .gz.

    Raises:
        UserError: neither is there; the message lists what is.
    """
    twin = path.with_suffix("") if path.suffix == ".gz" else Path(f"{path}.gz")
    for candidate in (path, twin):
        if os.path.isfile(candidate):
            return candidate
    entries = path.parent.iterdir() if os.path.isdir(path.parent) else ()
    present = sorted(entry.name for entry in entries if os.path.isfile(entry))
    raise UserError(
        f"{path}: no such file ({path.parent} holds {listing(present) or 'no file'}){did_you_mean(path.name, present)} "
        "Set corpus.files or corpus.path."
    )


def lines(path: Path) -> Iterator[tuple[int, str]]:
    r"""Number (from 1) and text of each line, streamed; gzip by the suffix .gz.

    Lines end at "\n" and nowhere else, so "\u2028" or a lone "\r" stays inside its line; one "\r" before the "\n" and a
    byte order mark at the start of the file are dropped.

    Raises:
        UserError: bytes that are not UTF-8, a damaged gzip file, or a file that cannot be read.
    """
    number = 0
    try:
        with gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb") as file:
            for number, raw in enumerate(file, start=1):
                text = raw.decode("utf-8").removesuffix("\n").removesuffix("\r")
                yield number, text.removeprefix("\ufeff") if number == 1 else text
    except UnicodeDecodeError as error:
        raise UserError(
            f"{path}, line {number}: byte {error.start + 1} is not UTF-8. "
            "Convert the file (iconv -f ENCODING -t UTF-8) or fix the line."
        ) from error
    except (gzip.BadGzipFile, zlib.error, EOFError) as error:
        raise UserError(
            f"{path}: the gzip file is damaged after line {number} ({error}). Fetch or compress it again."
        ) from error
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror or error}); check its permissions.") from error
