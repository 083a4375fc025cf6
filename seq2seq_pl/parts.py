"""From a node of the configuration to the part it describes, or a sentence that says why not."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TypeVar

from hydra.errors import InstantiationException
from hydra.utils import get_object, instantiate

from seq2seq_pl.errors import UserError
from seq2seq_pl.schema import Node

T = TypeVar("T")

EXPECTED: tuple[type[Exception], ...] = (ValueError, TypeError, ModuleNotFoundError, RuntimeError)
"""What a constructor raises for a value that it does not like."""


@contextmanager
def named(path: str) -> Iterator[None]:
    """Turns a constructor's complaint into a sentence with the dotted path of its node."""
    try:
        yield
    except UserError:
        raise
    except InstantiationException as error:  # of a part within the part
        cause = error.__cause__
        raise UserError(str(cause) if isinstance(cause, UserError) else _sentence(path, error)) from error
    except EXPECTED + _of_lightning() as error:
        raise UserError(_sentence(path, error)) from error


def _of_lightning() -> tuple[type[Exception], ...]:
    """What Lightning's parts raise; where it has not been imported, and costs seconds, there is none of them."""
    loaded = sys.modules.get("lightning.fabric.utilities.exceptions")
    return (loaded.MisconfigurationException,) if loaded else ()


def _sentence(path: str, error: Exception) -> str:
    return f"{path}: {' '.join(str(error).split()).rstrip('.!')}."


def part(kind: type[T], path: str, node: Node, **built: object) -> T:
    """Makes the part of a node. Raises UserError with the node's path if its constructor refuses."""
    with named(path):
        settings = {key: _nested(value) for key, value in node.items() if key != "_target_"}
        made = get_object(str(node["_target_"]))(**settings, **built)
    if not isinstance(made, kind):
        raise UserError(f"{path}._target_ ({node['_target_']}) is not a {kind.__name__}.")
    return made


def _nested(value: object) -> object:
    return instantiate(value, _convert_="all") if isinstance(value, Mapping) and "_target_" in value else value
