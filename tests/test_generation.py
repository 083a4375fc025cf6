"""Lines in, lines out, whatever they hold."""

import io
import json
import math
import os
import random
import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from seq2seq_pl.config import validate
from seq2seq_pl.constraints import Request, demand
from seq2seq_pl.errors import UserError
from seq2seq_pl.evaluation import evaluate_run
from seq2seq_pl.generation import NAMED_LINES, Generator, Unmet, _Conversation, generate_lines
from seq2seq_pl.interfaces import Corpus, Task
from seq2seq_pl.members import Run, open_runs
from seq2seq_pl.model.seq2seq import Seq2Seq
from seq2seq_pl.parts import part
from seq2seq_pl.saved import load_tokenizers, read_checkpoint, settings_of
from seq2seq_pl.streaming import WINDOW, Meter, lines
from seq2seq_pl.training import run as train

NASTY = [
    "a b c",
    "",
    "   ",
    "\t",
    "a\x00b\x07 \x1b[31mc\x7f",
    "a\u2028b\u2029c",
    "a\x85b\x0bc\x0cd\x1c\x1d\x1ee",
    "\u202eabc\u202c שלום مرحبا",
    "👩‍👩‍👧‍👦 🏳️‍🌈 e\u0301\u0302\u0303",
    "a\rb\r",
    "\ufeffa b",
    "⁇ <s> </s> <pad> <unk> ▁",
    "a " * 50_000,
    "x" * 100_000,
    "zzz",
]


@pytest.fixture(scope="module")
def saved(finished):
    return read_checkpoint(finished / "checkpoints" / "best.ckpt")


@pytest.fixture
def generator(saved):
    def make(**changes: object) -> Generator:
        settings = settings_of(saved, changes)
        return Generator([Run(settings, load_tokenizers(saved, settings), saved)], "cpu")

    return make


@pytest.fixture
def generate(composed, finished, tmp_path):
    """Bytes of the input and further settings -> bytes of the output."""

    def run(content: bytes, *overrides: str) -> bytes:
        (tmp_path / "in").write_bytes(content)
        files = (f"run={finished}", f"input={tmp_path / 'in'}", f"output={tmp_path / 'out'}", "device=cpu")
        generate_lines(composed(*files, *overrides, command="generate"))
        return (tmp_path / "out").read_bytes()

    return run


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", []),
        (b"\n", [""]),
        (b"a", ["a"]),
        (b"a\nb", ["a", "b"]),
        (b"a\r\nb\r\n", ["a", "b"]),
        (b"a\rb\n", ["a\rb"]),
        ("a\u2028b\x85c\x0bd\n".encode(), ["a\u2028b\x85c\x0bd"]),
        (b"\xff\xfea\n", ["\ufffd\ufffda"]),
        (b"\n\n\n", ["", "", ""]),
    ],
)
def test_a_line_ends_at_a_newline_and_nowhere_else(content, expected):
    assert list(lines(io.BytesIO(content))) == expected


def test_there_is_one_line_for_each_whatever_it_holds(generator):
    answers = generator().answer(NASTY)
    assert len(answers) == len(NASTY)
    assert all(len(answer.splitlines()) <= 1 for answer in answers)
    assert [bool(answers[i]) for i in (1, 2, 3)] == [False] * 3


def test_an_answer_depends_on_its_own_line_alone(generator):
    together = generator(batch_size=64).answer(NASTY)
    for size in (1, 7):
        assert generator(batch_size=size).answer(NASTY) == together
    assert [generator().answer([text])[0] for text in NASTY] == together
    assert generator().answer(NASTY[::-1]) == together[::-1]


def test_sources_that_were_cut_are_counted(generator):
    made = generator(batch_size=4)
    made.answer(NASTY)
    assert made.cut == 2


def test_nothing_in_is_nothing_out(generate, capfd):
    assert generate(b"") == b""
    assert "0 lines" in capfd.readouterr().err


