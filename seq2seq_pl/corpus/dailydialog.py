"""DailyDialog: from the archives as they are published to JSON lines, and a test without what training shows."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterator
from pathlib import Path

from seq2seq_pl.corpus.converted import Converted, zipped_text

END = "__eou__"
SPLITS = {"train": "train", "valid": "validation", "test": "test"}
CONTEXT_TURNS = 3


class DailyDialog(Converted):
    """Conversations, and the replies of test that training does not show; the arguments are those of `Converted`.

    In the originals a line is a conversation and each turn ends with __eou__.
    """

    def convert(self, originals: Path) -> Iterator[tuple[str, str]]:
        made = {}
        for split, name in SPLITS.items():
            text = zipped_text(originals / f"{name}.zip", f"dialogues_{name}.txt")
            made[split] = [turns for line in text.split("\n") if (turns := conversation(line))]
            yield f"{split}.jsonl", "".join(json.dumps({"dialog": d}, ensure_ascii=False) + "\n" for d in made[split])
        yield f"context{CONTEXT_TURNS}.test_clean.tsv", "".join(unseen(made["train"], made["test"]))


def conversation(line: str) -> list[str]:
    """The turns of a line."""
    return [turn for part in line.split(END) if (turn := part.strip())]


def unseen(train: list[list[str]], test: list[list[str]]) -> Iterator[str]:
    r"""The replies of `test` that `train` does not show, as lines of the turns before, TAB, the reply.

    A turn and the next are a pair. A pair is seen if a pair of `train` has the same words (runs of \w, lower case) in
    both turns. Conversations of which half the pairs or more are seen are left out whole, and of the others the seen
    pairs. Before the reply stand the up to three turns before it, joined by " __eou__ ".
    """
    seen = {pair for turns in train for pair in pairs(turns)}
    for turns in test:
        known = [pair in seen for pair in pairs(turns)]
        if 2 * sum(known) < len(known):
            for place, was_seen in enumerate(known, start=1):
                if not was_seen:
                    context = f" {END} ".join(turns[max(0, place - CONTEXT_TURNS) : place])
                    yield f"{context}\t{turns[place]}\n"


def pairs(turns: list[str]) -> list[tuple[tuple[str, ...], ...]]:
    """The words of each turn and of the next."""
    words = [tuple(re.findall(r"\w+", turn.lower())) for turn in turns]
    return list(itertools.pairwise(words))
