import hashlib

import pytest

from seq2seq_pl.corpus.download import Download
from seq2seq_pl.corpus.sigmorphon import Sigmorphon
from seq2seq_pl.errors import UserError

FILES = {"train": "train", "valid": "dev", "test": "test"}
TEXT = {"ice": "adda\ta tː a\n", "fre": "abandonner\ta b ɑ̃ d ɔ n e\tb ɑ̃\n"}


def corpus(path, language, download=None):
    return Sigmorphon(
        path=path and str(path), language=language, files=FILES, source="word", target="phones", download=download
    )


def original(server):
    names = [(part, language) for part in FILES.values() for language in TEXT]
    server.content |= {f"/data/{part}/{name}_{part}.tsv": TEXT[name].encode() for part, name in names}
    return Download(
        url=server.address,
        folder="words",
        files={
            f"{name}_{part}.tsv": {
                "url": f"{part}/{name}_{part}.tsv",
                "sha256": hashlib.sha256(TEXT[name].encode()).hexdigest(),
            }
            for part, name in names
        },
    )


def test_only_the_files_of_the_language_are_downloaded(server):
    french = corpus(None, "fre", original(server))
    assert french.splits() == ("train", "valid", "test")
    (record,) = french.records("valid")
    assert record.fields == {"word": "abandonner", "phones": "a b ɑ̃ d ɔ n e", "further": '["b ɑ̃"]'}
    assert server.asked == [f"/data/{part}/fre_{part}.tsv" for part in FILES.values()]


def test_a_folder_has_the_files_of_any_language(tmp_path, server):
    (tmp_path / "xyz_dev.tsv").write_text(TEXT["ice"])
    (record,) = corpus(tmp_path, "xyz", original(server)).records("valid")
    assert record.fields == {"word": "adda", "phones": "a tː a", "further": "[]"}
    with pytest.raises(UserError, match=r"xyz_test\.tsv: no such file"):
        corpus(tmp_path, "xyz").records("test")


def test_a_language_that_is_not_there_is_answered_with_those_that_are(server):
    with pytest.raises(
        UserError,
        match=r"corpus\.language \(icy\) must be one of fre, ice; did you mean ice\? Or set corpus\.path=DIR\.",
    ):
        corpus(None, "icy", original(server))
    assert server.asked == []


def test_a_part_that_a_language_does_not_have_is_answered_with_those_it_has(server):
    with pytest.raises(
        UserError,
        match=r"^corpus\.files: ice_tset\.tsv is none of ice_dev\.tsv, ice_test\.tsv, ice_train\.tsv\. Or set corpus",
    ):
        Sigmorphon(
            path=None,
            language="ice",
            files={**FILES, "test": "tset"},
            source="word",
            target="phones",
            download=original(server),
        )
