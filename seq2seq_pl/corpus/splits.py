"""Splits of a corpus: their names, their order, and the promise that each holds something to learn from."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from seq2seq_pl.corpus.lines import did_you_mean
from seq2seq_pl.errors import UserError, listing, printable
from seq2seq_pl.values import Record

ORDER = ("train", "valid", "test")
NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_.-]*")


def check_name(told: str, name: str) -> None:
    """Raises UserError unless a name can be that of a file or folder, which it then does not lead out of.

    Args:
        told: the setting and the name, as a user knows them.
    """
    if not NAME.fullmatch(name):
        raise UserError(f"{told}: a name is made of letters, digits, _, - and ., and does not begin with a dot.")


def ordered(files: Mapping[str, str], setting: str = "corpus.files") -> dict[str, str]:
    """Split -> file in the order train, valid, test, test_*; `setting` is what a user calls `files`.

    Raises:
        UserError: a split has another name, or one that cannot be a file's, or there is none.
    """
    if not files:
        raise UserError(f"{setting} is empty; name at least one split ({setting}.train=NAME).")
    for name in files:
        if name not in ORDER and not name.startswith("test_"):
            raise UserError(
                f"{setting}.{name}: a split is called train, valid, test or test_NAME{did_you_mean(name, ORDER)}"
            )
        check_name(f"{setting}.{name}", name)
    rank = {name: place for place, name in enumerate(ORDER)}
    return {name: files[name] for name in sorted(files, key=lambda name: rank.get(name, len(ORDER)))}


def chosen(files: Mapping[str, str], split: str, setting: str = "corpus.files") -> str:
    """The file of a split. Raises UserError if the corpus has no such split."""
    if split not in files:
        raise UserError(
            f"split {split}: the corpus has only {', '.join(files)}{did_you_mean(split, files)} "
            f"Choose one of them or add {setting}.{split}."
        )
    return files[split]


def check_policy(on_bad_line: str) -> None:
    """Raises UserError unless it is a known way to treat a bad line."""
    if on_bad_line not in ("error", "skip"):
        raise UserError(f"corpus.on_bad_line ({on_bad_line}) must be error or skip.")


def refuse(origin: str, problem: str, on_bad_line: str) -> None:
    """Raises UserError for a bad line where the policy says so; elsewhere the caller counts it as skipped."""
    if on_bad_line == "error":
        raise UserError(f"{origin}: {problem} Fix the line or set corpus.on_bad_line=skip.")


def check_column(role: str, name: str, names: tuple[str, ...], where: str) -> None:
    """Raises UserError unless `name`, the value of corpus.<role>, is among the names."""
    if name not in names:
        has = (listing(names) or "none") + did_you_mean(name, names)
        raise UserError(f"corpus.{role} ({printable(name)}) is not a column of {where}, which has {has}")


def usable(records: Iterator[Record], name: str, source: str, target: str) -> Iterator[Record]:
    """The records themselves; at their end, an error if there was nothing to learn from.

    Raises:
        UserError: no record at all, or none with text on both sides.
    """
    count, filled = 0, False
    for record in records:
        count += 1
        filled = filled or bool(record.fields[source].strip() and record.fields[target].strip())
        yield record
    if count == 0:
        raise UserError(f"{name}: the split holds no record; it needs at least one. Check the file and corpus.files.")
    if not filled:
        raise UserError(
            f"{name}: none of the {count:,} records has text in both {source} and {target}. "
            "Check corpus.source, corpus.target and the file."
        )