def test_alignment_holds_through_files(generate):
    content = "\n".join(NASTY).encode() + b"\n\xff\xfe \x80\nlast without newline"
    answers = generate(content)
    assert answers.count(b"\n") == len(NASTY) + 2
    assert answers.endswith(b"\n")
    assert generate(content, "batch_size=1") == answers


def test_a_batch_may_be_larger_than_any_file(generate):
    assert generate(b"a b c\nh g\n", f"batch_size={2**62}") == generate(b"a b c\nh g\n")


def test_what_was_cut_is_told_on_stderr(generate, capfd):
    generate(b"a " * 500 + b"\n")
    assert "cut to max_source_length=128 tokens: 1 line" in capfd.readouterr().err


def test_it_answers_as_the_test_split_was_answered(generate, finished, corpus_folder):
    assert generate((corpus_folder / "test.src").read_bytes()) == (finished / "test" / "hypotheses.txt").read_bytes()


def test_one_file_is_enough(generate, finished, tmp_path):
    alone = tmp_path / "elsewhere.ckpt"
    alone.write_bytes((finished / "checkpoints" / "best.ckpt").read_bytes())
    assert generate(b"a b c\n", f"run={alone}") == generate(b"a b c\n")


def test_another_decoding_can_be_asked_for(generate):
    assert generate(b"a b c\nh g\n", "+decoding.max_length=1").count(b" ") == 0
    assert generate(b"a b c\nh g\n", "decoding=beam", "decoding.beam_size=1") == generate(b"a b c\nh g\n")


@pytest.mark.parametrize(
    ("overrides", "sentence"),
    [
        (["input=nowhere/in"], "input=nowhere/in: No such file or directory."),
        (["output=nowhere/out"], "output=nowhere/out: No such file or directory."),
        (["input='~no.such.user/in'"], "input=~no.such.user/in: there is no home directory of that name."),
        (["output='~no.such.user/out'"], "output=~no.such.user/out: there is no home directory of that name."),
        (["run='~no.such.user'"], "run=~no.such.user: there is no home directory of that name."),
        ([f"checkpoint={'x' * 300}"], "File name too long."),
        (["batch_size=0"], "batch_size (0) must be at least 1."),
        (["batch_size=many"], "batch_size (many) must be a whole number."),
        (["device=tpu"], "device (tpu) must be one of auto, cpu, cuda."),
        (["+inptu=x"], "inptu: no such setting; did you mean input?"),
        (["run=nowhere"], "run=nowhere: no such directory; give the directory of a run"),
        (["checkpoint=first"], "has no checkpoint called first (there is: best, last, previous)"),
        (["decoding=beam", "decoding.beam_size=0"], "decoding.beam_size (0) must be"),
        (["+decoding.beam_size=3"], "decoding.beam_size: no such argument of Greedy"),
    ],
)
def test_a_mistake_is_a_sentence(composed, finished, tmp_path, overrides, sentence):
    (tmp_path / "in").write_bytes(b"a\n")
    files = (f"run={finished}", f"input={tmp_path / 'in'}", f"output={tmp_path / 'out'}", "device=cpu")
    with pytest.raises(UserError) as caught:
        generate_lines(composed(*files, *overrides, command="generate"))
    assert sentence in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "out").exists()


def test_too_little_memory_is_told_with_what_to_lower(generate, monkeypatch):
    def start(self, batch):
        return torch.empty(1 << 60, dtype=torch.uint8)

    monkeypatch.setattr(Seq2Seq, "start", start)
    told = r"^there is too little memory for decoding with a batch of 2 x 4 source tokens; lower batch_size \(7\) or "
    with pytest.raises(UserError, match=told + r"decoding\.beam_size \(3\)\.$"):
        generate(b"a b c\na b\n", "batch_size=7", "decoding=beam", "decoding.beam_size=3")


