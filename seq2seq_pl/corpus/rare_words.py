"""Sentences about people with invented names, and their translations: what can only be copied, and no file needed."""

from __future__ import annotations

import random
import string
from collections.abc import Iterator
from pathlib import Path

from seq2seq_pl.errors import UserError
from seq2seq_pl.interfaces import Corpus
from seq2seq_pl.values import Record

Pairs = tuple[tuple[str, str], ...]

TEMPLATES: Pairs = (
    ("{a} {act} the {thing} {place}.", "{a} hat {thing} {place} {act}."),
    ("{a} {act} the {thing} {day}.", "{a} hat {day} {thing} {act}."),
    ("{a} and {b} {act} the {thing} {day}.", "{a} und {b} haben {day} {thing} {act}."),
    ("{a} met {b} {place}.", "{a} hat {b} {place} getroffen."),
    ("{a} was seen by {b} {place}.", "{b} hat {a} {place} gesehen."),
    ("{a} gave {b} the {thing} {day}.", "{b} hat {day} {thing} von {a} bekommen."),
    ("Did {a} thank {b} {place}?", "Hat {a} {place} {b} gedankt?"),
    ("Where did {a} hide the {thing}?", "Wo hat {a} {thing} versteckt?"),
)
ACTS: Pairs = (
    ("bought", "gekauft"),
    ("sold", "verkauft"),
    ("found", "gefunden"),
    ("lost", "verloren"),
    ("painted", "gemalt"),
    ("forgot", "vergessen"),
    ("cleaned", "geputzt"),
    ("repaired", "repariert"),
)
THINGS: Pairs = (
    ("hat", "den Hut"),
    ("key", "den Schlüssel"),
    ("table", "den Tisch"),
    ("letter", "den Brief"),
    ("lamp", "die Lampe"),
    ("clock", "die Uhr"),
    ("bag", "die Tasche"),
    ("guitar", "die Gitarre"),
    ("book", "das Buch"),
    ("boat", "das Boot"),
    ("picture", "das Bild"),
    ("bicycle", "das Fahrrad"),
)
PLACES: Pairs = (
    ("in the garden", "im Garten"),
    ("in the park", "im Park"),
    ("in the kitchen", "in der Küche"),
    ("in the city", "in der Stadt"),
    ("at the station", "am Bahnhof"),
    ("at the lake", "am See"),
    ("at the market", "auf dem Markt"),
    ("at school", "in der Schule"),
)
DAYS: Pairs = (
    ("yesterday", "gestern"),
    ("this morning", "heute Morgen"),
    ("last week", "letzte Woche"),
    ("on Monday", "am Montag"),
    ("on Friday", "am Freitag"),
)
NAME_LENGTHS = (5, 8)  # letters


class RareWords(Corpus):
    """English sentences and their German translations, with one or two names that stand in no other sentence.

    A name is random letters, and no two names of the corpus are alike. So a vocabulary of words seen twice has none of
    them, and of those in valid and test no model has ever read one.

    Args:
        train_pairs: sentences to learn from.
        valid_pairs: sentences to choose by.
        test_pairs: sentences to judge by.
        seed: of the drawing.
        source: name of the source.
        target: name of the target.
    Raises:
        UserError: a split would be empty.
    """

    def __init__(
        self, *, train_pairs: int, valid_pairs: int, test_pairs: int, seed: int, source: str, target: str
    ) -> None:
        self.sizes = {"train": train_pairs, "valid": valid_pairs, "test": test_pairs}
        for split, size in self.sizes.items():
            if size < 1:
                raise UserError(f"corpus.{split}_pairs ({size}) must be at least 1.")
        self.seed = seed
        self.source = source
        self.target = target

    def splits(self) -> tuple[str, ...]:
        return tuple(self.sizes)

    def files(self, split: str) -> tuple[Path, ...]:
        return ()

    def records(self, split: str) -> Iterator[Record]:
        rng = random.Random(self.seed)
        names = invented(rng)
        for name, size in self.sizes.items():  # those before are drawn too, for their names are taken
            for number in range(1, size + 1):
                texts = sentence(rng, names)
                if name == split:
                    yield Record(dict(zip((self.source, self.target), texts, strict=True)), f"{split} pair {number}")
            if name == split:
                return


def invented(rng: random.Random) -> Iterator[str]:
    """Names of random letters, none twice and none a word of the sentences, without end."""
    words = (side for pairs in (TEMPLATES, ACTS, THINGS, PLACES, DAYS) for pair in pairs for side in pair)
    taken = {word.lower() for side in words for word in side.split()}
    while True:
        name = "".join(rng.choices(string.ascii_lowercase, k=rng.randint(*NAME_LENGTHS)))
        if name not in taken:
            taken.add(name)
            yield name.capitalize()


def sentence(rng: random.Random, names: Iterator[str]) -> tuple[str, str]:
    """A sentence and its translation, with new names."""
    templates = rng.choice(TEMPLATES)
    a, b = next(names), next(names)
    choices = [rng.choice(pairs) for pairs in (ACTS, THINGS, PLACES, DAYS)]
    source, target = (
        template.format(a=a, b=b, act=act, thing=thing, place=place, day=day)
        for template, act, thing, place, day in zip(templates, *choices, strict=True)
    )
    return source, target
