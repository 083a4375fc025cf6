"""The parameters of a model by what they are for, whatever modules it is made of: what an initialization draws."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from seq2seq_pl.values import PAD

Kind = Literal["embedding", "recurrent", "matrix", "vector", "bias"]
"""
embedding: of an nn.Embedding, also where another layer uses it too.
recurrent: from state to state, one gate of torch's RNN, GRU or LSTM, layers or cells; square.
matrix: every other weight of two dimensions or more; one gate of a recurrent layer's input weights.
vector: a matrix with one row, such as v of an attention's energy, or a parameter of one dimension.
bias: whatever has "bias" in its name.
"""

NORM = re.compile(r"Norm(\dd)?$")


def draw_parameters(model: nn.Module, draw: Callable[[Kind, Tensor], object]) -> None:
    """Has `draw` overwrite the values of each parameter in place, once, however many modules share it.

    Gates that torch stacks in one tensor come one by one. A weight behind a parametrization, such as weight norm, comes
    as the weight itself. The row of PAD, if it is zero, stays zero. The parameters of normalisation layers (by the name
    of the class: LayerNorm, RMSNorm, BatchNorm1d, ...) and scalars are scales, not weights, and stay as they are.
    """
    embeddings = {id(module.weight) for module in model.modules() if isinstance(module, nn.Embedding)}
    met: set[int] = set()
    with torch.no_grad():
        for module in model.modules():
            if isinstance(module, parametrize.ParametrizationList):
                continue
            for name, parameter in module.named_parameters(recurse=False):
                if id(parameter) not in met:
                    met.add(id(parameter))
                    _draw(module, name, parameter, id(parameter) in embeddings, draw)
            for name in _parametrized(module):
                weight = getattr(module, name).clone()
                _draw(module, name, weight, isinstance(module, nn.Embedding), draw)
                setattr(module, name, weight)


def _draw(
    module: nn.Module, name: str, values: Tensor, embedding: bool, draw: Callable[[Kind, Tensor], object]
) -> None:
    if embedding:
        unseen = not values[PAD].any()
        draw("embedding", values)
        if unseen:
            values[PAD] = 0
    elif values.ndim and not NORM.search(type(module).__name__):
        kind = _kind(module, name, values)
        gate_size = module.hidden_size if isinstance(module, nn.RNNBase | nn.RNNCellBase) else len(values)
        for gate in torch.split(values, gate_size):
            draw(kind, gate)


def _kind(module: nn.Module, name: str, values: Tensor) -> Kind:
    if "bias" in name:
        return "bias"
    if name.startswith("weight_hh") and isinstance(module, nn.RNNBase | nn.RNNCellBase):
        return "recurrent"
    return "vector" if values.ndim == 1 or len(values) == 1 else "matrix"


def _parametrized(module: nn.Module) -> Iterator[str]:
    if parametrize.is_parametrized(module):
        assert isinstance(module.parametrizations, nn.ModuleDict)
        yield from module.parametrizations