def test_a_gpu_that_is_not_there_is_a_mistake(generate, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(UserError, match=r"^device=cuda: this machine has no GPU that torch can use; set device=cpu\.$"):
        generate(b"a\n", "device=cuda")


def test_the_run_is_asked_for(composed):
    with pytest.raises(UserError, match=r"^run: is needed; write run=\.\.\.$"):
        generate_lines(composed(command="generate"))


def test_an_output_may_not_be_the_input(generate, finished, composed, tmp_path):
    (tmp_path / "same").write_bytes(b"a b\n")
    files = (f"run={finished}", f"input={tmp_path / 'same'}", f"output={tmp_path / 'same'}")
    with pytest.raises(UserError, match="output"):
        generate_lines(composed(*files, command="generate"))
    assert (tmp_path / "same").read_bytes() == b"a b\n"


def test_a_reader_that_has_seen_enough_is_no_error(saved, composed, finished, monkeypatch, tmp_path):
    reading, writing = os.pipe()
    os.close(reading)
    (tmp_path / "in").write_bytes(b"a b\n" * 3)
    with os.fdopen(writing, "wb", buffering=0) as gone, open(os.devnull, "w") as quiet:
        monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(gone))
        monkeypatch.setattr(sys, "stderr", quiet)
        generate_lines(composed(f"run={finished}", f"input={tmp_path / 'in'}", command="generate"))
    assert Path(tmp_path / "in").exists()


# -- sampling --------------------------------------------------------------------------------------------------------


def test_samples_are_drawn_by_the_line_in_the_whole_input(generate):
    content = b"a b c\n\n" * (WINDOW + 3)  # so that batches of 1 take several windows
    settings = ("decoding=sampling", "decoding.temperature=2")
    drawn = generate(content, *settings, "batch_size=64")
    assert len(set(drawn.split(b"\n"))) > 5
    for size in (1, 7):
        assert generate(content, *settings, f"batch_size={size}") == drawn


# -- JSON lines ------------------------------------------------------------------------------------------------------


@pytest.fixture
def generate_json(generate, tmp_path):
    """Bytes of the input and further settings -> the objects of the output."""

    def run(content: bytes, *overrides: str) -> list[dict[str, object]]:
        out = tmp_path / "out.jsonl"
        (tmp_path / "out").touch()
        generate(content, f"output={out}", *overrides)
        return [json.loads(line) for line in out.read_bytes().removesuffix(b"\n").split(b"\n")]

    return run


def test_json_lines_hold_all_hypotheses_best_first(generate, generate_json):
    settings = ("decoding=beam", "decoding.beam_size=4", "decoding.n_best=3")
    content = "\n".join(NASTY).encode()
    found = generate_json(content, *settings)
    assert [one["line"] for one in found] == list(range(1, len(NASTY) + 1))
    assert [one["source"] for one in found] == [text.removesuffix("\r") for text in NASTY]
    texts = generate(content, *settings, "batch_size=2").decode().split("\n")[:-1]
    assert [one["text"] for one in found] == texts
    for one, text in zip(found, NASTY, strict=True):
        if not text.strip():
            assert one == {
                "line": one["line"],
                "source": text,
                "text": "",
                "log_prob": None,
                "score": None,
                "finished": None,
                "hypotheses": [],
            }
            continue
        best = one["hypotheses"][0]
        assert best == {key: one[key] for key in ("text", "log_prob", "score", "finished")}
        assert len(one["hypotheses"]) == 3
        scores = [hypothesis["score"] for hypothesis in one["hypotheses"]]
        assert scores == sorted(scores, reverse=True)
        assert all(math.isfinite(score) and score < 0 for score in scores)
        assert "constraints_met" not in one


# -- constraints -----------------------------------------------------------------------------------------------------


