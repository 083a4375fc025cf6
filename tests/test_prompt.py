"""The prompt, typed at through a pseudo-terminal."""

from __future__ import annotations

import importlib.util
import os
import pty
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from seq2seq_pl.prompt import history_file

UP, CTRL_C, CTRL_D = "\x1b[A", "\x03", "\x04"
OWN_TERMINAL = "import fcntl, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); "
SHOUT = OWN_TERMINAL + "from seq2seq_pl.prompt import converse; converse(str.upper)"
REPEAT = (
    OWN_TERMINAL
    + "from seq2seq_pl.prompt import converse; said = []; "
    + "converse(lambda text: said.append(text) or f'[{\",\".join(said)}]', said.clear)"
)


def interruptible() -> None:
    """As a process at a terminal is; tests that run in the background of a shell would hand on that they are not."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


class Session:
    """A process with a terminal of its own; `seen` is all that it wrote so far."""

    def __init__(self, arguments: list[str], environment: dict[str, str]) -> None:
        self.terminal, inside = pty.openpty()
        line = [sys.executable, *arguments]
        settings = {**os.environ, "TERM": "xterm", "OMP_NUM_THREADS": "1", **environment}
        self.process = subprocess.Popen(
            line,
            stdin=inside,
            stdout=inside,
            stderr=inside,
            env=settings,
            start_new_session=True,
            preexec_fn=interruptible,
        )
        os.close(inside)
        self.seen = ""

    def type(self, keys: str) -> None:
        os.write(self.terminal, keys.encode())

    def expect(self, text: str) -> str:
        """Reads until the text comes, which is then taken off; returns what came before."""
        deadline = time.monotonic() + 120
        while text not in self.seen:
            ready, _, _ = select.select([self.terminal], [], [], max(0, deadline - time.monotonic()))
            assert ready, f"no {text!r} in {self.seen!r}"
            try:
                self.seen += os.read(self.terminal, 4096).decode(errors="replace")
            except OSError as error:  # the other side is closed
                raise AssertionError(f"no {text!r} in {self.seen!r}") from error
        before, _, self.seen = self.seen.partition(text)
        return before

    def interrupt(self) -> None:
        """Ctrl-C until a prompt comes: Python overlooks one that comes while it still takes the last key."""
        for _ in range(20):
            self.type(CTRL_C)
            if select.select([self.terminal], [], [], 5)[0]:
                break
        self.expect("> ")

    def end(self) -> int:
        """Ctrl-D at the next prompt; the exit code."""
        self.expect("> ")
        self.type(CTRL_D)
        return self.process.wait(timeout=120)


@pytest.fixture
def session(tmp_path) -> Iterator[Callable[..., Session]]:
    """Starts python with arguments, its state kept in the test's folder."""
    started: list[Session] = []

    def start(*arguments: str, **environment: str) -> Session:
        made = Session([*(arguments or ("-c", SHOUT))], {"XDG_STATE_HOME": str(tmp_path / "state"), **environment})
        started.append(made)
        return made

    yield start
    for one in started:
        one.process.kill()
        one.process.wait()
        os.close(one.terminal)


needs_readline = pytest.mark.skipif(importlib.util.find_spec("readline") is None, reason="this Python has no readline")


def test_lines_are_answered_until_ctrl_d(session):
    one = session()
    one.expect("Type a sentence; end with Ctrl-D.")
    one.expect("> ")
    one.type("ab\n")
    one.expect("AB\r\n")
    one.expect("> ")
    one.type("cd\n")
    one.expect("CD\r\n")
    assert one.end() == 0


def test_an_empty_line_does_nothing(session):
    one = session("-c", OWN_TERMINAL + "from seq2seq_pl.prompt import converse; converse(lambda text: f'[{text}]')")
    one.expect("> ")
    one.type("\n")
    one.expect("> ")
    one.type("   \n")
    one.expect("> ")
    one.type("a\n")
    before = one.expect("[a]\r\n")
    assert "[]" not in before
    assert "new conversation" not in before


