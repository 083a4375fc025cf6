import gzip
import hashlib
import re
import socket

import pytest

from seq2seq_pl.corpus.component_split import ComponentSplit, pairs_sha256
from seq2seq_pl.corpus.download import Download
from seq2seq_pl.corpus.parallel_text import ParallelText
from seq2seq_pl.corpus.tsv import Tsv
from seq2seq_pl.errors import UserError

EN, DE = "one\ntwo\n", "eins\nzwei\n"
PAIRS = "a\tx\t1\nb\ty\t2\na\tz\t3\nc\tz\t4\nb\ty\t5\nd\tw\t6\n"


def sha256(text):
    return hashlib.sha256(text.encode()).hexdigest()


@pytest.fixture
def server(server):
    """The address with small files behind it."""
    server.content |= {
        "/data/a.en": EN.encode(),
        "/data/a.de.gz": gzip.compress(DE.encode()),
        "/data/broken.gz": gzip.compress(DE.encode())[:-9],
        "/data/pairs.txt": PAIRS.encode(),
    }
    return server


def download(server, name="a.de", url="a.de.gz", text=DE):
    files = {"a.en": {"url": "a.en", "sha256": sha256(EN)}, name: {"url": url, "sha256": sha256(text)}}
    return Download(url=server.address, folder="small", files=files)


def test_a_corpus_without_a_path_is_its_download(server):
    text = ParallelText(path=None, files={"train": "a"}, source="en", target="de", download=download(server))
    assert text.files("train") == (server.cache / "small/a.en", server.cache / "small/a.de")
    assert [record.fields["de"] for record in text.records("train")] == ["eins", "zwei"]


def test_the_second_fetch_does_not_ask_the_server(server):
    first = download(server).fetch()
    assert server.asked == ["/data/a.en", "/data/a.de.gz"]
    assert download(server).fetch() == first
    assert len(server.asked) == 2
    assert sorted(file.name for file in first.iterdir()) == ["a.de", "a.en"]


def test_a_path_is_never_downloaded(server, tmp_path):
    (tmp_path / "a.en").write_text(EN)
    (tmp_path / "a.de").write_text(DE)
    text = ParallelText(path=str(tmp_path), files={"train": "a"}, source="en", target="de", download=download(server))
    assert len(list(text.records("train"))) == 2
    assert server.asked == []


def test_a_wrong_checksum_leaves_nothing_behind(server):
    with pytest.raises(
        UserError,
        match=r"/data/a\.de\.gz is not the file that was expected \(wrong checksum\)\. Put a\.de into .*small by hand",
    ):
        download(server, text=DE + "drei\n").fetch()
    assert [file.name for file in (server.cache / "small").iterdir()] == ["a.en"]


@pytest.mark.parametrize(("url", "kind"), [("absent", "HTTPError"), ("broken.gz", "EOFError")])
def test_a_failed_download_leaves_nothing_behind(server, url, kind):
    with pytest.raises(
        UserError,
        match=rf"/data/{url} could not be downloaded \({kind}\)\. Put a\.de into .*small by hand, or set corpus",
    ):
        download(server, url=url).fetch()
    assert [file.name for file in (server.cache / "small").iterdir()] == ["a.en"]


def test_an_unreachable_server_is_named_with_the_folder_for_files_put_by_hand(tmp_path, monkeypatch):
    monkeypatch.setenv("SEQ2SEQ_PL_CACHE", str(tmp_path))
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}"
        original = Download(url=url, folder="small", files={"a.en": {"url": "a.en", "sha256": sha256(EN)}})
        with pytest.raises(
            UserError, match=rf"{url}/a\.en could not be downloaded .*Put a\.en into {tmp_path}/small by hand"
        ):
            original.fetch()
    (tmp_path / "small/a.en").write_text(EN)
    assert original.fetch() == tmp_path / "small"


def test_one_of_its_files_can_be_had_alone(server):
    assert [file.name for file in download(server).only(["a.de"]).fetch().iterdir()] == ["a.de"]
    assert server.asked == ["/data/a.de.gz"]
    assert len(list(download(server).fetch().iterdir())) == 2


def test_another_file_of_that_name_is_refused(server):
    (download(server).fetch() / "a.en").write_text("one\n")
    with pytest.raises(
        UserError, match=r"small/a\.en is not the file of http.*/data/a\.en \(wrong checksum\)\. Delete it"
    ):
        download(server).fetch()


