"""The states of a part's parts, side by side in one flat mapping."""

from __future__ import annotations

from seq2seq_pl.values import State


def under(name: str, state: State) -> State:
    """The state of a part as a part of another's: "hidden" becomes "name.hidden"."""
    return {f"{name}.{key}": value for key, value in state.items()}


def of(name: str, state: State) -> State:
    """The inverse of `under`: what belongs to that part, by its own names."""
    start = f"{name}."
    return {key.removeprefix(start): value for key, value in state.items() if key.startswith(start)}
