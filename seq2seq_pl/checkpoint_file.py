"""Checkpoint files: written whole or not at all, and opened without running anything from them."""

from __future__ import annotations

import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
from lightning.fabric.plugins import CheckpointIO

from seq2seq_pl.errors import UserError
from seq2seq_pl.files import complete

KEY = "seq2seq_pl"
"""Under which our part of a checkpoint stands: version, config, tokenizers."""
VERSION = 1


class CheckpointFiles(CheckpointIO):
    """How Lightning reads and writes checkpoints here."""

    def save_checkpoint(self, checkpoint: dict[str, Any], path: str | Path, storage_options: Any = None) -> None:
        """Writes a file that appears when it is complete."""
        with complete(Path(path)) as file:
            try:
                torch.save(checkpoint, file)
            except RuntimeError as error:
                if isinstance(error.__context__, OSError):  # a full disk, which torch calls an unexpected position
                    raise error.__context__ from error
                raise

    def load_checkpoint(
        self, path: str | Path, map_location: Callable[..., Any] | None = None, weights_only: bool | None = None
    ) -> dict[str, Any]:
        """Opens a file, whatever is asked, as plain values."""
        return open_checkpoint(Path(path))

    def remove_checkpoint(self, path: str | Path) -> None:
        """Removes a file."""
        Path(path).unlink(missing_ok=True)


def open_checkpoint(path: Path) -> dict[str, Any]:
    """The content of a checkpoint, on the CPU.

    Raises:
        UserError: not a checkpoint of ours, torn, damaged, or one that wants to run code.
    """
    try:
        with zipfile.ZipFile(path) as archive:  # torch itself does not look at the checksums
            damaged = archive.testzip()
    except (zipfile.BadZipFile, OSError, EOFError) as error:
        raise UserError(f"{path} is not a complete checkpoint ({_reason(error)}).") from error
    if damaged is not None:
        raise UserError(f"{path} is damaged ({damaged} has another checksum).")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch's, about how the file was written
            content = torch.load(path, map_location="cpu", weights_only=True)
    except UnpicklingError as error:
        raise UserError(f"{path} is damaged or holds more than plain values; it was not opened.") from error
    except Exception as error:  # a damaged file makes torch raise nearly anything
        raise UserError(f"{path} is not a complete checkpoint ({_reason(error)}).") from error
    ours = content.get(KEY) if isinstance(content, dict) else None
    if not isinstance(ours, dict):
        raise UserError(f"{path} is a checkpoint, but not one of seq2seq_pl.")
    if ours.get("version") != VERSION:
        raise UserError(
            f"{path} has checkpoint version {ours.get('version')}; this seq2seq_pl reads version {VERSION}."
        )
    assert isinstance(content, dict)
    return content


def _reason(error: Exception) -> str:
    return str(error).partition("\n")[0] or type(error).__name__
