"""Files of training corpora as they may come, and what a run makes of them before its first step."""

from __future__ import annotations

import copy
import hashlib
import math
import os
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from hydra import compose, initialize_config_dir
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy
from omegaconf import OmegaConf

from seq2seq_pl.config import TrainConfig, validate
from seq2seq_pl.corpus.component_split import ComponentSplit, pairs_sha256
from seq2seq_pl.corpus.converted import Converted
from seq2seq_pl.digests import file_digest
from seq2seq_pl.errors import UserError
from seq2seq_pl.launch import register_resolvers
from seq2seq_pl.parts import part
from seq2seq_pl.schema import Node

from .corpus_files import KINDS, PREFIXES, Content, files
from .corpus_laws import check, check_same, prepared

CONF = Path(__file__).parents[2] / "conf"
TASKS = ("translation", "summarization", "g2p", "dialogue")
TOKENIZERS = ("word", "char", "whitespace", "bpe", "unigram")
NOWHERE = "http://127.0.0.1:9"  # the port that discards: what is not in the cache cannot be had


@dataclass(frozen=True)
class Given:
    """A corpus and the settings it is read with.

    Attributes:
        corpus: its YAML in conf/corpus.
        original: whether the files are what was downloaded, from which the corpus is yet to be made.
        twice: whether the task stands twice in a mixture, each time with its tag.
        files: name -> content.
        settings: what is other than in the YAML files, by dotted path; "copying" chooses an output that copies.
    """

    corpus: str
    task: str
    tokenizer: str
    target_tokenizer: str | None
    original: bool
    twice: bool
    files: tuple[tuple[str, Content], ...]
    settings: tuple[tuple[str, object], ...]


# -- how it is read --------------------------------------------------------------------------------------------------

FILES: Mapping[str, Sequence[object]] = {
    "tsv": [{"train": "valid.tsv", "valid": "valid.tsv"}, {"train": "train.tsv"}, {"test": "test.tsv"}],
    "conversations": [{"train": "train.jsonl", "valid": "valid.jsonl", "test_own": "test.tsv"}, {"train": "train.txt"}],
    "parallel_text": [{"train": "train", "valid": "valid"}, {"train": "../corpus/train"}, {"train": "/"}, {}],
    "cmudict": [{"train": "train.tsv", "valid": "test.tsv"}, {"train": "train.tsv"}, {"train": "n" * 300}],
    "dialogsum": [{"train": "train.jsonl", "valid": "test.jsonl"}, {"train": "../../mem"}, {"train": "/proc/self/mem"}],
    "jsonl": [{"train": "", "valid": "valid.jsonl"}, {"train": "train.jsonl.gz", "dev": "x"}],
}
LENGTHS = [1, 2, 3, 5, 8, 40, 128, 128, 128, 10**6, 10**12, 2**63]
SIZES = [None, None, None, 0, 5, 6, 7, 12, 30, 40, 60, 100, 10**6, 2**31, 2**32, 2**63, 2**64]
ANY: Mapping[str, Sequence[object]] = {
    "max_source_length": LENGTHS,
    "max_target_length": LENGTHS,
    "max_tokens": [1, 2, 7, 30, 100, 4096, 10**12, 2**63],
    "batch_size": [1, 2, 3, 64, 10**12, 2**70],
    "long_sources": ["skip", "keep_start", "keep_end"],
    "shared_vocabulary": [True, False],
    "seed": [0, 1, 2**32 - 1],
    "copying": [True, False],
    "tokenizer.lowercase": [True],
    "tokenizer.vocab_size": SIZES,
}
RISKY: Mapping[str, Sequence[object]] = {
    "cache_dir": ["/dev/null/x", "c" * 300],
    "corpus.path": ["~nobody_has_this/x", "p" * 300, "/dev/null", "/proc/self"],
    "corpus.source": ["tgt", "src", "", "nothing", "turns"],
    "corpus.target": ["src", "tgt", "nothing", "further", "references"],
}
OF_KIND: Mapping[str, Mapping[str, Sequence[object]]] = {
    "sigmorphon2020": {"corpus.language": ["ice", "fre", "", "../x", "x" * 256]},
    "sigmorphon2021": {"corpus.language": ["eng_us", "eng"], "corpus.files": [{"train": "train", "valid": "x"}]},
    "tatoeba_en_zh": {"corpus.download.valid_share": [0.0, 0.99, math.nan], "corpus.download.folder": ["../x", "x"]},
    "parallel_text": {"corpus.source": ["", "x" * 256, "../x", "tgt", "gz"], "corpus.target": ["", "src"]},
    "tsv": {
        "corpus.columns": [["src", "tgt"], ["src"], [], ["src", "src"], ["src", "tgt", "x", "y"], ["tgt", "src", ""]],
        "corpus.rest": ["rest", "src", "further"],
        "corpus.unspaced": [["src"], ["x"], []],
    },
    "jsonl": {"corpus.fields": [["src", "tgt"], ["src", "turns", "tgt"], [], ["x"], ["src", "tgt", "references"]]},
    "conversations": {"corpus.turns": ["dialog", "", "turns"], "corpus.separator": ["|", " ", "_", "\n"]},
    "translation": {"task.reference_fields": [["references"], ["tgt"], ["nothing"], []], "task.source": ["x", "tgt"]},
    "summarization": {"task.references": [None, "src", "tgt", "x"], "task.lead": [1, 0, 10**20]},
    "g2p": {"task.further": [None, "src", "tgt", "references"]},
    "dialogue": {
        "task.context_turns": [1, 2, 0, 10**20],
        "task.separator": ["|", "", "\u2028", "__eou__"],
        "task.speakers": [["A", "B"], ["A"], ["A", "A"], ["", "B"], [1, 2]],
        "task.first_reply": ["turns", "src", "first_reply"],
    },
    "bpe": {"tokenizer.dropout": [0.1, 0.5, 1.0, 2.0], "tokenizer.min_frequency": [1, 2, 0, 2**32, 2**64]},
}
FREQUENCIES = {"tokenizer.min_frequency": [1, 1, 1, 2, 3, 0, -1, 2**32, 2**64]}


