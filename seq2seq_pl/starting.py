"""What lets a command start sooner: work that its libraries would do for nothing is left out."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from hydra._internal.hydra import Hydra

MODE = re.compile(r"\bmode:\s*[\"']?(MULTI)?RUN\b")
"""A YAML that says whether a command is a sweep."""


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


@contextmanager
def composed_once(arguments: Sequence[str], conf: Path) -> Iterator[None]:
    """Keeps Hydra from composing a whole configuration first only to look up `hydra.mode`, where nothing can set it.

    Args:
        arguments: of the command line.
        conf: the folder of the YAMLs.
    """
    elsewhere = any(text.startswith(("-c", "--config")) or "hydra.mode" in text for text in arguments)
    if elsewhere or any(MODE.search(path.read_text(encoding="utf-8")) for path in conf.rglob("*.yaml")):
        yield
        return
    looked_up = Hydra.get_mode
    Hydra.get_mode = _unset  # type: ignore[assignment, method-assign]
    try:
        yield
    finally:
        Hydra.get_mode = looked_up  # type: ignore[method-assign]


def _unset(hydra: Hydra, config_name: str | None, overrides: list[str]) -> None:
    """What Hydra finds where `hydra.mode` has its default."""
