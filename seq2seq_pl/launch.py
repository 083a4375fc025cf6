"""From the command line to a command: settings checked against conf/, a user's mistakes answered in a sentence.

Nothing here imports torch, so that `--help` and a mistyped setting are answered at once.
"""

from __future__ import annotations

import difflib
import errno
import gc
import logging
import math
import os
import re
import shutil
import sys
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

import hydra
from hydra._internal.utils import get_args_parser
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override, OverrideType, ValueType
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from seq2seq_pl.allocation import keep_freed_memory
from seq2seq_pl.errors import Stopped, UserError, spelled_out
from seq2seq_pl.starting import composed_once, without_plots

PACKAGE = Path(__file__).resolve().parent
SEVERAL = ("callback", "logger", "metric")
"""Groups of which several are chosen."""
FULL = (errno.ENOSPC, errno.EDQUOT)
REFUSED = (
    *(errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EISDIR, errno.EEXIST, errno.ENAMETOOLONG),
    errno.ELOOP,
)
"""What the system says of a place that cannot be written or read."""
NOT_COMPOSED = (HydraException, OmegaConfBaseException, ValueError)
"""What Hydra raises for settings that make no configuration."""
EXIT_USER_ERROR = 2
EXIT_CTRL_C = 130
SWEEP_ALONE = "several values are a sweep, which needs -m; write '[a,b]' for a list, '\"a,b\"' for a text with a comma."

log = logging.getLogger(__name__)


def shipped(folder: str) -> Path:
    """A folder that ships with the project: in the installed package, or beside it in a checkout."""
    inside = PACKAGE / folder
    return inside if inside.is_dir() else PACKAGE.parent / folder


def register_resolvers() -> None:
    """What a YAML may write.

    `${shipped_data:translation}` is the folder data/translation, wherever the project is installed; `${scaled:1000}` is
    a size of a paper times the setting `scale`, as a multiple of 16; `${scaled_layers:4}` is a number of layers times
    its root; `${family:model/encoder}` lists its choices.
    """
    OmegaConf.register_new_resolver("shipped_data", lambda name: str(shipped("data") / name), replace=True)
    OmegaConf.register_new_resolver("scaled", _scaled, replace=True)
    OmegaConf.register_new_resolver("scaled_layers", _scaled_layers, replace=True)
    OmegaConf.register_new_resolver("family", family, replace=True)


def _scaled(size: int, *, _root_: DictConfig) -> int:
    scale = _scale(_root_)
    return max(16, round(size * scale / 16) * 16) if scale != 1 else size


def _scaled_layers(layers: int, *, _root_: DictConfig) -> int:
    return max(1, round(layers * math.sqrt(_scale(_root_))))


def _scale(root: DictConfig) -> float:
    """The setting `scale`, or 1 where it is none; `validate` will say so."""
    scale = root.get("scale")
    return float(scale) if isinstance(scale, (int, float)) and 0 < scale < math.inf else 1.0


def family(group: str) -> str:
    """The choices of a group and of the groups below it, one a line: its name and the first line of its YAML."""
    lines = []
    for path in sorted(shipped("conf").glob(f"{group}/**/*.yaml")):
        folder = path.parent.relative_to(shipped("conf"))
        comments = [line for line in path.read_text(encoding="utf-8").splitlines() if line.startswith("# ")]
        what = next(line for line in comments if not line.startswith("# @package"))
        lines.append(f"{f'{folder}={path.stem}':<35} {what.removeprefix('# ')}")
    return "\n".join(lines)


