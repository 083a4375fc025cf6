"""`compare`: finished runs side by side, on outputs made by hand."""

import json
import random
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from sacrebleu import sentence_chrf
from sacrebleu.metrics.bleu import BLEU
from sacrebleu.significance import PairedTest

from seq2seq_pl import record
from seq2seq_pl.comparison import compare_runs
from seq2seq_pl.errors import UserError
from seq2seq_pl.findings import holm
from seq2seq_pl.metric.bleu import Bleu
from seq2seq_pl.significance import approximate_randomization, interval, paired_bootstrap, seed_interval

WORDS = ["the", "a", "cat", "dog", "house", "tree", "sees", "eats", "under", "over", "with", "small", "big", "old"]
BLEU_NODE = {"_target_": "seq2seq_pl.metric.bleu.Bleu", "language": "de", "tokenize": None, "lowercase": False}
FAST = ("resamples=150", "trials=200")


def noisy(texts: list[str], noise: float, seed: int) -> list[str]:
    """The texts with some words replaced."""
    rng = random.Random(seed)
    return [" ".join(rng.choice(WORDS) if rng.random() < noise else word for word in text.split()) for text in texts]


REFERENCES = noisy([" ".join(["x"] * (1 + 11 * i % 17)) for i in range(40)], 1.0, 1)
SOURCES = [" ".join("s" * len(text.split())) for text in REFERENCES]
GOOD, POOR, OTHER = (noisy(REFERENCES, noise, seed) for noise, seed in ((0.1, 2), (0.35, 3), (0.3, 4)))


