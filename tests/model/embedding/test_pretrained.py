from __future__ import annotations

import copy
import gzip
import re
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from seq2seq_pl.errors import UserError
from seq2seq_pl.model.embedding.pretrained import PretrainedEmbedding
from seq2seq_pl.values import PAD, SPECIAL_TOKENS

VOCABULARY = [*SPECIAL_TOKENS, "▁dog", "dog", "▁Cat", "▁", "s"]
DOG, INNER_DOG, CAT, SPACE, S = range(4, 9)


def made(vocab_size: int = len(VOCABULARY), **changed: object) -> PretrainedEmbedding:
    settings = {"size": 3, "scale": False, "source": None, "target": None, "freeze": False, **changed}
    torch.manual_seed(0)
    return PretrainedEmbedding(vocab_size, **settings)


@pytest.fixture
def write(tmp_path):
    """Text -> path of a file with it."""

    def written(text: str, name: str = "vectors.txt") -> str:
        path = tmp_path / name
        with gzip.open(path, "wb") if name.endswith(".gz") else path.open("wb") as file:
            file.write(text.encode("utf-8", "surrogateescape"))
        return str(path)

    return written


def begun(path: str, **changed: object) -> PretrainedEmbedding:
    embedding = made(source=path, **changed)
    embedding.begin(VOCABULARY, "source")
    return embedding


# -- which vector a token takes --------------------------------------------------------------------------------------


def test_vectors_of_the_file_replace_the_drawn_ones_and_the_share_is_told(write):
    path = write("the 1 2 3\ndog 4 5.5 -6e-1\ns 7 8 9\n")
    embedding, drawn = made(source=path), made().weight
    said = embedding.begin(VOCABULARY, "source")
    assert said == f"source embedding: 3 of 9 tokens have a vector in {path} (33 %)."
    for row in (DOG, INNER_DOG):
        torch.testing.assert_close(embedding.weight[row], torch.tensor([4, 5.5, -0.6]))
    assert embedding.weight[S].tolist() == [7, 8, 9]
    for row in (1, 2, 3, CAT, SPACE):
        assert torch.equal(embedding.weight[row], drawn[row])


def test_a_token_takes_its_own_spelling_first_then_without_its_space_then_in_lower_case(write):
    exact, bare, lower = "▁Cat 1 1 1", "Cat 2 2 2", "cat 3 3 3"
    for lines, value in [([lower, bare, exact], 1), ([exact, bare], 1), ([lower, bare], 2), ([bare, lower], 2)]:
        assert begun(write("\n".join(lines))).weight[CAT].tolist() == [value] * 3
    assert begun(write(lower)).weight[CAT].tolist() == [3, 3, 3]
    assert begun(write("CAT 4 4 4")).weight[CAT].tolist() == made().weight[CAT].tolist()


def test_of_a_word_that_the_file_has_twice_the_first_counts(write):
    assert begun(write("s 1 1 1\ns 2 2 2\n")).weight[S].tolist() == [1, 1, 1]


def test_pad_stays_zero_and_other_special_tokens_are_tokens_like_any_other(write):
    embedding = begun(write("<pad> 1 1 1\n</s> 2 2 2\n"))
    assert embedding.weight[PAD].tolist() == [0, 0, 0]
    assert embedding.weight[3].tolist() == [2, 2, 2]


def test_with_scale_the_model_sees_the_vectors_of_the_file(write):
    path = write("s 7 8 9\n")
    for scale in (False, True):
        embedding = begun(path, scale=scale)
        torch.testing.assert_close(embedding(torch.tensor([[S]])), torch.tensor([[[7.0, 8.0, 9.0]]]))
    torch.testing.assert_close(embedding.weight[S], torch.tensor([7.0, 8.0, 9.0]) / 3**0.5)


def test_each_side_reads_its_own_file_and_a_side_without_one_nothing(write):
    source, target = write("s 1 1 1\n"), write("s 2 2 2\n", "other.txt")
    embedding = made(source=source, target=target)
    embedding.begin(VOCABULARY, "target")
    assert embedding.weight[S].tolist() == [2, 2, 2]
    only_target = made(target=target)
    assert only_target.begin(VOCABULARY, "source") is None
    assert torch.equal(only_target.weight, made().weight)


def test_a_file_without_any_word_of_the_vocabulary_is_said_to_have_none(write):
    for text in ("the 1 2 3\n", ""):
        path = write(text)
        embedding = made(source=path)
        said = embedding.begin(VOCABULARY, "source")
        assert said == f"source embedding: 0 of 9 tokens have a vector in {path} (0 %)."
        assert torch.equal(embedding.weight, made().weight)


# -- how files are written -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["vectors.txt", "vectors.txt.gz"])
def test_word2vecs_first_line_spaces_at_the_ends_and_gzip_are_read(write, name):
    embedding = begun(write("2 3\r\nthe 1 2 3 \r\ns 4 5 6 \r\n\r\n", name))
    assert embedding.weight[S].tolist() == [4, 5, 6]


