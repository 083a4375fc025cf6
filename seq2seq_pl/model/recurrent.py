"""Stacked recurrent layers, a whole sequence at once or step by step, and what recurrent decoders ask for.

States go by name ("hidden" and, for an LSTM, "cell") and batch-first.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence

from seq2seq_pl.errors import UserError
from seq2seq_pl.interfaces import Attention, Bridge
from seq2seq_pl.model.dropout import dropout
from seq2seq_pl.model.ranges import check_dropout, check_minimum
from seq2seq_pl.model.scan import can_scan, scanned
from seq2seq_pl.values import State

LAYERS: dict[str, type[nn.RNN] | type[nn.GRU] | type[nn.LSTM]] = {"rnn": nn.RNN, "gru": nn.GRU, "lstm": nn.LSTM}


def state_names(cell: str) -> tuple[str, ...]:
    """Names of the states that a cell carries."""
    return ("hidden", "cell") if cell == "lstm" else ("hidden",)


# -- settings --------------------------------------------------------------------------------------------------------


def check_source_is_seen(bridge: Bridge, attention: Attention) -> None:
    """Raises UserError if a decoder with this bridge and this attention would write without having read."""
    if bridge.blind and not attention.context_size:
        raise UserError(
            "An attention without a context (model/attention=none) with a bridge that looks at nothing "
            "(model/bridge=zero) hides the source from the decoder; choose another bridge or attention."
        )


# -- single steps ----------------------------------------------------------------------------------------------------


def rnn_step(gates: Tensor, state: tuple[Tensor, ...], weight: Tensor, bias: Tensor) -> tuple[Tensor, ...]:
    """Elman's cell as nn.RNNCell has it: h' = tanh(W x + b + U h + c).

    Args:
        gates: W x + b, (..., G) with G = H; for a GRU 3 H and for an LSTM 4 H, in torch's order.
        state: hidden (..., H) and, for an LSTM, cell (..., H).
        weight, bias: U (G, H) and c (G,).
    Returns:
        the next state.
    """
    return ((gates + F.linear(state[0], weight, bias)).tanh(),)


def gru_step(gates: Tensor, state: tuple[Tensor, ...], weight: Tensor, bias: Tensor) -> tuple[Tensor, ...]:
    """Gated recurrent unit as nn.GRUCell has it; arguments as for `rnn_step`.

    h' = (1 - z) n + z h with n = tanh(W x + r (U h)): unlike in https://arxiv.org/abs/1406.1078, the reset gate r falls
    on the product U h and not on h, and z on the old state.
    """
    (hidden,) = state
    sizes = (2 * hidden.shape[-1], hidden.shape[-1])
    read, read_new = gates.split_with_sizes(sizes, dim=-1)
    kept, kept_new = F.linear(hidden, weight, bias).split_with_sizes(sizes, dim=-1)
    reset, update = (read + kept).sigmoid().chunk(2, dim=-1)
    new = torch.addcmul(read_new, reset, kept_new).tanh()
    return (torch.lerp(new, hidden.to(new.dtype), update),)


def lstm_step(gates: Tensor, state: tuple[Tensor, ...], weight: Tensor, bias: Tensor) -> tuple[Tensor, ...]:
    """Long short-term memory as nn.LSTMCell has it; arguments as for `rnn_step`.

    c' = f c + i tanh(g), h' = o tanh(c'); https://arxiv.org/abs/1402.1128 sec. 2 without peepholes.
    """
    hidden, cell = state
    size = hidden.shape[-1]
    entry, new, out = (gates + F.linear(hidden, weight, bias)).split_with_sizes((2 * size, size, size), dim=-1)
    add, keep = entry.sigmoid().chunk(2, dim=-1)
    cell = keep * cell + add * new.tanh()
    return out.sigmoid() * cell.tanh(), cell


Step = Callable[[Tensor, tuple[Tensor, ...], Tensor, Tensor], tuple[Tensor, ...]]

STEPS: dict[str, Step] = {"rnn": rnn_step, "gru": gru_step, "lstm": lstm_step}


# -- layers ----------------------------------------------------------------------------------------------------------


class RecurrentStack(nn.Module):
    """Recurrent layers and what stands between them: x_{l+1} = norm(layer_l(dropout(x_l))) + x_l.

    Dropout falls on what a layer gives to the next. Variational dropout draws one mask for each sentence and layer and
    holds it through time, https://arxiv.org/abs/1512.05287; ours covers the connections between layers, not the
    recurrent ones. Residual connections, https://arxiv.org/abs/1609.08144 sec. 3.1, stand where sizes agree. Layer
    normalisation, https://arxiv.org/abs/1607.06450, is of a layer's output and not of its gates as in the paper; the
    last layer's is left as it is, as a decoder that only asks for last states would leave its parameters idle.
    """

    def __init__(
        self,
        cell: str,
        input_size: int,
        hidden_size: int,
        *,
        layers: int,
        dropout: float,
        bidirectional: bool,
        residual: bool,
        layer_norm: bool,
        variational_dropout: bool,
        part: str,
    ) -> None:
        """Args: input_size E, hidden_size per direction, what the layers are and what stands between them.

        Args:
            cell: "rnn" (Elman, tanh), "gru" (Cho et al. 2014) or "lstm" (Hochreiter & Schmidhuber 1997).
            part: dotted path of the part in the config, for messages.
        Raises:
            UserError: an unknown cell, a size below 1 or a probability outside [0, 1).
        """
        super().__init__()
        if cell not in LAYERS:
            raise UserError(f"{part}.cell ({cell}) must be one of {', '.join(LAYERS)}.")
        check_minimum(part, "hidden_size", hidden_size)
        check_minimum(part, "layers", layers)
        check_dropout(part, "dropout", dropout)
        self.cell = cell
        self.names = state_names(cell)
        self.bidirectional = bidirectional
        self.output_size = 2 * hidden_size if bidirectional else hidden_size
        sizes = [input_size] + [self.output_size] * (layers - 1)
        made = (LAYERS[cell](size, hidden_size, batch_first=True, bidirectional=bidirectional) for size in sizes)
        self.layers = cast("Sequence[nn.RNNBase]", nn.ModuleList(made))
        self.gates_size = len(self.layers[0].all_weights[0][0])  # G of the first layer, one direction
        self.normed = layers - 1 if layer_norm else 0
        self.norms = nn.ModuleList(nn.LayerNorm(self.output_size) for _ in range(self.normed))
        self.dropout = dropout
        self.variational = variational_dropout
        self.residual = residual
        self._step = STEPS[cell]

    def mask(self, like: Tensor) -> dict[str, Tensor]:
        """Variational dropout's masks for the sentences of a tensor (B, ...): "mask" (B, L - 1, H), or nothing.

        They are drawn in training only, and travel with the states.
        """
        between = len(self.layers) - 1
        if not (self.variational and self.training and self.dropout and between):
            return {}
        return {"mask": dropout(like.new_ones(len(like), between, self.output_size), self.dropout, training=True)}

    def start(self, first: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """A bridge's first states, (B, L, H) each -> the state before the first step, (B, 1, L, H) each, and a mask."""
        return {name: state.unsqueeze(1) for name, state in {**first, **self.mask(first["hidden"])}.items()}

    @torch.compiler.disable  # type: ignore[untyped-decorator] # it cannot follow packed sequences
    def forward(
        self, inputs: Tensor, states: Mapping[str, Tensor], lengths: Tensor | None = None
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """The whole sequence, one fused call a layer: inputs (B, T, E) -> outputs (B, T, H), last states (B, L, H).

        Args:
            states: first states (B, L, H) by name, none for zeros; `mask`'s.
            lengths: tokens of each sentence, (B,), on the CPU; outputs after them are 0. None where all are read.
        """
        packed, mask, outputs = None, states.get("mask"), inputs
        if lengths is not None:
            packed = pack_padded_sequence(inputs, lengths, batch_first=True, enforce_sorted=False)
            outputs = packed.data  # (N, E): real tokens only, from here to the end
        if mask is not None:
            mask = mask.unsqueeze(1) if lengths is None else mask[_sentences(inputs, lengths)]  # (B, 1 | N, L - 1, H)
        masks = [] if mask is None else mask.unbind(-2)
        finals = []
        for i, (layer, first) in enumerate(zip(self.layers, self._first(states), strict=True)):
            read = self._enter(i, outputs, masks) if i else outputs
            given = read if packed is None else packed._replace(data=read)
            answer, final = scanned(self.cell, layer, given, first) if can_scan(read) else layer(given, first)
            outputs = self._leave(i, answer.data if isinstance(answer, PackedSequence) else answer, outputs)
            last = (final,) if isinstance(final, Tensor) else final  # (directions, B, H) each
            finals.append([state.transpose(0, 1) for state in last])
        if packed is not None:
            packed = packed._replace(data=outputs)
            outputs, _ = pad_packed_sequence(packed, batch_first=True, total_length=inputs.shape[1])
        joined = self._joined(finals, dim=1)  # (B, L * directions, H) each
        if self.bidirectional:
            joined = {name: state.reshape(len(inputs), len(self.layers), -1) for name, state in joined.items()}
        return outputs, joined

    def gates(self, inputs: Tensor) -> Tensor:
        """W x + b of the first layer, all that a step needs of an input: inputs (B, T, E) -> (B, T, G)."""
        weight, _, bias, _ = self.layers[0].all_weights[0]
        return F.linear(inputs, weight, bias)

    def step(self, gates: Tensor, state: State, inputs: Tensor | None = None) -> tuple[Tensor, dict[str, Tensor]]:
        """One step of every layer: gates (B, K, G) of the first -> outputs (B, K, H), next states (B, K, L, H).

        Args:
            inputs: what the gates were made of, (B, K, E); around the first layer there is no residual connection else.
        """
        masks = state["mask"].unbind(2) if "mask" in state else []
        before = zip(*(state[name].unbind(2) for name in self.names), strict=True)  # L times (B, K, H) each
        outputs, after = inputs, []
        for i, (layer, states) in enumerate(zip(self.layers, before, strict=True)):
            weight, recurrent_weight, bias, recurrent_bias = layer.all_weights[0]
            if i and outputs is not None:
                gates = F.linear(self._enter(i, outputs, masks), weight, bias)
            states = self._step(gates, states, recurrent_weight, recurrent_bias)
            outputs = self._leave(i, states[0], outputs)
            after.append([one.unsqueeze(2) for one in states])
        assert outputs is not None
        return outputs, self._joined(after, dim=2)

    def _enter(self, i: int, outputs: Tensor, masks: Sequence[Tensor]) -> Tensor:
        """What layer i, not the first, reads of the outputs below it, (..., H)."""
        if self.variational:
            return outputs * masks[i - 1].to(outputs.dtype) if masks else outputs
        return dropout(outputs, self.dropout, self.training)

    def _leave(self, i: int, outputs: Tensor, inputs: Tensor | None) -> Tensor:
        """What layer i gives to the next, (..., H)."""
        if i < self.normed:
            outputs = self.norms[i](outputs)
        if self.residual and inputs is not None and inputs.shape == outputs.shape:
            outputs = outputs + inputs
        return outputs

    def _first(self, states: Mapping[str, Tensor]) -> Sequence[Tensor | tuple[Tensor, ...] | None]:
        """First states (B, L, H) by name -> each layer's as torch wants them, (1, B, H) each."""
        if self.names[0] not in states:
            return [None] * len(self.layers)
        by_name = [states[name].transpose(0, 1).contiguous().chunk(len(self.layers)) for name in self.names]
        return by_name[0] if len(by_name) == 1 else list(zip(*by_name, strict=True))

    def _joined(self, by_layer: Sequence[Sequence[Tensor]], dim: int) -> dict[str, Tensor]:
        """Each layer's states -> those of all layers, side by side at `dim`, by name."""
        by_name = zip(self.names, zip(*by_layer, strict=True), strict=True)
        return {name: states[0] if len(states) == 1 else torch.cat(states, dim) for name, states in by_name}


def _sentences(inputs: Tensor, lengths: Tensor) -> Tensor:
    """Which sentence each token of the packed inputs belongs to, (N,)."""
    index = torch.arange(len(inputs), device=inputs.device).unsqueeze(1).expand(inputs.shape[:2])  # (B, T)
    return pack_padded_sequence(index, lengths, batch_first=True, enforce_sorted=False).data
