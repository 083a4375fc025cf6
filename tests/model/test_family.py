"""Every encoder with every decoder, attention and output: each model of the family keeps the laws, or says why not."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Mapping

import pytest
import torch
from combinations import DEFAULTS, PARTS, build_combination, combined
from passes import assert_same, log_probs_along, logits_along, previous_tokens, rows_of, step_along
from torch.nn import functional as F

from seq2seq_pl.errors import UserError
from seq2seq_pl.model.seq2seq import Seq2Seq
from seq2seq_pl.values import PAD, Batch


def keeps_the_laws(model: Seq2Seq, batch: Batch) -> None:
    """Those of test_laws.py that hold a model together, in float64."""
    outputs, weights = model(batch)
    labels = batch.target[batch.target_mask]
    F.cross_entropy(model.logits(batch, outputs, weights), labels).backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert torch.isfinite(parameter.grad).all(), name
        assert parameter.grad.abs().max() > 1e-10, name

    with torch.no_grad():
        memory, tokens = model.encode(batch), previous_tokens(batch.target).unsqueeze(1)  # (B, T) -> (B, 1, T)
        stepped, stepped_weights, _ = step_along(model, memory, model.decoder.start(memory), tokens)
        assert_same(stepped.squeeze(1), outputs)
        assert_same(None if stepped_weights is None else stepped_weights.squeeze(1), weights)

        log_probs, _ = log_probs_along(model, model.start(batch), tokens)
        forced = logits_along(model, batch, outputs, weights).log_softmax(-1)
        assert_same(log_probs.squeeze(1), forced.float())

        order = torch.arange(len(batch.target)).flip(0)
        turned_outputs, turned_weights = model(padded(rows_of(batch, order)))
        real, (targets, sources) = batch.target_mask, (batch.target.shape[1], batch.source.shape[1])
        assert_same(turned_outputs[order][:, :targets][real], outputs[real])
        if weights is not None:
            assert_same(turned_weights[order][:, :targets, :sources][real], weights[real])
            assert (turned_weights[:, :, sources:] == 0).all()


def padded(batch: Batch) -> Batch:
    """With two more columns of PAD in the source and three in the target."""
    source, copies = (F.pad(tokens, (0, 2), value=PAD) for tokens in (batch.source, batch.copies))
    return Batch(source, F.pad(batch.target, (0, 3), value=PAD), batch.index, batch.task, copies)


def built(parts: Mapping[str, str]) -> Seq2Seq | UserError:
    """The model, or why the parts refuse each other."""
    try:
        return build_combination(combined({**DEFAULTS, **parts, "cells": "gru"}))
    except UserError as error:
        return error


def verdict(parts: Mapping[str, str], batch: Batch) -> str:
    """ "ok" or the first clause of the refusal."""
    made = built(parts)
    if isinstance(made, Seq2Seq):
        keeps_the_laws(made.double().train(), batch)
        return "ok"
    assert made.__cause__ is None, f"Python says so, no part: {made}"
    assert any(name in str(made) for name in parts.values()), made
    return textwrap.shorten(re.split(r"[;:,] | \(|\. |\.$", str(made))[0], 60, placeholder=" ...")


def table(rows: list[list[str]]) -> str:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join("  ".join(map(str.ljust, row, widths)).rstrip() for row in rows)


@pytest.mark.slow
@pytest.mark.parametrize("decoder", PARTS["decoder"])
@pytest.mark.parametrize("encoder", PARTS["encoder"])
def test_an_encoder_and_a_decoder_go_with_every_attention_and_output_or_say_why_not(batch_of, encoder, decoder):
    batch, failures = batch_of([[5, 10, 4], [9]], [[12], [6, 4]]), {}  # B=2, S=4, T=3
    rows = [[f"{encoder} x {decoder}", *PARTS["output"]]]
    for attention in PARTS["attention"]:
        rows.append([attention])
        for output in PARTS["output"]:
            parts = {"encoder": encoder, "decoder": decoder, "attention": attention, "output": output}
            try:
                rows[-1].append(verdict(parts, batch))
            except Exception as error:  # whatever it is, the rest of the table is worth seeing
                failures[attention, output] = error
                rows[-1].append(f"FAILED: {type(error).__name__}")
    print(table(rows))
    assert not failures, "\n".join(f"{where}: {error!r}" for where, error in failures.items())
