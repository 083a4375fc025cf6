"""A constructor's signature is its schema: settings bound to it, and every mismatch told in one line.

So a node with a `_target_` is checked, and so are the single settings of a dataclass.
"""

from __future__ import annotations

import difflib
import inspect
import math
import pkgutil
import types
import typing
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import MISSING as NO_DEFAULT
from dataclasses import fields, is_dataclass
from typing import Literal

from omegaconf import MISSING

Node = Mapping[str, object]

BUILT: Mapping[str, frozenset[str]] = {
    "model": frozenset(
        {"encoder", "decoder", "source_embedding", "target_embedding", "output", "own_decoders", "own_outputs"}
    ),
    "objective": frozenset({"vocab_size"}),
    "model.embedding": frozenset({"vocab_size"}),
    "model.encoder": frozenset({"input_size"}),
    "model.bridge": frozenset({"memory_size", "hidden_size", "layers", "names"}),
    "model.attention": frozenset({"query_size", "memory_size"}),
    "model.decoder": frozenset({"input_size", "memory_size", "attention", "bridge"}),
    "model.output": frozenset({"input_size", "embedding"}),
    "optimizer": frozenset({"params"}),
    "callback": frozenset({"monitor", "mode"}),
    "trainer": frozenset(
        {"logger", "callbacks", "plugins", "enable_checkpointing", "default_root_dir", "use_distributed_sampler"}
    ),
}
"""Arguments that build.py fills in from other parts, so that nobody writes a size twice."""

ELSEWHERE = {"target_tokenizer": "tokenizer@target_tokenizer", "teacher_forcing": "schedule@teacher_forcing"}
"""Nodes whose choices are those of another group."""

FROM_ZERO = ("seed", "samples", "resamples", "trials", "sentences", "index")
"""Numbers that may be 0; all others are at least 1."""
MOST = {"seed": 2**32 - 1}
MOST_OF_ALL = 2**63 - 1  # what a tensor or an array holds
LISTED = 15  # names in a sentence
TO_INFINITY = ("mixing_temperature",)
"""Numbers that may be infinite."""


def check_root(kind: type[object], root: Mapping[str, object]) -> Iterator[str]:
    """Unknown and missing settings of a dataclass, and single values of the wrong type or range."""
    assert is_dataclass(kind)
    hints = typing.get_type_hints(kind)
    needed = {f.name for f in fields(kind) if f.default is NO_DEFAULT and f.default_factory is NO_DEFAULT}
    for name in root:
        if name not in hints:
            yield f"{name}: no such setting{suggest(name, hints)}"
    for name, hint in hints.items():
        if name not in root:
            if name in needed:
                yield f"{name}: is needed; write {name}=..."
            continue
        value, least = root[name], 0 if name in FROM_ZERO else 1
        kinds = set(typing.get_args(hint) or [hint])
        if value == MISSING or not (_is_value(hint) or typing.get_origin(hint) is Sequence):
            continue
        if not fits(value, hint):
            yield f"{name} ({value}) must be {describe(hint)}."
        elif isinstance(value, (int, float)) and hint is float and not _positive(name, value):
            yield f"{name} ({value}) must be greater than 0 and finite."
        elif int in kinds and isinstance(value, int) and not least <= value <= MOST.get(name, MOST_OF_ALL):
            most = f" and at most {MOST.get(name, MOST_OF_ALL)}" if value > least else ""
            yield f"{name} ({value}) must be at least {least}{most}."


def _is_value(hint: object) -> bool:
    """Whether what is annotated so is a single value."""
    if typing.get_origin(hint) in (types.UnionType, typing.Union):
        return all(map(_is_value, typing.get_args(hint)))
    return hint in (str, int, float, bool, type(None)) or typing.get_origin(hint) is Literal


def _positive(name: str, value: float) -> bool:
    return 0 < value < math.inf or (value == math.inf and name in TO_INFINITY)


