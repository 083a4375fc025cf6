"""Edits between an output and its references, and their rate: what the error rates share."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import rapidfuzz
from rapidfuzz.distance import Levenshtein


def fewest_edits(hypothesis: Sequence[str], references: Iterable[Sequence[str]]) -> tuple[int, int]:
    """Levenshtein distance to the nearest reference and its length; of equally near ones the longest counts."""
    rows = ((Levenshtein.distance(hypothesis, reference), len(reference)) for reference in references)
    return min(rows, key=lambda row: (row[0], -row[1]))


def edit_rate(edits: float, length: float) -> float:
    """Edits per 100 units of reference; where all references are empty 0 if the outputs are too, else 100."""
    return 100 * edits / length if length else 100.0 * (edits > 0)


def edit_signature(name: str, unit: str, *, lowercase: bool) -> str:
    """The signature of an edit rate."""
    case = "lc" if lowercase else "mixed"
    return f"{name}|unit:{unit}|case:{case}|refs:best|rapidfuzz:{rapidfuzz.__version__}"