def write(folder: Path, **files: list[str]) -> Path:
    """Files of lines, "references_1" being references.1.txt."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, texts in files.items():
        content = "".join(f"{text}\n" for text in texts)
        (folder / f"{name.replace('_', '.')}.txt").write_text(content, encoding="utf-8", newline="")
    return folder


def outputs(folder: Path, hypotheses: list[str], **further: list[str]) -> Path:
    return write(folder, **{"hypotheses": hypotheses, "references": REFERENCES, "sources": SOURCES, **further})


def trained(folder: Path, hypotheses: list[str] | None, seed: int = 1, **settings: object) -> Path:
    """What training leaves: the config, and, where it came so far, outputs."""
    config = {"seed": seed, "run_dir": str(folder), "metric": {"bleu": BLEU_NODE}, "corpus": {"target": "de"}}
    record_of = {"config": config | {"dropout": 0.1, "dirpath": f"{folder}/checkpoints"} | settings, "seed": seed}
    (folder / ".hydra").mkdir(parents=True)
    (folder / ".hydra" / "overrides.yaml").write_text(f"- ++seed={seed}\n")
    record.write_record(folder, record_of)
    (folder / "checkpoints").mkdir()
    if hypotheses is not None:
        outputs(folder / "test", hypotheses)
    return folder


@pytest.fixture
def compare(composed, tmp_path, monkeypatch):
    """Compares directories below an empty one, and returns what the JSON says."""
    monkeypatch.chdir(tmp_path)

    def go(*arguments: str) -> dict:
        runs = ",".join(text for text in arguments if "=" not in text)
        settings = [text if text.startswith("metric=") else f"++{text}" for text in arguments if "=" in text]
        compare_runs(composed(f"runs=[{runs}]", *FAST, *settings, command="compare"))
        return json.loads((tmp_path / "compare.json").read_text(encoding="utf-8"))

    return go


@pytest.fixture
def pair(tmp_path) -> tuple[str, str]:
    outputs(tmp_path / "poor", POOR)
    outputs(tmp_path / "good", GOOD)
    return "poor", "good"


def refuses(compare, *arguments: str) -> str:
    with pytest.raises(UserError) as caught:
        compare(*arguments)
    return str(caught.value)


# -- figures ---------------------------------------------------------------------------------------------------------


def test_figures_are_sacrebleus_and_intervals_are_of_significance(compare, pair):
    found = compare(*pair, "metric=[bleu]")
    references = [(text,) for text in REFERENCES]
    poor, good = (Bleu().statistics(texts, references) for texts in (POOR, GOOD))
    for run, texts, statistics in zip(found["runs"], (POOR, GOOD), (poor, good), strict=True):
        (score,) = run["scores"].values()
        assert score["value"] == pytest.approx(BLEU().corpus_score(texts, [REFERENCES]).score, abs=1e-9)
        assert score["signature"].startswith("nrefs:1|case:mixed|eff:no|tok:13a|")
        drawn = interval(statistics, resamples=150)["bleu"]
        assert (score["low"], score["high"]) == (drawn.low, drawn.high)
    (one,) = found["differences"]
    bootstrap = paired_bootstrap(poor, good, resamples=150)["bleu"]
    swapped = approximate_randomization(poor, good, trials=200)["bleu"]
    assert one["difference"] == pytest.approx(bootstrap.difference, abs=1e-12)
    assert (one["low"], one["high"], one["p_bootstrap"]) == (bootstrap.low, bootstrap.high, bootstrap.p_value)
    assert one["p_randomization"] == swapped.p_value
    assert (one["p_bootstrap_holm"], one["p_randomization_holm"]) == (one["p_bootstrap"], one["p_randomization"])
    assert one["verdict"] == "better"


@pytest.mark.parametrize(("test", "sacrebleus", "samples"), [("bootstrap", "bs", 150), ("randomization", "ar", 200)])
def test_p_values_are_sacrebleus(compare, tmp_path, test, sacrebleus, samples):
    outputs(tmp_path / "poor", POOR)
    outputs(tmp_path / "other", OTHER)
    found = compare("poor", "other", "metric=[bleu]")["differences"][0][f"p_{test}"]
    named = [("poor", POOR), ("other", OTHER)]
    _, scores = PairedTest(named, {"BLEU": BLEU()}, [REFERENCES], test_type=sacrebleus, n_samples=samples)()
    assert 0.01 < found == pytest.approx(scores["BLEU"][1].p_value, abs=1e-9)


def test_by_default_scores_are_those_of_the_first_run_that_knows_its_own(compare, tmp_path):
    outputs(tmp_path / "plain", POOR)
    trained(tmp_path / "run", GOOD, metric={"bleu": {**BLEU_NODE, "tokenize": "char"}})
    signature = compare("plain", "run")["runs"][0]["scores"]["bleu"]["signature"]
    assert "tok:char" in signature
    assert compare("plain", "run/test")["runs"][0]["scores"]["bleu"]["signature"] == signature
    assert set(compare("plain", "run", "metric=[chrf,distinct]")["runs"][0]["scores"]) == {
        "chrf",
        "distinct1",
        "distinct2",
    }
    assert "tok:intl" in compare("plain", "run", "metric.bleu.tokenize=intl")["runs"][0]["scores"]["bleu"]["signature"]


def test_the_language_of_the_run_chooses_the_tokenizer(compare, tmp_path):
    outputs(tmp_path / "plain", POOR)
    trained(tmp_path / "run", GOOD, corpus={"target": "zh-CN"})
    assert "tok:zh" in compare("run", "plain", "metric=[bleu]")["runs"][0]["scores"]["bleu"]["signature"]


def test_a_score_that_is_no_sum_has_no_interval_and_no_test(compare, pair, tmp_path):
    found = compare(*pair, "metric=[distinct,exact_match]")
    assert found["runs"][0]["scores"]["distinct1"]["low"] is None
    assert {one["score"] for one in found["differences"]} == {"exact_match"}
    assert "There is no test for distinct1, distinct2," in (tmp_path / "compare.html").read_text()


def test_less_is_better_where_the_metric_says_so(compare, pair, tmp_path):
    (one,) = compare(*pair, "metric=[ter]")["differences"]
    assert one["difference"] < 0
    assert one["verdict"] == "better"
    best = re.search(r'class="number best" data-value="([^"]+)"', (tmp_path / "compare.html").read_text())
    assert best
    good = compare(*pair, "metric=[ter]")["runs"][1]["scores"]["ter"]["value"]
    assert float(best[1]) == good


def test_without_samples_and_trials_nothing_is_tested(compare, pair):
    found = compare(*pair, "metric=[bleu]", "resamples=0", "trials=0")
    assert found["runs"][0]["scores"]["bleu"]["low"] is None
    (one,) = found["differences"]
    assert one["difference"] > 5
    assert not [key for key in one if key.startswith("p_")]
    assert (one["low"], one["verdict"]) == (None, "")


def test_several_comparisons_are_corrected(compare, pair, tmp_path):
    outputs(tmp_path / "other", OTHER)
    differences = compare(*pair, "other", "metric=[bleu]")["differences"]
    for test in ("p_bootstrap", "p_randomization"):
        assert [one[f"{test}_holm"] for one in differences] == holm([one[test] for one in differences])
    assert differences[0]["p_bootstrap_holm"] == 2 * differences[0]["p_bootstrap"]
    assert [one["verdict"] for one in differences] == ["better", ""]


def test_holm_by_hand():
    assert holm([0.02, 0.5, 0.01]) == [0.04, 0.5, pytest.approx(0.03)]
    assert holm([0.4, 0.3]) == [0.6, 0.6]
    assert holm([0.9, 0.8]) == [1.0, 1.0]
    assert holm([0.03]) == [0.03]


def test_further_references_count_and_an_empty_one_is_none(compare, tmp_path):
    second = ["" if i % 2 else text for i, text in enumerate(GOOD)]
    for name, texts in (("poor", POOR), ("good", GOOD)):
        outputs(tmp_path / name, texts, references_1=second)
    value = compare("poor", "good", "metric=[bleu]")["runs"][1]["scores"]["bleu"]["value"]
    streams = [REFERENCES, [text or None for text in second]]
    assert value == pytest.approx(BLEU().corpus_score(GOOD, streams).score, abs=1e-9)


# -- seeds -----------------------------------------------------------------------------------------------------------


def test_runs_that_differ_by_seed_alone_are_a_group(compare, tmp_path):
    trained(tmp_path / "a", POOR, seed=1)
    trained(tmp_path / "b", OTHER, seed=2)
    trained(tmp_path / "c", GOOD, seed=1, dropout=0.3)
    found = compare("a", "b", "c")
    values = [run["scores"]["bleu"]["value"] for run in found["runs"]]
    assert [run["name"] for run in found["runs"]] == ["dropout=0.1 seed=1", "dropout=0.1 seed=2", "dropout=0.3"]
    two, alone = found["seeds"]
    over = seed_interval(values[:2])
    assert (two["settings"], two["over"]) == ("dropout=0.1", "seeds")
    assert two["runs"] == ["dropout=0.1 seed=1", "dropout=0.1 seed=2"]
    assert (two["mean"], two["low"], two["high"]) == (over.mean, over.low, over.high)
    assert two["deviation"] == pytest.approx(abs(values[0] - values[1]) / 2**0.5)
    assert (alone["settings"], alone["over"], alone["deviation"]) == ("dropout=0.3", "sentences", None)
    assert alone["low"] == found["runs"][2]["scores"]["bleu"]["low"]
    assert found["settings"] == {"dropout": {name: name[8:11] for name in (run["name"] for run in found["runs"])}}
    headings = re.findall(r"<h2[^>]*>([^<]*)</h2>", (tmp_path / "compare.html").read_text())
    assert headings[3] == "Over seeds"
    assert headings[-1] == "Settings in which they differ"


def test_a_sweep_stands_for_its_jobs_and_says_which_have_no_outputs(compare, tmp_path, capsys):
    for job, texts in (("10", OTHER), ("9", POOR), ("2", None)):
        trained(tmp_path / "sweep" / job, texts, seed=int(job))
    found = compare("sweep")
    assert [run["outputs"] for run in found["runs"]] == ["sweep/9/test", "sweep/10/test"]
    assert [run["name"] for run in found["runs"]] == ["seed=9", "seed=10"]
    assert found["left_out"] == ["sweep/2"]
    assert "left out, as it has no outputs of split=test: sweep/2" in capsys.readouterr().out
    assert "sweep/2" in (tmp_path / "compare.html").read_text()
    assert {one["settings"] for one in found["seeds"]} == {"all runs"}


def test_what_evaluate_wrote_is_read_where_training_wrote_nothing(compare, tmp_path):
    run = trained(tmp_path / "run", POOR)
    outputs(run / "evaluate" / "test", GOOD)
    outputs(run / "evaluate" / "valid", GOOD)
    outputs(tmp_path / "greedy", OTHER)
    assert compare("run", "greedy")["runs"][0]["outputs"] == "run/test"
    assert compare("run", "greedy", "split=valid")["runs"][0]["outputs"] == "run/evaluate/valid"
    assert [run["name"] for run in compare("run", "run/evaluate/test")["runs"]] == ["run", "test"]


@pytest.mark.parametrize("folder", ["test", "evaluate/test"])
def test_one_of_several_tasks_is_compared_by_its_own_metric(compare, pair, tmp_path, folder):
    own = {"metric": {"bleu": {**BLEU_NODE, "tokenize": "char"}}, "corpus": {"target": "de"}}
    other = {"metric": {"bleu": {**BLEU_NODE, "tokenize": "intl"}}, "corpus": {"target": "de"}}
    run = trained(tmp_path / "run", None, metric={}, corpus={}, mixture={"dialogue": other, "translation": own})
    outputs(run / folder / "translation", OTHER)
    outputs(run / folder / "dialogue", OTHER)
    found = compare("good", f"run/{folder}/translation")
    assert [one["name"] for one in found["runs"]] == ["good", "translation"]
    assert "tok:char" in found["runs"][1]["scores"]["bleu"]["signature"]
    places = f"run/{folder}/dialogue, run/{folder}/translation"
    expected = f"runs (run) is a run of several tasks; give the outputs of one: {places}."
    assert refuses(compare, "good", "run") == expected
    assert " (there is: test); make them with " in refuses(compare, "good", "run", "split=valid")


# -- the page --------------------------------------------------------------------------------------------------------


class Page(HTMLParser):
    """Collects what a page could load, and its visible text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.loaded: list[str] = []
        self.tags: list[str] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.loaded += [value for name, value in attrs if name in ("src", "href", "srcset", "data", "action")]

    def handle_data(self, data):
        self.text += data


