"""Conversations: JSON lines with a list of turns, or TSV with what was said before and a reply; plain or gzip."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

from seq2seq_pl.corpus.jsonl import Jsonl, plain
from seq2seq_pl.corpus.lines import Original
from seq2seq_pl.corpus.splits import chosen, refuse, usable
from seq2seq_pl.corpus.tsv import Tsv
from seq2seq_pl.errors import UserError
from seq2seq_pl.interfaces import Corpus
from seq2seq_pl.values import Record

FIELD = "turns"
FORMS = (".jsonl", ".tsv")


class Conversations(Corpus):
    """Files of conversations in one folder; a record has the field `turns`, a JSON list of texts.

    A line of *.jsonl is an object with a list of turns. A turn is a text, or an object {"speaker": ..., "text": ...},
    which is written "speaker: text". A line of *.tsv has the turns before a reply, joined by the separator, TAB, the
    reply: there only the last turn is a reply to be learnt or scored, and the field `first_reply` is its index.

    Args:
        path: folder of the files; null = the public original, see `download`.
        files: split -> file name in the folder, with or without .gz.
        turns: key of the turns.
        source: language that models read.
        target: language that they answer in.
        separator: what stands between two turns in *.tsv; spaces around it do not count.
        on_bad_line: "error", or "skip" a line that is no conversation and count it in `skipped`.
        download: where to get the files when `path` is null.

    Attributes:
        skipped: split -> bad lines left out, known when the split has been read.
    """

    def __init__(
        self,
        *,
        path: str | None,
        files: Mapping[str, str],
        turns: str,
        source: str,
        target: str,
        separator: str = "__eou__",
        on_bad_line: str = "error",
        download: Original | None = None,
    ) -> None:
        for split, name in files.items():
            if not name.removesuffix(".gz").endswith(FORMS):
                raise UserError(f"corpus.files.{split} ({name}) must be a file {' or '.join(FORMS)}, plain or .gz.")
        if not separator.strip():
            raise UserError("corpus.separator is empty; name what stands between two turns (corpus.separator=__eou__).")
        self.jsonl = Jsonl(
            path=path,
            files=files,
            fields=[turns],
            source=turns,
            target=turns,
            on_bad_line=on_bad_line,
            download=download,
        )
        self.tsv = Tsv(
            path=path,
            files=files,
            columns=("context", "reply"),
            source="context",
            target="reply",
            on_bad_line=on_bad_line,
            download=download,
        )
        self.turns = turns
        self.separator = separator.strip()
        self.source = source
        self.target = target
        self.skipped: dict[str, int] = {}

    def splits(self) -> tuple[str, ...]:
        return self.jsonl.splits()

    def files(self, split: str) -> tuple[Path, ...]:
        return self.jsonl.files(split)

    def records(self, split: str) -> Iterator[Record]:
        (file,) = self.files(split)
        is_tsv = chosen(self.jsonl.names, split).removesuffix(".gz").endswith(".tsv")
        records = self._replies(split) if is_tsv else self._conversations(split)
        return usable(records, str(file), FIELD, FIELD)

    def _replies(self, split: str) -> Iterator[Record]:
        for record in self.tsv.records(split):
            before = [turn.strip() for turn in record.fields["context"].split(self.separator)]
            fields = {FIELD: plain([*before, record.fields["reply"]]), "first_reply": str(len(before))}
            yield Record(fields, record.origin)
        self.skipped[split] = self.tsv.skipped[split]

    def _conversations(self, split: str) -> Iterator[Record]:
        bad = 0
        for record in self.jsonl.records(split):
            turns = spoken(record.fields[self.turns])
            if turns:
                yield Record({FIELD: plain(turns)}, record.origin)
            else:
                problem = f'{self.turns} must be a list of texts, or of objects {{"speaker": ..., "text": ...}}.'
                refuse(record.origin, problem, self.jsonl.on_bad_line)
                bad += 1
        self.skipped[split] = self.jsonl.skipped[split] + bad


def spoken(value: str) -> list[str]:
    """The turns of a JSON list as they are written; none if it is no such list."""
    try:
        items = json.loads(value)
    except (ValueError, RecursionError):
        return []
    if not isinstance(items, list):
        return []
    turns = [turn for item in items if (turn := written(item)) is not None]
    return turns if len(turns) == len(items) else []


def written(item: object) -> str | None:
    """A turn as one text; None if it is neither a text nor an object with a text."""
    if isinstance(item, dict) and isinstance(item.get("text"), str):
        return f"{item['speaker']}: {item['text']}" if item.get("speaker") else item["text"]
    return item if isinstance(item, str) else None
