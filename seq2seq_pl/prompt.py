"""A prompt for people: line editing and a history that is kept, where the machine has `readline`."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from seq2seq_pl.errors import UserError

HISTORY_LENGTH = 1_000


def converse(answer: Callable[[str], str], forget: Callable[[], None] | None = None) -> None:
    """Answers what is typed line by line until Ctrl-D; Ctrl-C clears the line.

    An empty line begins a new conversation, where `forget` can do that, and else does nothing.
    """
    what = "Say something; an empty line begins a new conversation;" if forget else "Type a sentence;"
    print(f"{what} end with Ctrl-D.", file=sys.stderr)
    for stream in (sys.stdin, sys.stdout):
        stream.reconfigure(errors="replace")  # type: ignore[union-attr]
    with _editing(), contextlib.suppress(KeyboardInterrupt):  # of a Ctrl-C just before the Ctrl-D
        while True:
            try:
                text = input("> ")
                if text.strip():
                    print(answer(text), flush=True)
                elif forget:
                    forget()
                    print("(a new conversation)", file=sys.stderr)
            except EOFError:
                print(file=sys.stderr)
                return
            except KeyboardInterrupt:
                print(file=sys.stderr)
            except UserError as error:
                print(f"error: {error}", file=sys.stderr)


def history_file() -> Path:
    """Where the history is kept: the XDG base directory specification's place for state."""
    state = os.environ.get("XDG_STATE_HOME") or "~/.local/state"
    return Path(state).expanduser() / "seq2seq_pl" / "history"


@contextlib.contextmanager
def _editing() -> Iterator[None]:
    """Has `input` edit lines, with the history of former times; a history that cannot be kept is no mistake."""
    try:
        import readline  # here, because it takes hold of the terminal
    except ImportError:
        yield
        return
    path = history_file()
    with contextlib.suppress(OSError):
        readline.read_history_file(path)
    readline.set_history_length(HISTORY_LENGTH)
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            path.parent.mkdir(parents=True, exist_ok=True)
            readline.write_history_file(path)
