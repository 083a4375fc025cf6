import json
import logging
import multiprocessing
import os
import pickle
import re
import signal
import subprocess
import sys
import zlib
from dataclasses import asdict
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seq2seq_pl import store
from seq2seq_pl.errors import UserError
from seq2seq_pl.store import (
    Report,
    Row,
    Split,
    alone,
    crc32,
    fingerprint,
    made_once,
    read,
    write,
    write_report,
)
from seq2seq_pl.values import EOS

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=9)
IDS = st.lists(st.integers(0, 2**31 - 1), min_size=1, max_size=5)
ROWS = st.lists(st.builds(Row, IDS, IDS, TEXT, st.lists(TEXT, max_size=3).map(tuple), IDS), max_size=8)
SEVEN = [Row([i] * (i + 1) + [EOS], [i + 10, EOS], f"source {i}", (f"a {i}", f"b {i}")) for i in range(7)]


def contents(split):
    return [
        Row(
            split.source(i).tolist(),
            split.target(i).tolist(),
            split.source_text(i),
            split.references(i),
            () if split.copies(i) is None else split.copies(i).tolist(),
        )
        for i in range(len(split))
    ]


@settings(deadline=None)
@given(rows=ROWS, rows_per_batch=st.integers(1, 9))
def test_rows_come_back_as_they_were_written_wherever_batches_end(tmp_path_factory, rows, rows_per_batch):
    path = tmp_path_factory.mktemp("store") / "train.arrow"
    write(path, iter(rows), keep_text=True, copying=True, rows_per_batch=rows_per_batch)
    split = Split(path)
    assert len(split) == len(rows)
    assert contents(split) == rows
    assert split.source_lengths.tolist() == [len(row.source) for row in rows]
    assert split.target_lengths.tolist() == [len(row.target) for row in rows]
    assert split.source_lengths.dtype == split.target_lengths.dtype == np.int32


def test_seven_rows_in_batches_of_three_are_three_batches(tmp_path):
    write(tmp_path / "a.arrow", SEVEN, keep_text=True, rows_per_batch=3)
    reader = pa.ipc.open_file(pa.memory_map(str(tmp_path / "a.arrow")))
    assert [reader.get_batch(i).num_rows for i in range(reader.num_record_batches)] == [3, 3, 1]
    assert contents(Split(tmp_path / "a.arrow")) == SEVEN


def test_long_texts_close_a_batch_early(tmp_path, monkeypatch):
    monkeypatch.setattr("seq2seq_pl.store.BATCH_UNITS", 30)
    write(tmp_path / "a.arrow", SEVEN, keep_text=True)
    assert pa.ipc.open_file(pa.memory_map(str(tmp_path / "a.arrow"))).num_record_batches > 3
    assert contents(Split(tmp_path / "a.arrow")) == SEVEN


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="Linux lists its mapped files there")
def test_ids_are_views_of_the_mapped_file(tmp_path):
    path = tmp_path / "a.arrow"
    write(path, SEVEN, keep_text=False, rows_per_batch=3)
    before = pa.total_allocated_bytes()
    split = Split(path)
    views = [view for i in range(7) for view in (split.source(i), split.target(i))]
    assert pa.total_allocated_bytes() == before
    with open("/proc/self/maps") as maps:
        regions = [line.split()[0].split("-") for line in maps if line.rstrip().endswith(str(path))]
    for view in views:
        address = view.__array_interface__["data"][0]
        assert any(int(start, 16) <= address < int(end, 16) for start, end in regions)
        assert not view.flags.writeable
        assert view.dtype == np.int32
    assert np.shares_memory(split.source(4), split.source(4))


def test_a_store_is_read_without_pandas(tmp_path):
    write(tmp_path / "a.arrow", SEVEN, keep_text=True)
    code = "import sys; from seq2seq_pl.store import Split; Split(sys.argv[1]); assert 'pandas' not in sys.modules"
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "a.arrow")], check=True)


