"""Recurrent layers by name, and their states as the house carries them: by name and batch-first."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor, nn

from seq2seq_pl.errors import UserError

CELLS: dict[str, type[nn.RNN] | type[nn.GRU] | type[nn.LSTM]] = {"rnn": nn.RNN, "gru": nn.GRU, "lstm": nn.LSTM}


def recurrent_layers(
    cell: str, input_size: int, hidden_size: int, *, layers: int, dropout: float, bidirectional: bool, part: str
) -> nn.RNNBase:
    """Stacked recurrent layers with dropout between them, batch-first.

    Args:
        cell: "rnn" (Elman, tanh), "gru" (Cho et al. 2014) or "lstm" (Hochreiter & Schmidhuber 1997).
        part: dotted path of the part in the config, for messages.
    Raises:
        UserError: an unknown cell, a size below 1 or a probability outside [0, 1).
    """
    if cell not in CELLS:
        raise UserError(f"{part}.cell ({cell}) must be one of {', '.join(CELLS)}.")
    for name, value in (("hidden_size", hidden_size), ("layers", layers)):
        if value < 1:
            raise UserError(f"{part}.{name} ({value}) must be at least 1.")
    if not 0 <= dropout < 1:
        raise UserError(f"{part}.dropout ({dropout}) must be at least 0 and below 1.")
    between = dropout if layers > 1 else 0.0  # torch warns about dropout that has no layer to stand between
    return CELLS[cell](
        input_size, hidden_size, num_layers=layers, dropout=between, bidirectional=bidirectional, batch_first=True
    )


def state_names(cell: str) -> tuple[str, ...]:
    """Names of the states that a cell carries."""
    return ("hidden", "cell") if cell == "lstm" else ("hidden",)


def to_named(final: Tensor | tuple[Tensor, ...]) -> dict[str, Tensor]:
    """torch's states, each (L, B, H), by name and batch-first, each (B, L, H)."""
    states = (final,) if isinstance(final, Tensor) else final
    return {name: state.transpose(0, 1) for name, state in zip(("hidden", "cell"), states, strict=False)}


def from_named(states: Mapping[str, Tensor]) -> Tensor | tuple[Tensor, Tensor]:
    """The inverse of `to_named`, contiguous as torch's kernels want them."""
    hidden = states["hidden"].transpose(0, 1).contiguous()
    return (hidden, states["cell"].transpose(0, 1).contiguous()) if "cell" in states else hidden
