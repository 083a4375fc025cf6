from __future__ import annotations

import logging
import socket
from importlib.metadata import version

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rouge_score.rouge_scorer import RougeScorer

from seq2seq_pl.errors import UserError
from seq2seq_pl.metric.rouge import KINDS, Rouge

HYPOTHESES = ["The cats sat.\nA dog is running home.", "There is a dog in the garden, I think.", "Nothing alike"]
REFERENCES = [
    ["A cat was sitting there.\nThe dogs run home!", "The cat sat. A dog ran."],
    ["There's a dog in the yard."],
    ["Quite different words", "Nothing else"],
]

TEXTS = st.lists(st.sampled_from(["a", "b", "c", "d.\n"]), max_size=6).map(" ".join)


def values(hypothesis: str, *references: str, **settings: object) -> dict[str, float]:
    return {name: score.value for name, score in Rouge(**settings).compute([hypothesis], [references]).items()}


def test_the_scores_are_those_worked_out_by_hand():
    # All of 3 words in place out of 6: P = 1, R = 1/2. Of bigrams 2 of 2 and 2 of 5.
    found = values("the cat sat", "the cat sat on the mat")
    third = 100 * 2 * 0.5 / 1.5
    assert found == pytest.approx({"rouge1": third, "rouge2": 100 * 4 / 7, "rougeL": third, "rougeLsum": third})


def test_the_summary_level_is_that_of_the_papers_example():
    # Section 3.2 of the paper, the candidate's sentences in the other order. The union of both common subsequences is
    # w1 w2 w3 w5: R = 4/5, P = 4/10; as one sentence the longest has three words: R = 3/5, P = 3/10.
    found = values("w1 w3 w8 w9 w5\nw1 w2 w6 w7 w8", "w1 w2 w3 w4 w5")
    assert found["rougeLsum"] == pytest.approx(100 * 2 * 0.4 * 0.8 / 1.2)
    assert found["rougeL"] == pytest.approx(100 * 2 * 0.3 * 0.6 / 0.9)


@pytest.mark.parametrize("stemmer", [False, True])
def test_the_figures_are_the_means_of_those_of_rouge_score(stemmer):
    scorer = RougeScorer(KINDS, use_stemmer=stemmer)
    found = Rouge(stemmer=stemmer).compute(HYPOTHESES, REFERENCES)
    for name in KINDS:
        best = [
            max(scorer.score(reference, hypothesis)[name].fmeasure for reference in item)
            for hypothesis, item in zip(HYPOTHESES, REFERENCES, strict=True)
        ]
        assert found[name].value == pytest.approx(100 * sum(best) / 3)


def test_each_score_has_its_own_best_reference():
    found = values("a b c d", "d c b a", "a b x y")
    assert found["rouge1"] == pytest.approx(100)
    assert found["rouge2"] == pytest.approx(100 / 3)
    assert found["rougeL"] == pytest.approx(50)


def test_the_mean_over_references_is_that_worked_out_by_hand():
    # Against the first: 4, 0 and 1 of 4 words, of 3 bigrams, in order; against the second 2 of 4, 1 of 3, 2 of 4.
    found = values("a b c d", "d c b a", "a b x y", references="mean")
    assert found == pytest.approx(
        {
            "rouge1_mean": 100 * (1 + 1 / 2) / 2,
            "rouge2_mean": 100 * (0 + 1 / 3) / 2,
            "rougeL_mean": 100 * (1 / 4 + 1 / 2) / 2,
            "rougeLsum_mean": 100 * (1 / 4 + 1 / 2) / 2,
        }
    )


def test_every_item_weighs_the_same_however_many_references_it_has():
    # 1 of one reference; 1, 0 and 0 of three.
    scores = Rouge(references="mean").compute(["a b", "c d"], [["a b"], ["c d", "x", "y"]])
    assert scores["rouge2_mean"].value == pytest.approx(100 * (1 + 1 / 3) / 2)


