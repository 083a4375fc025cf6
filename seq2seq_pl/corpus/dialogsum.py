"""DialogSum: from the files as they are published to JSON lines of a document and its summaries."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator
from pathlib import Path

from seq2seq_pl.corpus.converted import Converted, zipped_text
from seq2seq_pl.corpus.lines import lines
from seq2seq_pl.errors import UserError, printable

ARCHIVE, TRAIN = "DialogSum_Data.zip", "train.jsonl"


class DialogSum(Converted):
    """Dialogues and their summaries; the arguments are those of `Converted`.

    An object of the originals has fname, dialogue, and either summary and topic or three of each (summary1, topic1 to
    summary3, topic3). It becomes id, document, summary and topic, or with three of each id, document, summary (the
    first), references (all three) and topics. The archive that holds train has Python literals instead of JSON.
    """

    def convert(self, originals: Path) -> Iterator[tuple[str, str]]:
        archive = originals / ARCHIVE
        train = enumerate(zipped_text(archive, TRAIN).split("\n"), start=1)
        yield TRAIN, converted(train, f"{archive}, {TRAIN}")
        for name, original in {"valid.jsonl": "dialogsum.dev.jsonl", "test.jsonl": "dialogsum.test.jsonl"}.items():
            yield name, converted(lines(originals / original), str(originals / original))


def converted(numbered: Iterator[tuple[int, str]], name: str) -> str:
    """The lines of a file in the form that is read here."""
    return "".join(
        json.dumps(renamed(text, f"{name}, line {number}"), ensure_ascii=False) + "\n"
        for number, text in numbered
        if text.strip()
    )


def renamed(text: str, origin: str) -> dict[str, object]:
    """A line's object with the keys that are used here. Raises UserError if it is no such object."""
    try:
        value = parsed(text)
        head = {"id": value["fname"], "document": value["dialogue"]}
        if "summary" in value:
            return {**head, "summary": value["summary"], "topic": value["topic"]}
        references, topics = ([value[f"{key}{i}"] for i in (1, 2, 3)] for key in ("summary", "topic"))
    except KeyError as error:
        raise UserError(f"{origin}: no key {error.args[0]}. Set corpus.path=DIR.") from error
    except (ValueError, SyntaxError, TypeError, RecursionError, MemoryError) as error:  # the last of a deep literal
        raise UserError(
            f"{origin}: neither JSON nor a Python literal of a dialogue (found {printable(text[:40])}). "
            "Set corpus.path=DIR."
        ) from error
    return {**head, "summary": references[0], "references": references, "topics": topics}


def parsed(text: str) -> dict[str, object]:
    """An object written in JSON or as a Python literal."""
    try:
        value = json.loads(text)
    except json.JSONDecodeError:
        value = ast.literal_eval(text)
    if not isinstance(value, dict):
        raise ValueError("no object")
    return value
