"""Dialogue: the turns of a conversation so far are read, the next one is written."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from seq2seq_pl.errors import UserError, printable
from seq2seq_pl.interfaces import Task
from seq2seq_pl.task.fields import field, listed, one_line
from seq2seq_pl.values import Example, Record

DIGITS = 9
"""Of the place of a turn at most; Python makes no number of thousands of them."""


class Dialogue(Task):
    """Each turn of a conversation but the first is the reply to those before it.

    A source is the last turns, oldest first: "I'd like a table. | For how many? | Four, please."; with speakers A and
    B, where B is always the one who replies, "A: I'd like a table. | B: For how many? | A: Four, please.".

    Args:
        turns: field with the turns, a JSON list of texts.
        first_reply: field with the place (from 0) of the first turn that is a reply to be learnt or scored; records
            need not have it, 1 is usual.
        context_turns: turns that are read at most.
        separator: what stands between two turns.
        speakers: how the one who is answered and the one who replies are called; None calls them nothing.
    Raises:
        UserError: context_turns is below 1, the separator is blank, or there are not two speakers.
    """

    converses = True

    def __init__(
        self,
        *,
        turns: str,
        first_reply: str,
        context_turns: int,
        separator: str,
        speakers: Sequence[str] | None = None,
    ) -> None:
        if context_turns < 1:
            raise UserError(f"task.context_turns ({context_turns}) must be at least 1; try 3.")
        names = None if speakers is None else tuple(one_line(str(name)) for name in speakers)
        if not separator.strip():
            raise UserError("task.separator must not be blank; a sign that no turn has is best, such as '|'.")
        if names is not None and not (len(names) == 2 == len({*names} - {""})):
            raise UserError(
                f"task.speakers ({', '.join(names)}) must be two names, such as [A,B]: who is answered, and who "
                "replies; null for none."
            )
        self.turns = turns
        self.first_reply = first_reply
        self.context_turns = context_turns
        self.separator = one_line(separator)
        self.speakers = names

    def examples(self, record: Record) -> Iterator[Example]:
        turns = listed(field(record, self.turns, "turns"))
        if turns is None:
            raise UserError(
                f'{record.origin}: {self.turns} must be a JSON list of texts, such as ["Hello.", "Hi!"]; '
                "corpus=conversations reads other forms."
            )
        first = record.fields.get(self.first_reply) or "1"
        if not first.isdecimal() or len(first) > DIGITS or int(first) < 1:
            told = f"{self.first_reply} ({printable(first)})"
            raise UserError(f"{record.origin}: {told} must be the place of a turn, from 1.")
        for place in range(int(first), len(turns)):
            yield Example(self._context(turns[:place]), (one_line(turns[place]),), record.origin)

    def prompt(self, text: str, before: Sequence[str] = ()) -> str:
        line = one_line(text)
        named = self.speakers is None or f"{line} ".startswith(tuple(f"{name}: " for name in self.speakers))
        return line if not line or (named and not before) else self._context([*before, line])

    def _context(self, turns: Sequence[str]) -> str:
        kept = turns[-self.context_turns :]
        if self.speakers is not None:
            answered, replies = self.speakers
            names = (answered if (len(kept) - i) % 2 else replies for i in range(len(kept)))
            kept = [f"{name}: {turn}" for name, turn in zip(names, kept, strict=True)]
        return one_line(f" {self.separator} ".join(kept))