def test_constraints_are_met_in_every_output(generate_json, capfd):
    asked = [("a b c", "h", "", ""), ("a b", "", "b", "c a"), ("f e d c", "a | b c", "d", "h g"), ("a", "", "", "")]
    found = generate_json("".join("\t".join(one) + "\n" for one in asked).encode(), "constraints=columns")
    first, second, third, fourth = (one["text"] for one in found)
    assert "h" in first.split()
    assert second.startswith("c a")
    assert "b" not in second.split()
    assert third.startswith("h g")
    assert "d" not in third.split()
    assert {"a", "b"} <= set(third.split())
    assert "b c" in third
    assert fourth
    assert [one.get("constraints_met") for one in found] == [True, True, True, None]
    assert "constraints" not in capfd.readouterr().err


def test_a_line_that_asks_for_nothing_is_answered_as_ever(generate):
    plain = generate(b"a b c\nh g f e\n").split(b"\n")
    mixed = generate(b"a b c\na b {+h}\nh g f e\n{-b} a b\n", "constraints=inline").split(b"\n")
    assert [mixed[0], mixed[2]] == plain[:2]


@pytest.mark.parametrize("value", ["rows", "5", "[1]"])
def test_a_form_of_constraints_that_is_none_is_a_mistake(generate, value):
    with pytest.raises(UserError, match=r"^constraints \(.*\) must be one of inline, columns or null\.$"):
        generate(b"a\n", f"constraints={value}")


def test_an_answer_to_constraints_depends_on_its_own_line_alone(generate):
    content = b"a b c {+h}\nd {>e}\n\nf g h a b c {+a b} {-c}\na\n{+zzz} a\nb c d {+e} {>f}\n" * 3
    together = generate(content, "constraints=inline")
    assert generate(content, "constraints=inline", "batch_size=1") == together
    assert generate(content, "constraints=inline", "batch_size=4") == together


def test_what_cannot_be_is_an_empty_line_and_is_reported(generate, generate_json, capfd):
    content = b"a b {+zebra}\na b\na {+b} {-b}\n{+c}\n{>zebra} b c\n"
    answers = generate(content, "constraints=inline")
    assert "constraints not met in 4 lines: 1, 3, 4, 5\n" in capfd.readouterr().err
    assert [bool(line) for line in answers.split(b"\n")[:-1]] == [False, True, False, False, False]
    found = generate_json(content, "constraints=inline")
    assert [one.get("constraints_met") for one in found] == [False, None, False, False, False]
    nothing = {"text": "", "log_prob": None, "score": None, "finished": False}
    assert found[0]["hypotheses"] == found[2]["hypotheses"] == [nothing]
    assert found[3]["hypotheses"] == []


def test_a_beginning_that_holds_what_must_not_occur_is_impossible(generate_json):
    (found,) = generate_json(b"a b c {>a b} {-a}\n", "constraints=inline", "decoding=beam", "decoding.n_best=3")
    assert found["constraints_met"] is False
    assert (found["text"], found["log_prob"]) == ("", None)


def test_the_first_hypothesis_that_is_as_was_asked_is_taken(generator):
    """The search is told nothing here, so that only the last look sees what was asked."""
    made = generator(decoding={"n_best": 5, "_target_": "seq2seq_pl.decoding.beam.Beam"})
    reading = made.members.read(["a b c d"])[0]
    (batch,) = made.members.batches([reading], [0])
    (found,) = made.decoding.decode(made.members.stepper([batch]), batch)
    texts = [made.members.target.decode(one.tokens, ()) for one in found]
    wanted = next(i for i, text in enumerate(texts) if not texts[0].startswith(text))
    asked = demand(Request("a b c d", beginning=texts[wanted]), made.members.target)
    answer = made._answer("a b c d", found, reading, asked)
    assert (answer.chosen, answer.text, answer.met) == (wanted, texts[wanted], True)


