"""What a line of input says its output has to be like, as ids for the search and as text for a last look.

A search knows tokens; whoever asked meant text. The same text can be written with other tokens, and tokens can grow
into longer words, so every output is read once more as text before it counts as what was asked for.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Literal

from seq2seq_pl.encoding import target_ids
from seq2seq_pl.errors import UserError
from seq2seq_pl.interfaces import Tokenizer
from seq2seq_pl.scripts import UNSPACED
from seq2seq_pl.values import UNK, Constraints

Form = Literal["inline", "columns"]

INLINE = re.compile(r"\{([+\->])([^{}]*)\}")
COLUMNS = ("source", "must occur", "must not occur", "beginning")
SPELLINGS, LONGEST = 100, 60
"""Of a phrase that must not occur, the search is told this many ways to write it, and one if it has more characters
than that. What it does not know is seen by the last look."""


# -- reading a line --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Request:
    """A line of input.

    Attributes:
        source: what is to be answered.
        beginning: what the output begins with.
        include: phrases that must occur in it.
        exclude: phrases that must not.
    """

    source: str
    beginning: str = ""
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()

    @property
    def constrained(self) -> bool:
        """Whether anything is asked of the output."""
        return bool(self.beginning or self.include or self.exclude)


def read_request(line: str, form: Form | None) -> Request:
    """A line in the form that `constraints` names.

    - None: the line is the source.
    - inline: "{+phrase}" must occur, "{-phrase}" must not, "{>beginning}" comes first, several of these one after the
      other; the rest is the source.
    - columns: source, must occur, must not occur and beginning, apart by tabs, several phrases apart by " | "; columns
      at the end can be left out.

    Raises:
        UserError: too many columns.
    """
    if form is None:
        return Request(line)
    if form == "inline":
        found: dict[str, list[str]] = {"+": [], "-": [], ">": []}
        for sign, phrase in INLINE.findall(line):
            found[sign].append(_tidy(phrase))
        return Request(_tidy(INLINE.sub(" ", line)), _tidy(" ".join(found[">"])), _once(found["+"]), _once(found["-"]))
    columns = line.split("\t")
    if len(columns) > len(COLUMNS):
        raise UserError(
            f"expected at most {len(COLUMNS)} tab-separated columns ({', '.join(COLUMNS)}), found {len(columns)}."
        )
    source, include, exclude, beginning = (*columns, *[""] * (len(COLUMNS) - len(columns)))
    return Request(source, _tidy(beginning), _phrases(include), _phrases(exclude))


def _phrases(column: str) -> tuple[str, ...]:
    return _once([phrase for phrase in map(_tidy, f" {column} ".split(" | ")) if phrase])


def _tidy(text: str) -> str:
    return " ".join(text.split())


def _once(phrases: Sequence[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(phrases))


# -- for the search and for the last look ----------------------------------------------------------------------------


@dataclass(frozen=True)
class Demand:
    """What is asked of an output.

    Attributes:
        constraints: as ids; None where the vocabulary cannot write what is asked for.
        beginning, include, exclude: as the tokenizer would write it.
    """

    constraints: Constraints | None
    beginning: str
    include: tuple[str, ...]
    exclude: tuple[str, ...]

    def met_by(self, text: str) -> bool:
        """Whether an output is like that. Phrases are whole words: "cat" does not occur in "category"."""
        return (
            text.startswith(self.beginning)
            and all(occurs(phrase, text) for phrase in self.include)
            and not any(occurs(phrase, text) for phrase in self.exclude)
        )


def demand(request: Request, target: Tokenizer, words: Sequence[str] = ()) -> Demand:
    """What a request asks for.

    A phrase that must occur is asked for as the tokenizer cuts it at the beginning of a word; one that the vocabulary
    lacks there, such as a comma, as it is written within one. A phrase that must not occur is forbidden in every way
    that it can be written, and with it longer words that begin with it. Words that are in neither the vocabulary nor
    the source cannot be asked for; that they must not occur needs no search.

    Args:
        words: what the source offers for copying, from id V on (see `encoding.Source`).
    """
    cut = target.pieces([request.beginning, *request.include, *request.exclude])
    texts = [target.decode(range(target.vocab_size, target.vocab_size + len(pieces)), pieces) for pieces in cut]
    end = 1 + len(request.include)
    wanted = [next(_forms(pieces, target, words), None) for pieces in cut[:end]]
    forbidden = [ids for pieces in cut[end:] for ids in _spellings(pieces, target, words)]
    constraints = None
    if None not in wanted and all(wanted[1:]) and all(texts[end:]):
        prefix, *include = (ids or () for ids in wanted)
        constraints = Constraints(prefix, tuple(include), tuple(forbidden))
    return Demand(constraints, texts[0], tuple(texts[1:end]), tuple(texts[end:]))


def _forms(pieces: Sequence[str], target: Tokenizer, words: Sequence[str]) -> Iterator[tuple[int, ...]]:
    """The ids of a phrase as the tokenizer cuts it, in each of its places where there are any."""
    for form in _places(pieces, target):
        ids = tuple(target_ids(form, target, words))
        if UNK not in ids:
            yield ids


def _places(pieces: Sequence[str], target: Tokenizer) -> Iterator[Sequence[str]]:
    """The pieces of a phrase at the beginning of a word, and, if it begins with no letter, within one."""
    yield pieces
    written = "".join(pieces)
    text = target.decode([target.vocab_size], [written])
    mark = written[: written.find(text[:1])]  # of the space before the word
    if mark and not _in_word(text[0]):
        yield [piece for piece in (pieces[0].removeprefix(mark), *pieces[1:]) if piece]


def _spellings(pieces: Sequence[str], target: Tokenizer, words: Sequence[str]) -> list[tuple[int, ...]]:
    """The ways to write a phrase with the tokens there are: as the tokenizer cuts it, then with long tokens first."""
    found = list(_forms(pieces, target, words))
    for form in _places(pieces, target):
        text = "".join(form)
        if len(text) <= LONGEST:
            parts = sorted({text[i:j] for i in range(len(text)) for j in range(i + 1, len(text) + 1)})
            numbers = dict(zip(parts, target_ids(parts, target, words), strict=True))
            found += _cuts(text, {part: number for part, number in numbers.items() if number != UNK})
    return list(dict.fromkeys(found))[:SPELLINGS]


def _cuts(text: str, numbers: Mapping[str, int]) -> list[tuple[int, ...]]:
    """The ways to cut a text into parts that have a number, at most SPELLINGS."""
    ways: list[list[tuple[int, ...]]] = [[] for _ in text] + [[()]]  # to cut the text from each place on
    for start in reversed(range(len(text))):
        ends = (end for end in range(len(text), start, -1) if text[start:end] in numbers)
        ways[start] = list(islice(((numbers[text[start:end]], *rest) for end in ends for rest in ways[end]), SPELLINGS))
    return ways[0] if text else []


def occurs(phrase: str, text: str) -> bool:
    """Whether a phrase stands in a text as whole words."""
    start = text.find(phrase)
    while start >= 0:
        end = start + len(phrase)
        if not _joined(text[max(start - 1, 0) : start], phrase[:1]) and not _joined(phrase[-1:], text[end : end + 1]):
            return True
        start = text.find(phrase, start + 1)
    return False


def _joined(left: str, right: str) -> bool:
    """Whether two neighbours are in one word."""
    return bool(left and right) and all(_in_word(one) and not re.match(f"[{UNSPACED}]", one) for one in (left, right))


def _in_word(character: str) -> bool:
    return unicodedata.category(character)[0] in "LMN"
