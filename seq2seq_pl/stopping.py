"""Ctrl-C and SIGTERM as a wish that is granted at the next good moment."""

from __future__ import annotations

import signal
import sys
import threading
import time
from types import FrameType
from typing import Any

SIGNALS = (signal.SIGINT, signal.SIGTERM)
SAME_WITHIN_SECONDS = 1.0
NAMES = {signal.SIGINT: "Ctrl-C", signal.SIGTERM: "SIGTERM"}


class StopWish:
    """Takes note of Ctrl-C and SIGTERM in a `with` block; a second signal has its usual effect.

    A signal within a second of the first is the same one: terminals and schedulers send it to a process and to the one
    that started it, which passes it on.

    Attributes:
        signal: the one that came, or None.
    """

    def __init__(self) -> None:
        self.signal: signal.Signals | None = None
        self.came = 0.0
        self._former: dict[signal.Signals, Any] = {}

    def __enter__(self) -> StopWish:
        if threading.current_thread() is threading.main_thread():  # in another one nothing can be listened to
            self._former = {number: signal.getsignal(number) for number in SIGNALS}
            self.insist()
        return self

    def insist(self) -> None:
        """Listens again, where somebody else began to in the block."""
        for number in self._former:
            signal.signal(number, self._note)

    def __exit__(self, *raised: object) -> None:
        for number, effect in self._former.items():
            signal.signal(number, effect)
        self._former = {}

    def _note(self, number: int, frame: FrameType | None) -> None:
        if self.signal is not None:
            if time.monotonic() - self.came > SAME_WITHIN_SECONDS:
                for each, effect in self._former.items():
                    signal.signal(each, effect)
                signal.raise_signal(number)  # in this thread, and so at once
            return
        self.signal, self.came = signal.Signals(number), time.monotonic()
        print(f"\n{NAMES[self.signal]}: stopping at the next step; once more stops at once.", file=sys.stderr)
