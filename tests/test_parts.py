"""What a `_target_` may name: a part of the right kind; everything else leaves no trace, wherever it stands."""

from __future__ import annotations

import copy
import re
from dataclasses import asdict
from pathlib import Path

import pytest
import torch
from torch import nn

from seq2seq_pl.build import build_trainer, rehearse
from seq2seq_pl.checkpoint_file import KEY, VERSION
from seq2seq_pl.corpus.download import Download
from seq2seq_pl.corpus.lines import Original
from seq2seq_pl.errors import UserError
from seq2seq_pl.interfaces import Corpus, Schedule
from seq2seq_pl.parts import part
from seq2seq_pl.saved import read_checkpoint, settings_of
from seq2seq_pl.schedule.constant import Constant

HERE = __name__
CONSTANT = "seq2seq_pl.schedule.constant.Constant"


class Holder(Schedule):
    """A part with a part in it."""

    def __init__(self, *, inner: object) -> None:
        self.inner = inner

    def __call__(self, step: int) -> float:
        return 1.0


class OwnDownload(Original):
    """What a user may write for a corpus of his own."""

    def __init__(self, *, folder: str) -> None:
        self.folder = folder

    def fetch(self) -> Path:
        return Path(self.folder)


class Trap:
    """A class that does something when it is made."""

    def __init__(self, *, path: str) -> None:
        Path(path).touch()


class NeedsKey(nn.Module):
    """Complains in its own way."""

    def __init__(self, *, entries: dict[str, str]) -> None:
        super().__init__()
        self.sha256 = entries["sha256"]


def trap(path: str):
    Path(path).touch()
    return Constant()


def trap_of_another_kind(path: str) -> Corpus:
    Path(path).touch()


def trap_with_an_unknown_annotation(path: str) -> Nowhere:  # noqa: F821
    Path(path).touch()


def trap_of_several(path: str) -> list[Schedule]:
    Path(path).touch()


def factory(value: float) -> Schedule:
    return Constant(value=value)


def liar() -> Schedule:
    return 3  # type: ignore[return-value]


def evil(witness: Path) -> list[dict[str, object]]:
    """Nodes that would make a file."""
    name = str(witness)
    return [
        {"_target_": "os.system", "command": f"touch {name}"},
        {"_target_": "subprocess.Popen", "args": ["touch", name]},
        {"_target_": "subprocess.run", "args": ["touch", name]},
        {"_target_": "torch.utils.collect_env.subprocess.Popen", "args": ["touch", name]},
        {"_target_": "builtins.eval", "source": f"open({name!r}, 'w')"},
        {"_target_": "builtins.open", "file": name, "mode": "w"},
        {"_target_": "pathlib.Path.touch", "self": name},
        {"_target_": "pathlib.Path.write_text", "self": name, "data": ""},
        {"_target_": "logging.FileHandler", "filename": name},
        {"_target_": "seq2seq_pl.files.write_text", "path": name, "text": ""},
        {"_target_": "torch.PyTorchFileWriter", "name": name},
        {
            "_target_": "torch.distributed.elastic.multiprocessing.subprocess_handler.SubprocessHandler",
            "entrypoint": "touch",
            "args": [name],
            "env": {},
            "stdout": None,
            "stderr": None,
            "local_rank_id": 0,
        },
        {"_target_": f"{HERE}.Trap", "path": name},
        {"_target_": f"{HERE}.trap", "path": name},
        {"_target_": f"{HERE}.trap_of_another_kind", "path": name},
        {"_target_": f"{HERE}.trap_with_an_unknown_annotation", "path": name},
        {"_target_": f"{HERE}.trap_of_several", "path": name},
    ]


EVIL = range(len(evil(Path("witness"))))


@pytest.mark.parametrize("i", EVIL)
def test_what_is_no_part_of_the_kind_is_not_called(tmp_path, i):
    node = evil(tmp_path / "witness")[i]
    with pytest.raises(UserError, match="^" + re.escape(f"schedule._target_ ({node['_target_']}) is not a Schedule.")):
        part(Schedule, "schedule", node)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("wrap", [lambda node: node, lambda node: [1, node], lambda node: holder(node)])
@pytest.mark.parametrize("i", EVIL)
def test_what_is_no_part_within_a_part_is_not_called(tmp_path, i, wrap):
    node = evil(tmp_path / "witness")[i]
    name = re.escape(str(node["_target_"]))
    with pytest.raises(UserError, match=rf"^schedule\.inner[.a-z0-9]*\._target_ \({name}\) is not a part that can"):
        part(Schedule, "schedule", holder(wrap(node)))
    assert not list(tmp_path.iterdir())


def holder(inner: object) -> dict[str, object]:
    return {"_target_": f"{HERE}.Holder", "inner": inner}


