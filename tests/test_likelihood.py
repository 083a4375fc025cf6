"""Forced decoding: what a search reports is what the model says of its text."""

import json
import math
import re
from pathlib import Path

import pytest
import torch

from seq2seq_pl.config import validate
from seq2seq_pl.errors import UserError
from seq2seq_pl.generation import generate_lines
from seq2seq_pl.likelihood import LOGITS_AT_ONCE, Forced, score_lines
from seq2seq_pl.saved import load_model, load_tokenizers, read_checkpoint, settings_of
from seq2seq_pl.streaming import WINDOW
from seq2seq_pl.training import run as train
from seq2seq_pl.values import BOS, EOS, Batch

LINES = ["a b c", "h g f e d", "c", "b zzz a", "d d d d d d d", "e f", "a h", "g"]
RANKINGS = {
    "greedy": ["decoding=greedy"],
    "beam": ["decoding=beam"],
    "sums": ["decoding=beam", "decoding.length_penalty=0"],
    "wu": ["decoding=beam", "decoding.normalization=wu", "decoding.length_penalty=0.6"],
    "coverage": ["decoding=beam", "decoding.coverage_penalty=0.4"],
    "exact": ["decoding=beam", "decoding.stopping=exact", "decoding.length_penalty=0.3"],
    "diverse": ["decoding=diverse_beam"],
    "constrained": ["decoding=constrained_beam"],
    "ruled": ["decoding=beam", "decoding.min_length=3", "decoding.no_repeat_ngram=2"],
    "sampled": ["decoding=sampling", "decoding.temperature=0.5"],  # else a space that no text shows is drawn, too
}


@pytest.fixture(scope="module")
def another(tmp_path_factory, composed, corpus_folder, tiny_arguments):
    """Trains a run with the tokenizers of `finished` for a moment: its name, further settings -> its directory."""
    folder = tmp_path_factory.mktemp("others")

    def make(name: str, *overrides: str, corpus: Path = corpus_folder) -> Path:
        places = (f"corpus.path={corpus}", f"run_dir={folder / name}", f"cache_dir={folder / 'cache'}")
        fitting = [one for one in tiny_arguments if "attention" not in one and "max_epochs" not in one]
        quiet = ("trainer.max_epochs=1", "callback=[checkpoint]", "logger=[]", "seed=3")
        train(validate(composed(*fitting, *places, *quiet, *overrides)))
        return folder / name

    return make


@pytest.fixture(scope="module")
def copier(another) -> Path:
    """A run that copies words."""
    return another("copier", "model/output=pointer_generator", "trainer.max_epochs=4")


@pytest.fixture(scope="module")
def bahdanau(another) -> Path:
    """A run with another decoder."""
    return another("bahdanau", "model/decoder=bahdanau", "model.decoder.readout_size=7")


@pytest.fixture(scope="module")
def capitals(another, tmp_path_factory, write_corpus) -> Path:
    """A run that reads capital letters and writes what `finished` writes."""
    folder = write_corpus(tmp_path_factory.mktemp("capitals"))
    for path in folder.glob("*.src"):
        path.write_text(path.read_text(encoding="utf-8").upper(), encoding="utf-8")
    return another("capitals", corpus=folder)


@pytest.fixture(scope="module")
def convolutional(another) -> Path:
    """A run whose decoder has room for 9 tokens, EOS counted."""
    small = ["model.encoder.hidden_size=6", "model.encoder.layers=1", "model.decoder.layers=1"]
    room = ["model.decoder.max_positions=9", "decoding.max_length=9"]
    return another("convolutional", "model/encoder=conv", "model/decoder=conv", *small, *room)


@pytest.fixture
def score(composed, finished, tmp_path):
    """Bytes of the input and further settings -> bytes of the output."""

    def run(content: bytes, *overrides: str) -> bytes:
        (tmp_path / "pairs").write_bytes(content)
        files = (f"run={finished}", f"input={tmp_path / 'pairs'}", f"output={tmp_path / 'scores'}", "device=cpu")
        score_lines(composed(*files, *overrides, command="score"))
        return (tmp_path / "scores").read_bytes()

    return run


