"""Ctrl-C and SIGTERM as a wish."""

from __future__ import annotations

import signal
import threading

import pytest

from seq2seq_pl.stopping import SIGNALS, StopWish


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_is_noted_and_told(number: signal.Signals, capsys: pytest.CaptureFixture) -> None:
    with StopWish() as wish:
        assert wish.signal is None
        signal.raise_signal(number)
        assert wish.signal == number
    assert "stopping at the next step; once more stops at once." in capsys.readouterr().err


def test_the_second_ctrl_c_stops_at_once_but_for_the_same_one_passed_on() -> None:
    former = signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs ignore Ctrl-C
    try:
        with StopWish() as wish:
            signal.raise_signal(signal.SIGINT)
            signal.raise_signal(signal.SIGINT)
            wish.came -= 2
            with pytest.raises(KeyboardInterrupt):
                signal.raise_signal(signal.SIGINT)
    finally:
        signal.signal(signal.SIGINT, former)


def test_signals_have_their_former_effects_afterwards() -> None:
    former = [signal.getsignal(number) for number in SIGNALS]
    with StopWish() as wish:
        assert [signal.getsignal(number) for number in SIGNALS] != former
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        wish.insist()
        signal.raise_signal(signal.SIGTERM)
        assert wish.signal == signal.SIGTERM
    assert [signal.getsignal(number) for number in SIGNALS] == former


def test_insisting_does_nothing_outside() -> None:
    former = signal.getsignal(signal.SIGTERM)
    StopWish().insist()
    assert signal.getsignal(signal.SIGTERM) == former


def test_another_thread_cannot_listen_and_does_not_fail() -> None:
    failed = []

    def listen() -> None:
        try:
            with StopWish() as wish:
                wish.insist()
        except ValueError as error:
            failed.append(error)

    thread = threading.Thread(target=listen)
    thread.start()
    thread.join()
    assert not failed
