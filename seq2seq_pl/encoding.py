"""Examples to token ids: the one way to read a source, wherever it comes from, and to write its target.

Where words are copied, the k-th distinct word of a source that the target's vocabulary lacks (k from 0) has the id
V + k in that sentence, in the source's `copies` as in its target; sec. 2.2 of https://arxiv.org/abs/1704.04368. It is
the same word on both sides if the tokenizers write it the same: "▁Zanthor" is not the "Zanthor" that follows a bracket.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import NamedTuple

import numpy as np

from seq2seq_pl.errors import UserError
from seq2seq_pl.interfaces import Tokenizer
from seq2seq_pl.store import Report, Row
from seq2seq_pl.values import EOS, UNK, Example

CHUNK = 1_000
CHARACTERS_PER_TOKEN = 20
"""A text longer than this times its maximum length in tokens is too long without being encoded."""


# -- texts -----------------------------------------------------------------------------------------------------------


class Source(NamedTuple):
    """A source as a model reads it, without EOS.

    Attributes:
        ids: its token ids.
        copies: the id of each of these tokens in the target; None where nothing is copied.
        words: what the ids from V on stand for, as the vocabulary would write it.
        cut: whether the text was longer.
    """

    ids: list[int]
    copies: list[int] | None = None
    words: Sequence[str] = ()
    cut: bool = False


def read_sources(
    texts: Sequence[str],
    source: Tokenizer,
    target: Tokenizer,
    *,
    copying: bool,
    max_length: int | None = None,
    rng: np.random.Generator | None = None,
) -> list[Source]:
    """The sources of some texts.

    Args:
        source: tokenizer of the source.
        target: tokenizer of the target.
        copying: whether words are copied.
        max_length: tokens that are read of a source; None reads it whole.
        rng: draws the segmentation (see `Tokenizer.encode`).
    """
    beginnings = [text if max_length is None else text[: _characters(max_length)] for text in texts]
    if copying:
        pieces = source.pieces(beginnings, rng)
        found, lengths = [_numbered(row[:max_length], source, target) for row in pieces], list(map(len, pieces))
    else:
        ids = source.encode(beginnings, rng)
        found, lengths = [Source(row[:max_length]) for row in ids], list(map(len, ids))
    return [
        one._replace(cut=len(one.ids) < length or len(beginning) < len(text))
        for one, length, beginning, text in zip(found, lengths, beginnings, texts, strict=True)
    ]


def _numbered(pieces: Sequence[str], source: Tokenizer, target: Tokenizer) -> Source:
    known = zip(pieces, target.piece_ids(pieces), strict=True)
    words = list(dict.fromkeys(piece for piece, i in known if i == UNK))
    return Source(source.piece_ids(pieces), target_ids(pieces, target, words), words)


def write_targets(
    texts: Sequence[str], sources: Sequence[Source], target: Tokenizer, rng: np.random.Generator | None = None
) -> list[list[int]]:
    """The target ids of some texts; a word that the vocabulary lacks has the id it has in its source, or is UNK."""
    if all(source.copies is None for source in sources):
        return target.encode(texts, rng)
    rows = zip(target.pieces(texts, rng), sources, strict=True)
    return [target_ids(pieces, target, source.words) for pieces, source in rows]


def target_ids(pieces: Sequence[str], target: Tokenizer, words: Sequence[str]) -> list[int]:
    """Target ids of some pieces: from V on for these words, UNK for others that the vocabulary lacks."""
    numbers = {word: target.vocab_size + k for k, word in enumerate(words)}
    known = zip(pieces, target.piece_ids(pieces), strict=True)
    return [numbers.get(piece, UNK) if i == UNK else i for piece, i in known]


# -- examples --------------------------------------------------------------------------------------------------------


def prepare(
    examples: Iterable[Example],
    source: Tokenizer,
    target: Tokenizer,
    *,
    training: bool,
    max_source_length: int,
    max_target_length: int,
    report: Report,
    copying: bool = False,
) -> Iterator[Row]:
    """Turns examples into rows.

    In training, a pair with an empty side or with a side longer than its maximum is skipped. In evaluation nothing is
    skipped: ids longer than their maximum are cut to it, texts stay whole. Texts reach the tokenizers as they are.

    Args:
        examples: read once, in chunks.
        source: tokenizer of the source.
        target: tokenizer of the first reference.
        training: which of the two rules applies.
        max_source_length: in tokens, EOS not counted.
        max_target_length: in tokens, EOS not counted.
        report: counts what happens.
        copying: whether rows have `copies`, and targets the ids of words to be copied.

    Raises:
        UserError: no row is left.
    """
    encode = _encode_training if training else _encode_evaluation
    stream = iter(examples)
    while chunk := list(islice(stream, CHUNK)):
        for row in encode(chunk, source, target, max_source_length, max_target_length, report, copying):
            report.kept += 1
            report.source_tokens += len(row.source) - 1
            report.target_tokens += len(row.target) - 1
            report.source_unknown += row.source.count(UNK)
            report.target_unknown += row.target.count(UNK)
            yield row
    if report.kept == 0:
        raise UserError(
            f"split {report.split}: nothing is left of its {report.empty + report.too_long:,} examples "
            f"({report.empty:,} with an empty side, {report.too_long:,} longer than "
            f"max_source_length={max_source_length} or max_target_length={max_target_length}). "
            "Raise the lengths or check corpus.source and corpus.target."
        )


def _encode_training(
    chunk: list[Example],
    source: Tokenizer,
    target: Tokenizer,
    max_source: int,
    max_target: int,
    report: Report,
    copying: bool,
) -> Iterator[Row]:
    pairs: list[Example] = []
    for example in chunk:
        learnt = _first(example)
        if not example.source.strip() or not learnt.strip():
            report.empty += 1
        elif len(example.source) > _characters(max_source) or len(learnt) > _characters(max_target):
            report.too_long += 1
        else:
            pairs.append(example)
    if not pairs:
        return
    sources = read_sources([example.source for example in pairs], source, target, copying=copying)
    targets = write_targets([_first(example) for example in pairs], sources, target)
    for example, read, learnt_ids in zip(pairs, sources, targets, strict=True):
        if len(read.ids) > max_source or len(learnt_ids) > max_target:
            report.too_long += 1
        else:
            yield _row(example, read, learnt_ids)


def _encode_evaluation(
    chunk: list[Example],
    source: Tokenizer,
    target: Tokenizer,
    max_source: int,
    max_target: int,
    report: Report,
    copying: bool,
) -> Iterator[Row]:
    texts, references = [example.source for example in chunk], [_first(example) for example in chunk]
    sources = read_sources(texts, source, target, copying=copying, max_length=max_source)
    targets = write_targets([text[: _characters(max_target)] for text in references], sources, target)
    for example, read, learnt, learnt_ids in zip(chunk, sources, references, targets, strict=True):
        report.cut += read.cut
        report.cut_targets += len(learnt_ids) > max_target or len(learnt) > _characters(max_target)
        yield _row(example, read, learnt_ids[:max_target])


def _row(example: Example, read: Source, learnt_ids: Sequence[int]) -> Row:
    copies = () if read.copies is None else (*read.copies, EOS)
    return Row([*read.ids, EOS], [*learnt_ids, EOS], example.source, example.references, copies)


def _first(example: Example) -> str:
    return example.references[0] if example.references else ""


def _characters(tokens: int) -> int:
    return CHARACTERS_PER_TOKEN * tokens
