"""Public originals that are not published in the form a corpus reads: downloaded, converted once, and checked."""

from __future__ import annotations

import hashlib
import os
import uuid
import zipfile
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from pathlib import Path

from seq2seq_pl.corpus.download import cache, check_place, fetch_file
from seq2seq_pl.digests import file_digest
from seq2seq_pl.errors import UserError


class Converted(ABC):
    """The files of a corpus, made from originals at a public address.

    What is made is checked, so neither another original nor a wrong conversion can pass unseen.

    Args:
        url: address that the originals' own addresses are relative to.
        folder: name of the corpus's folder in the cache.
        originals: file name -> {url: relative address, sha256: of the decompressed file, null where nobody knows it}.
        files: file that is made -> SHA-256 of its text.
    Raises:
        UserError: a name leads out of the cache.
    """

    def __init__(
        self, *, url: str, folder: str, originals: Mapping[str, Mapping[str, str | None]], files: Mapping[str, str]
    ) -> None:
        check_place(folder, files)
        check_place(folder, originals, "originals")
        self.url = url.rstrip("/")
        self.folder = folder
        self.originals = {name: (entry["url"], entry["sha256"]) for name, entry in originals.items()}
        self.files = dict(files)

    @abstractmethod
    def convert(self, originals: Path) -> Iterator[tuple[str, str]]:
        """Name and text of each of `files`, made from the folder of originals.

        Raises UserError if an original is not in its known form.
        """

    def fetch(self) -> Path:
        """The folder with all files in it. Raises UserError if one cannot be had."""
        directory = cache() / self.folder
        if not all((directory / name).is_file() for name in self.files):
            self._make(directory)
        for name, expected in self.files.items():
            if file_digest(directory / name) != expected:
                raise UserError(
                    f"{directory / name} is not what {self.url} is converted to (wrong checksum). "
                    "Delete it, or set corpus.path=DIR."
                )
        return directory

    def _make(self, directory: Path) -> None:
        originals = directory / "original"
        for name, (url, sha256) in self.originals.items():
            fetch_file(f"{self.url}/{url}", originals / name, sha256, file_digest)
        for name, text in self.convert(originals):
            if hashlib.sha256(text.encode()).hexdigest() != self.files[name]:
                raise UserError(
                    f"{name}, made from {originals}, is not the file that was expected (wrong checksum). "
                    f"Delete {originals} to download it again, or set corpus.path=DIR."
                )
            temporary = directory / f"{name}.{uuid.uuid4().hex}.part"
            temporary.write_bytes(text.encode())
            os.replace(temporary, directory / name)


def zipped_text(path: Path, name: str) -> str:
    """The text of the only file in a zip whose name ends so, in whichever of its folders.

    Raises:
        UserError: there is no such file, more than one, or the zip is damaged.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            names = [member for member in archive.namelist() if "__MACOSX" not in member]  # a Mac's shadows of files
            found = [member for member in names if member.endswith(name)]
            if len(found) == 1:
                return archive.read(found[0]).decode("utf-8")
    except (zipfile.BadZipFile, UnicodeDecodeError, OSError) as error:
        raise UserError(f"{path}: {name} cannot be read ({error}). Delete it, or set corpus.path=DIR.") from error
    raise UserError(
        f"{path}: expected one file {name}, found {len(found)} (it holds {', '.join(names)}). Set corpus.path=DIR."
    )
