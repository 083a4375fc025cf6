"""CMUdict: from the dictionary as it is published to words and their pronunciations in three splits."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from pathlib import Path

from seq2seq_pl.corpus.converted import Converted
from seq2seq_pl.corpus.lines import lines

WORD = re.compile(r"[a-z][a-z']*")
VARIANT = re.compile(r"\(\d+\)$")  # read(2) is the second pronunciation of read
STRESS = re.compile(r"\d")


class Cmudict(Converted):
    """Grapheme-to-phoneme pairs without stress; the arguments are those of `Converted`.

    Kept are words of the letters a to z and apostrophes that begin with a letter. The digits of stress are dropped, and
    of a word's pronunciations that are then equal the first is kept. With h = SHA-1 of the word, as a number, modulo
    100, a word is test if h < 10, valid if h < 12, else train. In train each pronunciation has a row; valid and test
    have a row for each word, all pronunciations in it. A word is written with a space between its letters.
    """

    def convert(self, originals: Path) -> Iterator[tuple[str, str]]:
        rows: dict[str, list[str]] = {"train.tsv": [], "valid.tsv": [], "test.tsv": []}
        for word, pronunciations in dictionary(originals / "cmudict.dict").items():
            place = int(hashlib.sha1(word.encode()).hexdigest(), 16) % 100
            name = "test.tsv" if place < 10 else "valid.tsv" if place < 12 else "train.tsv"
            together = ["\t".join(pronunciations)] if name != "train.tsv" else pronunciations
            rows[name] += [f"{' '.join(word)}\t{cells}\n" for cells in together]
        for name, made in rows.items():
            yield name, "".join(made)


def dictionary(path: Path) -> dict[str, list[str]]:
    """Word -> its pronunciations without stress, each once, in the order of the file."""
    found: dict[str, list[str]] = {}
    for _, text in lines(path):
        entry, *phonemes = text.partition("#")[0].split() or [""]
        word = VARIANT.sub("", entry)
        pronunciation = STRESS.sub("", " ".join(phonemes))
        if WORD.fullmatch(word) and pronunciation not in found.setdefault(word, []):
            found[word].append(pronunciation)
    return found
