"""One sentence looked into: what the page and the pictures say is what the model and the search did."""

from __future__ import annotations

import math
import random
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from hydra.core.override_parser.overrides_parser import OverridesParser
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from seq2seq_pl.beam_tree import Node
from seq2seq_pl.build import build_data, build_model, build_tokenizers
from seq2seq_pl.config import validate
from seq2seq_pl.errors import UserError
from seq2seq_pl.generation import Generator
from seq2seq_pl.inspect import literal
from seq2seq_pl.inspection import describe, inspect_sentence, write_events
from seq2seq_pl.interfaces import Decoding
from seq2seq_pl.launch import checked_arguments
from seq2seq_pl.members import Run, open_runs
from seq2seq_pl.saved import Saved
from seq2seq_pl.sight import look
from seq2seq_pl.values import Example, Hypothesis

DECODINGS = {
    "greedy": {},
    "beam": {"beam_size": 4},
    "diverse_beam": {"beam_size": 4, "groups": 2},
    "sampling": {"n_best": 3, "temperature": 2.0},
}
CLASSES = {
    "greedy": "greedy.Greedy",
    "beam": "beam.Beam",
    "diverse_beam": "diverse_beam.DiverseBeam",
    "sampling": "sampling.Sampling",
}


def node(name: str, **changes: object) -> dict[str, object]:
    return {"_target_": f"seq2seq_pl.decoding.{CLASSES[name]}", **DECODINGS[name], **changes}


@pytest.fixture(scope="module")
def opened(finished) -> Callable[..., Run]:
    """The finished run, with another decoding."""

    def make(decoding: dict[str, object]) -> Run:
        (run,) = open_runs(str(finished), "best", {"decoding": decoding})
        return run

    return make


@pytest.fixture
def untrained(composed, tmp_path) -> Callable[..., Run]:
    """A run that was never trained: overrides, and a number that all weights are."""

    def make(*overrides: str, weight: float | None = None) -> Run:
        places = (f"run_dir={tmp_path / 'run'}", f"cache_dir={tmp_path / 'cache'}")
        settings = validate(composed(*overrides, *places))
        tokenizers = build_tokenizers(settings)
        build_data(settings, tokenizers).prepare_tokenizers()
        torch.manual_seed(1)
        model = build_model(settings.model, tokenizers.source.vocab_size, tokenizers.target.vocab_size)
        weights = {f"model.{name}": value for name, value in model.state_dict().items()}
        if weight is not None:
            weights = {name: torch.full_like(value, weight) for name, value in weights.items()}
        return Run(settings, tokenizers, Saved({}, "", weights))

    return make


@pytest.fixture
def letters(corpus_folder) -> list[str]:
    """Settings of a small model of the tiny corpus."""
    corpus = ["corpus=parallel_text", f"corpus.path={corpus_folder}", "corpus.source=src", "corpus.target=rev"]
    return [*corpus, "tokenizer=word", "tokenizer.min_frequency=1", "decoding=beam"]


@pytest.fixture
def inspect(composed, finished, tmp_path, capsys) -> Callable[..., tuple[list[str], Path]]:
    """Inspects with a copy of the finished run: settings -> the lines it printed, the directory of the run."""
    directory = tmp_path / "runs" / "mine"
    shutil.copytree(finished, directory, ignore=shutil.ignore_patterns("tensorboard"))

    def run(*overrides: str, place: str | None = None) -> tuple[list[str], Path]:
        inspect_sentence(composed(f"run={place or directory}", "device=cpu", *overrides, command="inspect"))
        return capsys.readouterr().out.splitlines(), directory

    return run


# -- what is seen ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", DECODINGS)
def test_the_output_is_that_of_generate_sentence_by_sentence(opened, corpus_folder, name):
    run = opened(node(name))
    sources = (corpus_folder / "test.src").read_text(encoding="utf-8").splitlines()
    answers = Generator([run], "cpu").answer(sources)
    seen = [look(run, Example(source, ()), index, "cpu").texts[0] for index, source in enumerate(sources)]
    assert seen == answers
    assert len(set(seen)) > 1


