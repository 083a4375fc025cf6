"""Public originals of corpora: downloaded once, checked, kept in a cache folder."""

from __future__ import annotations

import copy
import gzip
import os
import shutil
import uuid
import zlib
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import pooch

from seq2seq_pl.corpus.splits import check_name
from seq2seq_pl.digests import file_digest
from seq2seq_pl.errors import UserError


class Download:
    """The files of a corpus at a public address.

    Args:
        url: address that the files' own addresses are relative to.
        folder: name of their folder in the cache.
        files: file name -> {url: relative address, sha256: of the decompressed text}.
    Raises:
        UserError: a name leads out of the cache.
    """

    def __init__(self, *, url: str, folder: str, files: Mapping[str, Mapping[str, str]]) -> None:
        check_place(folder, files)
        self.url = url.rstrip("/")
        self.folder = folder
        self.files = {name: (entry["url"], entry["sha256"]) for name, entry in files.items()}

    def only(self, names: Iterable[str]) -> Download:
        """The same address with these of its files alone."""
        chosen = copy.copy(self)
        chosen.files = {name: self.files[name] for name in names}
        return chosen

    def fetch(self) -> Path:
        """The folder with all files in it, decompressed. Raises UserError if one cannot be had."""
        directory = cache() / self.folder
        for name, (url, sha256) in self.files.items():
            fetch_file(f"{self.url}/{url}", directory / name, sha256, file_digest)
        return directory


def cache() -> Path:
    """The folder of downloaded corpora: $SEQ2SEQ_PL_CACHE, or the system's cache folder."""
    return Path(os.environ.get("SEQ2SEQ_PL_CACHE") or pooch.os_cache("seq2seq_pl")).expanduser()


def check_place(folder: str, files: Iterable[str], setting: str = "files") -> None:
    """Raises UserError if a folder's name leads out of the cache, or a file's out of its folder."""
    check_name(f"corpus.download.folder ({folder})", folder)
    for name in files:
        check_name(f"corpus.download.{setting}.{name}", name)


def fetch_file(url: str, path: Path, expected: str | None, digest: Callable[[Path], str]) -> None:
    """Downloads and decompresses a file unless it is there; it gets its name only after its digest was right.

    Args:
        url: where it is; gzip is recognised by its first bytes.
        path: where it goes.
        expected: what `digest` must return; None = whatever is there is taken, and what is made of it is checked.
        digest: of the decompressed file.

    Raises:
        UserError: it cannot be downloaded or written, or it is not the file that was expected.
    """
    way_out = f"Put {path.name} into {path.parent} by hand, or set corpus.path=DIR."
    if path.is_file():
        if expected and digest(path) != expected:
            raise UserError(f"{path} is not the file of {url} (wrong checksum). Delete it, or set corpus.path=DIR.")
        return
    suffix = f".{uuid.uuid4().hex}.part"
    raw, text = path.with_name(path.name + ".raw" + suffix), path.with_name(path.name + suffix)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        pooch.HTTPDownloader(progressbar=True)(url, str(raw), None)
        decompress(raw, text)
        if expected and digest(text) != expected:
            raise UserError(f"{url} is not the file that was expected (wrong checksum). {way_out}")
        os.replace(text, path)
    except (OSError, EOFError, zlib.error) as error:
        raise UserError(f"{url} could not be downloaded ({type(error).__name__}). {way_out}") from error
    finally:
        raw.unlink(missing_ok=True)
        text.unlink(missing_ok=True)


def decompress(source: Path, target: Path) -> None:
    """Copies a file, decompressed if it is gzip."""
    with source.open("rb") as file:
        is_gzip = file.read(2) == b"\x1f\x8b"
        file.seek(0)
        with gzip.GzipFile(fileobj=file) if is_gzip else file as plain, target.open("wb") as out:
            shutil.copyfileobj(plain, out)