def launch(
    command: str,
    run: Callable[[DictConfig], object],
    positional: str | None = None,
    placed: Callable[[list[str]], list[str]] = list,
) -> None:
    """Runs a command of conf/<command>.yaml with the settings in sys.argv.

    What is written without "=" is gathered in the list setting `positional`, where the command has one; `placed` may
    add to the settings where the command works. Exits with status 2 and one line for each problem if the user made a
    mistake, with 128 + the signal's number if a signal stopped it.
    """
    keep_freed_memory()
    register_resolvers()
    try:
        sys.argv[1:] = placed(checked_arguments(sys.argv[1:], positional))
    except UserError as error:
        report(error)
        sys.exit(EXIT_USER_ERROR)

    began = False
    mistakes: list[str] = []

    def answered(config: DictConfig) -> object:
        nonlocal began
        began = True
        try:
            return run(config)
        except UserError as error:
            if str(error) not in mistakes:
                report(error)
            mistakes.append(str(error))
            _remove_unused_directory()
        except OSError as error:
            told = system_error(command, error)
            if told is None:
                raise
            mistakes.append(str(told))
            report(told)
        return math.nan  # the other jobs of a sweep go on

    os.environ.setdefault("HYDRA_FULL_ERROR", "1")  # a fault of ours shows its whole traceback
    try:
        with composed_once(sys.argv[1:], shipped("conf")):
            hydra.main(version_base="1.3", config_path=str(shipped("conf")), config_name=command)(answered)()
    except NOT_COMPOSED as error:
        if began:
            raise
        report(composition_error(error))
        sys.exit(EXIT_USER_ERROR)
    except OSError as error:  # Hydra makes the run's directory
        told = system_error(command, error)
        if began or told is None:
            raise
        report(told)
        sys.exit(EXIT_USER_ERROR)
    except Stopped as stopped:
        print(stopped.sentence, file=sys.stderr)
        raise
    except KeyboardInterrupt:
        print("Stopped by Ctrl-C.", file=sys.stderr)
        sys.exit(EXIT_CTRL_C)
    if mistakes:
        sys.exit(EXIT_USER_ERROR)


@contextmanager
def importing() -> Iterator[None]:
    """For what a command imports late: nothing of it becomes garbage, and looking for some takes a second.

    What is there at the end of the first import is never looked through; later ones, in the jobs of a sweep, change
    nothing, so that what an earlier job left is still found.
    """
    looked = gc.isenabled()
    gc.disable()
    try:
        with without_plots():
            yield
    finally:
        if gc.get_freeze_count() == 0:
            gc.freeze()
        if looked:
            gc.enable()


def composition_error(error: Exception) -> UserError:
    """What Hydra says of settings that make no configuration, in a sentence."""
    said = " ".join(str(error).split())
    # `validate` would refuse what Hydra advises.
    said = re.sub(r"\.? To append to your default list use \S+", "", said).rstrip(".")
    return UserError(said if said.endswith("?") else f"{said}.")


def system_error(command: str, error: OSError) -> UserError | None:
    """What the system says of a place or of a full disk, in a sentence; None where it is something else."""
    if error.errno in FULL:
        return UserError(_full(command, error))
    if error.errno in REFUSED and error.filename:
        return UserError(f"{error.filename} cannot be used: {str(error.strerror).lower()}.")
    return None


def _full(command: str, error: OSError) -> str:
    told = f"no space is left on the disk for {error.filename or 'what was to be written'}; free some"
    if command != "train" or not HydraConfig.initialized():
        return f"{told}."
    return f"{told} and go on with: python -m seq2seq_pl.train run={HydraConfig.get().runtime.output_dir}"


def report(error: UserError) -> None:
    """Prints a user's mistakes to stderr, one a line."""
    for line in str(error).split("\n"):
        print(f"error: {spelled_out(line)}", file=sys.stderr)


def _remove_unused_directory() -> None:
    """Takes back the directory made for a run that never began."""
    directory = Path(HydraConfig.get().runtime.output_dir)
    if HydraConfig.get().output_subdir is None:
        return
    entries = {entry.name for entry in directory.iterdir()} if directory.is_dir() else set()
    if entries <= {".hydra", f"{HydraConfig.get().job.name}.log"}:
        logging.shutdown()
        shutil.rmtree(directory, ignore_errors=True)
        for parent in directory.parents:  # runs/<task> and runs, if this run made them
            if Path.cwd() not in parent.parents or any(parent.iterdir()):
                break
            parent.rmdir()