@pytest.mark.parametrize("name", DECODINGS)
@pytest.mark.parametrize("longest", [3, 256])
def test_the_log_probabilities_of_the_tokens_sum_to_that_of_the_output(opened, name, longest):
    sight = look(opened(node(name, max_length=longest)), Example("a b c d", ()), 0, "cpu")
    best = sight.hypotheses[0]
    assert sum(token.log_prob for token in sight.tokens) == pytest.approx(best.log_prob, abs=1e-4)
    assert len(sight.tokens) == len(best.tokens) + best.finished
    assert (sight.tokens[-1].text == "</s>") == best.finished


def test_a_rank_counts_the_likelier_tokens_and_greedy_search_takes_the_first(opened):
    for token in look(opened(node("greedy")), Example("a b c", ()), 0, "cpu").tokens:
        probs = [prob for _, prob in token.likeliest]
        assert (token.rank, token.likeliest[0]) == (1, (token.text, pytest.approx(math.exp(token.log_prob))))
        assert len(probs) == 5
        assert probs == sorted(probs, reverse=True)
        assert sum(probs) <= 1 + 1e-5
    drawn = look(opened(node("sampling", temperature=50.0, n_best=1)), Example("a b c", ()), 3, "cpu").tokens
    assert any(token.rank > 1 for token in drawn)
    for token in drawn:
        named = [text for text, _ in token.likeliest]
        assert token.rank == named.index(token.text) + 1 if token.text in named else token.rank > 5


def test_the_weights_are_those_of_reading_the_best_output(opened):
    sight = look(opened(node("beam")), Example("a b c", ()), 0, "cpu")
    assert sight.source_tokens == ["▁a", "▁b", "▁c", "</s>"]
    assert sight.weights.shape == (len(sight.tokens), 4)
    np.testing.assert_allclose(sight.weights.sum(1), 1, rtol=1e-5)


def path_of(root: Node) -> list[Node]:
    """The nodes of the result, from the first token on."""
    nodes = [root]
    while below := [child for child in nodes[-1].children if child.best]:
        nodes += below
    return nodes[1:]


@pytest.mark.parametrize("name", DECODINGS)
def test_the_marked_path_of_the_tree_is_the_best_output(opened, name):
    sight = look(opened(node(name)), Example("h g f e d", ()), 0, "cpu")
    path = path_of(sight.tree)
    assert [one.text for one in path] == [token.text for token in sight.tokens]
    assert path[-1].candidate.log_prob == pytest.approx(sight.hypotheses[0].log_prob)
    assert [one.log_prob for one in path] == pytest.approx([token.log_prob for token in sight.tokens], abs=1e-4)


# -- all of the beam -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "changes", [{}, {"length_penalty": 0.0}, {"stopping": "exact"}, {"coverage_penalty": 0.5, "normalization": "wu"}]
)
def test_asking_a_beam_for_all_of_it_leaves_the_best_output_as_it_was(opened, changes):
    run = opened(node("beam", **changes))
    rng = random.Random(1)
    sources = [" ".join(rng.choices("abcdefghz", k=rng.randint(1, 8))) for _ in range(20)]
    answers = Generator([run], "cpu").answer(sources)
    for source, answer in zip(sources, answers, strict=True):
        sight = look(run, Example(source, ()), 0, "cpu")
        assert sight.texts[0] == answer
        assert sight.widened
        assert sight.decoding["n_best"] == len(sight.hypotheses) == len(set(sight.texts)) == 4
    assert not look(opened(node("beam", n_best=2)), Example("a b", ()), 0, "cpu").widened
    assert not look(opened(node("beam", beam_size=1)), Example("a b", ()), 0, "cpu").widened


class Fickle(Decoding):
    """Finds something else when asked for more."""

    def __init__(self, *, beam_size: int = 3, n_best: int = 1) -> None:
        self.n_best = n_best

    def decode(self, stepper, batch, watch=None):
        return [[Hypothesis((4 + self.n_best,), -1.0, -1.0, finished=True)]]