@st.composite
def inputs(draw: DrawFn) -> Given:
    """Corpora that mostly are as they should be, each with at most a few things about it changed."""
    kind, original = draw(st.sampled_from(list(KINDS)))
    form, always = KINDS[kind, original]
    converses = kind in ("conversations", "dailydialog")
    usual = ["dialogue"] if converses else ["translation", "summarization", "g2p"]
    task = draw(st.sampled_from(TASKS if draw(rare(12)) else usual))
    tokenizer = draw(st.sampled_from(TOKENIZERS))
    chosen = dict(always)
    if task == "dialogue" and kind == "jsonl":
        chosen |= {"corpus.source": "turns", "corpus.target": "turns"}
    if tokenizer in ("word", "char", "whitespace"):
        chosen["tokenizer.min_frequency"] = 1
    known = {
        **ANY,
        **RISKY,
        **OF_KIND.get(kind, {}),
        **OF_KIND[task],
        **(FREQUENCIES if tokenizer != "unigram" else {}),
    }
    known |= OF_KIND.get(tokenizer, {})
    if kind in ("tsv", "jsonl", "conversations"):
        known["corpus.on_bad_line"] = ["skip", "skip", "skip", "ignore"]
    harmless = st.lists(st.sampled_from(sorted(ANY)), max_size=3, unique=True)
    risky = st.lists(st.sampled_from(sorted(known.keys() - ANY.keys())), max_size=2, unique=True)
    for name in [*draw(harmless), *(draw(risky) if draw(rare(3)) else [])]:
        chosen[name] = draw(st.sampled_from(known[name]))
    if kind in FILES and draw(rare(15)):
        chosen["corpus.files"] = draw(st.sampled_from(FILES[kind]))
    return Given(
        kind,
        task,
        tokenizer,
        draw(st.sampled_from(TOKENIZERS)) if draw(rare(12)) else None,
        original,
        draw(rare(8)),
        tuple(draw(files(form, PREFIXES.get(kind, {}), several=kind == "dailydialog")).items()),
        tuple(chosen.items()),
    )


def rare(times: int) -> SearchStrategy[bool]:
    """True about once in so many times."""
    return st.integers(1, times).map(lambda n: n == times)


# -- what is made of it ----------------------------------------------------------------------------------------------