def test_the_page_needs_no_other_file_and_runs_nobodys_script(compare, tmp_path):
    evil = "<script>alert(1)</script><img src=http://evil> $x^{$ \u202e"
    outputs(tmp_path / "poor", [evil, *POOR[1:]], sources=[evil, *SOURCES[1:]])
    outputs(tmp_path / "good", GOOD)
    compare("poor", "good")
    text = (tmp_path / "compare.html").read_text(encoding="utf-8")
    page = Page(text)
    assert page.tags.count("script") == 1
    assert all(link.startswith(("data:image/png;base64,", "#")) for link in page.loaded)
    assert page.tags.count("img") >= 3  # scores, lengths, changes
    assert "alert(1)" in page.text
    assert "@import" not in text
    assert "url(" not in text
    assert str(tmp_path) not in text


def test_the_same_runs_give_the_same_bytes(compare, pair, tmp_path):
    compare(*pair, "output=compare.html")
    first = [(tmp_path / name).read_bytes() for name in ("compare.html", "compare.json")]
    compare(*pair, "output=sub/dir/again.html")
    assert [(tmp_path / "sub" / "dir" / name).read_bytes() for name in ("again.html", "again.json")] == first


def test_sentences_are_shown_by_how_much_their_chrf_changed(compare, tmp_path):
    before, after = list(REFERENCES), list(REFERENCES)
    before[7], after[9], after[3] = "wholly different", "nothing alike", after[3] + " zebra"
    outputs(tmp_path / "before", before)
    outputs(tmp_path / "after", after)
    (changed,) = compare("before", "after", "sentences=2")["changed"]
    assert (changed["better"], changed["worse"], changed["same_output"]) == (1, 2, 37)
    assert [one["line"] for one in changed["gained"]] == [8]
    assert [one["line"] for one in changed["lost"]] == [10, 4]
    assert changed["lost"][0]["after"] == pytest.approx(sentence_chrf("nothing alike", [REFERENCES[9]]).score)
    assert changed["lost"][0]["before"] == pytest.approx(100)
    text = (tmp_path / "compare.html").read_text()
    assert '<mark class="new">zebra</mark>' in text
    assert '<mark class="gone">wholly different</mark>' in text
    assert "compared with before: 1 better, 2 worse, 37 with the same output." in text


