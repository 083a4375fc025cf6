"""The `tokenizers` library in worker processes."""

import subprocess
import sys

import pytest

FORK = """
import os
from seq2seq_pl.tokenizer.word import Word
tokenizer = Word(vocab_size=None, min_frequency=1)
tokenizer.train(["a b"] * 100)
expected = tokenizer.encode(["a b"] * 100)
before = os.environ.get("TOKENIZERS_PARALLELISM")
child = os.fork()
if child == 0:
    os._exit(tokenizer.encode(["a b"] * 100) != expected)
assert os.waitpid(child, 0)[1] == 0
assert os.environ.get("TOKENIZERS_PARALLELISM") == before
"""


@pytest.mark.parametrize("parallelism", [None, "true"])
def test_a_forked_worker_encodes_without_a_warning(parallelism, monkeypatch):
    monkeypatch.delenv("TOKENIZERS_PARALLELISM", raising=False)
    if parallelism is not None:
        monkeypatch.setenv("TOKENIZERS_PARALLELISM", parallelism)
    done = subprocess.run([sys.executable, "-c", FORK], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")