def test_a_word_with_spaces_in_it_is_passed_over(write):
    embedding = begun(write("the 1 2 3\n. . . 1 2 3\nat name@domain.com 1 2 3\ns 4 5 6\n"))
    assert embedding.weight[S].tolist() == [4, 5, 6]


def test_a_word_that_is_not_utf8_is_passed_over(write):
    assert begun(write("the 1 2 3\n\udcff\udcfe 1 2 3\ns 4 5 6\n")).weight[S].tolist() == [4, 5, 6]


def test_a_line_ends_at_the_newline_and_a_column_at_the_space_and_nowhere_else(write):
    embedding = begun(write("a\u2028s 1 1 1\ns\u00a0s 2 2 2\ns\x85 3 3 3\ns 4 5 6\n"))
    assert embedding.weight[S].tolist() == [4, 5, 6]


# -- freezing --------------------------------------------------------------------------------------------------------


def test_frozen_vectors_get_no_gradient_neither_as_embedding_nor_as_output_and_others_learn(write):
    embedding = begun(write("s 4 5 6\n"), freeze=True)
    tokens = torch.tensor([[S, CAT, 2]])
    F.linear(embedding(tokens), embedding.weight).square().sum().backward()
    assert embedding.weight.grad[S].tolist() == [0, 0, 0]
    assert (embedding.weight.grad[[CAT, 2]] != 0).all()
    torch.optim.Adam(embedding.parameters(), lr=0.1).step()
    assert embedding.weight[S].tolist() == [4, 5, 6]


def test_what_is_frozen_is_in_the_checkpoint_because_a_resumed_training_reads_no_file(write):
    embedding, resumed = begun(write("s 4 5 6\n"), freeze=True), made(source="gone.txt", freeze=True)
    resumed.load_state_dict(embedding.state_dict())
    resumed(torch.tensor([[S, CAT]])).sum().backward()
    assert resumed.weight.grad[S].tolist() == [0, 0, 0]
    assert resumed.weight.grad[CAT].tolist() == [1, 1, 1]


def test_without_freeze_every_vector_learns_and_the_checkpoint_is_a_token_embeddings(write):
    embedding = begun(write("s 4 5 6\n"))
    embedding(torch.tensor([[S, CAT]])).sum().backward()
    assert (embedding.weight.grad[[S, CAT]] == 1).all()
    assert list(embedding.state_dict()) == ["weight"]


def test_a_frozen_embedding_survives_a_change_of_precision(write):
    embedding = nn.Sequential(begun(write("s 4 5 6\n"), freeze=True)).double()
    embedding(torch.tensor([[S]])).sum().backward()
    assert embedding[0].weight.grad.abs().max() == 0
    assert torch.equal(copy.deepcopy(embedding)[0].frozen, embedding[0].frozen)


# -- mistakes --------------------------------------------------------------------------------------------------------


def test_a_finished_run_is_rebuilt_without_the_file_and_a_training_wants_it():
    embedding = made(source="no/such/file.txt")
    message = (
        f"model.embedding.source (no/such/file.txt): no such file, seen from {Path.cwd()}; give a word2vec or GloVe "
        "text file, or model.embedding.source=null."
    )
    with pytest.raises(UserError, match=f"^{re.escape(message)}$"):
        embedding.begin(VOCABULARY, "source")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("dog 1 2\n", "its vectors have 2 numbers and model.embedding.size is 3; set model.embedding.size=2."),
        ("40 300\n", "its vectors have 300 numbers and model.embedding.size is 3; set model.embedding.size=300."),
        ("{\n", "its vectors have 0 numbers and model.embedding.size is 3; is it a word2vec or GloVe text file?"),
        ("the 1 2 3\nof 1 2\n", "line 2: expected 4 columns, a word and 3 numbers, found 3. Fix the line or take"),
        ("the 1 2 3\nof 1 2 3 4\n", "line 2: expected 4 columns, a word and 3 numbers, found 5. Fix the line or"),
        ("the 1 2 3\ndog 1 x 3\n", "line 2: 'x' is not a number. Fix the line or take it out."),
        ("the 1 2 3\ndog 1 nan 3\n", "line 2: 'nan' is not a number. Fix the line or take it out."),
    ],
)
def test_a_line_that_cannot_be_read_is_named(write, text, message):
    with pytest.raises(UserError, match=f"vectors.txt[:,] {re.escape(message)}"):
        begun(write(text))


def test_a_damaged_gzip_file_is_named(write, tmp_path):
    path = Path(write("the 1 2 3\n" * 5000 + "s 1 2 3\n", "vectors.txt.gz"))
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(UserError, match=r"vectors\.txt\.gz: the gzip file is damaged after line \d+ \("):
        begun(str(path))


def test_a_size_below_one_is_refused():
    with pytest.raises(UserError, match=r"^model\.embedding\.size \(0\) must be at least 1\.$"):
        made(size=0)