def test_a_search_whose_best_output_would_change_is_left_as_it_is(opened):
    sight = look(opened({"_target_": f"{__name__}.Fickle", "beam_size": 3}), Example("a", ()), 0, "cpu")
    assert sight.hypotheses[0].tokens == (5,)
    assert not sight.widened


# -- the page --------------------------------------------------------------------------------------------------------


def test_the_page_says_all_and_needs_nothing_else(inspect):
    (output, said), directory = inspect("split=test", "index=3", "decoding=beam", "decoding.beam_size=3")
    path = directory / "inspect" / "test_3.html"
    assert said == f"written to {path}"
    page = path.read_text(encoding="utf-8")
    for heading in ("Output", "All outputs", "Token by token", "Attention", "Search", "Search, step by step"):
        assert f">{heading}</h2>" in page
    source = (directory / "test" / "sources.txt").read_text(encoding="utf-8").splitlines()[3]
    assert f'<h1 dir="auto">{source}</h1>' in page
    assert f'class="output">{output}</dd>' in page
    assert '<dd dir="auto" class="reference">' in page
    assert f'class="run">{directory}</dd>' in page
    assert "Beam(beam_size=3, n_best=3, " in page
    assert "(n_best was 1; the best output is the same)" in page
    assert "test.src" in page  # where it was read
    assert not any(mark in page for mark in ("http://", "https://", 'src="/', "<link", "@import"))


def test_the_output_is_the_one_that_the_run_was_scored_with(inspect):
    (output, _), directory = inspect("split=test", "index=3", "tensorboard=false")
    assert output == (directory / "test" / "hypotheses.txt").read_text(encoding="utf-8").splitlines()[3]
    assert not (directory / "tensorboard").exists()


def test_a_reference_shows_what_the_output_lacks(opened):
    sight = look(opened(node("greedy")), Example("a b", ("zz qq",)), 0, "cpu")
    page = describe(sight, {"run": "mine"})
    assert '<mark class="new">zz qq</mark>' in page
    assert "Marked: what the output does not have." in page
    same = look(opened(node("greedy")), Example("a b", tuple(sight.texts)), 0, "cpu")
    assert "Marked: what the output does not have." not in describe(same, {"run": "mine"})


@pytest.mark.parametrize("text", ["<script>alert(1)</script> & b", "שלום \u202ea\x00 b\ud800", "x" * 3000, "a " * 400])
def test_a_page_can_be_made_of_any_text(opened, text):
    page = describe(look(opened(node("beam")), Example(text, ("<b>x</b>",)), 0, "cpu"), {"run": "<i>"})
    assert page.encode().count(b"<script>") == 1
    assert "<b>" not in page
    assert "<i>" not in page
    assert "\x00" not in page
    assert ("read no more than the first 128 tokens" in page) == (text == "a " * 400)


def test_a_model_without_attention_says_so(untrained, letters):
    sight = look(untrained(*letters, "model/attention=none"), Example("a b", ()), 0, "cpu")
    assert sight.weights is None
    assert "This model has no attention." in describe(sight, {"run": "mine"})


def test_a_model_that_copies_shows_the_words_it_copies(untrained):
    small = ("corpus.train_pairs=200", "model.encoder.hidden_size=16", "model.decoder.hidden_size=32")
    sight = look(untrained("experiment=copy_words", *small), Example("Zanthor met Quxi in the kitchen.", ()), 0, "cpu")
    assert [token for token in sight.source_tokens if token not in ("</s>", ".")] == [
        "▁Zanthor",
        "▁met",
        "▁Quxi",
        "▁in",
        "▁the",
        "▁kitchen",
    ]
    assert "▁Zanthor" in {text for token in sight.tokens for text, _ in token.likeliest}
    assert "Zanthor" in describe(sight, {"run": "mine"}).split("Token by token</h2>")[1]


