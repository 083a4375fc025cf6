"""The house itself: conf mirrors code, imports keep the floors, files stay small."""

import ast
import graphlib
import inspect
import re
from pathlib import Path

import pytest
from hydra.utils import get_object
from omegaconf import OmegaConf

from seq2seq_pl import interfaces

HOUSE = Path(__file__).parents[1]
CONF, CODE, TESTS = HOUSE / "conf", HOUSE / "seq2seq_pl", HOUSE / "tests"
FILES = sorted(CODE.rglob("*.py"))
YAMLS = sorted(path for path in CONF.rglob("*.yaml") if "help" not in path.parts)
CONTRACTS = {
    name
    for name, value in vars(interfaces).items()
    if inspect.isabstract(value) and value.__module__ == interfaces.__name__
}

FLOORS = (
    ("allocation", "digests", "errors", "files", "memory", "products", "scripts", "starting", "stopping", "values"),
    ("interfaces",),
    ("schema", "config", "command_config", "schedule", "metric"),
    (
        "corpus",
        "task",
        "tokenizer",
        "encoding",
        "store",
        "lexicon",
        "planning",
        "batching",
        "model",
        "objective",
        "decoding",
        "parts",
        "scoring",
        "significance",
        "checkpoint_file",
        "logger",
        "by_length",
        "constraints",
        "picture",
        "charts",
        "page",
        "beam_tree",
    ),
    (
        "datamodule",
        "trials",
        "mishaps",
        "narrowed",
        "module",
        "record",
        "logs",
        "summary",
        "metric_choice",
        "judged",
        "run_names",
        "outputs",
        "systems",
        "findings",
        "comparison_page",
        "transfer_findings",
    ),
    ("callback",),
    ("build", "saved"),
    (
        "budget",
        "resuming",
        "training",
        "processes",
        "reproduction",
        "shortlisting",
        "evaluation",
        "file_evaluation",
        "streaming",
        "prompt",
        "members",
        "generation",
        "likelihood",
        "comparison",
        "transfer_report",
        "sight",
        "inspection",
        "averaging",
    ),
    (
        "launch",
        "continuation",
        "sweep_table",
        "train",
        "reproduce",
        "evaluate",
        "generate",
        "score",
        "compare",
        "transfer",
        "inspect",
        "average",
        "shortlist",
    ),
)
"""Folders and files of seq2seq_pl/ from the ground up. A folder imports from lower floors; a file from its own too."""

FLOOR = {room: number for number, rooms in enumerate(FLOORS, start=1) for room in rooms}


def relative(path: Path) -> str:
    return str(path.relative_to(HOUSE))


def module(path: Path) -> str:
    """seq2seq_pl/corpus/tsv.py -> corpus.tsv."""
    return ".".join(path.relative_to(CODE).with_suffix("").parts)


def imports(path: Path) -> dict[str, set[str]]:
    """Module of this package -> names that a file imports from it, wherever in the file."""
    found: dict[str, set[str]] = {}
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "seq2seq_pl":
            below = (node.module or "").partition(".")[2]
            for alias in node.names:
                name, source = (alias.name, below) if below else ("", alias.name)
                found.setdefault(source, set()).update({name} - {""})
        elif isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.startswith("seq2seq_pl."):
                    found.setdefault(alias.name.partition(".")[2], set())
    return found


def defined(path: Path) -> set[str]:
    """Names that a file defines itself at its top level."""
    names: set[str] = set()
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            names.add(node.name)
        elif isinstance(node, (ast.Assign, ast.AnnAssign)):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            names |= {name.id for target in targets for name in ast.walk(target) if isinstance(name, ast.Name)}
    return names


def target_of(path: Path) -> str:
    """The part that a YAML chooses; a task's stands under "task", since its YAML chooses other groups too.

    A metric's stands under its own name, since there may be several.
    """
    config = OmegaConf.load(path)
    place = {"task": "task", "metric": path.stem}.get(path.parent.name)
    node = config.get(place, {}) if place else config
    return str(node.get("_target_", ""))


def file_of(name: str) -> Path:
    return CODE.joinpath(*name.split(".")).with_suffix(".py")


# -- conf mirrors code -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", [path for path in YAMLS if "seq2seq_pl." in target_of(path)], ids=relative)
def test_a_part_has_its_file_and_its_test_where_its_yaml_says(path):
    kind = path.parent.relative_to(CONF)
    home = Path(*target_of(path).split(".")[1:-1])
    # conf/corpus/multi30k.yaml is a setting of corpus/parallel_text.py, conf/decoding/nucleus.yaml one of sampling.py
    named_setting = kind in (Path("corpus"), Path("decoding"), Path("metric"))
    assert home.parent == kind
    assert home.name == path.stem or named_setting
    assert (CODE / home).with_suffix(".py").is_file()
    assert (TESTS / kind / f"test_{home.name}.py").is_file()
    assert inspect.isclass(get_object(target_of(path)))