class Asker:
    """Prepares the data of a run as training does, up to all batches of an epoch and of the other splits."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        register_resolvers()
        places = [f"run_dir={folder / 'run'}", f"cache_dir={folder / 'cache'}"]
        with initialize_config_dir(str(CONF), version_base="1.3"):
            self.bases = {task: validate(compose("train", [f"task={task}", *places])) for task in TASKS}
        self.nodes: dict[str, dict[str, object]] = {}
        for path in [*CONF.glob("corpus/*.yaml"), *CONF.glob("tokenizer/*.yaml")]:
            self.nodes[f"{path.parent.name}={path.stem}"] = OmegaConf.to_container(OmegaConf.load(path), resolve=True)

    def ask(self, given: Given) -> str:
        """ "result", or what the user is told. Raises whatever else comes up."""
        home = Path(tempfile.mkdtemp(dir=self.folder))
        before = os.environ.get("SEQ2SEQ_PL_CACHE")
        os.environ["SEQ2SEQ_PL_CACHE"] = str(home / "downloads")
        try:
            settings = self.settings(given, home)
            first, again = prepared(settings), prepared(settings)
            check_same(first, again)
            check(settings, *first)
        except UserError as error:
            return str(error).replace(str(home), "DIR")
        finally:
            shutil.rmtree(home)
            os.environ.pop("SEQ2SEQ_PL_CACHE")
            os.environ |= {} if before is None else {"SEQ2SEQ_PL_CACHE": before}
        return "result"

    def settings(self, given: Given, home: Path) -> TrainConfig:
        """The settings of a run, with the files written."""
        base = self.bases[given.task]
        corpus = copy.deepcopy(self.nodes[f"corpus={given.corpus}"])
        nodes = {
            "corpus": corpus,
            "task": dict(base.task),
            "tokenizer": dict(self.nodes[f"tokenizer={given.tokenizer}"]),
        }
        usual = {"max_source_length": 128, "max_target_length": 128, "cache_dir": str(home / "cache")}
        chosen = {**usual, **dict(given.settings)}
        for path in [path for path in chosen if path.startswith("corpus.")]:
            *places, name = path.split(".")[1:]
            inside = corpus["download"] if places else corpus
            inside[name] = chosen.pop(path)
        for name, side in zip(FIELDS[given.task], ("source", "target"), strict=False):
            nodes["task"][name] = corpus[side]
        copying = chosen.pop("copying", False)
        for path in [path for path in chosen if "." in path]:
            node, _, name = path.partition(".")
            nodes[node][name] = chosen.pop(path)
        folder = home / "corpus"
        if given.original:
            folder = home / "downloads" / str(corpus["download"]["folder"])
        folder.mkdir(parents=True)
        for name, content in given.files:
            path = folder / name
            path.parent.mkdir(exist_ok=True)
            path.mkdir() if isinstance(content, str) else path.write_bytes(content)
        if given.original:
            corpus["path"] = None
        elif "corpus.path" not in dict(given.settings):
            corpus["path"] = str(folder)
        if given.original:
            corpus["download"] = trusting(corpus["download"], folder)
        output = "pointer_generator" if copying else "projection"
        target = None if given.target_tokenizer is None else self.nodes[f"tokenizer={given.target_tokenizer}"]
        own = {"task": nodes["task"], "corpus": corpus, "decoding": base.decoding, "metric": base.metric}
        lengths = {name: chosen[name] for name in ("max_source_length", "max_target_length")}
        of_task = {**own, **lengths, "monitor": base.monitor, "long_sources": chosen.get("long_sources", "skip")}
        return replace(
            base,
            **chosen,
            **own,
            tokenizer=nodes["tokenizer"],
            target_tokenizer=target,
            model={**base.model, "output": {"_target_": OUTPUTS[output]}},
            mixture={"one": of_task, "two": of_task} if given.twice else {},
        )


FIELDS = {
    "translation": ("source", "target"),
    "summarization": ("document", "summary"),
    "g2p": ("spelling", "pronunciation"),
    "dialogue": (),
}
OUTPUTS = {
    "pointer_generator": "seq2seq_pl.model.output.pointer_generator.PointerGenerator",
    "projection": "seq2seq_pl.model.output.projection.Projection",
}


def trusting(download: Node, folder: Path) -> Node:
    """The same original with the checksums of what lies in the folder, and no address to get anything from."""
    changed = {**copy.deepcopy(download), "url": NOWHERE}
    made = part(object, "corpus.download", changed)
    if isinstance(made, Converted):
        changed["originals"] = {name: {"url": name, "sha256": None} for name in made.originals}
        if all((folder / "original" / name).is_file() for name in made.originals):
            texts = made.convert(folder / "original")
            changed["files"] = {name: hashlib.sha256(text.encode()).hexdigest() for name, text in texts}
    elif isinstance(made, ComponentSplit):
        original = folder / made.file
        changed["pairs_sha256"] = pairs_sha256(original) if original.is_file() else "0"
    else:
        sums = {name: file_digest(folder / name) if (folder / name).is_file() else "0" for name in made.files}
        changed["files"] = {name: {"url": name, "sha256": sums[name]} for name in sums}
    return changed
