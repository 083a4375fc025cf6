from __future__ import annotations

import json
import subprocess
import sys

import pytest
import sacrebleu

from seq2seq_pl.errors import UserError
from seq2seq_pl.metric.ter import Ter

HYPOTHESES = ["the mat sat on the cat, too.", "There is a dog in the garden.", "我爱北平。"]
FIRST = ["the cat sat on a mat!", "there was a dog in the yard.", "我爱北京。"]
SECOND = ["a cat sat on the mat, too.", "In the garden there is a dog.", "我喜欢北京。"]


@pytest.mark.parametrize(
    ("hypothesis", "references", "value"),
    [
        ("a b c d", ["a b c d"], 0),
        ("a b x d", ["a b c d"], 25),  # a replacement
        ("c d a b", ["a b c d"], 25),  # a phrase moves
        ("a b", ["a b c d"], 50),  # two insertions
        ("a b x", ["a b c", "v w x y z"], 25),  # one edit to the nearest, over the mean length of 4
        ("a b", [""], 100),
    ],
)
def test_the_score_is_that_worked_out_by_hand(hypothesis, references, value):
    assert Ter().compute([hypothesis], [references])["ter"].value == pytest.approx(value)


@pytest.mark.parametrize(
    ("settings", "options"),
    [
        ({}, []),
        ({"case_sensitive": True}, ["--ter-case-sensitive"]),
        ({"normalized": True}, ["--ter-normalized"]),
        ({"no_punct": True, "asian_support": True}, ["--ter-no-punct", "--ter-asian-support"]),
    ],
)
def test_the_figure_is_that_of_the_command_line_of_sacrebleu(tmp_path, settings, options):
    for name, lines in (("hypotheses", HYPOTHESES), ("first", FIRST), ("second", SECOND)):
        (tmp_path / name).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    files = [str(tmp_path / "first"), str(tmp_path / "second"), "-i", str(tmp_path / "hypotheses")]
    command = [sys.executable, "-m", "sacrebleu", *files, "-w", "9", "--metrics", "ter", "--format", "json", *options]
    printed = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    ours = Ter(**settings).compute(HYPOTHESES, list(zip(FIRST, SECOND, strict=True)))["ter"]
    assert ours.value == pytest.approx(printed["score"], abs=1e-8)
    assert ours.signature == printed["signature"]


def test_the_signature_says_how_the_figure_was_made():
    signature = Ter(no_punct=True, case_sensitive=True).compute(["A b"], [["a B", "c"]])["ter"].signature
    assert signature == (f"nrefs:2|case:mixed|tok:tercom|norm:no|punct:no|asian:no|version:{sacrebleu.__version__}")


def test_asian_support_without_anything_to_act_on_is_an_error():
    with pytest.raises(
        UserError, match=r"^metric.ter.asian_support \(true\) changes .* set metric.ter.normalized=true"
    ):
        Ter(asian_support=True)
