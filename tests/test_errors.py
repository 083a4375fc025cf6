"""What a sentence for the user can say of names that stand in a file."""

from hypothesis import given
from hypothesis import strategies as st

from seq2seq_pl.errors import LISTED, SHOWN, listing, printable, spelled_out


@given(st.text() | st.text(st.characters()))
def test_a_text_out_of_a_file_stands_on_one_short_line(text):
    told = printable(text)
    assert told.isprintable()
    assert len(told) <= SHOWN + 3


def test_what_is_printable_stays_and_what_is_not_is_spelled_out():
    assert printable("Größe 猫") == "Größe 猫"
    assert printable("a\u2028b\x1b[1m\ud800") == r"a\u2028b\x1b[1m\ud800"
    assert printable("x" * 60) == "x" * 60
    assert printable("x" * 61) == "x" * 60 + "..."


def test_a_list_of_names_ends_where_there_is_no_more_room():
    names = [f"c{i}" for i in range(LISTED)]
    assert listing(names) == ", ".join(names)
    assert listing([*names, "more"]) == ", ".join(names) + ", ..."
    assert listing([]) == ""


def test_a_sentence_cannot_move_the_cursor():
    assert spelled_out("run=\x1b[2Ja\u2028b\rc") == r"run=\x1b[2Ja\u2028b\rc"