@pytest.fixture
def score_json(score, tmp_path):
    """Pairs and further settings -> the objects of the output."""

    def run(pairs: list[tuple[str, str]], *overrides: str) -> list[dict[str, object]]:
        out = tmp_path / "scores.jsonl"
        (tmp_path / "scores").touch()
        score("".join(f"{source}\t{target}\n" for source, target in pairs).encode(), f"output={out}", *overrides)
        return [json.loads(line) for line in out.read_text(encoding="utf-8").split("\n")[:-1]]

    return run


@pytest.fixture
def generate_json(composed, tmp_path):
    """Lines and settings -> the objects that `generate` writes."""

    def run(texts: list[str], *overrides: str) -> list[dict[str, object]]:
        (tmp_path / "in").write_text("".join(f"{text}\n" for text in texts), encoding="utf-8")
        files = (f"input={tmp_path / 'in'}", f"output={tmp_path / 'out.jsonl'}", "device=cpu")
        generate_lines(composed(*files, *overrides, command="generate"))
        return [json.loads(line) for line in (tmp_path / "out.jsonl").read_text(encoding="utf-8").split("\n")[:-1]]

    return run


def agree(generated, scored, tokenizer) -> int:
    """Checks one against the other; how many lines could be compared."""
    compared = 0
    for answer, forced in zip(generated, scored, strict=True):
        if not answer["finished"] or "⁇" in answer["text"]:
            continue
        ids = tokenizer.encode([answer["text"]])[0]
        if tokenizer.decode(ids) != answer["text"]:
            continue
        assert forced["log_prob"] == pytest.approx(answer["log_prob"], abs=1e-4)
        assert forced["score"] == pytest.approx(answer["score"], abs=1e-4)
        assert len(forced["tokens"]) == len(forced["token_log_probs"]) == len(ids) + 1
        compared += 1
    return compared


@pytest.fixture(scope="module")
def tokenizer(finished):
    saved = read_checkpoint(finished / "checkpoints" / "best.ckpt")
    return load_tokenizers(saved, settings_of(saved, {})).target


# -- the law ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ranking", RANKINGS)
def test_a_search_reports_the_score_of_forced_decoding(generate_json, score_json, finished, tokenizer, ranking):
    settings = [f"run={finished}", *RANKINGS[ranking]]
    generated = generate_json(LINES, *settings)
    pairs = [(answer["source"], answer["text"]) for answer in generated]
    assert agree(generated, score_json(pairs, *settings), tokenizer) >= 3


@pytest.mark.parametrize("space", ["probability", "log"])
@pytest.mark.parametrize("ranking", ["beam", "coverage", "wu"])
def test_the_law_holds_for_ensembles(generate_json, score_json, finished, bahdanau, tokenizer, ranking, space):
    settings = [f"run=[{finished},{bahdanau}]", f"ensemble={space}", *RANKINGS[ranking]]
    generated = generate_json(LINES, *settings)
    pairs = [(answer["source"], answer["text"]) for answer in generated]
    assert agree(generated, score_json(pairs, *settings), tokenizer) >= 3


def test_the_law_holds_for_runs_that_read_differently(generate_json, score_json, finished, capitals, tokenizer):
    settings = [f"run=[{capitals},{finished}]", "decoding=beam"]
    generated = generate_json([*LINES, "A b C d"], *settings)
    pairs = [(answer["source"], answer["text"]) for answer in generated]
    assert agree(generated, score_json(pairs, *settings), tokenizer) >= 3


def test_the_law_holds_for_copied_words(generate_json, score_json, finished, copier):
    for runs in ([copier], [copier, finished], [finished, copier]):
        settings = [f"run=[{','.join(map(str, runs))}]", "decoding=constrained_beam", "decoding.length_penalty=0"]
        generated = generate_json(["b zzz a {+zzz}", "yyy xxx {+xxx} {>yyy}"], *settings, "constraints=inline")
        texts = [answer["text"] for answer in generated]
        assert "zzz" in texts[0].split()
        assert texts[1].startswith("yyy")
        for answer, forced in zip(
            generated, score_json([("b zzz a", texts[0]), ("yyy xxx", texts[1])], *settings), strict=True
        ):
            assert answer["finished"]
            assert forced["score"] == pytest.approx(answer["score"], abs=1e-4)