def test_copies_are_kept_where_they_are_wanted(tmp_path):
    rows = [row._replace(copies=[9] * len(row.source)) for row in SEVEN]
    for keep_text in (True, False):
        write(tmp_path / "a.arrow", rows, keep_text=keep_text, copying=True, rows_per_batch=3)
        split = Split(tmp_path / "a.arrow")
        assert [split.copies(i).tolist() for i in range(7)] == [row.copies for row in rows]
        assert [split.source(i).tolist() for i in range(7)] == [row.source for row in rows]
        assert split.has_text == keep_text
        write(tmp_path / "a.arrow", rows, keep_text=keep_text)
        assert Split(tmp_path / "a.arrow").copies(3) is None


def test_text_is_left_out_where_it_is_not_wanted(tmp_path):
    write(tmp_path / "ids.arrow", SEVEN, keep_text=False)
    write(tmp_path / "text.arrow", SEVEN, keep_text=True)
    assert Split(tmp_path / "text.arrow").has_text
    assert not Split(tmp_path / "ids.arrow").has_text
    assert b"source 3" not in (tmp_path / "ids.arrow").read_bytes()


def test_a_split_is_pickled_as_its_path(tmp_path):
    write(tmp_path / "a.arrow", SEVEN, keep_text=True, rows_per_batch=3)
    pickled = pickle.dumps(Split(tmp_path / "a.arrow"))
    assert len(pickled) < 500
    assert contents(pickle.loads(pickled)) == SEVEN


@pytest.mark.parametrize("row", [-1, 7])
def test_a_row_that_is_not_there_is_an_index_error(tmp_path, row):
    write(tmp_path / "a.arrow", SEVEN, keep_text=False, rows_per_batch=3)
    with pytest.raises(IndexError, match=f"row {row} of 7"):
        Split(tmp_path / "a.arrow").source(row)


@pytest.mark.parametrize("kept", [0, 0.3, 0.99])
def test_a_truncated_file_is_named_with_the_way_out(tmp_path, kept):
    path = tmp_path / "a.arrow"
    write(path, SEVEN, keep_text=True)
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * kept)])
    with pytest.raises(UserError, match=re.escape(f"{path} is not a complete token store") + ".*; start again"):
        Split(path)


def test_a_foreign_arrow_file_is_refused(tmp_path):
    table = pa.table({"source": [[1]], "target": [[2]]})
    with pa.ipc.new_file(str(tmp_path / "a.arrow"), table.schema) as writer:
        writer.write_table(table)
    with pytest.raises(UserError, match=r"not a complete token store \(it was written by something else\)"):
        Split(tmp_path / "a.arrow")


def test_an_error_while_writing_leaves_no_file(tmp_path):
    def rows():
        yield SEVEN[0]
        raise UserError("line 2 is bad")

    with pytest.raises(UserError, match="line 2 is bad"):
        write(tmp_path / "a.arrow", rows(), keep_text=True)
    assert list(tmp_path.iterdir()) == []


def _killed(path):
    def rows():
        yield from SEVEN
        os.kill(os.getpid(), signal.SIGKILL)

    write(path, rows(), keep_text=True, rows_per_batch=3)


def _writes(path, barrier):
    def rows():
        yield SEVEN[0]
        barrier.wait(20)
        yield from SEVEN[1:]

    write(path, rows(), keep_text=True, rows_per_batch=3)


def _finish(*processes):
    for process in processes:
        process.start()
    for process in processes:
        process.join(30)
    return [process.exitcode for process in processes]


@pytest.fixture(scope="module")
def spawn():
    return multiprocessing.get_context("forkserver")


def test_a_process_killed_while_writing_leaves_no_file_of_that_name(tmp_path, spawn):
    path = tmp_path / "a.arrow"
    assert _finish(spawn.Process(target=_killed, args=(path,))) == [-signal.SIGKILL]
    assert not path.exists()
    write(path, SEVEN, keep_text=True)
    assert contents(Split(path)) == SEVEN


def test_two_processes_that_write_at_once_both_succeed(tmp_path, spawn):
    path, barrier = tmp_path / "folder" / "a.arrow", spawn.Barrier(2)
    assert _finish(*(spawn.Process(target=_writes, args=(path, barrier)) for _ in range(2))) == [0, 0]
    assert contents(Split(path)) == SEVEN
    assert list(path.parent.iterdir()) == [path]


