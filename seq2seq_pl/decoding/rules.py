"""Rules about the next token, as a Stepper around another, so that they hold for every strategy alike."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from seq2seq_pl.interfaces import Stepper
from seq2seq_pl.values import EOS, PAD, Batch, SearchState

ANY = -1  # stands before the beginning of a phrase or after the end of a prefix, and fits every token


class Ruled:
    """Gives a token that may not come next the log-probability -inf; what may come keeps its own.

    In this order: no EOS before min_length tokens; no n-gram twice; no excluded phrase; and, before all others, only
    the next token of the prefix while there is one. Its own state holds (B, K, ...) tensors like any decoder's, so a
    search reorders and selects it without knowing.
    """

    def __init__(
        self, stepper: Stepper, *, min_length: int, no_repeat_ngram: int, prefixes: Sequence[Sequence[int]]
    ) -> None:
        """Args: prefixes are what the output of each sentence begins with, B of them."""
        self.stepper = stepper
        self.min_length = min_length
        self.no_repeat_ngram = no_repeat_ngram
        self.prefixes = prefixes

    def start(self, batch: Batch) -> SearchState:
        """The state before the first token, with what was written so far and what the constraints say."""
        inner = self.stepper.start(batch)
        device = batch.source.device
        excluded = [one.exclude for one in batch.constraints] or [()] * len(self.prefixes)
        own = {
            "written": torch.full((len(self.prefixes), 1, 0), PAD, device=device),  # from BOS on
            "prefix": _filled_prefixes(self.prefixes).to(device).unsqueeze(1),
            "excluded": _filled_phrases(excluded).to(device).unsqueeze(1),
        }
        return SearchState(inner.memories, (*inner.states, own))

    def step(self, tokens: Tensor, state: SearchState, need_weights: bool = False) -> tuple[Tensor, SearchState]:
        """tokens (B, K) -> log_probs (B, K, V) and the next state."""
        own = {name: value.expand(-1, tokens.size(1), *value.shape[2:]) for name, value in state.states[-1].items()}
        step = own["written"].size(2)
        own["written"] = torch.cat((own["written"], tokens.unsqueeze(2)), dim=2)
        inner = SearchState(state.memories, state.states[:-1])
        log_probs, after = self.stepper.step(tokens, inner, need_weights)
        allowed = log_probs.clone()
        if step < self.min_length:
            allowed[..., EOS] = -math.inf
        forbidden = [own["excluded"][..., -1].masked_fill(~_ends_with(own["written"], own["excluded"]), PAD)]
        if self.no_repeat_ngram:
            forbidden.append(_repeating(own["written"], self.no_repeat_ngram))
        tokens_there = _inside(torch.cat(forbidden, dim=2), log_probs)
        allowed.scatter_(2, tokens_there, -math.inf)  # PAD never comes anyway
        if step < own["prefix"].size(2):
            wanted = own["prefix"][..., step : step + 1]  # (B, K, 1)
            only = torch.full_like(log_probs, -math.inf)
            only.scatter_(2, _inside(wanted, log_probs), log_probs.gather(2, _inside(wanted, log_probs)))
            only[..., PAD] = -math.inf
            allowed = torch.where(wanted == ANY, allowed, only)
        return allowed, SearchState(after.memories, (*after.states, own), after.weights)


def _inside(tokens: Tensor, log_probs: Tensor) -> Tensor:
    """The tokens, (B, K, X), with PAD for those that log_probs (B, K, V) do not have: they never come either."""
    return tokens.masked_fill((tokens < 0) | (tokens >= log_probs.size(2)), PAD)


def _filled_prefixes(prefixes: Sequence[Sequence[int]]) -> Tensor:
    """Filled on the right, (B, P)."""
    longest = max(map(len, prefixes), default=0)
    rows = [[*prefix, *[ANY] * (longest - len(prefix))] for prefix in prefixes]
    return torch.tensor(rows, dtype=torch.long).view(len(prefixes), longest)


def _filled_phrases(sentences: Sequence[Sequence[Sequence[int]]]) -> Tensor:
    """X phrases of each sentence, filled on the left, (B, X, L)."""
    most = max(map(len, sentences), default=0)
    longest = max((len(phrase) for phrases in sentences for phrase in phrases), default=1)
    nothing = [PAD]  # a token that never comes
    rows = [
        [[ANY] * (longest - len(phrase)) + list(phrase) for phrase in (*phrases, *[nothing] * (most - len(phrases)))]
        for phrases in sentences
    ]
    return torch.tensor(rows, dtype=torch.long).view(len(sentences), most, longest)


def _ends_with(written: Tensor, phrases: Tensor) -> Tensor:
    """Whether all but the last token of a phrase were just written: (B, K, t), (B, K, X, L) -> (B, K, X)."""
    before = phrases[..., :-1]  # (B, K, X, L - 1)
    tail = torch.nn.functional.pad(written, (before.size(3), 0), value=PAD)[..., written.size(2) :]  # (B, K, L - 1)
    return ((tail.unsqueeze(2) == before) | (before == ANY)).all(3)


def _repeating(written: Tensor, size: int) -> Tensor:
    """The tokens that would write an n-gram of this size again, PAD elsewhere: (B, K, t) -> (B, K, t')."""
    if written.size(2) < size:
        return written[..., :0]
    grams = written.unfold(2, size, 1)  # (B, K, t - size + 1, size)
    last = written[..., written.size(2) - size + 1 :].unsqueeze(2)  # (B, K, 1, size - 1)
    return grams[..., -1].masked_fill(~(grams[..., :-1] == last).all(3), PAD)
