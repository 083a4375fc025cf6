from __future__ import annotations

import json
import math
import subprocess
import sys

import pytest
import sacrebleu

from seq2seq_pl.errors import UserError
from seq2seq_pl.metric.bleu import Bleu

HYPOTHESES = ["the cat sat on the mat .", "There is a dog in the garden, I think.", "Nothing alike"]
FIRST = ["the cat sat on a mat .", "There is a dog in the yard, I believe.", "Quite different words"]
SECOND = ["a cat was sitting on the mat .", "A dog is in the garden, I think.", "Nothing of it alike"]


def test_a_perfect_output_has_100():
    assert Bleu().compute(FIRST, [[text] for text in FIRST])["bleu"].value == pytest.approx(100)


def test_the_score_is_that_worked_out_by_hand():
    # Matches: unigrams a b c d f g = 6 of 7; ab bc cd fg = 4 of 6; abc bcd = 2 of 5; abcd = 1 of 4.
    # 7 tokens against 8: brevity penalty exp(1 - 8 / 7).
    score = Bleu().compute(["a b c d x f g"], [["a b c d e f g h"]])["bleu"].value
    wanted = math.exp(1 - 8 / 7) * (6 / 7 * 4 / 6 * 2 / 5 * 1 / 4) ** (1 / 4)
    assert score == pytest.approx(100 * wanted)


def test_the_figure_is_that_of_the_command_line_of_sacrebleu(tmp_path):
    for name, lines in (("hypotheses", HYPOTHESES), ("first", FIRST), ("second", SECOND)):
        (tmp_path / name).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    arguments = [str(tmp_path / "first"), str(tmp_path / "second"), "-i", str(tmp_path / "hypotheses"), "-w", "9"]
    command = [sys.executable, "-m", "sacrebleu", *arguments, "--metrics", "bleu", "--format", "json"]
    printed = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    ours = Bleu().compute(HYPOTHESES, list(zip(FIRST, SECOND, strict=True)))["bleu"]
    assert ours.value == pytest.approx(printed["score"], abs=1e-8)
    assert ours.signature == printed["signature"]


def test_items_may_differ_in_the_number_of_their_references():
    # The second item lacks the second reference: its counts are those of one reference. All 2 + 4 tokens match, in
    # items of 2 and 4 tokens there are 1 + 3 bigrams, 0 + 2 trigrams and 0 + 1 of four.
    bleu = Bleu()
    score = bleu.compute(["a b", "c d e f"], [["x y", "a b"], ["c d e f"]])["bleu"]
    assert score.value == pytest.approx(100)
    assert "nrefs:var" in score.signature
    poor = bleu.compute(["a b", "c d e f"], [["x y"], ["c d e f"]])["bleu"]
    assert poor.value == pytest.approx(100 * (4 / 6 * 3 / 4) ** (1 / 4))
    assert "nrefs:1|" in poor.signature
    first_is_short = bleu.compute(["a b", "c d e f"], [["a b"], ["x y", "c d e f"]])["bleu"]
    assert first_is_short.value == pytest.approx(100)


def test_the_signature_says_how_the_figure_was_made():
    signature = Bleu(lowercase=True).compute(["A b c d"], [["a B c d"]])["bleu"].signature
    assert signature == f"nrefs:1|case:lc|eff:no|tok:13a|smooth:exp|version:{sacrebleu.__version__}"


@pytest.mark.parametrize(
    ("language", "tokenize"),
    [(None, "13a"), ("de", "13a"), ("zh", "zh"), ("zh-CN", "zh"), ("ZH_tw", "zh"), ("th", "char")],
)
def test_the_language_chooses_the_tokenizer(language, tokenize):
    signature = Bleu(language=language).compute(["a b c d"], [["a b c d"]])["bleu"].signature
    assert f"|tok:{tokenize}|" in signature


def test_chinese_is_scored_by_character():
    # 4 characters, 3 of them in place: 3/4, 2/3, 1/2 and, smoothed, 1/2 of 1.
    score = Bleu(language="zh").compute(["我爱北平"], [["我爱北京"]])["bleu"].value
    assert score == pytest.approx(100 * (3 / 4 * 2 / 3 * 1 / 2 * 1 / 2) ** (1 / 4))


def test_tokenize_overrides_the_language():
    assert "|tok:char|" in Bleu(language="zh", tokenize="char").compute(["a b c d"], [["a"]])["bleu"].signature


def test_case_counts_unless_lowercase_is_set():
    assert Bleu().compute(["A B C D"], [["a b c d"]])["bleu"].value == 0
    assert Bleu(lowercase=True).compute(["A B C D"], [["a b c d"]])["bleu"].value == pytest.approx(100)


def test_an_unknown_tokenizer_is_named_with_the_nearest():
    with pytest.raises(UserError, match=r"^metric.bleu.tokenize \(13b\) is not a tokenizer of sacreBLEU; .* 13a\?$"):
        Bleu(tokenize="13b")
    with pytest.raises(UserError, match=r"^metric.bleu.tokenize \(words\) is not .*; choose one of none, zh, 13a, "):
        Bleu(tokenize="words")


@pytest.mark.parametrize(("language", "package"), [("ja", "ja"), ("ko", "ko")])
def test_a_tokenizer_that_is_not_installed_is_named_with_the_way_out(monkeypatch, language, package):
    monkeypatch.setattr(f"sacrebleu.tokenizers.tokenizer_{language}_mecab.MeCab", None)
    with pytest.raises(UserError, match=rf'^metric.bleu.tokenize \({language}-mecab\) .* "sacrebleu\[{package}\]" or '):
        Bleu(language=language)
