"""A mixture of writing a word of the vocabulary and copying one of the source."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.autograd.function import FunctionCtx, once_differentiable
from torch.nn import functional as F

from seq2seq_pl.errors import UserError
from seq2seq_pl.interfaces import Output
from seq2seq_pl.products import linear


class PointerGenerator(Output):
    """P(w) = p_gen P_vocab(w) + (1 - p_gen) sum of a_i over i with w_i = w; eq. 9 of https://arxiv.org/abs/1704.04368.

    P_vocab = softmax(W o + b) and p_gen = sigmoid(v . o + c). Their eq. 8 feeds context, state and input to p_gen
    separately; here all three come through the decoder output o, which holds the first two and was made from the third.
    """

    copying = True

    def __init__(self, input_size: int, embedding: nn.Embedding) -> None:
        """Args: input_size H of the decoder; embedding of the target, whose rows say V."""
        super().__init__()
        self.linear = nn.Linear(input_size, embedding.num_embeddings)
        self.generation = nn.Linear(input_size, 1)

    def forward(self, outputs: Tensor, weights: Tensor | None = None, copies: Tensor | None = None) -> Tensor:
        """outputs (..., H), weights (..., S), copies (..., S) -> log P (..., V + S), in float32 at least.

        Raises:
            UserError: the attention has no weights.
        """
        if weights is None:
            raise UserError(
                "model/output=pointer_generator copies by attention weights, and the chosen model/attention has none; "
                "choose one that has (model/attention=additive), or model/output=projection."
            )
        assert copies is not None
        logits = linear(outputs, self.linear.weight, self.linear.bias)  # (..., V)
        gate = self.generation(outputs)  # (..., 1)
        wide = torch.promote_types(logits.dtype, torch.float32)
        apply = _Mixture.apply
        mixed: Tensor = apply(logits.to(wide), gate.to(wide), weights.to(wide), copies)  # type: ignore[no-untyped-call]
        return mixed


class _Mixture(torch.autograd.Function):
    """The logarithm of the mixture, which is finite for all ids of the vocabulary and -inf for all others not copied.

    Written out because autograd would keep half a dozen tensors of the size of the logits, and because the slope of
    log 0 is not a number, where the slope of a copied id's log-probability is.
    """

    @staticmethod
    def forward(ctx: FunctionCtx, logits: Tensor, gate: Tensor, weights: Tensor, copies: Tensor) -> Tensor:
        vocab_size, source_size = logits.shape[-1], copies.shape[-1]
        mixed = logits.new_full((*logits.shape[:-1], vocab_size + source_size), -torch.inf)
        mixed[..., :vocab_size] = logits - (logits.logsumexp(-1, keepdim=True) - F.logsigmoid(gate))
        written = mixed.gather(-1, copies)  # log p_gen P_vocab of each source token's id, (..., S)
        mass = torch.zeros_like(mixed).scatter_add_(-1, copies, weights).gather(-1, copies)  # (..., S)
        # A word that stands twice in the source is set twice, to the same value.
        mixed.scatter_(-1, copies, torch.logaddexp(written, F.logsigmoid(-gate) + mass.log()))
        ctx.save_for_backward(mixed, written, gate, weights, copies)
        return mixed

    @staticmethod
    @once_differentiable
    def backward(ctx: FunctionCtx, gradient: Tensor) -> tuple[Tensor, Tensor, Tensor, None]:
        mixed, written, gate, weights, copies = ctx.saved_tensors  # type: ignore[attr-defined]
        vocab_size = mixed.shape[-1] - copies.shape[-1]
        at = mixed.gather(-1, copies)  # (..., S)
        impossible = at == -torch.inf
        slope = gradient.gather(-1, copies).masked_fill(impossible, 0)
        # d log P(w) / d a_i = (1 - p_gen) / P(w); the exponent is kept where float32 can hold its power.
        by_weight = slope * (F.logsigmoid(-gate) - at).masked_fill(impossible, 0).clamp(max=80).exp()
        share = (written - at).masked_fill(impossible, -torch.inf).exp()  # p_gen P_vocab(w) / P(w)
        by_log = gradient.scatter(-1, copies, slope * share)[..., :vocab_size]  # to log p_gen P_vocab, (..., V)
        by_generating = by_log.sum(-1, keepdim=True)
        by_copying = (weights * by_weight).sum(-1, keepdim=True)
        probs = (mixed.scatter(-1, copies, written)[..., :vocab_size] - F.logsigmoid(gate)).exp_()  # P_vocab
        p_gen = gate.sigmoid()
        by_gate = (1 - p_gen) * by_generating - p_gen * by_copying
        return by_log.addcmul_(probs, by_generating, value=-1), by_gate, by_weight, None
