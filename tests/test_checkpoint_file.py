"""Checkpoint files; what is refused when one is opened is in test_saved.py, damage in test_resuming.py."""

import errno

import pytest
import torch

from seq2seq_pl.checkpoint_file import KEY, VERSION, CheckpointFiles, open_checkpoint


@pytest.fixture
def content() -> dict:
    return {"weights": torch.arange(1000.0), KEY: {"version": VERSION}}


def test_what_is_saved_is_loaded(tmp_path, content):
    files = CheckpointFiles()
    files.save_checkpoint(content, tmp_path / "new" / "x.ckpt")
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["x.ckpt"]
    loaded = files.load_checkpoint(tmp_path / "new" / "x.ckpt", weights_only=False)
    assert torch.equal(loaded["weights"], content["weights"])
    files.remove_checkpoint(tmp_path / "new" / "x.ckpt")
    files.remove_checkpoint(tmp_path / "new" / "x.ckpt")
    assert not list((tmp_path / "new").iterdir())


def test_a_full_disk_leaves_the_old_file_and_is_told_as_one(tmp_path, content, monkeypatch):
    path = tmp_path / "x.ckpt"
    CheckpointFiles().save_checkpoint(content, path)

    def fill(value, file):
        try:
            raise OSError(errno.ENOSPC, "No space left on device")
        except OSError:
            raise RuntimeError("unexpected pos 704 vs 598")  # what torch says then  # noqa: B904

    monkeypatch.setattr(torch, "save", fill)
    with pytest.raises(OSError, match="No space left on device") as caught:
        CheckpointFiles().save_checkpoint(content, path)
    assert caught.value.filename == str(path)
    assert torch.equal(open_checkpoint(path)["weights"], content["weights"])
    assert [found.name for found in tmp_path.iterdir()] == ["x.ckpt"]
