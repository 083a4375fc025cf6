"""Summarization: a long text is read, a short one that says the same is written."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from seq2seq_pl.errors import UserError
from seq2seq_pl.interfaces import Task
from seq2seq_pl.task.fields import field, one_line, several
from seq2seq_pl.values import Example, Record


class Summarization(Task):
    """Document to summary, each as one line: every run of white space is one space.

    Args:
        document: field that is read.
        summary: field that is learnt, the first reference.
        references: field with further references, a text or a JSON list of texts; records need not have it, and a
            summary that stands in it counts once.
        sentence_break: regular expression of what stands between two sentences of a document, for the baselines.
        lead: sentences of the baseline that takes the first ones.
    Raises:
        UserError: sentence_break is no regular expression, or lead is below 1.
    """

    def __init__(
        self, *, document: str, summary: str, references: str | None, sentence_break: str, lead: int = 3
    ) -> None:
        if lead < 1:
            raise UserError(f"task.lead ({lead}) must be at least 1; 3 is what papers compare with.")
        try:
            self.sentence_break = re.compile(sentence_break)
        except (re.error, OverflowError) as error:
            raise UserError(
                f"task.sentence_break ({sentence_break}) is no regular expression ({error}); "
                r"'(?<=[.!?])\s+' breaks after a full stop."
            ) from error
        self.document = document
        self.summary = summary
        self.references = references
        self.lead = lead

    def examples(self, record: Record) -> Iterator[Example]:
        further = several(record.fields.get(self.references, "")) if self.references else []
        texts = [one_line(text) for text in (field(record, self.summary, "summary"), *further)]
        references = dict.fromkeys([texts[0], *filter(None, texts[1:])])
        yield Example(one_line(field(record, self.document, "document")), tuple(references), record.origin)

    def prompt(self, text: str, before: Sequence[str] = ()) -> str:
        return one_line(text)

    def baselines(self, source: str) -> Mapping[str, str]:
        """The first sentences, and the longest one."""
        parts = self.sentence_break.split(source)[:: self.sentence_break.groups + 1]  # without what groups matched
        sentences = [part.strip() for part in parts if part.strip()] or [""]
        return {f"lead-{self.lead}": " ".join(sentences[: self.lead]), "longest sentence": max(sentences, key=len)}