def test_scores_by_length_are_those_of_the_bins(compare, pair, tmp_path):
    lengths = compare(*pair, "metric=[bleu]")["by_length"]
    assert (lengths["unit"], lengths["bins"]) == ("words", ["1-5", "6-10", "11-15", "16-20"])
    short = [i for i, text in enumerate(SOURCES) if len(text.split()) <= 5]
    assert lengths["sentences"][0] == len(short)
    score = BLEU().corpus_score([GOOD[i] for i in short], [[REFERENCES[i] for i in short]]).score
    assert lengths["scores"]["bleu"]["good"][0] == pytest.approx(score, abs=1e-9)


def test_runs_of_old_have_no_sources_and_the_page_says_so(compare, pair, tmp_path):
    for name in pair:
        (tmp_path / name / "sources.txt").unlink()
    assert compare(*pair)["by_length"] is None
    assert "None of the runs has a sources.txt" in (tmp_path / "compare.html").read_text()


def test_identical_outputs_differ_in_nothing(compare, tmp_path):
    for name in ("a", "b"):
        outputs(tmp_path / name, GOOD)
    found = compare("a", "b")
    assert {(one["difference"], one["p_bootstrap"], one["p_randomization"]) for one in found["differences"]} == {
        (0, 1, 1)
    }
    assert found["changed"][0]["gained"] == found["changed"][0]["lost"] == []
    assert "data-value" in (tmp_path / "compare.html").read_text()
    assert "number best" not in (tmp_path / "compare.html").read_text()


