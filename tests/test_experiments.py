"""Every recipe of conf/experiment runs, and the demo's loss falls as its first comment says."""

import csv
import math
from pathlib import Path

import pytest

from seq2seq_pl.config import validate
from seq2seq_pl.training import run

CONF = Path(__file__).parents[1] / "conf"
MULTI30K = ("train", "val", "test_2016_flickr")
NEEDS_FILES = {"multi30k_gru": MULTI30K, "multi30k_transformer": MULTI30K}
"""Recipes for real corpora -> prefixes of their files; a test gives them sentences of its own."""


@pytest.fixture(scope="session")
def cache(tmp_path_factory) -> Path:
    """One for all recipes, most of which read the same sentences by the same tokenizer."""
    return tmp_path_factory.mktemp("cache")


@pytest.mark.parametrize("name", sorted(path.stem for path in (CONF / "experiment").glob("*.yaml")))
def test_a_recipe_runs_in_smoke_mode(name, composed, tmp_path, cache):
    overrides = [f"experiment={name}", f"run_dir={tmp_path / 'run'}", f"cache_dir={cache}"]
    for prefix in NEEDS_FILES.get(name, ()):
        for language, text in (("en", "a dog runs in the park"), ("de", "ein Hund läuft im Park")):
            lines = "".join(f"{text} {number}\n" for number in range(40))
            (tmp_path / f"{prefix}.{language}").write_text(lines, encoding="utf-8")
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