def test_a_decoding_that_is_given_is_used_and_says_what_it_cannot(generate, generate_json):
    (found,) = generate_json(b"a b {+c}\n", "constraints=inline", "decoding=constrained_beam", "decoding.n_best=2")
    assert len(found["hypotheses"]) == 2
    with pytest.raises(UserError, match="phrases that must occur need another search: set decoding=constrained_beam"):
        generate(b"a b {+c}\n", "constraints=inline", "decoding=greedy")


def test_too_many_columns_are_a_mistake_that_names_the_line(generate, tmp_path):
    with pytest.raises(UserError, match=r"in, line 2: expected at most 4 tab-separated columns .*, found 5\.$"):
        generate(b"a\nb\t\t\t\t\n", "constraints=columns")


def test_of_many_lines_the_first_are_named():
    unmet = Unmet()
    for line in range(1, 1_001):
        unmet.add(line)
    assert len(unmet.first) == NAMED_LINES
    assert str(unmet).startswith("constraints not met in 1,000 lines: 1, 2, 3,")
    assert str(unmet).endswith("19, 20, ...")


# -- ensembles -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def another(tmp_path_factory, composed, corpus_folder, tiny_arguments):
    """Trains a run for a moment: its name, its corpus, further settings -> its directory."""
    folder = tmp_path_factory.mktemp("others")

    def make(name: str, *overrides: str, corpus: Path = corpus_folder) -> Path:
        places = (f"corpus.path={corpus}", f"run_dir={folder / name}", f"cache_dir={folder / 'cache'}")
        fitting = [
            argument for argument in tiny_arguments if "attention" not in argument and "max_epochs" not in argument
        ]
        quiet = ("trainer.max_epochs=1", "callback=[checkpoint]", "logger=[]", "seed=2")
        train(validate(composed(*fitting, *places, *quiet, *overrides)))
        return folder / name

    return make


@pytest.fixture(scope="module")
def transformer(another) -> Path:
    """A run of another family, with the tokenizers of `finished`."""
    sizes = [f"model.{side}.{size}" for side in ("encoder", "decoder") for size in ("layers=1", "heads=2")]
    feedforward = [f"model.{side}.feedforward_size=12" for side in ("encoder", "decoder")]
    own = ["model.encoder.hidden_size=16", "model.attention.heads=2"]
    return another("transformer", "model=transformer", *sizes, *feedforward, *own)


@pytest.fixture(scope="module")
def copier(another) -> Path:
    """A run that copies words, with the tokenizers of `finished`."""
    return another("copier", "model/output=pointer_generator")


@pytest.fixture(scope="module")
def capitals(another, tmp_path_factory, write_corpus) -> Path:
    """A run that reads capital letters and writes what `finished` writes."""
    folder = write_corpus(tmp_path_factory.mktemp("capitals"))
    for path in folder.glob("*.src"):
        path.write_text(path.read_text(encoding="utf-8").upper(), encoding="utf-8")
    return another("capitals", corpus=folder)


CONTENT = b"a b c\n\nh g f e d\nc c\nb zzz a\n"


@pytest.mark.parametrize("space", ["probability", "log"])
def test_a_run_with_itself_answers_as_alone(generate, finished, space):
    for decoding in ([], ["decoding=beam"]):
        alone = generate(CONTENT, *decoding)
        assert generate(CONTENT, f"run=[{finished},{finished},{finished}]", f"ensemble={space}", *decoding) == alone
    assert generate(CONTENT, f"run=[{finished}]", f"ensemble={space}") == generate(CONTENT)


def test_different_runs_answer_together(generate_json, finished, transformer):
    found = {}
    for name, runs in {"a": [finished], "b": [transformer], "both": [finished, transformer]}.items():
        for space in ("probability", "log"):
            listed = ",".join(map(str, runs))
            found[name, space] = generate_json(CONTENT, f"run=[{listed}]", f"ensemble={space}", "decoding=beam")
    assert found["a", "log"] == found["a", "probability"]
    distinct = [found["a", "log"], found["b", "log"], found["both", "log"], found["both", "probability"]]
    assert all(one != other for i, one in enumerate(distinct) for other in distinct[:i])