def component_split(server, **options):
    arguments = {
        "valid_share": 0.3,
        "test_share": 0.3,
        "files": {split: split + ".tsv" for split in ("train", "valid", "test")},
    }
    url, original = f"{server.address}/pairs.txt", server.cache / "expected"
    original.parent.mkdir(exist_ok=True)
    original.write_text("".join(reversed(PAIRS.splitlines(keepends=True))))
    arguments |= {"folder": "pairs", "file": "pairs.txt", "pairs_sha256": pairs_sha256(original)}
    return ComponentSplit(url=url, **{**arguments, **options})


def rows(directory):
    return {
        file.stem: [tuple(line.split("\t")) for line in file.read_text().splitlines()] for file in directory.iterdir()
    }


def test_a_split_by_component_keeps_every_pair_once_and_no_sentence_in_two_splits(server):
    found = rows(component_split(server).fetch())
    everything = [row for split in found.values() for row in split]
    assert sorted(everything) == [("a", "x", "1"), ("a", "z", "3"), ("b", "y", "2"), ("c", "z", "4"), ("d", "w", "6")]
    for side in (0, 1):
        homes = [{row[side] for row in split} for split in found.values()]
        assert sum(map(len, homes)) == len(set.union(*homes))


def test_the_sha1_of_the_smallest_source_decides(server):
    # first bytes of sha1: a 0x86 = 0.52 (the component a, c), b 0xe9 = 0.91, d 0x3c = 0.23
    found = rows(component_split(server).fetch())
    assert {split: {row[0] for row in kept} for split, kept in found.items()} == {
        "train": {"b"},
        "valid": {"d"},
        "test": {"a", "c"},
    }


def test_a_split_is_made_once(server):
    split = component_split(server)
    assert split.fetch() == split.fetch()
    assert server.asked == ["/data/pairs.txt"]
    tsv = Tsv(path=None, files={"test": "test.tsv"}, columns=["en", "de"], source="en", target="de", download=split)
    assert [record.fields["en"] for record in tsv.records("test")] == ["a", "a", "c"]


def test_the_checksum_of_pairs_does_not_depend_on_their_order(tmp_path):
    for name, text in {"a": "b\ty\na\tx\n", "b": "a\tx\nb\ty\tby\na\tx\n", "c": "a\tx\nb\tz\n"}.items():
        (tmp_path / name).write_text(text)
    assert pairs_sha256(tmp_path / "a") == pairs_sha256(tmp_path / "b") != pairs_sha256(tmp_path / "c")


@pytest.mark.parametrize("name", ["../a.en", "/a.en", "sub/a.en", ".a", ""])
def test_a_name_that_leads_out_of_the_cache_is_refused(server, name):
    entry = {"url": "a.en", "sha256": sha256(EN)}
    with pytest.raises(UserError, match=r"^corpus\.download\.folder \(" + re.escape(name) + r"\): a name is made of"):
        Download(url=server.address, folder=name, files={"a.en": entry})
    with pytest.raises(UserError, match=r"^corpus\.download\.files\." + re.escape(name) + ": a name is made of"):
        Download(url=server.address, folder="small", files={"a.en": entry, name: entry})
    assert server.asked == []


@pytest.mark.parametrize("setting", ["folder", "file", "pairs_sha256", "files.valid"])
def test_no_name_of_a_split_leads_out_of_the_cache(server, setting):
    files = {"train": "train.tsv", "valid": "valid.tsv", "test": "test.tsv"}
    options = {"files": files | {"valid": "../x"}} if setting == "files.valid" else {setting: "../x"}
    with pytest.raises(UserError, match=r"^corpus\.download\." + setting + r" \(\.\./x\): a name is made of letters"):
        component_split(server, **options)


def test_impossible_splits_are_refused(server):
    with pytest.raises(UserError, match=r"corpus\.download\.files must name train, valid and test, not train\."):
        component_split(server, files={"train": "train.tsv"})
    with pytest.raises(
        UserError, match=r"valid_share \(0\.6\) and test_share \(0\.4\) must be 0 or more and leave something"
    ):
        component_split(server, valid_share=0.6, test_share=0.4)
