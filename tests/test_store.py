import hashlib
import multiprocessing
import os
import pickle
import re
import signal
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seq2seq_pl.errors import UserError
from seq2seq_pl.store import Row, Split, file_digest, fingerprint, write
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
def test_a_truncated_file_is_named_and_may_be_deleted(tmp_path, kept):
    path = tmp_path / "a.arrow"
    write(path, SEVEN, keep_text=True)
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * kept)])
    with pytest.raises(UserError, match=re.escape(f"{path} is not a complete token store") + ".*Delete it; it is made"):
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


def test_a_file_digest_is_its_sha256(tmp_path):
    (tmp_path / "a").write_bytes(b"x" * 3_000_000)
    assert file_digest(tmp_path / "a") == hashlib.sha256(b"x" * 3_000_000).hexdigest()
