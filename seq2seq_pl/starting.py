"""What lets a command start sooner: work that its libraries would do for nothing is left out."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def without_plots() -> Iterator[None]:
    """Lets torchmetrics, which Lightning imports, take matplotlib for missing: nobody here has it plot."""
    from lightning_utilities.core.imports import RequirementCache  # late: what it imports takes a tenth of a second

    met = RequirementCache.__bool__

    def met_but_for_plots(asked: RequirementCache) -> bool:
        if asked.requirement == "matplotlib":
            asked.available = False
        return met(asked)

    RequirementCache.__bool__ = met_but_for_plots  # type: ignore[assignment, method-assign]
    try:
        yield
    finally:
        RequirementCache.__bool__ = met  # type: ignore[method-assign]