@pytest.mark.slow
def test_directories_are_typed_after_the_command(command, pair):
    done = command("compare", *pair, "output=page.html", *FAST)
    assert done.returncode == 0, done.stderr.decode()
    assert done.stderr == b""
    said = done.stdout.decode()
    assert "40 sentences of split test, against poor" in said
    assert "written to page.html" in said
    assert all(f"\n {name} " in said for name in pair)


@pytest.mark.slow
def test_a_finished_run_is_compared_with_itself_decoded_otherwise(command, finished, tmp_path):
    assert command("evaluate", f"run={finished}", "decoding=beam", "trainer=cpu", "output=beam").returncode == 0
    done = command("compare", str(finished), "beam")
    assert done.returncode == 0, done.stderr.decode()
    found = json.loads((tmp_path / "compare.json").read_text())
    trained_scores = json.loads((finished / "test" / "scores.json").read_text())
    for name, score in found["runs"][0]["scores"].items():
        assert score["value"] == trained_scores[f"test/translation/{name}"]["value"]
    assert found["by_length"]["unit"] == "words"


# -- mistakes --------------------------------------------------------------------------------------------------------


def test_fewer_than_two_runs_are_refused(compare, pair, tmp_path):
    assert refuses(compare).startswith("compare needs at least two runs, not 0: python -m seq2seq_pl.compare ")
    assert refuses(compare, "good").startswith("compare needs at least two runs, not 1: ")
    trained(tmp_path / "sweep" / "0", GOOD)
    trained(tmp_path / "sweep" / "1", None)
    assert "not 1; sweep/1 has no outputs of split=test: " in refuses(compare, "sweep")


def test_the_same_outputs_twice_are_refused(compare, pair, tmp_path):
    assert refuses(compare, "good", "poor", "good") == "runs: good is there twice; leave one out."
    (tmp_path / "link").symlink_to("good")
    assert refuses(compare, "good", "link") == "runs: link and good are the same outputs; leave one out."


def test_a_run_without_outputs_is_told_how_to_make_them(compare, tmp_path):
    run = trained(tmp_path / "it's", None)
    outputs(tmp_path / "good", GOOD)
    command = "make them with python -m seq2seq_pl.evaluate 'run=it'\"'\"'s' split=test"
    assert refuses(compare, "good", "'it\\'s'") == f"runs (it's) has no outputs of split=test; {command}"
    outputs(run / "evaluate" / "valid", GOOD)
    outputs(run / "test_unseen", GOOD)
    assert "split=test (there is: test_unseen, valid); make" in refuses(compare, "good", "'it\\'s'")


