"""Every recipe of conf/experiment runs, and the demo's loss falls as its first comment says."""

import csv
import math
from pathlib import Path

import pytest

from seq2seq_pl.config import validate
from seq2seq_pl.training import run

CONF = Path(__file__).parents[1] / "conf"
MULTI30K = ("train", "val", "test_2016_flickr")
PAIR = ("a dog runs in the park", "ein Hund läuft im Park")


def lines(text: str) -> str:
    """Forty lines that differ in a number."""
    return "".join(text.replace("NUMBER", str(number)) + "\n" for number in range(40))


CAPTIONS = {
    f"{split}.{language}": lines(f"{text} NUMBER")
    for split in MULTI30K
    for language, text in zip(("en", "de"), PAIR, strict=True)
}
NEEDS_FILES = {
    "cmudict": {f"{split}.tsv": lines("hiNUMBER\tHH AY NUMBER") for split in ("train", "valid", "test")},
    "dailydialog": {
        **{
            f"{split}.jsonl": lines('{"dialog": ["Hi NUMBER.", "Hello.", "Bye NUMBER."]}')
            for split in ("train", "valid", "test")
        },
        "context3.test_clean.tsv": lines("Hi NUMBER. __eou__ Hello.\tBye NUMBER."),
    },
    "dialogsum": {
        f"{split}.jsonl": lines(
            '{"document": "#Person1#: Hi NUMBER.\\n#Person2#: Bye.", "summary": "They meet NUMBER."}'
        )
        for split in ("train", "valid", "test")
    },
    "multi30k_gru": CAPTIONS,
    "multi30k_transformer": CAPTIONS,
    "sigmorphon2020": {f"ice_{split}.tsv": lines("orðNUMBER\tɔ r ð NUMBER") for split in ("train", "dev", "test")},
}
"""Recipes for real corpora -> files of theirs with text of our own."""


@pytest.fixture(scope="session")
def cache(tmp_path_factory) -> Path:
    """One for all recipes, most of which read the same sentences by the same tokenizer."""
    return tmp_path_factory.mktemp("cache")


@pytest.mark.parametrize("name", sorted(path.stem for path in (CONF / "experiment").glob("*.yaml")))
def test_a_recipe_runs_in_smoke_mode(name, composed, tmp_path, cache):
    overrides = [f"experiment={name}", f"run_dir={tmp_path / 'run'}", f"cache_dir={cache}"]
    for file, text in NEEDS_FILES.get(name, {}).items():
        (tmp_path / file).write_text(text, encoding="utf-8")
    if name in NEEDS_FILES:
        overrides += [f"corpus.path={tmp_path}", "tokenizer.vocab_size=null"]
    if "${scaled:" in (CONF / "experiment" / f"{name}.yaml").read_text(encoding="utf-8"):
        overrides.append("scale=0.05")
    outcome = run(validate(composed(*overrides, "trainer=smoke", "trainer.max_epochs=1", "logger=[]")))
    assert all(math.isfinite(score.value) for score in outcome.scores.values())


def test_the_demo_starts_at_guessing_and_falls(composed, tmp_path):
    places = (f"run_dir={tmp_path / 'run'}", f"cache_dir={tmp_path / 'cache'}")
    run(validate(composed("experiment=context_vector_demo", *places)))
    with (tmp_path / "run" / "metrics.csv").open(encoding="utf-8") as file:
        losses = [float(row["train/loss"]) for row in csv.DictReader(file) if row["train/loss"]]
    assert len(losses) == 10
    assert losses[0] == pytest.approx(math.log(100), abs=0.03)  # 4.605: a hundred words, none more likely
    assert losses[-1] == pytest.approx(4.56, abs=0.03)
