"""The typed root of the configuration, and `validate`: the whole config checked before any work, all problems at once.

A part's constructor signature is its schema: every node with a `_target_` is bound to it here.
"""

from __future__ import annotations

import difflib
import inspect
import pkgutil
import types
import typing
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from omegaconf import MISSING, DictConfig, OmegaConf
from omegaconf.errors import InterpolationToMissingValueError, MissingMandatoryValue, OmegaConfBaseException

from seq2seq_pl.errors import UserError

Node = Mapping[str, object]

BUILT: Mapping[str, frozenset[str]] = {
    "model": frozenset({"encoder", "decoder", "source_embedding", "target_embedding", "output"}),
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
        {"logger", "callbacks", "enable_checkpointing", "default_root_dir", "use_distributed_sampler"}
    ),
}
"""Arguments that build.py fills in from other parts, so that nobody writes a size twice."""

MODEL_PARTS = ("embedding", "encoder", "bridge", "attention", "decoder", "output", "initialization")
SINGLE = ("task", "corpus", "tokenizer", "objective", "decoding", "optimizer", "schedule", "teacher_forcing", "trainer")
SEVERAL = ("metric", "callback", "logger")
FROM_ZERO = ("seed", "samples", "resamples", "trials", "sentences", "index")
"""Numbers that may be 0; all others are at least 1."""


@dataclass(frozen=True)
class TrainConfig:
    """Everything a training run is made of; nodes are plain mappings with a `_target_`, resolved.

    Attributes:
        task_name: under which name scores are logged ("translation").
        monitor: the score that chooses the best checkpoint ("bleu").
        run_dir: the directory of this run.
        cache_dir: where tokenizers and token ids are kept between runs.
        seed: of every random number.
        batch_size: sentences per batch at most.
        max_tokens: tokens per batch at most, padding counted, of the longer side.
        max_source_length, max_target_length: tokens; longer training pairs are left out, longer test sources cut.
        shared_vocabulary: one tokenizer for both sides.
        samples: translations printed at the end.
        compile: whether torch.compile makes the model faster, after some time to start.
        scale: what the sizes of a paper's recipe are multiplied by (`${scaled:SIZE}`), layers by its root.
    """

    task_name: str
    monitor: str
    run_dir: str
    cache_dir: str
    seed: int
    batch_size: int
    max_tokens: int
    max_source_length: int
    max_target_length: int
    shared_vocabulary: bool
    samples: int
    task: Node
    corpus: Node
    tokenizer: Node
    model: Node
    objective: Node
    decoding: Node
    optimizer: Node
    schedule: Node
    teacher_forcing: Node
    trainer: Node
    metric: Mapping[str, Node]
    callback: Mapping[str, Node]
    logger: Mapping[str, Node]
    compile: bool = False
    scale: float = 1.0


def validate(config: DictConfig) -> TrainConfig:
    """Checks everything that can be known without touching the data.

    Raises:
        UserError: one line for each problem, each with its dotted path and the nearest valid name.
    """
    plain, problems = _resolved(config)
    root = {**{name: {} for name in SEVERAL}, **plain}  # [] chooses none
    problems += check_root(TrainConfig, root)
    for name in SINGLE:
        if name in root:
            problems += check_node(name, root[name])
    problems += _check_model(root.get("model"))
    for name in SEVERAL:
        problems += _check_several(name, root.get(name))
    if problems:
        raise UserError("\n".join(dict.fromkeys(problems)))
    return TrainConfig(**root)


def _resolved(config: DictConfig) -> tuple[dict[str, Any], list[str]]:
    """The config with every reference replaced by its value, and what is missing or leads nowhere; both stay ???."""
    problems: list[str] = []
    known = config.copy()
    for path, text in texts(OmegaConf.to_container(config, resolve=False)):
        if text == MISSING:
            problems.append(f"{path}: is needed; write {path}=...")
        elif "${" in text:
            try:
                OmegaConf.select(config, path, throw_on_missing=True)
                continue
            except (InterpolationToMissingValueError, MissingMandatoryValue):
                pass  # told where it is missing
            except OmegaConfBaseException as error:
                problems.append(f"{path} ({text}): {str(error).splitlines()[0]}.")
            OmegaConf.update(known, path, MISSING)
    plain = OmegaConf.to_container(known, resolve=True, throw_on_missing=False)
    assert isinstance(plain, dict)
    return {str(key): value for key, value in plain.items()}, problems