def test_the_first_run_of_an_ensemble_has_the_settings(generate, finished, transformer):
    both = generate(CONTENT, f"run=[{transformer},{finished}]")
    assert both == generate(CONTENT, f"run=[{finished},{transformer}]")  # both are greedy


def test_runs_may_read_differently(generate, generate_json, finished, capitals):
    alone = generate_json(b"a b c\nA B C\n")
    together = generate_json(b"a b c\nA B C\n", f"run=[{finished},{capitals}]")
    assert together != alone
    assert generate(CONTENT, f"run=[{finished},{capitals}]", "batch_size=1") == generate(
        CONTENT, f"run=[{finished},{capitals}]"
    )


def test_a_run_that_copies_and_one_that_does_not_write_copied_words_together(generate, generate_json, finished, copier):
    content = b"b zzz a {+zzz}\na b\n"
    for runs in ([copier], [copier, finished], [finished, copier], [copier, copier]):
        found = generate_json(content, "constraints=inline", f"run=[{','.join(map(str, runs))}]")
        assert "zzz" in found[0]["text"].split()
        assert found[0]["constraints_met"]
    assert generate(content, "constraints=inline", f"run=[{copier},{copier}]", "ensemble=log") == generate(
        content, "constraints=inline", f"run={copier}"
    )


def test_runs_that_cannot_write_together_are_refused(generate, another, finished, copier, capitals):
    letters = another("letters", "tokenizer=char")
    with pytest.raises(UserError, match=rf"^run={letters} writes with another vocabulary than run={finished}; an "):
        generate(b"a\n", f"run=[{finished},{letters}]")
    with pytest.raises(UserError, match=rf"^run={copier} copies words and run={capitals} cuts the source with another"):
        generate(b"a\n", f"run=[{finished},{capitals},{copier}]")
    with pytest.raises(UserError, match=r"^ensemble=log cannot average runs that copy words and runs that do not; "):
        generate(b"a\n", f"run=[{finished},{copier}]", "ensemble=log")
    with pytest.raises(UserError, match=r"^decoding\.coverage_penalty needs all runs of an ensemble to cut the "):
        generate(b"a\n", f"run=[{finished},{capitals}]", "decoding=beam", "decoding.coverage_penalty=1")


@pytest.mark.parametrize("runs", ["[]", "null", "3.5", "{a: b}"])
def test_no_run_is_a_mistake(composed, runs):
    with pytest.raises(UserError, match=r"^run \(.*\) must be the directory of a run, or a list of some: "):
        generate_lines(composed(f"run={runs}", command="generate"))


# -- conversations ---------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def talker(tmp_path_factory, composed, tiny_arguments) -> Path:
    """A run that learnt to reply for a moment; it replies by its task's own decoding, a sampling."""
    folder = tmp_path_factory.mktemp("talker")
    rng = random.Random(1)
    for split, count in {"train": 40, "valid": 3, "test": 5}.items():
        talks = [[" ".join(rng.choices("abcdefgh", k=rng.randint(1, 4))) for _ in range(5)] for _ in range(count)]
        written = "".join(f"{json.dumps({'turns': turns})}\n" for turns in talks)
        (folder / f"{split}.jsonl").write_text(written, encoding="utf-8")
    places = (f"corpus.path={folder}", f"run_dir={folder / 'run'}", f"cache_dir={folder / 'cache'}")
    fitting = [argument for argument in tiny_arguments if not argument.startswith(("corpus", "decoding"))]
    quiet = ("trainer.max_epochs=1", "callback=[checkpoint]", "logger=[]")
    chosen = ("task=dialogue", "task.context_turns=3", "corpus=conversations")
    train(validate(composed(*chosen, *fitting, *places, *quiet)))
    return folder / "run"


