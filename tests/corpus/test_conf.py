"""Laws of every conf/corpus/*.yaml."""

from pathlib import Path

import pytest
from omegaconf import OmegaConf

from seq2seq_pl.interfaces import Corpus
from seq2seq_pl.parts import part

CONF = Path(__file__).parents[2] / "conf"
FILES = sorted((CONF / "corpus").glob("*.yaml"))


@pytest.fixture(params=FILES, ids=lambda path: path.stem)
def file(request):
    return request.param


def test_a_corpus_is_built_from_its_yaml_without_touching_a_file(file, tmp_path, monkeypatch):
    monkeypatch.setenv("SEQ2SEQ_PL_CACHE", str(tmp_path / "cache"))
    config = OmegaConf.load(file)
    if "path" in list(config.keys()):
        config.path = None
    for key in OmegaConf.missing_keys(config):
        config[key] = key
    corpus = part(Corpus, "corpus", OmegaConf.to_container(config, resolve=True))
    assert corpus.splits()[:3] == ("train", "valid", "test")
    assert (corpus.source, corpus.target) == (config.source, config.target)
    assert not list(tmp_path.iterdir())


def test_its_first_comment_says_licence_and_command(file):
    text = file.read_text()
    assert text.startswith("# ")
    comment = "".join(line for line in text.splitlines(keepends=True) if line.startswith("#"))
    assert "Licence" in comment
    assert f"python -m seq2seq_pl.train corpus={file.stem}" in comment
