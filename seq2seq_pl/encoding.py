"""Examples to token ids: the one way to read a source, wherever it comes from, and to write its target.

Where words are copied, the k-th distinct word of a source that the target's vocabulary lacks (k from 0) has the id
V + k in that sentence, in the source's `copies` as in its target; sec. 2.2 of https://arxiv.org/abs/1704.04368. It is
the same word on both sides if the tokenizers write it the same: "▁Zanthor" is not the "Zanthor" that follows a bracket.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import NamedTuple, TypeVar

import numpy as np

from seq2seq_pl.config import LongSources
from seq2seq_pl.errors import UserError
from seq2seq_pl.interfaces import Tokenizer
from seq2seq_pl.store import Report, Row
from seq2seq_pl.values import EOS, UNK, Example

CHUNK = 1_000
CHARACTERS_PER_TOKEN = 20
"""A text longer than this times its maximum length in tokens is too long without being encoded."""

Whole = TypeVar("Whole", str, list[str], list[int])


# -- texts -----------------------------------------------------------------------------------------------------------


class Source(NamedTuple):
    """A source as a model reads it, without EOS.

    Attributes:
        ids: its token ids, the task's tag first where there is one.
        copies: the id of each of these tokens in the target; None where nothing is copied.
        words: what the ids from V on stand for, as the vocabulary would write it.
        cut: whether the text was longer.
    """

    ids: list[int]
    copies: list[int] | None = None
    words: Sequence[str] = ()
    cut: bool = False


@dataclass(frozen=True)
class Reader:
    """How the sources of a task become ids.

    Attributes:
        source: tokenizer of the source.
        target: tokenizer of the target.
        task: its name, the tag that comes first where the tokenizers have tags.
        copying: whether words are copied.
        max_length: tokens that are read of a source, the tag not counted.
        long_sources: see `TaskConfig`.
    """

    source: Tokenizer
    target: Tokenizer
    task: str
    copying: bool
    max_length: int
    long_sources: LongSources = "skip"

    def read(
        self, texts: Sequence[str], rng: np.random.Generator | None = None, *, whole: bool = False
    ) -> list[Source]:
        """The sources of some texts.

        Args:
            rng: draws the segmentation (see `Tokenizer.encode`).
            whole: reads all of a source, however long.
        """
        kept = list(texts) if whole else [self._kept(text, CHARACTERS_PER_TOKEN * self.max_length) for text in texts]
        if self.copying:
            rows = self.source.pieces(kept, rng)
            sources = [self._numbered(row if whole else self._kept(row, self.max_length)) for row in rows]
            lengths = list(map(len, rows))
        else:
            ids = self.source.encode(kept, rng)
            sources = [Source(row if whole else self._kept(row, self.max_length)) for row in ids]
            lengths = list(map(len, ids))
        return [
            self._tagged(one._replace(cut=len(one.ids) < length or len(part) < len(text)))
            for one, length, part, text in zip(sources, lengths, kept, texts, strict=True)
        ]

    def _kept(self, whole: Whole, length: int) -> Whole:
        """What is read of a text or of its pieces or ids."""
        return whole[-length:] if self.long_sources == "keep_end" else whole[:length]

    def _numbered(self, pieces: Sequence[str]) -> Source:
        known = zip(pieces, self.target.piece_ids(pieces), strict=True)
        words = list(dict.fromkeys(piece for piece, i in known if i == UNK))
        return Source(self.source.piece_ids(pieces), target_ids(pieces, self.target, words), words)

    def _tagged(self, read: Source) -> Source:
        tag = self.source.tag(self.task)
        if tag is None:
            return read
        copies = None if read.copies is None else [self.target.tag(self.task) or UNK, *read.copies]
        return read._replace(ids=[tag, *read.ids], copies=copies)


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
    examples: Iterable[Example], reader: Reader, *, training: bool, max_target_length: int, report: Report
) -> Iterator[Row]:
    """Turns examples into rows.

    In training, a pair with an empty side or with a target longer than its maximum is skipped, and one with a longer
    source too, unless the reader is to cut it. In evaluation nothing is skipped: ids longer than their maximum are cut
    to it, texts stay whole. Texts reach the tokenizers as they are.

    Args:
        examples: read once, in chunks.
        reader: of the sources; its target tokenizer reads the first references.
        training: which of the two rules applies.
        max_target_length: in tokens, EOS not counted.
        report: counts what happens.

    Raises:
        UserError: no row is left.
    """
    encode = _encode_training if training else _encode_evaluation
    stream = iter(examples)
    while chunk := list(islice(stream, CHUNK)):
        for row in encode(chunk, reader, max_target_length, report):
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
            f"max_source_length={reader.max_length} or max_target_length={max_target_length}). "
            "Raise the lengths or check corpus.source and corpus.target."
        )


def _encode_training(chunk: list[Example], reader: Reader, max_target: int, report: Report) -> Iterator[Row]:
    skipping = reader.long_sources == "skip"
    pairs: list[Example] = []
    for example in chunk:
        learnt = _first(example)
        if not example.source.strip() or not learnt.strip():
            report.empty += 1
        elif len(learnt) > _characters(max_target) or (
            skipping and len(example.source) > _characters(reader.max_length)
        ):
            report.too_long += 1
        else:
            pairs.append(example)
    if not pairs:
        return
    sources = reader.read([example.source for example in pairs], whole=skipping)
    targets = write_targets([_first(example) for example in pairs], sources, reader.target)
    tags = int(reader.source.tag(reader.task) is not None)
    for example, read, learnt_ids in zip(pairs, sources, targets, strict=True):
        if len(read.ids) - tags > reader.max_length or len(learnt_ids) > max_target:
            report.too_long += 1
        else:
            report.cut += read.cut
            yield _row(example, read, learnt_ids)


def _encode_evaluation(chunk: list[Example], reader: Reader, max_target: int, report: Report) -> Iterator[Row]:
    references = [_first(example) for example in chunk]
    sources = reader.read([example.source for example in chunk])
    targets = write_targets([text[: _characters(max_target)] for text in references], sources, reader.target)
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