@pytest.fixture(scope="module")
def contexts(talker) -> bytes:
    """The sources of the test split, line by line."""
    own = open_runs(str(talker), "best", {})[0].own
    task, corpus = part(Task, "task", own.task), part(Corpus, "corpus", own.corpus)
    sources = [example.source for record in corpus.records("test") for example in task.examples(record)]
    assert len(sources) == 5 * 4
    assert sources[3].count(" | ") == 2
    return "".join(f"{source}\n" for source in sources).encode()


def test_replies_to_a_file_are_those_of_the_test_split_though_they_are_drawn(generate, talker, contexts):
    replies = (talker / "test" / "hypotheses.txt").read_bytes()
    assert len(set(replies.splitlines())) > 10
    for size in (1, 7, 64):
        assert generate(contexts, f"run={talker}", f"batch_size={size}") == replies
    assert generate(contexts, f"run={talker}", "+decoding.seed=2") != replies


def test_replies_that_are_searched_for_are_those_that_evaluate_scores(generate, talker, contexts, composed, tmp_path):
    for decoding in ("greedy", "beam"):
        asked = (f"run={talker}", f"decoding={decoding}", f"output={tmp_path / decoding}", "resamples=0", "samples=0")
        evaluate_run(composed(*asked, "trainer=cpu", command="evaluate"))
        replies = (tmp_path / decoding / "hypotheses.txt").read_bytes()
        assert generate(contexts, f"run={talker}", f"decoding={decoding}") == replies


class Listening(Generator):
    """Remembers what it reads."""

    heard: tuple[str, ...] = ()

    def answers(self, requests, *others):
        self.heard += tuple(request.source for request in requests)
        return super().answers(requests, *others)


@pytest.fixture
def listening(talker):
    def make(run: Path = talker) -> Listening:
        return Listening(open_runs(str(run), "best", {}), "cpu")

    return make


def together(*turns: str) -> str:
    """Turns as a dialogue reads them."""
    return " ".join(" | ".join(turns).split())


def test_a_conversation_reads_the_turns_so_far_and_answers_as_lines_of_a_file_are(listening):
    made = listening()
    talk = _Conversation(made, None)
    said = ["a b", " c\td ", "e", "f g"]
    replies = [talk(text) for text in said]
    heard = [
        "a b",
        together("a b", replies[0], "c d"),
        together("c d", replies[1], "e"),
        together("e", replies[2], "f g"),
    ]
    assert list(made.heard) == heard
    assert replies == listening().answer(heard)
    assert len(set(replies)) > 1


def test_a_conversation_that_is_forgotten_begins_anew(listening):
    made = listening()
    talk = _Conversation(made, None)
    talk("a b")
    talk.forget()
    talk("c")
    assert made.heard == ("a b", "c")


def test_a_task_that_does_not_converse_remembers_nothing(listening, finished):
    made = listening(finished)
    talk = _Conversation(made, None)
    said = ["a b", "c", " d  e"]
    assert [talk(text) for text in said] == listening(finished).answer(said)
    assert list(made.heard) == said


def test_constraints_are_no_part_of_a_conversation(listening, capfd):
    made = listening()
    talk = _Conversation(made, "inline")
    reply = talk("a b {>h g} {-c}")
    assert reply.startswith("h g")
    assert talk("{>f}") == ""  # says nothing
    assert capfd.readouterr().err == "constraints not met\n"
    talk("c")
    assert made.heard == ("a b", "", together("a b", reply, "c"))


def test_a_line_that_is_refused_is_no_part_of_a_conversation(listening):
    made = listening()
    talk = _Conversation(made, "columns")
    with pytest.raises(UserError, match="expected at most 4 tab-separated columns"):
        talk("a\t\t\t\t")
    talk("c")
    assert made.heard == ("c",)


