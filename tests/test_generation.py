"""Lines in, lines out, whatever they hold."""

import io
import os
import sys
from pathlib import Path

import pytest

from seq2seq_pl.errors import UserError
from seq2seq_pl.generation import Generator, generate_lines, lines
from seq2seq_pl.saved import load_tokenizers, read_checkpoint, settings_of

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
        return Generator(settings, load_tokenizers(saved, settings), saved, "cpu")

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


def test_what_was_cut_is_told_on_stderr(generate, capfd):
    generate(b"a " * 500 + b"\n")
    assert "1 lines had over max_source_length=128 tokens and were cut." in capfd.readouterr().err


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
        (["batch_size=0"], "batch_size (0) must be at least 1."),
        (["batch_size=many"], "batch_size (many) must be a whole number."),
        (["device=tpu"], "device (tpu) must be one of auto, cpu, cuda."),
        (["+inptu=x"], "inptu: no such setting; did you mean input?"),
        (["run=nowhere"], "run=nowhere: no such directory; give the directory of a run"),
        (["checkpoint=first"], "has no checkpoint called first (there is: best, last)"),
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