@settings(deadline=None, max_examples=60)
@given(TEXTS, st.lists(TEXTS, min_size=1, max_size=3))
def test_the_mean_is_never_above_the_best_and_equals_it_where_there_is_one_reference(hypothesis, references):
    best, mean = values(hypothesis, *references), values(hypothesis, *references, references="mean")
    for kind in KINDS:
        assert mean[f"{kind}_mean"] <= best[kind] + 1e-9
        if len(references) == 1:
            assert mean[f"{kind}_mean"] == best[kind]


def test_endings_count_unless_the_stemmer_is_set():
    assert values("dogs running", "dog runs")["rouge1"] == 0
    assert values("dogs running", "dog runs", stemmer=True)["rouge1"] == pytest.approx(100)


def test_words_are_for_letters_that_english_lacks():
    assert values("мама мыла раму", "мама мыла раму")["rouge1"] == 0
    assert values("Мама мыла раму", "мама мыла раму", tokenizer="words")["rouge2"] == pytest.approx(100)
    assert values("läuft", "l uft")["rouge1"] == pytest.approx(100)  # why "english" is for English
    assert values("läuft", "l uft", tokenizer="words")["rouge1"] == 0


def test_sentences_end_at_punctuation_only_if_asked():
    texts = ("w1 w3 w8 w9 w5 . w1 w2 w6 w7 w8.", "w1 w2 w3 w4 w5")
    assert values(*texts)["rougeLsum"] == pytest.approx(values(*texts)["rougeL"])
    lines = values(texts[0].replace(" . ", " .\n"), texts[1])
    assert values(*texts, sentences="punctuation") == pytest.approx(lines)
    assert lines["rougeLsum"] > lines["rougeL"]


def test_the_signature_says_how_the_figure_was_made():
    package = f"rouge-score:{version('rouge-score')}"
    scores = Rouge(tokenizer="words", sentences="punctuation").compute(["a"], [["a"]])
    assert scores["rouge2"].signature == f"rouge2|stat:F|mean:items|tok:words|stem:no|refs:best|{package}"
    assert scores["rougeLsum"].signature == (
        f"rougeLsum|stat:F|mean:items|tok:words|stem:no|refs:best|{package}|sent:punctuation"
    )
    assert "|tok:english|stem:porter|" in Rouge(stemmer=True).compute(["a"], [["a"]])["rougeL"].signature
    means = Rouge(references="mean").compute(["a"], [["a"]])
    assert means["rouge1_mean"].signature == f"rouge1_mean|stat:F|mean:items|tok:english|stem:no|refs:mean|{package}"
    assert means["rougeLsum_mean"].signature.endswith(f"|refs:mean|{package}|sent:newline")


def test_nothing_is_downloaded_and_nothing_logged(monkeypatch, caplog):
    def refuse(*arguments):
        raise AssertionError(f"a connection: {arguments}")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    with caplog.at_level(logging.DEBUG):
        values("dogs running home. Yes!", "dog runs", stemmer=True, sentences="punctuation")
    assert not caplog.records


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"tokenizer": "13a"}, r"^metric.rouge.tokenizer \(13a\) must be english or words\.$"),
        ({"sentences": "nltk"}, r"^metric.rouge.sentences \(nltk\) must be newline or punctuation\.$"),
        (
            {"tokenizer": "words", "stemmer": True},
            r"^metric.rouge.stemmer \(true\) knows English alone; set metric.rouge.tokenizer=english or ",
        ),
        ({"references": "all"}, r"^metric.rouge.references \(all\) must be best or mean\.$"),
        (
            {"references": "mean", "tokenizer": "words", "stemmer": True},
            r"^metric.rouge_mean.stemmer \(true\) knows .*; set metric.rouge_mean.tokenizer=english or ",
        ),
    ],
)
def test_settings_that_make_no_sense_are_errors(settings, message):
    with pytest.raises(UserError, match=message):
        Rouge(**settings)