def test_a_file_that_is_replaced_stays_readable_for_who_has_it_open(tmp_path):
    write(tmp_path / "a.arrow", SEVEN, keep_text=True)
    split = Split(tmp_path / "a.arrow")
    write(tmp_path / "a.arrow", SEVEN[:2], keep_text=True)
    assert contents(split) == SEVEN
    assert contents(Split(tmp_path / "a.arrow")) == SEVEN[:2]


# -- the report beside it --------------------------------------------------------------------------------------------


def stored(folder):
    """A complete store of seven rows."""
    write(folder / "a.arrow", SEVEN, keep_text=True, rows_per_batch=3)
    write_report(folder / "a.arrow", Report("a", kept=7, source_tokens=28))
    return folder / "a.arrow"


def test_rows_and_report_are_read_back_together(tmp_path):
    split, report = read(stored(tmp_path))
    assert contents(split) == SEVEN
    assert report == Report("a", kept=7, source_tokens=28)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.arrow", "a.json"]


@pytest.mark.parametrize("size", [0, 1, 1 << 20, (1 << 20) + 1, 3_000_000])
def test_the_checksum_of_a_file_read_in_pieces_is_that_of_the_whole(tmp_path, size):
    content = os.urandom(size)
    (tmp_path / "a").write_bytes(content)
    assert crc32(tmp_path / "a") == f"{zlib.crc32(content):08x}"


def test_nothing_is_read_where_one_of_both_files_or_the_checksum_is_missing(tmp_path):
    path = tmp_path / "a.arrow"
    assert read(path) is None
    write(path, SEVEN, keep_text=True)
    assert read(path) is None
    (tmp_path / "a.json").write_text(json.dumps(asdict(Report("a", kept=7))))  # as it was before there were checksums
    assert read(path) is None
    write_report(path, Report("a", kept=7))
    assert read(path) is not None
    path.unlink()
    assert read(path) is None


@settings(max_examples=20, deadline=None)
@given(data=st.data())
def test_a_single_byte_that_changed_is_noticed(tmp_path_factory, data):
    path = stored(tmp_path_factory.mktemp("store"))
    content = bytearray(path.read_bytes())
    content[data.draw(st.integers(0, len(content) - 1))] ^= data.draw(st.integers(1, 255))
    path.write_bytes(content)
    with pytest.raises(UserError, match=re.escape(f"{path} is damaged: it has another checksum than when it was writ")):
        read(path)


@pytest.mark.parametrize("change", [lambda whole: whole[:-1], lambda whole: b"", lambda whole: whole + b"\0"])
def test_another_size_is_told_without_reading_the_file(tmp_path, monkeypatch, change):
    path = stored(tmp_path)
    size = path.stat().st_size
    path.write_bytes(change(path.read_bytes()))
    monkeypatch.setattr(store, "crc32", None)
    with pytest.raises(
        UserError, match=rf"{path} is damaged: it has {path.stat().st_size:,} bytes instead of {size}\.$"
    ):
        read(path)


@pytest.mark.parametrize("content", [b"", b'{"split": "a", "crc32', b"\xff\xfe", b"3", b'{"crc32": "0"}'])
def test_a_report_that_cannot_be_read_is_told(tmp_path, content):
    path = stored(tmp_path)
    (tmp_path / "a.json").write_bytes(content)
    with pytest.raises(UserError, match=r"a\.json is damaged: it is no report of a token store \("):
        read(path)


# -- one makes it, the others wait -----------------------------------------------------------------------------------


def test_what_is_damaged_is_made_again_with_a_warning_that_names_the_file(tmp_path, caplog):
    path = stored(tmp_path)
    path.write_bytes(path.read_bytes()[:100])
    split, _ = made_once(tmp_path, partial(read, path), lambda: stored(tmp_path))
    assert contents(split) == SEVEN
    (told,) = [record for record in caplog.records if record.levelno == logging.WARNING]
    assert re.fullmatch(rf"{path} is damaged: it has 100 bytes instead of \d+\. It is made again\.", told.getMessage())