def test_a_model_that_has_diverged_is_shown_too(untrained, letters):
    sight = look(untrained(*letters, weight=math.nan), Example("a b", ()), 0, "cpu")
    assert sight.hypotheses[0].log_prob == -math.inf
    page = describe(sight, {"run": "mine"})
    assert 'class="output">(none)</dd>' in page


# -- TensorBoard -----------------------------------------------------------------------------------------------------


def test_tensorboard_gets_the_pictures_and_each_inspection_is_a_step(inspect):
    for name in ("greedy", "beam"):
        _, directory = inspect("split=test", "index=2", f"decoding={name}")
    _, directory = inspect("sentence=a b c", "tensorboard=false")
    folder = directory / "tensorboard" / "inspect"
    events = EventAccumulator(str(folder), size_guidance={"tensors": 0, "images": 0}).Reload()
    assert events.Tags()["images"] == ["inspect/test_2/beam", "inspect/test_2/attention"]
    for what in ("beam", "attention"):
        images = events.Images(f"inspect/test_2/{what}")
        assert [image.step for image in images] == [0, 1]
        assert all(image.encoded_image_string.startswith(b"\x89PNG") and image.width > 200 for image in images)
    texts = events.Tensors("inspect/test_2/n_best/text_summary")
    assert [text.step for text in texts] == [0, 1]
    lines = texts[1].tensor_proto.string_val[0].decode().splitlines()
    assert lines[2] == "| # | output | log-prob | score | finished |"
    assert len(lines) == 4 + 5


def test_a_model_without_attention_has_a_tree_alone(untrained, letters, tmp_path):
    sight = look(untrained(*letters, "model/attention=none"), Example("a b", ()), 0, "cpu")
    write_events(tmp_path / "events", "a_b", sight)
    events = EventAccumulator(str(tmp_path / "events")).Reload()
    assert events.Tags()["images"] == ["inspect/a_b/beam"]


# -- the command -----------------------------------------------------------------------------------------------------


def test_a_page_is_named_after_its_sentence(inspect):
    odd = ["a b c d e f g h", "a b c d e f g", "../../a", "👩‍👩‍👧‍👦", "?", "你好" * 50, "a/b\\c:d*e"]
    for sentence in odd:
        (_, said), directory = inspect(f"sentence='{sentence}'", "tensorboard=false", "decoding=greedy")
        path = Path(said.removeprefix("written to "))
        assert path.parent == directory / "inspect"
        assert path.is_file()
        assert path.stem.replace("_", "a").isalnum()
    assert len(list((directory / "inspect").iterdir())) == len(odd)


def test_another_checkpoint_has_a_page_of_its_own(inspect):
    (_, said), directory = inspect("split=valid", "index=0", "checkpoint=last", "tensorboard=false")
    assert said == f"written to {directory / 'inspect' / 'valid_0_last.html'}"


def test_a_page_cannot_go_where_nobody_lives(inspect):
    with pytest.raises(UserError, match=r"^output=~no\.such\.user/x: there is no home directory of that name\.$"):
        inspect("sentence=a b", "output='~no.such.user/x'")


def test_a_checkpoint_alone_needs_an_output_and_has_no_tensorboard(inspect, finished, tmp_path):
    alone = tmp_path / "elsewhere" / "model.ckpt"
    alone.parent.mkdir()
    alone.write_bytes((finished / "checkpoints" / "best.ckpt").read_bytes())
    with pytest.raises(UserError, match=r"model\.ckpt is a checkpoint outside a run's directory; set output=FILE"):
        inspect("sentence=a b", place=str(alone))
    inspect("sentence=a b", f"output={tmp_path / 'new' / 'page.html'}", place=str(alone))
    assert (tmp_path / "new" / "page.html").is_file()
    assert [path.name for path in alone.parent.iterdir()] == ["model.ckpt"]
    assert not list(tmp_path.rglob("events.out.*"))


