"""The one exception that is meant for the user. It has a file of its own so that commands can name it without torch."""

from __future__ import annotations


class UserError(Exception):
    """A mistake of the user's: one or two clear sentences, shown without a traceback, exit code 2."""
