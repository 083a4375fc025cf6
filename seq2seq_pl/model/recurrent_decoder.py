"""What recurrent decoders have in common: layers, a bridge into them, an attention beside them."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import replace

from seq2seq_pl.interfaces import AttentionFactory, BridgeFactory, Decoder
from seq2seq_pl.model.dropout import Dropout
from seq2seq_pl.model.ranges import check_dropout
from seq2seq_pl.model.recurrent import RecurrentStack, check_source_is_seen
from seq2seq_pl.model.states import under
from seq2seq_pl.values import Memory, State


class RecurrentDecoder(Decoder):
    """A decoder around a `RecurrentStack`; what reads the context and makes the outputs is its own (`connect`)."""

    def __init__(
        self,
        input_size: int,
        memory_size: int,
        *,
        attention: AttentionFactory,
        bridge: BridgeFactory,
        cell: str,
        hidden_size: int,
        layers: int,
        dropout: float,
        output_dropout: float,
        residual: bool,
        layer_norm: bool,
        variational_dropout: bool,
    ) -> None:
        """Args: input_size E, memory_size H of the encoder; output_dropout on the outputs; else as `RecurrentStack`.

        Raises:
            UserError: a value is out of its range, or neither the bridge nor the attention looks at the source.
        """
        super().__init__()
        check_dropout("model.decoder", "output_dropout", output_dropout)
        self.recurrent = RecurrentStack(
            cell,
            input_size,
            hidden_size,
            layers=layers,
            dropout=dropout,
            bidirectional=False,
            residual=residual,
            layer_norm=layer_norm,
            variational_dropout=variational_dropout,
            part="model.decoder",
        )
        names = self.recurrent.names
        self.bridge = bridge(memory_size=memory_size, hidden_size=hidden_size, layers=layers, names=names)
        self.attention = attention(query_size=hidden_size, memory_size=memory_size)
        check_source_is_seen(self.bridge, self.attention)
        self.output_size = hidden_size
        self.connect(input_size, hidden_size, self.attention.context_size)
        self.dropout = Dropout(output_dropout)

    @abstractmethod
    def connect(self, input_size: int, hidden_size: int, context_size: int) -> None:
        """Makes the layers that read the context (C, 0 where there is none); may set another output_size."""

    def prepare(self, memory: Memory) -> Memory:
        """The memory with the attention's keys."""
        return replace(memory, keys={"attention": self.attention.keys(memory)})

    def start(self, memory: Memory) -> State:
        """Every recurrent state, (B, 1, L, H), and the attention's."""
        return {**self.recurrent.start(self.bridge(memory)), **under("attention", self.attention.start(memory))}
