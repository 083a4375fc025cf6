"""The exceptions that are meant for the user, in a file of their own so that commands can name them without torch."""

from __future__ import annotations

from collections.abc import Iterable

LISTED = 10
SHOWN = 60
"""Names in a list, and characters of a name, that a sentence has room for."""


class UserError(Exception):
    """A mistake of the user's: one or two clear sentences, shown without a traceback, exit code 2."""


def printable(text: str) -> str:
    """A text out of a file as a sentence can have it: on one line, signs that nobody sees spelled out, the end cut."""
    seen = spelled_out(text[: SHOWN + 1])
    return f"{seen[:SHOWN]}..." if len(seen) > SHOWN else seen


def spelled_out(text: str) -> str:
    """A text in which a terminal shows every sign: line ends, colours and what is not seen as escapes of Python's."""
    return "".join(sign if sign.isprintable() else sign.encode("unicode_escape").decode() for sign in text)


def listing(names: Iterable[str]) -> str:
    """The first of some names out of a file, for a sentence."""
    found = list(names)
    return ", ".join([*map(printable, found[:LISTED]), *(["..."] if len(found) > LISTED else [])])


class Stopped(SystemExit):
    """A run that was asked to stop and did, with everything on disk that it needs to go on.

    As a SystemExit it ends a sweep, too, and nothing takes it for an error.

    Attributes:
        code: 128 + the signal's number, as a shell has it.
        sentence: what to tell the user.
    """

    def __init__(self, signal: int, sentence: str) -> None:
        super().__init__(128 + signal)
        self.sentence = sentence
