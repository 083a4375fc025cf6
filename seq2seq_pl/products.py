"""Products with matrices as wide as a vocabulary."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F


def linear(inputs: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """inputs @ weight^T + bias as F.linear makes it, by oneDNN where it can be and nobody wants a gradient.

    On a CPU torch calls MKL, which takes a third longer where a row of the result is no multiple of 64 bytes, as with
    8,004 words.

    Args:
        inputs: (..., I).
        weight: (V, I).
        bias: (V,).
    """
    wanted = torch.is_grad_enabled() and (inputs.requires_grad or weight.requires_grad or bias.requires_grad)
    plain = wanted or torch.compiler.is_compiling() or torch.is_autocast_enabled(inputs.device.type)
    if plain or inputs.device.type != "cpu" or {inputs.dtype, weight.dtype} != {torch.float32} or not has_onednn():
        return F.linear(inputs, weight, bias)
    flat = inputs.reshape(-1, inputs.shape[-1])  # (N, I)
    found: Tensor = torch.ops.mkldnn._linear_pointwise(flat, weight, bias, "none", [], "")
    return found.view(*inputs.shape[:-1], len(weight))


def log_softmax(logits: Tensor) -> Tensor:
    """Log-probabilities in float32 at least, in the memory of the logits where nobody wants a gradient.

    Args:
        logits: (..., V), which nobody looks at any more.
    """
    wide = torch.promote_types(logits.dtype, torch.float32)
    anew = torch.is_grad_enabled() or logits.device.type != "cpu" or logits.dtype != wide
    if anew or not logits.is_contiguous():
        return logits.log_softmax(-1, dtype=wide)
    return torch.log_softmax(logits, -1, out=logits)


def has_onednn() -> bool:
    """Whether this torch has the product of oneDNN that torch.compile uses; it is none of its public functions."""
    there: bool = torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
    return there and hasattr(torch.ops.mkldnn, "_linear_pointwise")