class Terminal(io.TextIOWrapper):
    """Standard input or output that passes for a terminal."""

    def __init__(self, content: bytes = b"") -> None:
        super().__init__(io.BytesIO(content), encoding="utf-8")

    def isatty(self) -> bool:
        return True


@pytest.fixture
def typed(composed, monkeypatch, tmp_path, capsys):
    """What is typed at `generate`, and further settings -> what it prints, and what it says on stderr."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))

    def run(content: bytes, *overrides: str) -> tuple[list[str], str]:
        screen = Terminal()
        with monkeypatch.context() as patch:
            patch.setattr(sys, "stdin", Terminal(content))
            patch.setattr(sys, "stdout", screen)
            generate_lines(composed(*overrides, "device=cpu", command="generate"))
        screen.flush()
        printed = screen.buffer.getvalue().decode()
        return printed.split("> ")[1:-1], capsys.readouterr().err

    return run


def test_at_a_terminal_an_empty_line_begins_a_new_conversation_and_says_so(typed, talker, generate):
    (first, second, nothing, third), said = typed(b"a b\nc\n\nc\n", f"run={talker}")
    hints, new, end = said.splitlines()
    assert hints == "Say something; an empty line begins a new conversation; end with Ctrl-D."
    assert (nothing, new, end) == ("", "(a new conversation)", "")
    context = together("a b", first, "c")
    assert generate(f"a b\n{context}\nc\n".encode(), f"run={talker}").decode() == first + second + third


def test_at_a_terminal_other_tasks_answer_line_by_line(typed, finished, generate):
    (first, second, nothing, third), said = typed(b"a b\nc\n\nc\n", f"run={finished}")
    assert said.splitlines() == ["Type a sentence; end with Ctrl-D.", ""]
    assert nothing == ""
    assert generate(b"a b\nc\nc\n").decode() == first + second + third


# -- speed and memory ------------------------------------------------------------------------------------------------


def test_the_speed_is_told_at_the_end(generate, capfd):
    generate(b"a b c\n\nb\n")
    last = capfd.readouterr().err.splitlines()[-1]
    assert re.fullmatch(r"3 lines, [\d,]+ lines/s, [\d,]+ tokens/s", last)


def test_a_live_line_is_drawn_over_itself_and_taken_away(monkeypatch):
    seen = io.StringIO()
    monkeypatch.setattr(sys, "stderr", seen)
    meter = Meter(live=True)
    for _ in range(3):
        meter.due = 0
        meter.add(1_000, 5)
    meter.close()
    meter.close()
    first, *others = seen.getvalue().split("\r")[1:]
    assert first.startswith("1,000 lines, ")
    assert [part[:5] for part in others] == ["2,000", "3,000", "     ", ""]
    assert not others[2].strip()
    assert len(others[2]) == len(others[1])


def test_where_nobody_looks_no_live_line_is_drawn(monkeypatch):
    seen = io.StringIO()
    monkeypatch.setattr(sys, "stderr", seen)
    meter = Meter(live=False)
    meter.due = 0
    meter.add(1, 1)
    meter.close()
    assert seen.getvalue() == ""


MEASURED = """
import resource, sys
from seq2seq_pl.generate import main
main()
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, file=sys.stderr)
"""


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_memory_does_not_grow_with_the_input(finished, tmp_path):
    peaks = {}
    for count in (2_000, 100_000):
        (tmp_path / "in").write_bytes(b"a b c\nh g {+zzz}\n" * (count // 2))
        files = [f"run={finished}", f"input={tmp_path / 'in'}", f"output={tmp_path / 'out.jsonl'}", "device=cpu"]
        line = [sys.executable, "-c", MEASURED, *files, "constraints=inline"]
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        done = subprocess.run(line, env=environment, capture_output=True, text=True, check=True, timeout=800)
        assert f"{count:,} lines, " in done.stderr
        peaks[count] = int(done.stderr.split()[-1])
    assert peaks[100_000] < 1.1 * peaks[2_000]