def test_every_part_is_named_in_a_yaml():
    targets = {target_of(path) for path in YAMLS}
    for path in FILES:
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            bases = {ast.unparse(base) for base in node.bases} if isinstance(node, ast.ClassDef) else set()
            target = f"seq2seq_pl.{module(path)}.{getattr(node, 'name', '')}"
            if bases & CONTRACTS and not inspect.isabstract(get_object(target)):
                assert target in targets


@pytest.mark.parametrize("path", YAMLS, ids=relative)
def test_a_yaml_begins_with_what_it_is_and_a_command_that_runs_it(path):
    lines = path.read_text(encoding="utf-8").splitlines()
    opening = lines[: next((i for i, line in enumerate(lines) if not line.startswith("#")), len(lines))]
    said = " ".join(line.lstrip("# ") for line in opening if not line.startswith("# @package"))
    assert len(said.partition("python -m")[0]) > 20, "its first comment says what it is"
    commands = re.findall(r"python -m seq2seq_pl\.\w+", said)
    assert commands, "its first comment tells a command"
    assert all((CODE / f"{command.rsplit('.', 1)[1]}.py").is_file() for command in commands)


# -- floors ----------------------------------------------------------------------------------------------------------


def test_every_room_is_on_a_floor():
    rooms = {path.stem if path.suffix == ".py" else path.name for path in CODE.iterdir()}
    assert rooms - {"__init__", "__pycache__", "conf", "data"} == set(FLOOR)


@pytest.mark.parametrize("path", FILES, ids=relative)
def test_imports_keep_the_floors(path):
    room = module(path).split(".")[0]
    for imported in imports(path):
        other = imported.split(".")[0]
        if other == room or (room == "train" and other == "launch"):
            continue
        assert FLOOR[other] <= FLOOR.get(room, 0), f"{other} is above {room}"
        folder = (CODE / room).is_dir() or (CODE / other).is_dir()
        assert not folder or FLOOR[other] < FLOOR[room], f"{other} and {room} are siblings"


@pytest.mark.parametrize("path", sorted((CODE / "model").glob("*/*.py")), ids=relative)
def test_rooms_within_the_model_do_not_import_each_other(path):
    for imported in imports(path):
        if imported.startswith("model.") and imported.count(".") == 2:
            assert imported.split(".")[1] == path.parent.name


def test_imports_go_in_no_circle():
    graph = {module(path): set(imports(path)) for path in FILES}
    assert list(graphlib.TopologicalSorter(graph).static_order())


@pytest.mark.parametrize("path", [*FILES, *sorted(TESTS.rglob("*.py"))], ids=relative)
def test_a_name_is_imported_from_the_file_that_defines_it(path):
    for source, names in imports(path).items():
        assert file_of(source).is_file(), f"{source} is a folder; import from its files"
        assert names <= defined(file_of(source))


@pytest.mark.parametrize("path", sorted((CONF / "model").rglob("*.yaml")), ids=relative)
def test_the_readme_names_every_part_of_the_family(path):
    readme = (HOUSE / "README.md").read_text(encoding="utf-8")
    assert re.search(rf"^\|.*`{path.stem}`", readme, re.MULTILINE)


# -- files -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", FILES, ids=relative)
def test_a_file_is_short_and_named_by_what_it_holds(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 350
    assert path.stem not in ("utils", "util", "helpers", "helper", "common", "constants", "misc", "base")


@pytest.mark.parametrize("path", FILES, ids=relative)
def test_an_init_file_is_empty_and_every_other_says_what_it_is(path):
    text = path.read_text(encoding="utf-8")
    if path.name == "__init__.py":
        assert text == ""
    else:
        assert ast.get_docstring(ast.parse(text))


@pytest.mark.parametrize("path", [path for path in FILES if module(path) != "build"], ids=relative)
def test_no_part_asks_what_another_part_is(path):
    parts = CONTRACTS | {"Seq2Seq", "RNNEncoder", "RNNDecoder"}
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "isinstance":
            assert not {name.id for name in ast.walk(node.args[1]) if isinstance(name, ast.Name)} & parts


@pytest.mark.parametrize("path", [path for path in FILES if module(path) != "parts"], ids=relative)
def test_no_function_takes_whatever_comes(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if (
            isinstance(node, ast.FunctionDef) and node.args.kwarg and not node.name.startswith("on_")
        ):  # Hydra's own hooks
            raise AssertionError(f"{node.name} takes **{node.args.kwarg.arg}")