def check_node(path: str, node: object, also_known: Collection[str] = ()) -> Iterator[str]:
    """Problems of one node: binds its keys to the signature of its `_target_` and checks the values' types."""
    if not isinstance(node, Mapping):
        yield f"{path} ({node}) must be a group of settings; choose one with {_choosing(path)}."
        return
    target = node.get("_target_")
    if not isinstance(target, str):
        yield f"{path}: nothing is chosen here; choose one with {_choosing(path)}."
        return
    try:
        part = pkgutil.resolve_name(target)
    except Exception as error:  # whatever the imported file raises
        yield f"{path}._target_ ({target}) cannot be imported: {' '.join(str(error).split())}."
        return
    if not callable(part):
        yield f"{path}._target_ ({target}) is not a part; it must name a class or a function."
        return
    try:
        parameters = inspect.signature(part).parameters
    except ValueError:  # of a built-in
        yield f"{path}._target_ ({target}) is not a part; it must name a class or a function."
        return
    given = {str(key): value for key, value in node.items() if key not in ("_target_", "_partial_")}
    built = BUILT.get(path, BUILT.get(path.split(".")[0], frozenset()) if path.startswith("callback.") else frozenset())
    settable = [name for name in parameters if name not in built]
    for key in given:
        if key not in settable:
            yield f"{path}.{key}: no such argument of {part.__name__}{suggest(key, [*settable, *also_known])}"
    for name, parameter in parameters.items():
        variadic = parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
        if parameter.default is parameter.empty and not variadic and name not in built and name not in given:
            yield f"{path}.{name}: is needed; write {path}.{name}=..."
    yield from _check_types(path, part, {key: value for key, value in given.items() if key in settable})


def _choosing(path: str) -> str:
    """How a user chooses the part of a node."""
    group, _, name = path.rpartition(".")
    if group in ("callback", "logger", "metric"):
        return f"{group}=[{name}]"
    return f"{ELSEWHERE.get(path, path.replace('.', '/'))}=NAME"


def _check_types(path: str, part: Callable[..., object], given: Node) -> Iterator[str]:
    function = part.__init__ if inspect.isclass(part) else part
    try:
        hints = typing.get_type_hints(inspect.unwrap(function))
    except (NameError, TypeError):  # a foreign part whose annotations cannot be evaluated
        return
    for key, value in given.items():
        not_a_number = isinstance(value, float) and value != value
        if key in hints and value != MISSING and (not_a_number or not fits(value, hints[key])):
            yield f"{path}.{key} ({value}) must be {describe(hints[key])}."


def fits(value: object, hint: object) -> bool:
    """Whether a config value can be what an annotation says; annotations not known here fit everything."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        return any(fits(value, argument) for argument in arguments)
    if origin is Literal:
        return value in arguments
    if hint in (None, type(None)):
        return value is None
    if hint in (int, float):
        return isinstance(value, (int, hint)) and not isinstance(value, bool)
    if hint in (str, bool):
        return isinstance(value, hint)
    if origin in (Sequence, list, tuple):
        return isinstance(value, Sequence) and not isinstance(value, str) and _each_fits(value, hint)
    if origin in (Mapping, dict):
        return isinstance(value, Mapping)
    if _is_tensor(hint):
        return False  # no YAML can hold one
    if not isinstance(hint, type) or hint is typing.Any or getattr(hint, "_is_protocol", False):
        return True
    return isinstance(value, (str, Mapping, hint))  # a text may name one and settings make one, but no number does


def _each_fits(values: Sequence[object], hint: object) -> bool:
    kinds, several = typing.get_args(hint), typing.get_origin(hint) is not tuple or ... in typing.get_args(hint)
    if several:
        kinds = kinds[:1] * len(values)
    return len(kinds) == len(values) and all(map(fits, values, kinds))


def _is_tensor(hint: object) -> bool:
    return getattr(hint, "__module__", "") == "torch" and getattr(hint, "__name__", "") == "Tensor"


def describe(hint: object) -> str:
    """An annotation in words."""
    words = {int: "a whole number", float: "a number", str: "a text", bool: "true or false", type(None): "null"}
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        return " or ".join(describe(argument) for argument in arguments if not _is_tensor(argument))
    if origin is Literal:
        return "one of " + ", ".join(str(argument) for argument in arguments)
    if origin in (Sequence, list, tuple):
        size = f" of {len(arguments)}" if origin is tuple and ... not in arguments else ""
        return f"a list{size} (each {describe(arguments[0])})"
    if origin in (Mapping, dict):
        return "a group of settings"
    return words.get(hint, hint.__name__) if isinstance(hint, type) else str(hint)


def suggest(name: str, known: Collection[str]) -> str:
    """The end of a sentence about an unknown name: the nearest known one, or all of them, or the first of many."""
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.6)
    if near:
        return f"; did you mean {near[0]}?"
    more = f" and {len(known) - LISTED} more" if len(known) > LISTED else ""
    return f"; there is {', '.join(sorted(known)[:LISTED])}{more}." if known else "; it takes none."
