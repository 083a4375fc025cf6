"""The four splits of the translation corpus, drawn from the grammar, and their bytes."""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from grammar import chinese, english, german
from grammar.sentences import Sentences
from grammar.traits import Trait, traits
from grammar.tree import Sentence

HERE = Path(__file__).parent
SIZES = {"train": 20_000, "valid": 1_000, "test": 1_000, "unseen": 1_000}
SEEDS = {"train": 1, "valid": 2, "test": 3, "unseen": 4}
MAX_WORDS = 32
"""Longest English sentence, in words."""
PAIR_SHARE = 30
"""How many sentences of `unseen` may contain the same held-out pair."""


@dataclass(frozen=True)
class Triple:
    """A sentence in three languages, with the tree that it was made from."""

    tree: Sentence
    en: str
    de: str
    zh: str


def realise(tree: Sentence) -> Triple:
    """The sentence in every language."""
    return Triple(tree, english.sentence(tree), german.sentence(tree), chinese.sentence(tree))


def held_out_pairs() -> frozenset[Trait]:
    """The (word, construction) pairs of held_out.tsv that train, valid and test never show."""
    lines = (HERE / "held_out.tsv").read_text(encoding="utf-8").splitlines()[1:]
    pairs = [line.split("\t") for line in lines]
    return frozenset((word, construction) for word, construction in pairs)


def words(text: str) -> list[str]:
    """The words of a sentence; of a Chinese one, its characters."""
    if " " not in text and not text.isascii():
        return list(text)
    return text.translate(str.maketrans("", "", ",?")).removesuffix(".").split()


class Splits:
    """Draws split after split, so that no sentence of any language comes twice."""

    def __init__(self) -> None:
        self._held_out = held_out_pairs()
        self._seen: set[str] = set()
        self._vocabulary: set[tuple[str, str]] = set()

    def draw(self, name: str) -> list[Triple]:
        """One split; train comes first, since the others may only use its words."""
        sentences = Sentences(SEEDS[name])
        shown: Counter[Trait] = Counter()
        kept: list[Triple] = []
        while len(kept) < SIZES[name]:
            tree = sentences.draw()
            pairs = [trait for trait in traits(tree) if trait in self._held_out]
            if bool(pairs) != (name == "unseen") or any(shown[pair] >= PAIR_SHARE for pair in pairs):
                continue
            triple = realise(tree)
            if self._is_new(triple) and self._is_readable(name, triple):
                shown.update(pairs)
                self._remember(name, triple)
                kept.append(triple)
        return kept

    def _is_new(self, triple: Triple) -> bool:
        texts = (triple.en, triple.de, triple.zh)
        return len(triple.en.split()) <= MAX_WORDS and not any(text in self._seen for text in texts)

    def _is_readable(self, name: str, triple: Triple) -> bool:
        """Whether every word in all three languages is known from train."""
        return name == "train" or _vocabulary(triple) <= self._vocabulary

    def _remember(self, name: str, triple: Triple) -> None:
        self._seen.update((triple.en, triple.de, triple.zh))
        if name == "train":
            self._vocabulary |= _vocabulary(triple)


def _vocabulary(triple: Triple) -> set[tuple[str, str]]:
    texts = {"en": triple.en, "de": triple.de, "zh": triple.zh}
    return {(language, word) for language, text in texts.items() for word in words(text)}


def splits() -> dict[str, list[Triple]]:
    """All splits, in the order of SIZES."""
    drawn = Splits()
    return {name: drawn.draw(name) for name in SIZES}


def as_tsv(triples: list[Triple]) -> bytes:
    """A split as its file: a header, then one tab-separated sentence a line."""
    lines = ["en\tde\tzh", *(f"{triple.en}\t{triple.de}\t{triple.zh}" for triple in triples)]
    return ("\n".join(lines) + "\n").encode("utf-8")


def files() -> dict[str, bytes]:
    """Every file of this corpus: its path below data/ and its content."""
    return {f"translation/{name}.tsv": as_tsv(triples) for name, triples in splits().items()}
