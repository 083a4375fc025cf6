"""The shortlist of a run: made, searched among by `generate` and `evaluate`, and refused where it cannot be."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from seq2seq_pl.checkpoint_file import KEY
from seq2seq_pl.errors import UserError
from seq2seq_pl.evaluation import evaluate_run
from seq2seq_pl.generation import generate_lines
from seq2seq_pl.lexicon import FILE, Lexicon, write_lexicon
from seq2seq_pl.saved import find_checkpoint, load_tokenizers, read_checkpoint, settings_of
from seq2seq_pl.shortlisting import _drawn, make_shortlist, open_shortlist
from seq2seq_pl.values import EOS

LINES = b"a b c\nh g f e\n\na a a a\ne\nd c b a\nz b\n"


@pytest.fixture
def ours(finished, tmp_path) -> Path:
    """A copy of a finished run, to be given a shortlist."""
    return Path(shutil.copytree(finished, tmp_path / "run"))


@pytest.fixture
def make(composed):
    """Runs the command."""

    def go(run: object, *overrides: str) -> None:
        make_shortlist(composed(f"run={run}", *overrides, command="shortlist"))

    return go


@pytest.fixture
def generate(composed, tmp_path):
    """A run and further settings -> the answers to LINES, or to other bytes."""

    def go(run: object, *overrides: str, content: bytes = LINES) -> list[str]:
        (tmp_path / "in").write_bytes(content)
        files = (f"run={run}", f"input={tmp_path / 'in'}", f"output={tmp_path / 'out'}", "device=cpu")
        generate_lines(composed(*files, *overrides, command="generate"))
        return (tmp_path / "out").read_text(encoding="utf-8").split("\n")[:-1]

    return go


@pytest.fixture
def evaluate(composed, tmp_path):
    """A run and further settings -> the scores of the test split."""

    def go(run: object, *overrides: str) -> dict[str, float]:
        asked = (f"run={run}", "trainer=cpu", "resamples=0", "samples=0", f"output={tmp_path / 'scored'}")
        evaluate_run(composed(*asked, *overrides, command="evaluate"))
        content = json.loads((tmp_path / "scored" / "scores.json").read_text(encoding="utf-8"))
        return {name.rpartition("/")[2]: score["value"] for name, score in content.items()}

    return go


def table_of(run: Path) -> Lexicon:
    checkpoint = find_checkpoint(str(run), "best")
    saved = read_checkpoint(checkpoint)
    settings = settings_of(saved, {})
    return open_shortlist(str(run), checkpoint, settings, load_tokenizers(saved, settings))


# -- made ------------------------------------------------------------------------------------------------------------


def test_it_says_what_is_in_it_and_what_to_type_next(ours, make, capsys):
    make(ours, "translations=3", "frequent=5")
    assert capsys.readouterr().out.splitlines() == [
        f"{ours / FILE}: at most 3 translations of each of 13 source tokens, and 5 frequent target tokens of 13",
        "next",
        f"  python -m seq2seq_pl.generate run={ours} shortlist=true",
        f"  python -m seq2seq_pl.evaluate run={ours} shortlist=true split=valid",
    ]
    assert not [path for path in ours.iterdir() if path.name.startswith(".") and path.name != ".hydra"]


def test_reversed_letters_are_translations_of_themselves_in_their_order(ours, make):
    make(ours, "translations=1", "frequent=1")
    saved = read_checkpoint(ours / "checkpoints" / "best.ckpt")
    tokenizers = load_tokenizers(saved, settings_of(saved, {}))
    source, target = (tokenizer.encode(["a b c d e f g h"])[0] for tokenizer in (tokenizers.source, tokenizers.target))
    assert table_of(ours).translations[source, 0].tolist() == target


def test_it_is_the_same_each_time_and_may_be_of_a_part_of_the_training_split(ours, make):
    make(ours)
    first = (ours / FILE).read_bytes()
    make(ours)
    assert (ours / FILE).read_bytes() == first
    make(ours, "pairs=2")
    assert (table_of(ours).translations > 0).sum() < 40


def test_the_sentences_of_all_stores_are_drawn_from_alike():
    drawn = _drawn([3, 0, 5], 100)
    assert sorted(drawn) == [*((0, row) for row in range(3)), *((2, row) for row in range(5))]
    assert drawn != sorted(drawn)
    assert _drawn([3, 0, 5], 4) == drawn[:4]


# -- searched among --------------------------------------------------------------------------------------------------


def test_a_list_of_every_token_that_training_saw_changes_nothing(ours, make, generate, evaluate):
    make(ours)
    for decoding in ("greedy", "beam"):
        plain = generate(ours, f"decoding={decoding}")
        assert generate(ours, f"decoding={decoding}", "shortlist=true") == plain
    assert evaluate(ours, "shortlist=true") == evaluate(ours)


def test_only_translations_of_a_line_are_written_whatever_the_other_lines_are(ours, make, generate):
    plain = generate(ours)
    make(ours, "translations=1", "frequent=1")
    answers = generate(ours, "shortlist=true")
    sources = LINES.decode().split("\n")[:-1]
    table, saved = table_of(ours), read_checkpoint(ours / "checkpoints" / "best.ckpt")
    target = load_tokenizers(saved, settings_of(saved, {})).target
    usual = {"⁇", *target.decode([*table.frequent, *table.translations[EOS]]).split()}
    for source, answer in zip(sources, answers, strict=True):
        assert set(answer.split()) <= {*source.split(), *usual}
    assert answers != plain
    assert generate(ours, "shortlist=true", "batch_size=1") == answers
    assert generate(ours, "shortlist=true", "batch_size=2", "decoding=beam", "decoding.beam_size=1") == answers


def test_constraints_are_met_though_they_are_in_no_list(ours, make, generate):
    make(ours, "translations=1", "frequent=1")
    content = b"a b {+h}\na b {>g f}\na b {-a}\na b\n"
    must, begins, must_not, free = generate(ours, "shortlist=true", "constraints=inline", content=content)
    assert "h" in must.split()
    assert begins.startswith("g f")
    assert "a" not in must_not.split()
    assert free == generate(ours, "shortlist=true", content=b"a b\n")[0]


def test_scores_of_a_search_among_a_few_tokens_are_those_of_its_outputs(ours, make, generate, evaluate, tmp_path):
    make(ours, "translations=1", "frequent=1")
    scores, plain = evaluate(ours, "shortlist=true"), evaluate(ours)
    assert scores["loss"] == plain["loss"]
    assert scores["bleu"] != plain["bleu"]
    evaluate(ours, "shortlist=true")
    sources = (ours / "test" / "sources.txt").read_bytes()
    written = (tmp_path / "scored" / "hypotheses.txt").read_text(encoding="utf-8").split("\n")[:-1]
    assert generate(ours, "shortlist=true", content=sources) == written


def test_a_checkpoint_file_alone_has_its_shortlist_beside_it(ours, make, generate, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    alone = tmp_path / "elsewhere" / "model.ckpt"
    alone.write_bytes((ours / "checkpoints" / "best.ckpt").read_bytes())
    make(alone)
    assert (tmp_path / "elsewhere" / FILE).is_file()
    assert generate(alone, "shortlist=true") == generate(ours)


# -- refused ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("override", "sentence"),
    [
        ("translations=0", "translations (0) must be at least 1."),
        ("translations=1001", "translations (1001) must be at most 1,000."),
        ("frequent=0", "frequent (0) must be at least 1."),
        ("iterations=0", "iterations (0) must be at least 1."),
        ("iterations=101", "iterations (101) must be at most 100."),
        ("pairs=0", "pairs (0) must be at least 1."),
        ("checkpoint=first", "has no checkpoint called first"),
        ("+corpus.path=nowhere", "corpus.path (nowhere): no such directory"),
        ("+translation=3", "translation: no such setting; did you mean translations?"),
    ],
)
def test_a_mistake_is_a_sentence(ours, make, override, sentence):
    with pytest.raises(UserError) as caught:
        make(ours, override)
    assert sentence in str(caught.value)
    assert not (ours / FILE).exists()


def test_where_there_is_none_yet_the_command_that_makes_it_is_told(ours, generate, evaluate):
    for ask in (generate, evaluate):
        with pytest.raises(UserError) as caught:
            ask(ours, "shortlist=true")
        way_out = f"python -m seq2seq_pl.shortlist run={ours}"
        assert str(caught.value) == f"{ours / FILE}: there is no shortlist yet; make it with {way_out}"


def test_one_of_another_vocabulary_is_refused(ours, generate):
    write_lexicon(ours / FILE, Lexicon(np.zeros((12, 1), np.int32), np.zeros(0, np.int32)), "of another run")
    with pytest.raises(UserError, match="is a shortlist of another vocabulary than this run's; make it again"):
        generate(ours, "shortlist=true")


def test_an_ensemble_has_none(ours, make, generate):
    make(ours)
    with pytest.raises(UserError) as caught:
        generate(f"[{ours},{ours}]", "shortlist=true")
    assert str(caught.value) == "shortlist=true is for one run, and run names 2; set shortlist=false."


def test_a_run_that_copies_words_has_none(ours, make, generate):
    path = ours / "checkpoints" / "best.ckpt"
    content = torch.load(path, weights_only=True)
    content[KEY]["config"]["model"]["output"]["_target_"] = "seq2seq_pl.model.output.pointer_generator.PointerGenerator"
    torch.save(content, path)
    told = r"^a run that copies words of its source \(model/output=pointer_generator\) has no shortlist, as it writes "
    with pytest.raises(UserError, match=told):
        make(ours)
    with pytest.raises(UserError, match=told):
        open_shortlist(str(ours), path, settings_of(read_checkpoint(path), {}), None)


def test_a_file_of_outputs_has_none(composed, tmp_path, monkeypatch):
    from seq2seq_pl.file_evaluation import evaluate_files

    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=r"^shortlist: changes nothing about a file of outputs; leave it out, or set"):
        evaluate_files(composed("hypotheses=h", "references=r", "shortlist=true", command="evaluate"))