def test_what_is_there_needs_no_lock_and_what_is_not_there_does(tmp_path):
    path = stored(tmp_path)
    (tmp_path / ".lock").mkdir()  # as good as a folder where one may not write, which root may everywhere
    split, _ = made_once(tmp_path, partial(read, path), pytest.fail)
    assert contents(split) == SEVEN
    (tmp_path / "a.json").unlink()
    with pytest.raises(UserError, match=rf"^cache_dir: {tmp_path} cannot be written to \(.+\); set cache_dir=DIR\.$"):
        made_once(tmp_path, partial(read, path), pytest.fail)


def test_a_folder_that_cannot_be_made_is_told(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match=r"^cache_dir: .*file/x cannot be written to"), alone(tmp_path / "file" / "x"):
        pass


def test_a_mistake_while_making_passes_through_and_the_next_can_make_it(tmp_path):
    def make():
        raise UserError("line 2 is bad")

    path = tmp_path / "a.arrow"
    for _ in range(2):
        with pytest.raises(UserError, match=r"^line 2 is bad$"):
            made_once(tmp_path, partial(read, path), make)
    made_once(tmp_path, partial(read, path), lambda: stored(tmp_path))


class Told(logging.Handler):
    """Sets an event when somebody says that he waits."""

    def __init__(self, event):
        super().__init__()
        self.event = event
        self.messages = []

    def emit(self, record):
        self.messages.append(record.getMessage())
        self.event.set()


def listening(event):
    store.log.setLevel(logging.INFO)
    store.log.addHandler(told := Told(event))
    return told


def _makes_once(folder, barrier, other_waits):
    told, made = listening(other_waits), []

    def make():
        assert other_waits.wait(30)
        stored(folder)
        made.append(os.getpid())

    store.PATIENCE = 0.05
    barrier.wait(60)
    split, report = made_once(folder, partial(read, folder / "a.arrow"), make)
    assert (contents(split), report.kept) == (SEVEN, 7)
    assert len(made) + len(told.messages) == 1
    (folder.parent / f"{len(made)}").write_text("".join(told.messages))


def test_of_two_processes_that_start_at_once_one_makes_it_and_the_other_waits(tmp_path, spawn):
    folder, barrier, waits = tmp_path / "cache", spawn.Barrier(2), spawn.Event()
    assert _finish(*(spawn.Process(target=_makes_once, args=(folder, barrier, waits)) for _ in range(2))) == [0, 0]
    assert sorted(path.name for path in folder.iterdir()) == [".lock", "a.arrow", "a.json"]
    assert (tmp_path / "1").read_text() == ""
    assert (tmp_path / "0").read_text() == (f"another process is making what is needed in {folder}; waiting for it")


def _dies_alone(folder):
    with alone(folder):
        (folder / f".a.arrow.{'0' * 32}").touch()
        os.kill(os.getpid(), signal.SIGKILL)


def test_a_killed_process_keeps_nobody_waiting_and_what_it_left_is_removed(tmp_path, spawn):
    (tmp_path / "kept").touch()
    assert _finish(spawn.Process(target=_dies_alone, args=(tmp_path,))) == [-signal.SIGKILL]
    assert len(list(tmp_path.iterdir())) == 3
    with alone(tmp_path):
        assert sorted(path.name for path in tmp_path.iterdir()) == [".lock", "kept"]


# -- fingerprints ----------------------------------------------------------------------------------------------------


JSON = st.recursive(
    st.integers() | TEXT | st.booleans() | st.none(), lambda inner: st.lists(inner, max_size=3), max_leaves=4
)


@settings(deadline=None)
@given(inputs=st.dictionaries(TEXT, JSON, max_size=4), key=TEXT, value=JSON)
def test_a_fingerprint_forgets_the_order_and_nothing_else(inputs, key, value):
    found = fingerprint(inputs)
    assert re.fullmatch("[0-9a-f]{16}", found)
    assert fingerprint(dict(reversed(inputs.items()))) == found
    changed = {**inputs, key: value}
    same = key in inputs and repr(inputs[key]) == repr(value)
    assert (fingerprint(changed) == found) == same


def test_a_fingerprint_knows_the_format(monkeypatch):
    before = fingerprint({"max_source_length": 100})
    monkeypatch.setattr("seq2seq_pl.store.FORMAT_VERSION", 0)
    assert fingerprint({"max_source_length": 100}) != before