def texts(node: object, path: str = "") -> Iterator[tuple[str, str]]:
    """Every text in a tree of mappings and lists, with its dotted path."""
    if isinstance(node, str):
        yield path.removeprefix("."), node
    elif isinstance(node, (dict, list)):
        for key, value in node.items() if isinstance(node, dict) else enumerate(node):
            yield from texts(value, f"{path}.{key}")


def check_root(kind: type[object], root: Mapping[str, object]) -> Iterator[str]:
    """Unknown and missing settings, and single values of the wrong type or range."""
    hints = typing.get_type_hints(kind)
    for name in root:
        if name not in hints:
            yield f"{name}: no such setting{suggest(name, hints)}"
    for name, hint in hints.items():
        if name not in root:
            if not hasattr(kind, name):  # a default
                yield f"{name}: is needed; write {name}=..."
            continue
        value, least = root[name], 0 if name in FROM_ZERO else 1
        kinds = set(typing.get_args(hint) or [hint])
        single = kinds <= {str, int, float, bool, type(None)} or typing.get_origin(hint) is Literal
        if value == MISSING or not single:
            continue
        if not fits(value, hint):
            yield f"{name} ({value}) must be {describe(hint)}."
        elif hint is float and isinstance(value, (int, float)) and not 0 < value < float("inf"):
            yield f"{name} ({value}) must be greater than 0 and finite."
        elif int in kinds and isinstance(value, int) and value < least:
            yield f"{name} ({value}) must be at least {least}."


def _check_model(node: object) -> Iterator[str]:
    if not isinstance(node, Mapping):
        if node is not None:
            yield f"model ({node}) must be a group of settings; choose one with model=seq2seq."
        return
    own = {key: value for key, value in node.items() if key not in MODEL_PARTS}
    yield from check_node("model", own, also_known=MODEL_PARTS)
    for part in MODEL_PARTS:
        yield from check_node(f"model.{part}", node.get(part, {}))


def _check_several(name: str, node: object) -> Iterator[str]:
    if node is None:
        return
    if not isinstance(node, Mapping):
        yield f"{name} ({node}) must be a group of parts; choose some with {name}=[...]."
        return
    for key, part in node.items():
        yield from check_node(f"{name}.{key}", part)


def check_node(path: str, node: object, also_known: Collection[str] = ()) -> Iterator[str]:
    """Problems of one node: binds its keys to the signature of its `_target_` and checks the values' types."""
    if not isinstance(node, Mapping):
        yield f"{path} ({node}) must be a group of settings; choose one with {path.replace('.', '/')}=NAME."
        return
    target = node.get("_target_")
    if not isinstance(target, str):
        yield f"{path}: nothing is chosen here; choose one with {path.replace('.', '/')}=NAME."
        return
    try:
        part = pkgutil.resolve_name(target)
    except Exception as error:  # whatever the imported file raises
        yield f"{path}._target_ ({target}) cannot be imported: {' '.join(str(error).split())}."
        return
    if not callable(part):
        yield f"{path}._target_ ({target}) is not a part; it must name a class or a function."
        return
    parameters = inspect.signature(part).parameters
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
    yield from _check_types(path, part, given)


def _check_types(path: str, part: Callable[..., object], given: Node) -> Iterator[str]:
    function = part.__init__ if inspect.isclass(part) else part
    try:
        hints = typing.get_type_hints(inspect.unwrap(function))
    except (NameError, TypeError):  # a foreign part whose annotations cannot be evaluated
        return
    for key, value in given.items():
        if key in hints and value != MISSING and not fits(value, hints[key]):
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
        return isinstance(value, Sequence) and not isinstance(value, str)
    if origin in (Mapping, dict):
        return isinstance(value, Mapping)
    return not _is_tensor(hint)  # which no YAML can hold


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
        return "a list"
    if origin in (Mapping, dict):
        return "a group of settings"
    return words.get(hint, str(hint)) if isinstance(hint, type) else str(hint)


def suggest(name: str, known: Collection[str]) -> str:
    """The end of a sentence about an unknown name: the nearest known one, or all of them if they are few."""
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.6)
    if near:
        return f"; did you mean {near[0]}?"
    return f"; there is {', '.join(sorted(known))}." if known else "; it takes none."
