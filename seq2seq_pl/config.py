"""The typed root of the configuration, and `validate`: all of it checked before any work, all problems at once."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Literal

from omegaconf import MISSING, DictConfig, OmegaConf
from omegaconf.errors import InterpolationToMissingValueError, MissingMandatoryValue, OmegaConfBaseException

from seq2seq_pl.errors import UserError
from seq2seq_pl.schema import Node, check_node, check_root, suggest

MODEL_PARTS = ("embedding", "encoder", "bridge", "attention", "decoder", "output", "initialization")
SINGLE = ("tokenizer", "target_tokenizer", "objective", "optimizer", "schedule", "teacher_forcing", "trainer")
OF_A_TASK = ("task", "corpus", "decoding")
PER_TASK = (*OF_A_TASK, "metric")
SEVERAL = ("metric", "callback", "logger")
COMBINED = "combined"
"""The monitor of several tasks: the mean of what their own monitors say, see `scoring.merit`."""
GOING_ON = ("run", "resume")
"""Settings of the command, not of a run: which one it goes on with, and whether."""
NAME = re.compile(r"[A-Za-z0-9_-]+")
LongSources = Literal["skip", "keep_start", "keep_end"]
NonFinite = Literal["stop", "skip"]


@dataclass(frozen=True)
class TaskConfig:
    """What belongs to one task of a run; mostly it is the only one.

    Attributes:
        monitor: the score that says how well it goes ("bleu").
        max_source_length, max_target_length: tokens, EOS and the task's tag not counted.
        long_sources: what training does with a longer source: "skip" leaves the pair out, "keep_start" and "keep_end"
            cut it to its first or last tokens. Where it is not trained on, a source is cut: to its last tokens with
            "keep_end", else to its first. Pairs with a longer target are left out of training.
        weight: how often it is drawn, beside its size.
        loss_weight: what its loss is multiplied by.
    """

    task: Node
    corpus: Node
    decoding: Node
    metric: Mapping[str, Node]
    monitor: str
    max_source_length: int
    max_target_length: int
    long_sources: LongSources
    weight: float = 1.0
    loss_weight: float = 1.0


@dataclass(frozen=True)
class TrainConfig:
    """Everything a training run is made of; nodes are plain mappings with a `_target_`, resolved.

    Attributes:
        task_name: under which name scores are logged ("translation").
        monitor: the score that chooses the best checkpoint ("bleu"); of several tasks, "combined".
        run_dir: the directory of this run.
        cache_dir: where tokenizers, token ids and digests of large files are kept between runs.
        seed: of every random number.
        batch_size: sentences per batch at most.
        max_tokens: tokens per batch at most, padding counted, of the longer side; "auto": as many as fit into memory.
        step_tokens: how many of them an optimizer step learns from, over all its batches; None: see `trainer`.
        max_source_length, max_target_length, long_sources: see `TaskConfig`.
        shared_vocabulary: one tokenizer for both sides.
        samples: translations printed at the end.
        test: whether the test splits are scored at the end; else it is the validation split, with the best checkpoint.
        target_tokenizer: of the target; None is made as the source's.
        mixture: of several tasks, the settings of each that are its own, by its name; `task`, `corpus`, `decoding` and
            `metric` are then empty here.
        mixing_temperature: tasks are drawn with p proportional to weight x size^(1 / temperature); inf: uniformly.
        compile: whether torch.compile makes the model faster, after some time to start.
        non_finite: what happens when the gradients of an optimizer step are not finite: "stop" ends the run, "skip"
            leaves the step out.
        scale: what the sizes of a paper's recipe are multiplied by (`${scaled:SIZE}`), layers by its root.
    """

    task_name: str
    monitor: str
    run_dir: str
    cache_dir: str
    seed: int
    batch_size: int
    max_tokens: int | Literal["auto"]
    max_source_length: int
    max_target_length: int
    shared_vocabulary: bool
    samples: int
    tokenizer: Node
    model: Node
    objective: Node
    optimizer: Node
    schedule: Node
    teacher_forcing: Node
    trainer: Node
    callback: Mapping[str, Node]
    logger: Mapping[str, Node]
    task: Node = field(default_factory=dict)
    corpus: Node = field(default_factory=dict)
    decoding: Node = field(default_factory=dict)
    metric: Mapping[str, Node] = field(default_factory=dict)
    target_tokenizer: Node | None = None
    mixture: Mapping[str, Node] = field(default_factory=dict)
    mixing_temperature: float = 1.0
    long_sources: LongSources = "skip"
    test: bool = True
    compile: bool = False
    non_finite: NonFinite = "stop"
    scale: float = 1.0
    step_tokens: int | None = None

    @property
    def token_budget(self) -> int:
        """`max_tokens`, which is a number once a run has begun (`budget.decided`)."""
        assert isinstance(self.max_tokens, int)
        return self.max_tokens

    @property
    def tasks(self) -> dict[str, TaskConfig]:
        """The settings of each task by its name; a single task is a mixture of one."""
        if self.mixture:
            return {name: TaskConfig(**entry) for name, entry in self.mixture.items()}  # type: ignore[arg-type]
        own = {name: getattr(self, name) for name in (f.name for f in fields(TaskConfig)) if hasattr(self, name)}
        return {self.task_name: TaskConfig(**own)}


def validate(config: DictConfig) -> TrainConfig:
    """Checks everything that can be known without touching the data.

    Raises:
        UserError: one line for each problem, each with its dotted path and the nearest valid name.
    """
    config = _without(config, *GOING_ON)
    mixed = bool(OmegaConf.to_container(config, resolve=False).get("mixture"))  # type: ignore[union-attr]
    plain, problems = _resolved(_without(config, "mixture", *(PER_TASK if mixed else ())))
    root = {**{name: {} for name in SEVERAL}, **plain}  # [] chooses none
    if mixed:
        root |= {name: {} for name in PER_TASK}
        try:
            root["mixture"] = _mixture(config, problems)
        except OmegaConfBaseException as error:  # a reference that leads nowhere, or in circles
            problems.append(f"mixture: {str(error).splitlines()[0]}.")
    problems += check_root(TrainConfig, root)
    for name in SINGLE if mixed else (*SINGLE, *OF_A_TASK):
        if name in root and not (name == "target_tokenizer" and root[name] is None):
            problems += check_node(name, root[name])
    problems += [f"{name}: is needed; write {name}=..." for name in OF_A_TASK if name not in root]
    problems += _check_model(root.get("model"))
    if "task_name" in root and not NAME.fullmatch(str(root["task_name"])):  # it names folders
        problems.append(f"task_name ({root['task_name']}): a task's name is made of letters, digits, - and _.")
    for name in SEVERAL:
        problems += _check_several(name, root.get(name))
    if problems:
        raise UserError("\n".join(dict.fromkeys(problems)))
    return TrainConfig(**root)


def _without(config: DictConfig, *names: str) -> DictConfig:
    return OmegaConf.masked_copy(config, [str(key) for key in config if key not in names])


def _mixture(config: DictConfig, problems: list[str]) -> dict[str, dict[str, object]]:
    """The settings of each task of a mixture, checked. A task that is null is left out."""
    mixture = config.mixture
    if not isinstance(mixture, DictConfig):
        problems.append(f"mixture ({mixture}) must be a group of tasks; choose one with task=multitask.")
        return {}
    entries = {str(name): own for name, own in mixture.items() if own is not None}
    tasks = [name for name, own in entries.items() if isinstance(own, DictConfig) and "task" in own]
    if not tasks:
        problems.append("mixture: no task is left; at least one must not be null.")
    for name in PER_TASK:
        if config.get(name):
            example = f"mixture.{(tasks or ['NAME'])[0]}.{name}"
            problems.append(f"{name}: each task of a mixture has its own; set {example}, or {name}@{example}=NAME.")
    made: dict[str, dict[str, object]] = {}
    for name, own in entries.items():
        if not NAME.fullmatch(name):
            problems.append(f"mixture.{name}: a task's name is made of letters, digits, - and _.")
        elif not isinstance(own, DictConfig):
            problems.append(f"mixture.{name} ({own}) must be a group of settings, or null to leave the task out.")
        elif tasks and name not in tasks:
            problems.append(f"mixture.{name}: no such task{suggest(name, tasks)}")
        else:
            made[name], found = _entry(config, own)
            problems += [_of_entry(name, problem) for problem in found]
    return made


def _entry(config: DictConfig, own: DictConfig) -> tuple[dict[str, object], list[str]]:
    """The settings of a task of a mixture, its own laid over those of the run, and what is wrong with them."""
    known = [f.name for f in fields(TaskConfig)]
    alone = _without(config, "mixture", "monitor", *PER_TASK)
    alone.merge_with(own)
    plain, problems = _resolved(alone)
    entry = {"metric": {}, **{key: plain[key] for key in plain if key in known}}
    found = [problem for problem in problems if re.split(r"\W", problem)[0] in known]
    of_a_run = {f.name for f in fields(TrainConfig)}  # a task's YAML may say some; the run's count
    found += [f"{key}: no such setting{suggest(key, known)}" for key in map(str, own) if key not in {*known, *of_a_run}]
    found += check_root(TaskConfig, entry)
    for kind in OF_A_TASK:
        if kind in entry:
            found += check_node(kind, entry[kind])
    found += _check_several("metric", entry["metric"])
    return entry, found


def _of_entry(name: str, problem: str) -> str:
    """A problem of a task's settings as the user of a mixture knows them."""
    problem = re.sub(r"(choose \w+ with )(\w+)=", rf"\1\2@mixture.{name}.\2=", problem)
    return f"mixture.{name}.{problem.replace('; write ', f'; write mixture.{name}.')}"


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