def test_an_empty_line_begins_a_new_conversation_where_there_is_one_and_says_so(session):
    one = session("-c", REPEAT)
    one.expect("Say something; an empty line begins a new conversation; end with Ctrl-D.")
    for typed, answer in (("a", "[a]"), ("b", "[a,b]"), (" ", "(a new conversation)"), ("c", "[c]")):
        one.expect("> ")
        one.type(f"{typed}\n")
        one.expect(f"{answer}\r\n")
    assert one.end() == 0


def test_ctrl_c_goes_on_with_the_same_conversation(session):
    one = session("-c", REPEAT)
    one.expect("> ")
    one.type("a\n")
    one.expect("[a]")
    one.expect("> ")
    one.type("never")
    one.expect("never")
    one.interrupt()
    one.type("b\n")
    one.expect("[a,b]")
    assert one.end() == 0


def test_ctrl_c_clears_the_line_and_stays(session):
    one = session()
    one.expect("> ")
    one.type("never")
    one.expect("never")
    one.interrupt()
    one.type("ever\n")
    before = one.expect("EVER\r\n")
    assert "NEVER" not in before + "EVER"
    assert one.end() == 0


@needs_readline
def test_the_up_arrow_brings_a_line_back_in_this_session_and_the_next(session, tmp_path):
    one = session()
    one.expect("> ")
    for text in ("first", "second"):
        one.type(f"{text}\n")
        one.expect(f"{text.upper()}\r\n")
        one.expect("> ")
    one.type(UP + UP + "\n")
    one.expect("FIRST\r\n")
    assert one.end() == 0
    assert "second" in (tmp_path / "state" / "seq2seq_pl" / "history").read_text(encoding="utf-8")
    again = session()
    again.expect("> ")
    again.type(UP + UP + "\n")
    again.expect("SECOND\r\n")
    assert again.end() == 0


@needs_readline
def test_a_line_can_be_edited(session):
    one = session()
    one.expect("> ")
    one.type("bc\x01a\n")  # Ctrl-A: to the beginning
    one.expect("ABC\r\n")


def test_a_history_that_cannot_be_kept_is_no_mistake(session):
    one = session(XDG_STATE_HOME="/dev/null/nowhere")
    one.expect("> ")
    one.type("a\n")
    one.expect("A\r\n")
    assert one.end() == 0


def test_a_python_without_readline_has_a_prompt_too(session):
    one = session("-c", "import sys; sys.modules['readline'] = None; " + SHOUT)
    one.expect("> ")
    one.type("a\n")
    one.expect("A\r\n")
    assert one.end() == 0


def test_a_mistake_is_told_and_the_prompt_stays(session):
    refuse = "def refuse(text): raise UserError(f'no {text}.')\n"
    setup = "from seq2seq_pl.errors import UserError; from seq2seq_pl.prompt import converse\n"
    one = session("-c", OWN_TERMINAL + setup + refuse + "converse(refuse)")
    one.expect("> ")
    one.type("way\n")
    one.expect("error: no way.\r\n")
    assert one.end() == 0


def test_bytes_that_are_no_text_are_no_fault(session):
    one = session()
    one.expect("> ")
    os.write(one.terminal, b"a\xffb\n")
    one.expect("A\ufffdB\r\n")


def test_the_history_is_where_the_state_of_programs_is(monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", "/somewhere")
    assert history_file() == Path("/somewhere/seq2seq_pl/history")
    monkeypatch.setenv("XDG_STATE_HOME", "")
    assert history_file() == Path("~/.local/state/seq2seq_pl/history").expanduser()


@pytest.mark.slow
def test_generate_prompts_at_a_terminal_and_understands_constraints(session, finished):
    command = OWN_TERMINAL + "import sys; from seq2seq_pl.generate import main; main()"
    one = session("-c", command, f"run={finished}", "device=cpu", "constraints=inline")
    one.expect("Type a sentence; end with Ctrl-D.")
    one.expect("> ")
    one.type("a b c {>h g}\n")
    one.expect("\r\n")  # of what is typed
    one.expect("h g")
    one.type("a b c {+zzz}\n")
    one.expect("constraints not met")
    one.expect("> ")
    one.type("half a line")
    one.expect("half a line")
    one.interrupt()
    one.type(CTRL_D)
    assert one.process.wait(timeout=120) == 0