def checked_arguments(arguments: list[str], positional: str | None = None) -> list[str]:
    """The arguments, settings first, with every setting checked for a known group and choice.

    A setting that is no group gets the prefix ++, so that an unknown one reaches `validate`, which knows what is near.
    A group without a choice, `experiment=null`, is taken out.
    What has no "=" becomes one setting, the list `positional`, where there is one.

    Raises:
        UserError: all settings that cannot be read, unknown groups and unknown choices, one line each.
    """
    parser = get_args_parser()
    parser.error = _refuse  # type: ignore[method-assign]
    parsed = parser.parse_intermixed_args(arguments)  # Hydra itself takes no settings after an option
    trees = [shipped("conf"), *([Path(parsed.config_dir)] if parsed.config_dir else [])]
    settings: list[str] = []
    options = list(arguments)
    problems: list[str] = []
    bare = [text for text in parsed.overrides if positional and "=" not in text]
    if bare:
        settings.append(f"++{positional}=[{','.join(map(quoted, bare))}]")
    for text in parsed.overrides:
        options.remove(text)
        if text in bare:
            continue
        try:
            override = _parse(text)
            problems += _problems(override, trees)
            if override.is_sweep_override() and not parsed.multirun:
                problems.append(f"{text}: {SWEEP_ALONE}")
            settings.append(_for_hydra(override, trees))
        except UserError as error:
            problems.append(str(error))
    if problems:
        raise UserError("\n".join(problems))
    return [*settings, *options]


def _refuse(message: str) -> NoReturn:
    raise UserError(f"{message}; a setting is written NAME=VALUE, and --help shows the options.")


def _parse(text: str) -> Override:
    """Reads NAME=VALUE; a value that Hydra's grammar cannot read (spaces, brackets) is taken literally."""
    name, equals, value = text.partition("=")
    for attempt in (text, f"{name}={quoted(value)}") if equals else (text,):
        try:
            override: Override = OverridesParser.create().parse_override(attempt)
        except HydraException:
            continue
        if name and (override.value_type is not None or override.is_delete()):
            return override
    raise UserError(f"{text}: a setting is written NAME=VALUE, for example task=translation.")


def quoted(value: str) -> str:
    """A text in quotes, so that no comma, number or bracket in it means anything to Hydra."""
    # A backslash is one but before a quote, so those before a quote are doubled.
    escaped = re.sub(r"(\\*)('|\Z)", lambda found: 2 * found[1] + ("\\'" if found[2] else ""), value)
    return f"'{escaped}'"


def _is_group(override: Override, trees: Collection[Path]) -> bool:
    key = override.key_or_group
    return "/" in key or override.package is not None or any((tree / key).is_dir() for tree in trees)


def _for_hydra(override: Override, trees: Collection[Path]) -> str:
    """A setting as Hydra takes it."""
    line = override.input_line or ""
    hydras_own = override.key_or_group.split(".")[0] == "hydra" or override.key_or_group.startswith("hydra/")
    if override.type != OverrideType.CHANGE or hydras_own:
        return line
    if not _is_group(override, trees):
        return f"++{line}"
    if override.is_sweep_override() or override.value() is not None:
        return line
    name = line.partition("=")[0]  # Hydra knows null in a YAML, but not on a command line
    return f"{name}=[]" if override.key_or_group in SEVERAL else f"~{name}"


def _problems(override: Override, trees: Collection[Path]) -> Iterator[str]:
    """What is wrong with the choice of a group."""
    group = override.key_or_group
    choices = _choices(override)
    if not choices or not _is_group(override, trees) or group.startswith("hydra/"):
        return
    options = sorted({path.stem for tree in trees for path in (tree / group).glob("*.yaml")})
    if not options:
        groups = {str(p.parent.relative_to(tree)) for tree in trees for p in tree.glob("*/**/*.yaml")}
        yield f"{group}: no such group{near(group, groups)}"
        return
    for choice in choices:
        if choice not in options:
            yield f"{group}={choice}: no such choice{near(choice, options)} There is {', '.join(options)}."


def _choices(override: Override) -> list[str]:
    """The names that an override chooses, over all jobs of a sweep."""
    if override.value_type == ValueType.GLOB_CHOICE_SWEEP or override.is_delete():
        return []
    value = override.value()
    values = list(override.sweep_iterator()) if override.is_sweep_override() else [value]
    flat = [name for one in values for name in (one if isinstance(one, list) else [one])]
    return [str(name) for name in flat if name is not None]


def near(name: str, names: Collection[str]) -> str:
    """The end of a sentence about an unknown name."""
    found = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    return f"; did you mean {found[0]}?" if found else "."
