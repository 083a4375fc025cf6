"""From a node of the configuration to the part it describes, or a sentence that says why not.

A configuration may come out of a stranger's checkpoint, so what a `_target_` names is looked at before it is called.
"""

from __future__ import annotations

import inspect
import pkgutil
import sys
import typing
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TypeVar

from hydra.errors import InstantiationException

from seq2seq_pl.errors import UserError
from seq2seq_pl.schema import Node

T = TypeVar("T")

EXPECTED: tuple[type[Exception], ...] = (
    ValueError,
    ArithmeticError,
    TypeError,
    ModuleNotFoundError,
    RuntimeError,
    InstantiationException,
)
"""What a constructor raises for a value that it does not like."""

LIGHTNING = ("accelerators", "plugins", "profilers", "strategies")
INNER = (
    "seq2seq_pl",
    "torch.nn",
    "torch.optim",
    "torch.distributed.fsdp",
    *(f"lightning.{layer}.{folder}" for layer in ("fabric", "pytorch") for folder in LIGHTNING),
)
"""Where the classes live of which a part within a part may be made. All of torch would be too much: some of its classes
start a program or write a file when they are made."""


@contextmanager
def named(path: str, *expected: type[Exception]) -> Iterator[None]:
    """Turns a constructor's complaint into a sentence with the dotted path of its node.

    Args:
        expected: what is a complaint beside `EXPECTED`.
    """
    try:
        yield
    except UserError:
        raise
    except (*EXPECTED, *expected, *_of_lightning()) as error:
        raise UserError(_sentence(path, error)) from error


def _of_lightning() -> tuple[type[Exception], ...]:
    """What Lightning's parts raise; where it has not been imported, and costs seconds, there is none of them."""
    loaded = sys.modules.get("lightning.fabric.utilities.exceptions")
    return (loaded.MisconfigurationException,) if loaded else ()


def _sentence(path: str, error: Exception) -> str:
    said = repr(error) if isinstance(error, LookupError) else str(error)  # whose text is a bare key
    return f"{path}: {' '.join(said.split()).rstrip('.!')}."


def part(kind: type[T], path: str, node: Node, **built: object) -> T:
    """Makes the part of a node; nothing but a part of its kind is called, for the node may be a stranger's.

    Raises:
        UserError: its `_target_` is no part of this kind, or its constructor refuses; with the node's path.
    """
    target = _target(path, node)
    if not _makes(target, kind):
        raise _wrong_kind(path, node, kind, target)
    settings = _settings(path, node)
    with named(path):
        made = target(**settings, **built)
    if not isinstance(made, kind):
        raise _wrong_kind(path, node, kind)
    return made


def _makes(target: object, kind: type[object]) -> bool:
    """Whether it is a class of this kind, or a function that says that it returns one."""
    if inspect.isfunction(target):
        try:
            target = typing.get_type_hints(target).get("return")  # list[X] is no class, though Python 3.10 says so
        except (NameError, TypeError, AttributeError):  # an annotation that cannot be evaluated
            return False
    return inspect.isclass(target) and typing.get_origin(target) is None and issubclass(target, kind)


def _wrong_kind(path: str, node: Node, kind: type[object], target: object = None) -> UserError:
    name = kind.__name__
    hint = f" A function has to say that it returns one (-> {name})." if inspect.isfunction(target) else ""
    return UserError(f"{path}._target_ ({node['_target_']}) is not a {name}.{hint}")


def _target(path: str, node: Node) -> Callable[..., object]:
    """What a node names, not called."""
    name = str(node["_target_"])
    try:
        found: Callable[..., object] = pkgutil.resolve_name(name)
    except Exception as error:  # whatever the imported file raises
        raise UserError(f"{path}._target_ ({name}) cannot be imported: {' '.join(str(error).split())}.") from error
    return found


def _settings(path: str, node: Node) -> dict[str, object]:
    """The arguments of a part; where one of them is a node, the part of that node."""
    return {key: _made(f"{path}.{key}", value) for key, value in node.items() if key != "_target_"}


def _made(path: str, value: object) -> object:
    if isinstance(value, list):
        return [_made(f"{path}.{place}", one) for place, one in enumerate(value)]
    return _inner(path, value) if isinstance(value, Mapping) and "_target_" in value else value


def _inner(path: str, node: Node) -> object:
    """A part within a part. Raises UserError unless it is a class of `INNER`, or derived from one."""
    target = _target(path, node)
    homes = [base.__module__ for base in inspect.getmro(target)] if inspect.isclass(target) else []
    if not any(f"{home}.".startswith(f"{inner}.") for home in homes for inner in INNER):
        raise UserError(
            f"{path}._target_ ({node['_target_']}) is not a part that can stand in another one. It must be a class of "
            f"seq2seq_pl, torch.nn, torch.optim or Lightning's {', '.join(LIGHTNING)}, or one derived from these."
        )
    settings = _settings(path, node)
    with named(path, LookupError, AttributeError):
        return target(**settings)