def test_copied_words_have_their_own_probability(score_json, copier, finished):
    here, elsewhere = score_json([("b zzz a", "zzz"), ("b c a", "zzz")], f"run={copier}")
    assert here["tokens"] == ["▁zzz", "</s>"]
    assert elsewhere["tokens"] == ["<unk>", "</s>"]
    (never,) = score_json([("b zzz a", "zzz")], f"run={finished}")
    assert never["tokens"] == ["<unk>", "</s>"]
    assert math.isfinite(never["log_prob"])


# -- what forced decoding is -----------------------------------------------------------------------------------------


def test_each_token_is_what_the_stepped_model_says_of_it(score_json, finished, tokenizer):
    saved = read_checkpoint(finished / "checkpoints" / "best.ckpt")
    settings = settings_of(saved, {})
    tokenizers = load_tokenizers(saved, settings)
    model = load_model(saved, settings, tokenizers)
    pairs = [("a b c", "c b a"), ("h", "a a a a"), ("d e", "zzz"), ("a b", "")]
    for (source, target), forced in zip(pairs, score_json(pairs), strict=True):
        read = torch.tensor([[*tokenizers.source.encode([source])[0], EOS]])
        batch = Batch(read, read[:, :0], torch.zeros(1, dtype=torch.long), "")
        ids = tokenizer.encode([target])[0]
        state, before, expected = model.start(batch), BOS, []
        with torch.no_grad():
            for token in (*ids, EOS):
                log_probs, state = model.step(torch.tensor([[before]]), state)
                expected.append(log_probs[0, 0, token].item())
                before = token
        assert forced["token_log_probs"] == pytest.approx(expected, abs=1e-5)
        assert forced["log_prob"] == pytest.approx(sum(expected), abs=1e-5)
        assert forced["tokens"] == tokenizer.tokens([*ids, EOS])
        assert (forced["source"], forced["target"]) == (source, target)


def test_a_line_depends_on_itself_alone_and_comes_in_its_place(score):
    lines = [f"{source}\t{target}" for source in LINES for target in ("", "a", "c b a", "h " * 30)]
    together = score("\n".join(lines).encode()).decode().split("\n")[:-1]
    assert len(together) == len(lines)
    alone = score("\n".join(lines).encode(), "batch_size=1").decode().split("\n")[:-1]
    for one, other in zip(together, alone, strict=True):
        numbers = [float(number) for number in re.findall(r"-?\d+\.\d{6}", one)]
        assert numbers == pytest.approx([float(number) for number in re.findall(r"-?\d+\.\d{6}", other)], abs=2e-5)


def test_several_windows_are_one_stream(score, capfd):
    lines = ["a b\tb a", "c\tc", "d e f\tf"] * (WINDOW + 1)
    scores = score("".join(f"{line}\n" for line in lines).encode(), "batch_size=2").split(b"\n")[:-1]
    assert len(scores) == len(lines)
    assert re.search(rf"^{len(lines)} lines, [\d,]+ lines/s, [\d,]+ tokens/s$", capfd.readouterr().err, re.MULTILINE)


def test_a_line_of_output_holds_the_score_the_log_probability_and_each_token(score, score_json):
    line = score(b"a b c\tc b\n", "decoding=beam").decode()
    (forced,) = score_json([("a b c", "c b")], "decoding=beam")
    numbers, (first, second, third) = line.rstrip("\n").split("\t")[:2], line.split("\t")[2].split()
    assert numbers == [f"{forced['score']:.6f}", f"{forced['log_prob']:.6f}"]
    assert forced["score"] == pytest.approx(forced["log_prob"] / 3, abs=1e-6)
    for text, token, value in zip((first, second, third), ("▁c", "▁b", "</s>"), forced["token_log_probs"], strict=True):
        assert text == f"{token}:{value:.6f}"


