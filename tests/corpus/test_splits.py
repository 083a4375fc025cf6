import re

import pytest

from seq2seq_pl.corpus.splits import check_column, check_name, check_policy, chosen, ordered
from seq2seq_pl.errors import UserError


def test_splits_come_in_the_order_train_valid_test_and_further_tests():
    names = ["test_b", "test", "valid", "test_a", "train"]
    assert list(ordered({name: name + ".tsv" for name in names})) == ["train", "valid", "test", "test_b", "test_a"]


def test_a_split_of_another_name_is_refused():
    with pytest.raises(UserError, match=r"corpus\.files\.vaild: a split is called .* test_NAME; did you mean valid\?"):
        ordered({"train": "a", "vaild": "b"})
    with pytest.raises(UserError, match=r"corpus\.files is empty; name at least one split"):
        ordered({})
    with pytest.raises(UserError, match=r"corpus\.splits\.dev: a split is called"):
        ordered({"dev": "dev"}, "corpus.splits")


@pytest.mark.parametrize(
    "name", ["test_a/b", "test_../../x", "test_/etc", "test_a\\b", "test_a\n", "test_ ", "test_\0"]
)
def test_a_split_whose_name_leads_out_of_a_folder_is_refused(name):
    rule = r": a name is made of letters, digits, _, - and \., and does not begin with a dot\.$"
    with pytest.raises(UserError, match="^" + re.escape(f"corpus.files.{name}") + rule):
        ordered({"train": "a", name: "b"})
    with pytest.raises(UserError, match="^" + re.escape(f"corpus.splits.{name}") + rule):
        ordered({"train": "a", name: "b"}, "corpus.splits")


@pytest.mark.parametrize("name", ["test_2016_flickr", "test_v1.0", "test_A-b", "test_.."])
def test_a_split_may_have_dots_and_dashes_in_its_name(name):
    assert list(ordered({"train": "a", name: "b"})) == ["train", name]


@pytest.mark.parametrize("name", ["", ".", "..", ".hidden", "/", "a/b", "../a", "C:a", "~"])
def test_what_cannot_be_the_name_of_a_file_is_refused(name):
    with pytest.raises(UserError, match=r"^corpus\.x \(.*\): a name is made of letters"):
        check_name(f"corpus.x ({name})", name)


def test_an_unknown_split_is_answered_with_those_there_are():
    assert chosen({"train": "a", "test": "b"}, "test") == "b"
    with pytest.raises(UserError, match=r"split tset: the corpus has only train, test; did you mean test\? Choose one"):
        chosen({"train": "a", "test": "b"}, "tset")
    with pytest.raises(UserError, match=r"Choose one of them or add corpus\.splits\.valid\."):
        chosen({"train": "a"}, "valid", "corpus.splits")


def test_an_unknown_policy_for_bad_lines_is_refused():
    with pytest.raises(UserError, match=r"corpus\.on_bad_line \(ignore\) must be error or skip"):
        check_policy("ignore")


def test_the_columns_of_a_file_are_told_as_far_as_a_sentence_has_room():
    with pytest.raises(
        UserError, match=r"^corpus\.source \(en\) is not a column of a\.tsv, which has c0, .*, c9, \.\.\.\.$"
    ):
        check_column("source", "en", tuple(f"c{i}" for i in range(500)), "a.tsv")
    with pytest.raises(UserError, match=r"which has e\\u2028n; did you mean e\\u2028n\?$"):
        check_column("source", "en", ("e\u2028n",), "a.tsv")
    with pytest.raises(UserError, match=r"is not a column of corpus\.fields, which has none\.$"):
        check_column("source", "en", (), "corpus.fields")