def test_a_text_is_never_read_as_a_node(tmp_path):
    text = "${oc.create:{_target_:" + f"{HERE}.Trap, path: {tmp_path}/witness" + "}}"
    made = part(Schedule, "schedule", holder(holder(text)))
    assert made.inner.inner == text
    assert not list(tmp_path.iterdir())


def test_a_function_that_says_what_it_returns_is_a_part():
    assert part(Schedule, "schedule", {"_target_": f"{HERE}.factory", "value": 0.5})(0) == 0.5


def test_a_function_that_does_not_say_so_is_told_how():
    with pytest.raises(UserError, match=r"trap\) is not a Schedule\. A function has to say that it returns one"):
        part(Schedule, "schedule", {"_target_": f"{HERE}.trap", "path": "x"})


def test_a_function_that_does_not_keep_its_word_is_told():
    with pytest.raises(UserError, match=r"^schedule\._target_ \(.*\.liar\) is not a Schedule\.$"):
        part(Schedule, "schedule", {"_target_": f"{HERE}.liar"})


@pytest.mark.parametrize("path", ["schedule", "schedule.inner"])
@pytest.mark.parametrize("name", ["nowhere.Part", "seq2seq_pl.nowhere.Part", f"{HERE}.Nothing", "no name", ""])
def test_what_cannot_be_imported_is_told_with_its_path(path, name):
    node = {"_target_": name}
    with pytest.raises(UserError, match="^" + re.escape(f"{path}._target_ ({name}) cannot be imported: ")):
        part(Schedule, "schedule", node if path == "schedule" else holder(node))


@pytest.mark.parametrize(
    ("node", "kind"),
    [
        ({"_target_": CONSTANT, "value": 3.0}, Constant),
        ({"_target_": "torch.nn.GELU"}, nn.GELU),
        ({"_target_": "lightning.pytorch.strategies.SingleDeviceStrategy", "device": "cpu"}, object),
        ({"_target_": "lightning.pytorch.profilers.SimpleProfiler"}, object),
        ({"_target_": "seq2seq_pl.corpus.download.Download", "url": "", "folder": "a", "files": {}}, Download),
        ({"_target_": f"{HERE}.OwnDownload", "folder": "a"}, OwnDownload),
    ],
)
def test_a_part_within_a_part_is_made_however_deep(node, kind):
    made = part(Schedule, "schedule", holder([holder(node), "text"]))
    assert isinstance(made.inner[0].inner, kind)
    assert made.inner[1] == "text"


@pytest.mark.parametrize(
    ("node", "told"),
    [
        ({"_target_": CONSTANT, "value": -1.0}, r"^schedule\.value \(-1\.0\) must be at least 0 and finite\.$"),
        ({"_target_": CONSTANT, "valeu": 1.0}, r"^schedule\.inner: .*unexpected keyword argument 'valeu'\.$"),
        ({"_target_": f"{HERE}.NeedsKey", "entries": {}}, r"^schedule\.inner: KeyError\('sha256'\)\.$"),
    ],
)
def test_what_a_part_within_a_part_refuses_is_a_sentence_with_its_path(node, told):
    with pytest.raises(UserError, match=told):
        part(Schedule, "schedule", holder(node))


# -- the config of a stranger's checkpoint ---------------------------------------------------------------------------


PLACES = [
    "tokenizer",
    "target_tokenizer",
    "model.encoder",
    "model.attention",
    "objective",
    "optimizer",
    "schedule",
    "schedule.value",
    "teacher_forcing",
    "trainer",
    "trainer.strategy",
    "callback.progress",
    "logger.csv",
    "task",
    "corpus",
    "corpus.download",
    "decoding",
    "metric.bleu",
]


@pytest.mark.parametrize("place", PLACES)
def test_a_strangers_checkpoint_runs_nothing(tiny, corpus_folder, tmp_path, place):
    config = copy.deepcopy(asdict(tiny(corpus_folder, tmp_path / "run", "shared_vocabulary=false")))
    node = config
    *above, last = place.split(".")
    for name in above:
        node = node[name]
    node[last] = {"_target_": "os.system", "command": f"touch {tmp_path}/witness"}
    content = {KEY: {"version": VERSION, "config": config, "tokenizers": ""}, "state_dict": {}}
    torch.save(content, tmp_path / "x.ckpt")

    def use() -> None:
        settings = settings_of(read_checkpoint(tmp_path / "x.ckpt"), {})
        rehearse(settings)
        build_trainer(settings)

    refusal = r"\._target_ \(os\.system\) is not a | \(.*\) must be a number"
    with pytest.raises(UserError, match=rf"(^|\n){re.escape(place)}({refusal})"):
        use()
    assert not (tmp_path / "witness").exists()
