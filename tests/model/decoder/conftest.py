"""What stepped decoders are compared with, and an attention that no decoder may forget the state of."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
import torch
from torch import Tensor, nn

from seq2seq_pl.interfaces import Attention
from seq2seq_pl.model.recurrent import RecurrentStack
from seq2seq_pl.values import Memory, State

CELL_CLASSES = {"rnn": nn.RNNCell, "gru": nn.GRUCell, "lstm": nn.LSTMCell}

Cells = Sequence[nn.RNNCell | nn.GRUCell | nn.LSTMCell]


@pytest.fixture
def torch_cells() -> Callable[[str, RecurrentStack, Tensor], Cells]:
    """torch's own cells with a stack's weights; the first also reads a second input, with weights of its own (G, C)."""

    def made(cell: str, stack: RecurrentStack, second: Tensor) -> Cells:
        cells = []
        for i, layer in enumerate(stack.layers):
            weights = {name.removesuffix("_l0"): value for name, value in layer.state_dict().items()}
            if i == 0:
                weights["weight_ih"] = torch.cat([weights["weight_ih"], second], dim=1)
            cells.append(CELL_CLASSES[cell](weights["weight_ih"].shape[1], layer.hidden_size))
            cells[-1].load_state_dict(weights)
        return cells

    return made


@pytest.fixture
def advance() -> Callable[[Cells, Tensor, State], tuple[Tensor, State]]:
    """One step of plain cells: inputs (B, E), states (B, L, H) by name -> output (B, H), next states."""

    def stepped(cells: Cells, inputs: Tensor, states: State) -> tuple[Tensor, State]:
        after = []
        for i, cell in enumerate(cells):
            state = tuple(value[:, i] for value in states.values())
            state = cell(inputs, state if len(state) == 2 else state[0])
            after.append(state if isinstance(state, tuple) else (state,))
            inputs = after[-1][0]
        by_name = zip(states, zip(*after, strict=True), strict=True)
        return inputs, {name: torch.stack(by_layer, 1) for name, by_layer in by_name}

    return stepped


class Counting(Attention):
    """Looks at source token t at step t and at nothing else; its state is t, (B, K, 1)."""

    def __init__(self, query_size: int, memory_size: int) -> None:
        super().__init__()
        self.context_size = memory_size

    def keys(self, memory: Memory) -> Tensor:
        return memory.states[..., :0]

    def forward(
        self, query: Tensor, keys: Tensor, memory: Memory, need_weights: bool = True
    ) -> tuple[Tensor, Tensor | None]:
        raise AssertionError("a stepped decoder asks step by step")

    def start(self, memory: Memory) -> State:
        return {"time": torch.zeros(len(memory.mask), 1, 1, dtype=torch.long)}

    def step(
        self, query: Tensor, state: State, keys: Tensor, memory: Memory, need_weights: bool = True
    ) -> tuple[Tensor, Tensor | None, State]:
        weights = nn.functional.one_hot(state["time"].squeeze(2), memory.mask.shape[1]).float()
        return weights @ memory.states, weights, {"time": state["time"] + 1}


@pytest.fixture
def counting() -> type[Counting]:
    return Counting
