from __future__ import annotations

import json
import subprocess
import sys

import pytest
import sacrebleu

from seq2seq_pl.errors import UserError
from seq2seq_pl.metric.chrf import Chrf

HYPOTHESES = ["the cat sat on the mat", "There is a dog in the garden.", "Nothing alike"]
REFERENCES = ["the cat sat on a mat", "There was a dog in the yard.", "Quite different words"]


def test_a_perfect_output_has_100():
    assert Chrf().compute(REFERENCES, [[text] for text in REFERENCES])["chrf"].value == pytest.approx(100)


def test_the_score_is_that_worked_out_by_hand():
    # "abc" against "abcd". Precision 1 for orders 1 to 3; recall 3/4, 2/3, 1/2; order 4 is not in the hypothesis and
    # does not count. Means P = 1, R = 23/36; F = (1 + 4) P R / (4 P + R).
    recall = 23 / 36
    assert Chrf().compute(["abc"], [["abcd"]])["chrf"].value == pytest.approx(100 * 5 * recall / (4 + recall))


@pytest.mark.parametrize("word_order", [0, 2])
def test_the_figure_is_that_of_the_command_line_of_sacrebleu(tmp_path, word_order):
    for name, lines in (("hypotheses", HYPOTHESES), ("references", REFERENCES)):
        (tmp_path / name).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    arguments = [str(tmp_path / "references"), "-i", str(tmp_path / "hypotheses"), "-w", "9", "-cw", str(word_order)]
    command = [sys.executable, "-m", "sacrebleu", *arguments, "--metrics", "chrf", "--format", "json"]
    printed = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    ours = Chrf(word_order=word_order).compute(HYPOTHESES, [[text] for text in REFERENCES])["chrf"]
    assert ours.value == pytest.approx(printed["score"], abs=1e-8)
    assert ours.signature == printed["signature"]


def test_items_may_differ_in_the_number_of_their_references():
    chrf = Chrf()
    for references in ([["xyz", "abc"], ["defg"]], [["abc"], ["xyz", "defg"]]):
        score = chrf.compute(["abc", "defg"], references)["chrf"]
        assert score.value == pytest.approx(100)
        assert "nrefs:var" in score.signature
    assert chrf.compute(["abc", "defg"], [["xyz"], ["defg"]])["chrf"].value < 100


def test_the_signature_says_how_the_figure_was_made():
    signature = Chrf(lowercase=True, word_order=2).compute(["A b"], [["a B"]])["chrf"].signature
    assert signature == f"nrefs:1|case:lc|eff:yes|nc:6|nw:2|space:no|version:{sacrebleu.__version__}"


def test_case_counts_unless_lowercase_is_set():
    assert Chrf().compute(["ABC"], [["abc"]])["chrf"].value == 0
    assert Chrf(lowercase=True).compute(["ABC"], [["abc"]])["chrf"].value == pytest.approx(100)


def test_a_negative_word_order_is_an_error():
    with pytest.raises(UserError, match=r"^metric.chrf.word_order \(-1\) must be at least 0\.$"):
        Chrf(word_order=-1)
