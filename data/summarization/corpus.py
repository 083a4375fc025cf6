"""The three splits of the summarization corpus, and their bytes."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from grammar.dice import Dice

from summarization import affairs, mishaps, sport
from summarization.facts import Facts, anywhere
from summarization.names import Names
from summarization.wording import Plot

SIZES = {"train": 6_000, "valid": 300, "test": 500}
SEEDS = {"train": 21, "valid": 22, "test": 23}
WORDS = range(40, 81)
"""How many words a document may have."""
SENTENCES = range(4, 8)
"""How many sentences it may have."""
SUMMARY_WORDS = range(10, 21)
"""How many words a summary may have."""

KINDS: Mapping[str, Callable[[Dice, Names], Facts]] = {
    "match": sport.match,
    "accident": mishaps.accident,
    "vote": affairs.vote,
    "race": sport.race,
    "storm": mishaps.storm,
    "results": affairs.results,
    "game": sport.game,
    "rescue": mishaps.rescue,
    "election": affairs.election,
    "concert": sport.concert,
    "opening": affairs.opening,
    "strike": affairs.strike,
}


@dataclass(frozen=True)
class Report:
    """A document with its summary and what both tell; `stems` are the names invented for it, some never used."""

    kind: str
    facts: Facts
    document: str
    summary: str
    stems: tuple[str, ...]


class Splits:
    """Draws split after split; no document comes twice, and no name invented for train comes in another split."""

    def __init__(self) -> None:
        self._plots = {kind: Plot(kind) for kind in KINDS}
        self._seen: set[str] = set()
        self._taken: frozenset[str] = frozenset()

    def draw(self, name: str) -> list[Report]:
        """One split, its kinds in turn; train comes first, since the others may not use its names."""
        dice = Dice(SEEDS[name])
        order = list(KINDS)
        kept: list[Report] = []
        while len(kept) < SIZES[name]:
            report = self._report(order[len(kept) % len(order)], dice)
            if _fits(report) and report.document not in self._seen:
                self._seen.add(report.document)
                kept.append(report)
        if name == "train":
            self._taken = frozenset(stem for report in kept for stem in report.stems)
        return kept

    def _report(self, kind: str, dice: Dice) -> Report:
        names = Names(dice, self._taken)
        facts = KINDS[kind](dice, names)
        facts = Facts(facts.tags, {**anywhere(dice, names), **facts.slots})
        plot = self._plots[kind]
        return Report(kind, facts, plot.document(facts, dice), plot.summary(facts), tuple(names.stems))


def sentences(document: str) -> list[str]:
    """The sentences of a document: no full stop but the one at the end of a sentence has a space behind it."""
    return [part.removesuffix(".") + "." for part in document.split(". ")]


def _fits(report: Report) -> bool:
    return (
        len(report.document.split()) in WORDS
        and len(sentences(report.document)) in SENTENCES
        and len(report.summary.split()) in SUMMARY_WORDS
    )


def splits() -> dict[str, list[Report]]:
    """All splits, in the order of SIZES."""
    drawn = Splits()
    return {name: drawn.draw(name) for name in SIZES}


def as_tsv(reports: list[Report]) -> bytes:
    """A split as its file: a header, then one tab-separated report a line."""
    lines = ["document\tsummary", *(f"{report.document}\t{report.summary}" for report in reports)]
    return ("\n".join(lines) + "\n").encode("utf-8")


def files() -> dict[str, bytes]:
    """Every file of this corpus: its path below data/ and its content."""
    return {f"summarization/{name}.tsv": as_tsv(reports) for name, reports in splits().items()}
