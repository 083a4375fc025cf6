"""What holds for every task that a YAML names."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from omegaconf import DictConfig, OmegaConf

from seq2seq_pl.errors import UserError
from seq2seq_pl.interfaces import Task
from seq2seq_pl.parts import part
from seq2seq_pl.schema import Node
from seq2seq_pl.values import Example, Record

CONF = Path(__file__).parents[2] / "conf" / "task"
ORIGIN = "corpus/train, line 3"
BLANKS = ["", " ", "\t\n", "\u3000", "\u2028\x85\x1c"]

quick = settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
texts = st.text() | st.text(alphabet='AB:|. \t\n[]"\u0301e\u00e9\u2000\u2028!?')
fields = texts | st.lists(texts, max_size=5).map(json.dumps) | st.sampled_from(["1", "2"])


def node_of(path: Path) -> Node | None:
    """The task of a YAML, its corpus being one with the fields `source` and `target`; None where it names several."""
    config = OmegaConf.load(path)
    assert isinstance(config, DictConfig)
    config.corpus = {"source": "source", "target": "target"}
    return OmegaConf.to_container(config.task, resolve=True) if "task" in config else None


NODES = {path.stem: node for path in sorted(CONF.glob("*.yaml")) if (node := node_of(path))}


@pytest.fixture(params=NODES)
def node(request: pytest.FixtureRequest) -> Node:
    return NODES[request.param]


@pytest.fixture
def task(node: Node) -> Task:
    return part(Task, "task", node)


def names(value: object) -> Iterator[str]:
    """Every text in the settings of a task, among which are the fields that it reads."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, (list, dict)):
        for below in value.values() if isinstance(value, dict) else value:
            yield from names(below)


def drawn(data: st.DataObject, task: Task, node: Node) -> list[Example]:
    """The examples of a record of random texts; none where the task says that it is no such record."""
    record = Record(data.draw(st.fixed_dictionaries(dict.fromkeys(names(node), fields))), ORIGIN)
    try:
        return list(task.examples(record))
    except UserError as error:
        if not str(error).startswith(f"{ORIGIN}: "):
            raise
        return []


def test_there_are_tasks():
    assert {"translation", "summarization", "dialogue", "g2p"} <= set(NODES)


@quick
@given(data=st.data())
def test_a_prompt_leaves_every_source_as_it_is(task, node, data):
    for example in drawn(data, task, node):
        assert task.prompt(example.source) == example.source


@quick
@given(data=st.data())
def test_every_example_has_references_and_says_where_it_is_from(task, node, data):
    for example in drawn(data, task, node):
        assert example.references
        assert all(isinstance(text, str) for text in (example.source, *example.references))
        assert example.origin == ORIGIN


@quick
@given(text=texts, other=texts)
def test_the_baselines_of_any_text_are_texts_with_the_same_names(task, text, other):
    found = task.baselines(text)
    assert all(isinstance(output, str) for output in found.values())
    assert list(found) == list(task.baselines(other))


@quick
@given(text=texts, before=st.lists(texts, max_size=4))
def test_only_a_task_that_converses_reads_what_was_said_before(task, text, before):
    assert task.converses or task.prompt(text, before) == task.prompt(text)


@pytest.mark.parametrize("before", [(), ("Hello.", "Hi!")])
@pytest.mark.parametrize("blank", BLANKS, ids=ascii)
def test_of_nothing_there_is_nothing_to_read(task, blank, before):
    assert not task.prompt(blank, before).strip()


def test_a_record_without_the_fields_is_refused_with_its_origin(task):
    with pytest.raises(UserError, match=rf"^{ORIGIN}: no field \w+ \(task\.\w+\); it has zzz\.$"):
        list(task.examples(Record({"zzz": ""}, ORIGIN)))
