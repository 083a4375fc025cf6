"""The exceptions that are meant for the user, in a file of their own so that commands can name them without torch."""

from __future__ import annotations


class UserError(Exception):
    """A mistake of the user's: one or two clear sentences, shown without a traceback, exit code 2."""


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
