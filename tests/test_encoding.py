"""Examples to rows of token ids: what is left out, what is cut, which words can be copied."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seq2seq_pl.encoding import Reader, prepare, write_targets
from seq2seq_pl.errors import UserError
from seq2seq_pl.interfaces import Tokenizer
from seq2seq_pl.store import Report, Row
from seq2seq_pl.values import EOS, SPECIAL_TOKENS, UNK, Example


class Words(Tokenizer):
    """Whitespace tokenizer of a fixed vocabulary that remembers what it was asked to encode."""

    def __init__(self, words):
        self.words = [*SPECIAL_TOKENS, *words]
        self.seen = []

    vocab_size = property(lambda self: len(self.words))

    def train(self, texts, tags=()):
        self.words += [f"<{tag}>" for tag in tags]

    def tag(self, name):
        return self.words.index(f"<{name}>") if f"<{name}>" in self.words else None

    def encode(self, texts, rng=None):
        self.seen.append(list(texts))
        return [self.piece_ids(text.split()) for text in texts]

    def pieces(self, texts, rng=None):
        self.seen.append(list(texts))
        return [text.split() for text in texts]

    def piece_ids(self, pieces):
        return [self.words.index(w) if w in self.words else UNK for w in pieces]

    def decode(self, ids, copied=()):
        return " ".join(self.tokens(ids, copied))

    def tokens(self, ids, copied=()):
        return [[*self.words, *copied][i] for i in ids]

    def to_json(self):
        return ""

    def load(self, text): ...


def run(pairs, training, source="a b c", target="x y", lengths=(3, 2), copying=False, long_sources="skip"):
    """The rows of some pairs, the report, and the two tokenizers."""
    tokenizers = Words(source.split()), Words(target.split())
    examples = [Example(left, right if isinstance(right, tuple) else (right,)) for left, right in pairs]
    report = Report("train" if training else "valid")
    reader = Reader(*tokenizers, "t", copying, lengths[0], long_sources)
    rows = prepare(examples, reader, training=training, max_target_length=lengths[1], report=report)
    return list(rows), report, tokenizers


def test_ids_end_with_eos_and_tokens_are_counted_without_it():
    rows, report, _ = run([("a b", "x"), ("c d", "y z")], training=True)
    assert rows == [
        Row([4, 5, EOS], [4, EOS], "a b", ("x",)),
        Row([6, UNK, EOS], [5, UNK, EOS], "c d", ("y z",)),
    ]
    assert report == Report("train", kept=2, source_tokens=4, target_tokens=3, source_unknown=1, target_unknown=1)


def test_training_skips_and_counts_what_is_empty_or_too_long():
    pairs = [("a", "x"), (" ", "x"), ("a", "\u3000"), ("a", ()), ("a b c a", "x"), ("a", "x y x"), ("a b c", "x y")]
    rows, report, _ = run(pairs, training=True)
    assert [row.source_text for row in rows] == ["a", "a b c"]
    assert (report.kept, report.empty, report.too_long, report.cut, report.cut_targets) == (2, 3, 2, 0, 0)


def test_a_tokenizer_is_never_handed_nothing():
    pairs = [("", "x")] * 1_000 + [("a", "x")]
    _, report, (source, target) = run(pairs, training=True)
    assert report.empty == 1_000
    assert (source.seen, target.seen) == ([["a"]], [["x"]])


def test_evaluation_skips_nothing_and_cuts_ids_only():
    pairs = [("", "x"), ("a b c a", ("x y x", "y")), ("a", ""), ("b", ())]
    rows, report, _ = run(pairs, training=False)
    assert rows == [
        Row([EOS], [4, EOS], "", ("x",)),
        Row([4, 5, 6, EOS], [4, 5, EOS], "a b c a", ("x y x", "y")),
        Row([4, EOS], [EOS], "a", ("",)),
        Row([5, EOS], [EOS], "b", ()),
    ]
    assert (report.kept, report.empty, report.too_long, report.cut, report.cut_targets) == (4, 0, 0, 1, 1)


def test_texts_reach_the_tokenizer_as_they_are():
    _, _, (source, target) = run([("  a\tb ", " x ")], training=True)
    assert (source.seen, target.seen) == ([["  a\tb "]], [[" x "]])


@pytest.mark.parametrize("training", [True, False])
def test_a_text_of_a_hundred_thousand_characters_is_never_encoded_whole(training):
    long = "a" * 100_000
    rows, report, (source, target) = run([("a", "x"), (long, "x"), ("b", long)], training=training)
    assert max(len(text) for tokenizer in (source, target) for texts in tokenizer.seen for text in texts) <= 60
    if training:
        assert (report.kept, report.too_long) == (1, 2)
    else:
        assert (report.kept, report.cut, report.cut_targets) == (3, 1, 1)
        assert rows[1].source_text == long
        assert rows[2].references == (long,)


@settings(deadline=None)
@given(
    pairs=st.lists(st.tuples(*[st.text("ab ", max_size=8)] * 2), max_size=9),
    training=st.booleans(),
    lengths=st.tuples(st.integers(1, 3), st.integers(1, 3)),
)
def test_every_example_is_counted_once(pairs, training, lengths):
    rows, report, _ = run([("a", "b"), *pairs], training, source="a", target="b", lengths=lengths)
    assert report.kept + report.empty + report.too_long == len(pairs) + 1
    assert report.kept == len(rows)
    assert report.source_tokens == sum(len(row.source) - 1 for row in rows)
    assert report.target_unknown == sum(row.target.count(UNK) for row in rows)
    assert all(len(row.source) <= lengths[0] + 1 and len(row.target) <= lengths[1] + 1 for row in rows)


def test_examples_are_encoded_in_chunks_and_only_as_far_as_rows_are_asked_for():
    taken = []

    def examples():
        for i in range(2_500):
            taken.append(i)
            yield Example("a b", ("x",))

    tokenizer = Words(["a", "b", "x"])
    report = Report("train")
    reader = Reader(tokenizer, tokenizer, "t", copying=False, max_length=5)
    rows = prepare(examples(), reader, training=True, max_target_length=4, report=report)
    next(rows)
    assert len(taken) == 1_000
    assert len(list(rows)) == 2_499
    assert [len(texts) for texts in tokenizer.seen] == [1_000] * 4 + [500] * 2


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize(
    ("long_sources", "ids", "learnt"), [("keep_start", [4, UNK, 5], [6, UNK]), ("keep_end", [UNK, 5, UNK], [6, 8])]
)
def test_a_long_source_is_cut_where_it_is_said_and_counted(training, long_sources, ids, learnt):
    pairs = [("a q b r", "q r"), ("a", "x")]
    rows, report, _ = run(pairs, training, long_sources=long_sources, copying=True, target="x a")
    assert rows[0].source == [*ids, EOS]
    assert rows[0].target == [*learnt, EOS]
    assert rows[0].source_text == "a q b r"
    assert (report.kept, report.too_long, report.cut) == (2, 0, 1)


def test_the_end_of_a_long_text_is_what_its_last_characters_say():
    rows, report, _ = run([("a" * 100 + " b c", "x")], training=True, long_sources="keep_end", lengths=(2, 2))
    assert rows[0].source == [5, 6, EOS]
    assert report.cut == 1


@pytest.mark.parametrize("training", [True, False])
def test_the_tag_of_a_task_comes_first_and_takes_no_room(training):
    tokenizers = Words(["a", "b"]), Words(["x"])
    for tokenizer in tokenizers:
        tokenizer.train([], ["s", "t"])
    report = Report("train")
    reader = Reader(*tokenizers, "t", copying=True, max_length=2)
    rows = list(prepare([Example("a b", ("x",))], reader, training=training, max_target_length=2, report=report))
    assert rows[0].source == [7, 4, 5, EOS]
    assert rows[0].copies == (6, 7, 8, EOS)  # the target's own tag, then words that the target lacks
    assert report.too_long == report.cut == 0


def test_nothing_left_is_refused_with_counts_and_way_out():
    message = (
        r"split train: nothing is left of its 3 examples \(1 with an empty side, 2 longer than "
        r"max_source_length=3 or max_target_length=2\)\. Raise the lengths or check corpus\.source and corpus\.target\."
    )
    with pytest.raises(UserError, match=message):
        run([("", "x"), ("a a a a", "x"), ("a" * 999, "x")], training=True)
    with pytest.raises(UserError, match=r"split valid: nothing is left of its 0 examples"):
        run([], training=False)


# -- copying ---------------------------------------------------------------------------------------------------------


def test_words_that_the_target_lacks_are_numbered_from_its_size_on_in_the_order_of_the_source():
    rows, report, _ = run(
        [("q a r q x s", "r x q q t y")], training=True, source="a", target="x y", lengths=(9, 9), copying=True
    )
    # The target has 6 ids, so q is 6, a (which only the source has) 7, r 8 and s 9; t is not in the source.
    assert rows[0].source == [UNK, 4, UNK, UNK, UNK, UNK, EOS]
    assert rows[0].copies == (6, 7, 8, 6, 4, 9, EOS)
    assert rows[0].target == [8, 4, 6, 6, UNK, 5, EOS]
    assert (report.source_unknown, report.target_unknown) == (5, 1)


def test_numbers_begin_anew_in_every_sentence():
    rows, _, _ = run([("q r", "r"), ("s", "s q")], training=True, copying=True)
    assert [row.copies for row in rows] == [(6, 7, EOS), (6, EOS)]
    assert [row.target for row in rows] == [[7, EOS], [6, UNK, EOS]]


def test_a_word_that_stood_in_what_was_cut_cannot_be_copied():
    rows, report, _ = run([("q r s t", "t s"), ("q " + "r" * 99, "r q")], training=False, copying=True)
    assert rows[0].source == [UNK] * 3 + [EOS]
    assert rows[0].copies == (6, 7, 8, EOS)
    assert rows[0].target == [UNK, 8, EOS]
    assert rows[1].copies == (6, 7, EOS)
    assert rows[1].target == [UNK, 6, EOS]
    assert report.cut == 2


def test_without_words_to_copy_everything_is_as_without_copying():
    pairs = [("a b", "x"), ("c", "y x")]
    plain, _, _ = run(pairs, training=True)
    rows, _, _ = run(pairs, training=True, target="x y", copying=True)
    assert [row[:4] for row in rows] == [row[:4] for row in plain]
    assert all(row.copies == () for row in plain)


@settings(deadline=None)
@given(
    pairs=st.lists(st.tuples(st.text("abq ", max_size=9), st.text("aqr ", max_size=9)), min_size=1),
    limit=st.integers(1, 4),
)
def test_copies_and_targets_spell_the_words_that_can_be_read(pairs, limit):
    source, target = Words(["a", "b"]), Words(["a", "ab"])
    read = Reader(source, target, "t", copying=True, max_length=limit).read([left for left, _ in pairs])
    learnt = write_targets([right for _, right in pairs], read, target)
    for (left, right), one, ids in zip(pairs, read, learnt, strict=True):
        words = left.split()[:limit]
        assert target.decode(one.copies, one.words) == " ".join(words)
        assert source.tokens(one.ids) == [word if word in ("a", "b") else "<unk>" for word in words]
        spelt = [word if word in (*words, "a", "ab") else "<unk>" for word in right.split()]
        assert target.tokens(ids, one.words) == spelt
        assert one.cut == (len(left.split()) > limit)
        assert max([*one.copies, *ids], default=0) < target.vocab_size + max(1, len(words))
