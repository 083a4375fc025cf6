"""What the README promises: its own task is one file and one YAML, taken from its text and trained."""

import re
from pathlib import Path

import pytest

HOUSE = Path(__file__).parents[1]
README = (HOUSE / "README.md").read_text(encoding="utf-8")


@pytest.mark.slow
def test_the_task_of_the_readme_trains_and_answers_as_it_is_written(command, tmp_path):
    section = README.partition("## Your own task")[2].partition("\n## ")[0]
    (code,), (yaml,) = (re.findall(rf"```{kind}\n(.*?)```", section, re.DOTALL) for kind in ("python", "yaml"))
    (typed,) = re.findall(r"^    python -m seq2seq_pl\.train (.*)$", section, re.MULTILINE)
    (tmp_path / "restoration.py").write_text(code, encoding="utf-8")
    (tmp_path / "conf" / "task").mkdir(parents=True)
    (tmp_path / "conf" / "task" / "restoration.yaml").write_text(yaml, encoding="utf-8")

    for split in ("train", "valid", "test", "unseen"):
        lines = (HOUSE / "data" / "translation" / f"{split}.tsv").read_text(encoding="utf-8").splitlines()
        (tmp_path / f"{split}.tsv").write_text("\n".join(lines[:200]), encoding="utf-8")
    small = (
        "corpus.path=.",
        "trainer=smoke",
        "model.embedding.size=8",
        "model.encoder.hidden_size=8",
        "model.decoder.hidden_size=8",
    )
    trained = command("train", *typed.split(), *small)
    assert trained.returncode == 0, trained.stderr.decode()
    (run,) = (tmp_path / "runs" / "restoration").iterdir()
    sources = (run / "test" / "sources.txt").read_text(encoding="utf-8").splitlines()
    references = (run / "test" / "references.txt").read_text(encoding="utf-8").splitlines()
    assert all(
        source == re.sub("[.,?!]", "", target).lower() for source, target in zip(sources, references, strict=True)
    )

    (tmp_path / "input.txt").write_text("\n".join(references), encoding="utf-8")
    answered = command("generate", f"run={run}", "input=input.txt", "output=output.txt")
    assert answered.returncode == 0, answered.stderr.decode()
    assert (tmp_path / "output.txt").read_bytes() == (run / "test" / "hypotheses.txt").read_bytes()

    misspelt = command("train", *typed.split(), "task.mraks=.")
    assert misspelt.returncode == 2
    assert "task.mraks: no such argument of Restoration; did you mean marks?" in misspelt.stderr.decode()