def test_a_sweep_without_any_outputs_is_told_how_to_make_them(compare, tmp_path):
    trained(tmp_path / "sweep" / "0", None)
    outputs(tmp_path / "good", GOOD)
    expected = "runs (sweep/0) has no outputs of split=test; make them with python -m seq2seq_pl.evaluate run=sweep/0 "
    assert refuses(compare, "good", "sweep").startswith(expected)


def test_what_is_no_directory_of_outputs_is_refused(compare, pair, tmp_path):
    (tmp_path / "empty").mkdir()
    assert refuses(compare, "good", "goood") == (
        f"runs (goood): no such directory, seen from {tmp_path}; did you mean good?"
    )
    assert refuses(compare, "good", "good/hypotheses.txt") == (
        "runs (good/hypotheses.txt): is a file; give the directory of a run."
    )
    assert refuses(compare, "good", "empty").startswith("runs (empty): neither a run nor a sweep nor outputs; ")


def test_different_references_are_refused_with_the_first_line_that_differs(compare, pair, tmp_path):
    write(tmp_path / "good", references=[*REFERENCES[:4], "other", "other", *REFERENCES[6:]])
    same = "runs can only be compared on the same sentences."
    assert refuses(compare, *pair) == f"poor/references.txt and good/references.txt differ in line 5; {same}"
    write(tmp_path / "good", references=REFERENCES[:-1], hypotheses=GOOD[:-1], sources=SOURCES[:-1])
    assert refuses(compare, *pair) == f"poor/references.txt and good/references.txt have 40 and 39 lines; {same}"
    outputs(tmp_path / "good", GOOD, references_1=POOR)
    assert refuses(compare, *pair) == f"there is good/references.1.txt but no poor/references.1.txt; {same}"


@pytest.mark.parametrize("name", ["hypotheses", "sources", "references_1"])
def test_files_of_different_length_are_refused(compare, pair, tmp_path, name):
    write(tmp_path / "good", **{name: GOOD[:-1]})
    file = f"good/{name.replace('_', '.')}.txt"
    expected = f"{file} has 39 lines but good/references.txt has 40; line i of one must belong to line i of the other."
    assert refuses(compare, "good", "poor") == expected


def test_outputs_without_references_are_refused(compare, pair, tmp_path):
    (tmp_path / "good" / "references.txt").unlink()
    assert refuses(compare, *pair) == "good has hypotheses.txt but no references.txt; put it there, line by line."


MISTAKES = {
    "output=.": "output (.) is a directory; give a file, such as compare.html.",
    "output=page.json": "output (page.json) must end in .html; the figures go to a .json beside it.",
    "output=good/hypotheses.txt/page.html": "output (good/hypotheses.txt/page.html) cannot be written: File exists: ",
    "metric.bleu.tokenise=char": "metric.bleu.tokenise: no such argument of Bleu; did you mean tokenize?",
    "metric.bleu.tokenize=chars": "metric.bleu.tokenize (chars) is not a tokenizer of sacreBLEU; ",
    "metric.bleu.tokenize=${nowhere}": "metric: Interpolation key 'nowhere' not found.",
    "metric.rouge.stemmer=true": "metric.rouge has settings but is not chosen; ",
    "resamples=-1": "resamples (-1) must be at least 0.",
    "sentence=3": "sentence: no such setting; did you mean sentences?",
    "runs=good": "runs (good) must be a list (each a text).",
}


@pytest.mark.parametrize("setting", MISTAKES)
def test_a_setting_that_cannot_be_is_refused(compare, pair, setting):
    assert refuses(compare, *pair, setting).startswith(MISTAKES[setting])


def test_an_empty_split_is_refused(compare, tmp_path):
    for name in ("a", "b"):
        outputs(tmp_path / name, [], references=[], sources=[])
    assert refuses(compare, "a", "b").startswith("metric.bleu: there are no hypotheses to score")


def test_a_damaged_record_leaves_a_run_without_settings(compare, pair, tmp_path):
    trained(tmp_path / "run", OTHER)
    (tmp_path / "run" / "record.json").write_text('{"config": ')
    assert [run["seed"] for run in compare("run", "good")["runs"]] == [None, None]
