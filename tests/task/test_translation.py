import pytest

from seq2seq_pl.errors import UserError
from seq2seq_pl.task.translation import Translation
from seq2seq_pl.values import Example, Record

RECORD = Record({"en": "Go.", "de": "Geh.", "de2": "Los!", "de3": " "}, "corpus/train.tsv, line 7")


def one(task: Translation) -> Example:
    """What the task makes of the record."""
    (example,) = task.examples(RECORD)
    return example


def test_a_translation_reads_one_field_and_learns_another():
    assert one(Translation(source="en", target="de")) == Example("Go.", ("Geh.",), RECORD.origin)
    assert one(Translation(source="de", target="en")).source == "Geh."


def test_further_references_follow_the_one_that_is_learnt():
    task = Translation(source="en", target="de", reference_fields=["de2", "de3"])
    assert one(task).references == ("Geh.", "Los!")


@pytest.mark.parametrize("argument", ["source", "target", "reference_fields"])
def test_a_missing_field_is_named_with_origin_and_nearest(argument):
    arguments = {"source": "en", "target": "de", argument: ["de4"] if argument == "reference_fields" else "de4"}
    message = (
        rf"corpus/train\.tsv, line 7: no field de4 \(task\.{argument}\); it has en, de, de2, de3; did you mean de\d?\?"
    )
    with pytest.raises(UserError, match=message):
        one(Translation(**arguments))


def test_a_name_like_no_field_gets_no_suggestion():
    with pytest.raises(UserError, match=r"no field zz \(task\.source\); it has en, de, de2, de3\.$"):
        one(Translation(source="zz", target="de"))


def test_a_field_may_hold_several_references_as_a_json_list():
    record = Record({"en": "Go.", "de": "Geh.", "all": '["Geh.", "Los!", ""]', "odd": "[sic] Los!"}, "line 1")
    task = Translation(source="en", target="de", reference_fields=["all", "odd"])
    assert next(task.examples(record)).references == ("Geh.", "Geh.", "Los!", "[sic] Los!")
