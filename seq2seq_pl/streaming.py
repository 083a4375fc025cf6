"""Lines in, lines out: streamed in constant memory and in order, with the speed told on stderr."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from itertools import islice
from typing import IO, cast

from seq2seq_pl.errors import UserError
from seq2seq_pl.files import typed_path

WINDOW = 32
"""Batches that are read ahead, so that sentences of like length can go together."""
MOST_AHEAD = 1_000_000
"""Lines that are read ahead at most, however large a batch may be."""
BETWEEN = 0.2
"""Seconds between two pictures of the live line."""


def lines(file: IO[bytes]) -> Iterator[str]:
    """Lines that end at newlines and nowhere else; bytes that are not UTF-8 become U+FFFD."""
    for raw in file:
        yield raw.decode("utf-8", errors="replace").removesuffix("\n").removesuffix("\r")


def open_input(path: str, stack: ExitStack) -> IO[bytes]:
    """A file to read, closed with the stack; "-" is standard input.

    Raises:
        UserError: it cannot be read.
    """
    return sys.stdin.buffer if path == "-" else stack.enter_context(_open(path, "rb", "input"))


def open_output(path: str, source: str, stack: ExitStack) -> IO[bytes]:
    """A file to write, closed with the stack; "-" is standard output.

    Raises:
        UserError: it cannot be written, or is the `source` of what is to be written.
    """
    if path == "-":
        return sys.stdout.buffer
    if source != "-" and typed_path("output", path).resolve() == typed_path("input", source).resolve():
        raise UserError(f"output={path} is the input too, and would be lost; give another file.")
    return stack.enter_context(_open(path, "wb", "output"))


def _open(path: str, mode: str, setting: str) -> IO[bytes]:
    try:
        return cast("IO[bytes]", typed_path(setting, path).open(mode))
    except OSError as error:
        raise UserError(f"{setting}={path}: {error.strerror}.") from error


def counted(lines: int) -> str:
    """A number of lines in words."""
    return "1 line" if lines == 1 else f"{lines:,} lines"


class Meter:
    """Counts what is done, and shows it on stderr: at a terminal while it goes on, everywhere at its end."""

    def __init__(self, *, live: bool) -> None:
        self.live = live
        self.lines = self.tokens = 0
        self.began = time.perf_counter()
        self.shown = ""
        self.due = self.began + BETWEEN

    def add(self, lines: int, tokens: int) -> None:
        """Counts some lines and their tokens."""
        self.lines += lines
        self.tokens += tokens
        if self.live and time.perf_counter() > self.due:
            self.due = time.perf_counter() + BETWEEN
            self._show(str(self))

    def close(self) -> None:
        """Takes the live line away."""
        if self.shown:
            self._show("")
            print(end="\r", file=sys.stderr, flush=True)

    def _show(self, text: str) -> None:
        print(f"\r{text:<{len(self.shown)}}", end="", file=sys.stderr, flush=True)
        self.shown = text

    def __str__(self) -> str:
        seconds = max(time.perf_counter() - self.began, 1e-9)
        rates = f"{self.lines / seconds:,.0f} lines/s, {self.tokens / seconds:,.0f} tokens/s"
        return f"{counted(self.lines)}, {rates}"


def stream(
    texts: Iterable[str],
    target: IO[bytes],
    batch_size: int,
    answer: Callable[[Sequence[str], int, Meter], Iterable[str]],
) -> bool:
    """Answers lines with lines.

    Args:
        texts: the lines.
        target: where the answers go, in the order of the lines.
        batch_size: sentences that go together.
        answer: some lines, how many came before, and the meter that counts them -> their answers.
    Returns: False if whoever read the output had seen enough.
    """
    meter = Meter(live=sys.stderr.isatty() and not target.isatty())
    before, rest = 0, iter(texts)
    try:
        while window := list(islice(rest, min(batch_size * WINDOW, MOST_AHEAD))):
            target.writelines(f"{line}\n".encode() for line in answer(window, before, meter))
            target.flush()
            before += len(window)
    except BrokenPipeError:
        meter.close()
        sys.stderr.close()  # nor is anything to be said at the interpreter's end
        return False
    finally:
        meter.close()
    print(meter, file=sys.stderr)
    return True