def test_too_little_memory_is_told_with_what_to_lower(score, monkeypatch):
    def passes(self, batches):
        return torch.empty(1 << 60, dtype=torch.uint8)

    monkeypatch.setattr(Forced, "_passes", passes)
    told = r"^there is too little memory for scoring with a batch of 1 x 3 source tokens x 2 target tokens; lower "
    with pytest.raises(UserError, match=told + r"batch_size \(16\)\.$"):
        score(b"a b\tc\n", "batch_size=16")


def test_a_target_of_any_length_is_scored_whole(score_json, capfd):
    count = 2 * LOGITS_AT_ONCE + 7
    long, short = score_json([("a b", "a " * count), ("c", "c")])
    assert len(long["token_log_probs"]) == count + 1
    assert long["log_prob"] == pytest.approx(sum(long["token_log_probs"]))
    assert len(short["tokens"]) == 2
    assert "were cut" not in capfd.readouterr().err


def test_a_source_that_is_cut_is_told(score, capfd):
    score(b"a " * 500 + b"\ta\n")
    assert "cut to max_source_length=128 tokens: 1 line" in capfd.readouterr().err


def test_an_empty_source_and_an_empty_target_have_a_probability(score_json):
    for one in score_json([("", ""), ("a", ""), ("", "a")]):
        assert math.isfinite(one["log_prob"])
        assert one["tokens"][-1] == "</s>"


# -- mistakes --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("line", "found"), [("a b c", 1), ("a\tb\tc", 3), ("", 1)])
def test_a_line_that_is_no_pair_is_a_mistake_that_names_it(score, tmp_path, line, found):
    path = re.escape(str(tmp_path / "pairs"))
    with pytest.raises(UserError, match=rf"^{path}, line 2: expected 2 tab-separated columns, .*, found {found}\.$"):
        score(f"a\tb\n{line}\n".encode())


def test_a_target_that_a_model_has_no_positions_for_is_a_mistake_that_names_the_line(score, convolutional):
    run = f"run={convolutional}"
    score(b"a\ta b c d e f g h\n", run)
    with pytest.raises(UserError, match=r"^line 2: .*model\.decoder\.max_positions \(9\)"):
        score(b"a\tb\na\ta b c d e f g h a\nb\tc\n", run)


def test_a_coverage_penalty_needs_attention(score, another):
    run = another("blind", "model/attention=none")
    with pytest.raises(
        UserError, match=r"^decoding\.coverage_penalty needs attention weights, and this model has none"
    ):
        score(b"a\tb\n", f"run={run}", "decoding=beam", "decoding.coverage_penalty=1")


@pytest.mark.parametrize(
    ("overrides", "sentence"),
    [
        (["input=nowhere/in"], "input=nowhere/in: No such file or directory."),
        (["output=nowhere/out"], "output=nowhere/out: No such file or directory."),
        (["device=tpu"], "device (tpu) must be one of auto, cpu, cuda."),
        (["+constraints=inline"], "constraints: no such setting"),
        (["run=nowhere"], "run=nowhere: no such directory; give the directory of a run"),
        (["ensemble=both"], "ensemble (both) must be one of probability, log."),
    ],
)
def test_a_mistake_is_a_sentence(score, overrides, sentence):
    with pytest.raises(UserError) as caught:
        score(b"a\tb\n", *overrides)
    assert sentence in str(caught.value)


@pytest.mark.slow
def test_the_command_scores_what_generate_wrote(command, finished):
    generated = command("generate", f"run={finished}", "device=cpu", stdin=b"a b c\nh g\n")
    assert generated.returncode == 0, generated.stderr.decode()
    pairs = b"".join(b"%s\t%s\n" % pair for pair in zip((b"a b c", b"h g"), generated.stdout.splitlines(), strict=True))
    scored = command("score", f"run={finished}", "device=cpu", stdin=pairs)
    assert scored.returncode == 0, scored.stderr.decode()
    assert len(scored.stdout.splitlines()) == 2
    wrong = command("score", f"run={finished}", "device=cpu", stdin=b"a b c\n")
    assert wrong.returncode == 2
    assert wrong.stderr == b"error: -, line 1: expected 2 tab-separated columns, source and target, found 1.\n"