def test_a_checkpoint_within_its_run_is_as_good_as_the_run(inspect, tmp_path):
    place = tmp_path / "runs" / "mine" / "checkpoints" / "best.ckpt"
    (_, said), directory = inspect("split=test", "index=0", place=str(place))
    assert said == f"written to {directory / 'inspect' / 'test_0.html'}"
    assert list(directory.glob("tensorboard/inspect/events.out.*"))


@pytest.mark.parametrize(
    ("overrides", "sentence"),
    [
        ([], "there is nothing to inspect; set sentence=TEXT, or split=NAME and index=NUMBER (from 0)."),
        (["split=test"], "there is nothing to inspect; "),
        (["sentence=a", "index=0"], "sentence and index are both set; leave one out"),
        (["sentence=a", "split=test"], "sentence and split are both set; leave one out"),
        (["sentence='  '"], "sentence is empty; set sentence=TEXT"),
        (["index=9"], "index (9): split=test has 9 sentences, from 0 to 8."),
        (["index=-1"], "index (-1) must be at least 0."),
        (["index=first"], "index (first) must be a whole number or null."),
        (["split=dev", "index=0"], "split=dev: the corpus of this run has train, valid, test."),
        (["index=0", "corpus.path=nowhere"], "corpus.path (nowhere): no such directory"),
        (["sentence=a", "checkpoint=first"], "has no checkpoint called first (there is: best, last, previous)"),
        (["sentence=a", "output=."], "output (.) is a directory; give a file, such as "),
        (["sentence=a", "decoding=beam", "decoding.beam_size=0"], "decoding.beam_size (0) must be at least 1."),
        (["sentence=a", "tensorboard=maybe"], "tensorboard (maybe) must be true or false."),
        (["sentence=a", "device=tpu"], "device (tpu) must be one of auto, cpu, cuda."),
        (["sentence=a", "+sentense=b"], "sentense: no such setting; did you mean sentence?"),
    ],
)
def test_a_mistake_is_a_sentence(inspect, tmp_path, overrides, sentence):
    with pytest.raises(UserError) as caught:
        inspect(*[text if "corpus.path" not in text else f"++{text}" for text in overrides])
    assert sentence in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not list(tmp_path.rglob("*.html"))


def test_a_page_that_cannot_be_written_is_a_sentence(inspect, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match=r"file.*: .*; set output=FILE and tensorboard=false\.$"):
        inspect("sentence=a", f"output={tmp_path / 'file' / 'page.html'}")
    assert not list(tmp_path.rglob("events.out.*"))


def test_something_else_than_a_run_is_refused(inspect, tmp_path):
    with pytest.raises(UserError, match="is not the directory of a run: it has no checkpoints/ in it"):
        inspect("sentence=a", place=str(tmp_path))


@pytest.mark.parametrize(
    "text",
    [
        "Yes, it is.",
        "It's",
        "null",
        "5",
        "[a",
        "{a: b}",
        "${x}",
        "a\\'b",
        "a\\b\\",
        "\"a\", 'b'",
        "a=b",
        "",
        "a\nb",
        "x,",
    ],
)
def test_a_sentence_on_the_command_line_is_taken_as_it_is(text):
    (argument,) = checked_arguments([literal(f"sentence={text}")])
    assert OverridesParser.create().parse_override(argument).value() == text
    assert literal(f"output={text}") == f"output={text}"
    assert literal("sentence") == "sentence"


@pytest.mark.slow
def test_the_command_answers_a_sentence_with_commas(command, finished, tmp_path):
    arguments = (f"run={finished}", "sentence=a, b, '${c}'", f"output={tmp_path / 'page.html'}", "tensorboard=false")
    done = command("inspect", *arguments, "device=cpu")
    assert done.returncode == 0, done.stderr.decode()
    assert done.stdout.decode().splitlines()[1] == f"written to {tmp_path / 'page.html'}"
    assert "a, b, &#39;${c}&#39;" in (tmp_path / "page.html").read_text(encoding="utf-8")
    wrong = command("inspect", f"run={finished}")
    assert wrong.returncode == 2
    assert wrong.stderr.startswith(b"error: there is nothing to inspect; ")
