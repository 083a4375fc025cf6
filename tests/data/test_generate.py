"""The corpora on disk: reproducible, distinct, and holding out what they say they hold out."""

from collections import Counter
from pathlib import Path

import pytest
from generate import DATA, differences, main, write
from grammar import lexicon
from grammar.sentences import Sentences
from grammar.traits import traits
from translation.corpus import MAX_WORDS, SIZES, Triple, as_tsv, held_out_pairs, realise, splits, words

LANGUAGES = ("en", "de", "zh")


@pytest.fixture(scope="module")
def drawn() -> dict[str, list[Triple]]:
    return splits()


@pytest.fixture(scope="module")
def stored() -> dict[str, list[list[str]]]:
    rows = {}
    for name in SIZES:
        text = (DATA / "translation" / f"{name}.tsv").read_bytes().decode("utf-8")
        rows[name] = [line.split("\t") for line in text.removesuffix("\n").split("\n")]
    return rows


def known_words(triples: list[Triple], language: str) -> set[str]:
    return {word for triple in triples for word in words(getattr(triple, language))}


@pytest.mark.parametrize("name", SIZES)
def test_generation_reproduces_the_committed_bytes(drawn: dict[str, list[Triple]], name: str) -> None:
    assert (DATA / "translation" / f"{name}.tsv").read_bytes() == as_tsv(drawn[name])


@pytest.mark.parametrize(("name", "size"), [("train", 20_000), ("valid", 1_000), ("test", 1_000), ("unseen", 1_000)])
def test_a_split_has_its_header_its_size_and_three_full_columns(
    stored: dict[str, list[list[str]]], name: str, size: int
) -> None:
    header, *rows = stored[name]
    assert header == ["en", "de", "zh"]
    assert len(rows) == size
    assert all(len(row) == 3 and all(cell == cell.strip() != "" for cell in row) for row in rows)


@pytest.mark.parametrize("column", range(3), ids=LANGUAGES)
def test_no_sentence_of_any_language_comes_twice_in_or_across_splits(
    stored: dict[str, list[list[str]]], column: int
) -> None:
    texts = [row[column] for name in SIZES for row in stored[name][1:]]
    assert len(set(texts)) == len(texts)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", ["valid", "test", "unseen"])
def test_every_word_outside_train_is_known_from_train(drawn: dict[str, list[Triple]], name: str, language: str) -> None:
    assert known_words(drawn[name], language) <= known_words(drawn["train"], language)


@pytest.mark.parametrize("name", SIZES)
def test_held_out_pairs_are_in_every_unseen_sentence_and_in_no_other(drawn: dict[str, list[Triple]], name: str) -> None:
    pairs = held_out_pairs()
    has_pair = [any(trait in pairs for trait in traits(triple.tree)) for triple in drawn[name]]
    assert all(has_pair) if name == "unseen" else not any(has_pair)


def test_every_held_out_pair_is_shown_by_unseen(drawn: dict[str, list[Triple]]) -> None:
    shown = Counter(trait for triple in drawn["unseen"] for trait in traits(triple.tree))
    assert [pair for pair in sorted(held_out_pairs()) if shown[pair] < 3] == []


def test_word_and_construction_of_a_held_out_pair_are_each_seen_in_train(drawn: dict[str, list[Triple]]) -> None:
    seen = Counter(part for triple in drawn["train"] for trait in traits(triple.tree) for part in trait)
    seen.update(word for triple in drawn["train"] for word in words(triple.en))
    assert [part for pair in sorted(held_out_pairs()) for part in pair if seen[part] < 20] == []


def test_an_english_sentence_has_one_german_and_one_chinese() -> None:
    sentences = Sentences(seed=97)
    meanings: dict[str, tuple[str, str]] = {}
    for _ in range(6_000):
        triple = realise(sentences.draw())
        assert meanings.setdefault(triple.en, (triple.de, triple.zh)) == (triple.de, triple.zh)


def test_lengths_have_a_long_tail(drawn: dict[str, list[Triple]]) -> None:
    lengths = [len(triple.en.split()) for triple in drawn["train"]]
    assert min(lengths) <= 3
    assert max(lengths) <= MAX_WORDS
    assert 9 <= sum(lengths) / len(lengths) <= 12
    assert sum(length > 16 for length in lengths) >= 0.15 * len(lengths)


def test_every_lexicon_entry_is_used_in_train(drawn: dict[str, list[Triple]]) -> None:
    known = known_words(drawn["train"], "en")
    nouns = (*lexicon.NOUNS, *(site.noun for site in lexicon.SITES))
    entries = [noun.en for noun in nouns] + [verb.en for verb in lexicon.VERBS if verb.frame != "existence"]
    entries += [word.en for word in lexicon.ADJECTIVES] + [word.en for word in lexicon.ADVERBS]
    entries += [name.en for name in lexicon.NAMES] + [region.en for region in lexicon.REGIONS]
    assert [entry for entry in entries if not set(entry.split()) <= known] == []


def test_every_kind_that_a_verb_or_an_adjective_asks_for_exists() -> None:
    kinds = {kind for noun in lexicon.NOUNS for kind in noun.kinds}
    kinds |= {kind for site in lexicon.SITES for kind in site.noun.kinds} | {"region"}
    wanted = {kind for verb in lexicon.VERBS for kind in (*verb.subjects, *verb.objects)}
    wanted |= {kind for adjective in lexicon.ADJECTIVES for kind in adjective.kinds}
    assert wanted - kinds == set()


def test_check_accepts_the_files_as_committed(drawn: dict[str, list[Triple]], monkeypatch: pytest.MonkeyPatch) -> None:
    files = {f"translation/{name}.tsv": as_tsv(drawn[name]) for name in SIZES}
    monkeypatch.setattr("generate.CORPORA", {"translation": lambda: files})
    assert main(["--check"]) == 0


def test_check_fails_with_a_sentence_where_a_file_differs(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("generate.CORPORA", {"translation": lambda: {"translation/test.tsv": b"other"}})
    assert main(["--check"]) == 1
    assert "test.tsv differs from what is generated" in capsys.readouterr().err


def test_check_names_the_file_that_differs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("generate.CORPORA", {"tiny": lambda: {"tiny/one.tsv": b"a\n", "tiny/two.tsv": b"b\n"}})
    write(tmp_path)
    assert differences(tmp_path) == []
    (tmp_path / "tiny/one.tsv").write_bytes(b"changed\n")
    (tmp_path / "tiny/two.tsv").unlink()
    first, second = differences(tmp_path)
    assert first.endswith("one.tsv differs from what is generated; run python data/generate.py to rewrite it.")
    assert second.endswith("two.tsv is missing; run python data/generate.py to write it.")
