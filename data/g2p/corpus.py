"""The three splits of the grapheme-to-phoneme corpus, and their bytes.

An exception is written in exceptions.tsv with the spelling that it is read as. A stem keeps its odd pronunciation in
all its forms, so that it can be learnt; a word without relatives cannot.
"""

from collections.abc import Iterator

from grammar.dice import Dice

from g2p.rules import pronunciations, table
from g2p.words import LENGTHS, Forms, Word, is_readable

SIZES = {"train": 6_000, "valid": 500, "test": 800}
SEED = 8
STEMS = 1_200
"""How many stems there are, those of exceptions.tsv counted."""


def draw_stems(forms: Forms) -> dict[str, str]:
    """Every stem, and the spelling that it is read as; no regular stem begins like an exception."""
    stems = {row["spelling"]: row["as_if"] for row in table("exceptions") if row["kind"] == "stem"}
    odd = tuple(stems)
    while len(stems) < STEMS:
        stem = forms.stem()
        if not stem.startswith(odd):
            stems[stem] = stem
    return stems


def draw_words() -> Iterator[Word]:
    """All words of the corpus, no spelling twice; those without relatives stand anywhere among the others."""
    dice = Dice(SEED)
    forms = Forms(dice)
    stems = draw_stems(forms)
    spellings = tuple(stems)
    lone = [row for row in table("exceptions") if row["kind"] == "word"]
    seen = {row["spelling"] for row in lone}
    missing = sum(SIZES.values())
    while missing:
        if dice.chance(len(lone) / missing):
            row = lone.pop()
            yield Word(row["spelling"], pronunciations(row["as_if"]), "", "", "", "")
            missing -= 1
            continue
        stem = dice.fair(spellings)
        prefix, suffix, ending = forms.affixes()
        spelling = prefix + stem + suffix + ending
        if len(spelling) in LENGTHS and is_readable(spelling) and spelling not in seen:
            seen.add(spelling)
            yield Word(spelling, pronunciations(prefix + stems[stem] + suffix + ending), prefix, stem, suffix, ending)
            missing -= 1


def splits() -> dict[str, list[Word]]:
    """The words dealt to the splits at random; the first form of each stem goes to train."""
    dice = Dice(SEED + 1)
    dealt: dict[str, list[Word]] = {name: [] for name in SIZES}
    known = {""}
    for word in draw_words():
        room = [(name, size - len(dealt[name])) for name, size in SIZES.items()]
        name = dice.weighted(room) if word.stem in known else "train"
        dealt[name].append(word)
        known.add(word.stem)
    return dealt


def as_tsv(words: list[Word]) -> bytes:
    """A split as its file: a word a line, its spelling and all its pronunciations separated by tabs; no header."""
    lines = ("\t".join((word.spelling, *word.pronunciations)) for word in words)
    return "".join(f"{line}\n" for line in lines).encode("utf-8")


def files() -> dict[str, bytes]:
    """Every file of this corpus: its path below data/ and its content."""
    return {f"g2p/{name}.tsv": as_tsv(words) for name, words in splits().items()}
