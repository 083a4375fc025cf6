"""Checkpoints: what opens, what is refused, and with which sentence."""

import pickle
import re
import shutil
from pathlib import Path

import pytest
import torch

from seq2seq_pl.build import build_model
from seq2seq_pl.checkpoint_file import KEY
from seq2seq_pl.config import TrainConfig
from seq2seq_pl.errors import UserError
from seq2seq_pl.saved import chosen_task, find_checkpoint, load_tokenizers, read_checkpoint, settings_of

PLAIN = (str, int, float, bool, type(None), torch.Tensor)


class Payload:
    """What an attacker would put into a checkpoint."""

    def __init__(self, witness: Path):
        self.witness = witness

    def __reduce__(self):
        return Path.touch, (self.witness,)


@pytest.fixture
def checkpoint(finished, tmp_path) -> Path:
    """A copy of a real one, to be spoilt."""
    return Path(shutil.copy(finished / "checkpoints" / "best.ckpt", tmp_path / "copy.ckpt"))


def refusal(path: Path) -> str:
    with pytest.raises(UserError) as caught:
        read_checkpoint(path)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def foreign(value: object, path: str = "") -> list[str]:
    """Places in a nested value that hold anything but tensors, numbers, strings, lists and dicts."""
    if isinstance(value, dict):
        return [place for key, below in value.items() for place in foreign(below, f"{path}.{key}") + foreign(key, path)]
    if type(value) in (list, tuple):
        return [place for i, below in enumerate(value) for place in foreign(below, f"{path}.{i}")]
    return [] if type(value) in PLAIN else [f"{path} is a {type(value).__name__}"]


@pytest.mark.parametrize("name", ["best", "last"])
def test_a_checkpoint_holds_plain_values_only(finished, name):
    content = torch.load(finished / "checkpoints" / f"{name}.ckpt", weights_only=True)
    assert foreign(content) == []
    assert content[KEY]["version"] == 1


def test_no_path_of_the_machine_is_needed_to_rebuild_the_model(finished):
    saved = read_checkpoint(finished / "checkpoints" / "best.ckpt")
    settings = settings_of(saved, {"corpus": {"path": "/nowhere"}})
    tokenizers = load_tokenizers(saved, settings)
    model = build_model(settings.model, tokenizers.source.vocab_size, tokenizers.target.vocab_size)
    model.load_state_dict({name.removeprefix("model."): value for name, value in saved.weights.items()})
    assert tokenizers.source.decode(tokenizers.source.encode(["h a"])[0]) == "h a"


def test_a_planted_program_is_not_run(checkpoint, tmp_path):
    content = torch.load(checkpoint, weights_only=True)
    content["extra"] = Payload(tmp_path / "witness")
    torch.save(content, checkpoint)
    assert refusal(checkpoint) == f"{checkpoint} is damaged or holds more than plain values; it was not opened."
    assert not (tmp_path / "witness").exists()


def test_a_planted_program_in_a_bare_pickle_is_not_run(tmp_path):
    path = tmp_path / "x.ckpt"
    path.write_bytes(pickle.dumps(Payload(tmp_path / "witness")))
    assert refusal(path).startswith(f"{path} is ")
    assert not (tmp_path / "witness").exists()


@pytest.mark.parametrize("share", [0.0, 0.001, 0.1, 0.5, 0.99])
def test_a_truncated_checkpoint_is_told(checkpoint, share):
    whole = checkpoint.read_bytes()
    checkpoint.write_bytes(whole[: int(share * len(whole))])
    assert refusal(checkpoint).startswith(f"{checkpoint} is ")


@pytest.mark.parametrize("content", [b"text\n", b"\x00" * 1000, b"PK\x03\x04 no zip", b"\x80\x02K\x01."])
def test_a_file_that_is_no_checkpoint_is_told(tmp_path, content):
    path = tmp_path / "x.ckpt"
    path.write_bytes(content)
    assert refusal(path).startswith(f"{path} is ")


def test_a_checkpoint_of_another_program_is_told(tmp_path):
    path = tmp_path / "x.ckpt"
    torch.save({"state_dict": {}}, path)
    assert refusal(path) == f"{path} is a checkpoint, but not one of seq2seq_pl."


def test_a_version_that_is_not_known_is_told(checkpoint):
    content = torch.load(checkpoint, weights_only=True)
    content[KEY]["version"] = 99
    torch.save(content, checkpoint)
    assert refusal(checkpoint) == f"{checkpoint} has checkpoint version 99; this seq2seq_pl reads version 1."


def test_a_run_is_found_by_its_directory_or_by_a_file(finished):
    best = finished / "checkpoints" / "best.ckpt"
    assert find_checkpoint(str(finished), "best") == best
    assert find_checkpoint(str(finished), "last") == finished / "checkpoints" / "last.ckpt"
    assert find_checkpoint(str(best), "anything") == best


@pytest.mark.parametrize(
    ("made", "run", "checkpoint", "sentence"),
    [
        ("", "nowhere", "best", "run=RUN: no such directory; give the directory of a run"),
        ("", "", "best", "run=RUN is not the directory of a run: it has no checkpoints/ in it."),
        (
            "checkpoints/last.ckpt",
            "",
            "best",
            "run=RUN has no checkpoint called best (there is: last); set checkpoint=",
        ),
        ("checkpoints/", "", "best", "run=RUN has no checkpoint called best (there is: none); set checkpoint="),
    ],
)
def test_a_directory_that_is_no_run_is_told(tmp_path, made, run, checkpoint, sentence):
    if made:
        (tmp_path / made).parent.mkdir(exist_ok=True)
        (tmp_path / made).mkdir(exist_ok=True) if made.endswith("/") else (tmp_path / made).touch()
    path = str(tmp_path / run) if run else str(tmp_path)
    with pytest.raises(UserError, match=re.escape(sentence.replace("RUN", path))):
        find_checkpoint(path, checkpoint)


def test_settings_are_those_of_the_run_but_for_what_is_asked(finished):
    saved = read_checkpoint(finished / "checkpoints" / "best.ckpt")
    settings = settings_of(saved, {})
    assert isinstance(settings, TrainConfig)
    assert settings.batch_size == 16
    beam = {
        "_target_": "seq2seq_pl.decoding.beam.Beam",
        "beam_size": 3,
        "length_penalty": 1.0,
        "n_best": 1,
        "max_length_factor": 1.5,
        "max_length_extra": 10,
        "max_length": 256,
        "allow_unknown": True,
    }
    changed = settings_of(saved, {"batch_size": 3, "decoding": beam, "corpus": {"path": "moved"}, "cache_dir": None})
    assert (changed.batch_size, changed.decoding, changed.corpus["path"]) == (3, beam, "moved")
    assert changed.corpus["source"] == "src"
    assert changed.cache_dir == settings.cache_dir


def test_changed_settings_are_checked_again(finished):
    saved = read_checkpoint(finished / "checkpoints" / "best.ckpt")
    with pytest.raises(
        UserError, match=r"^decoding\.max_lenght: no such argument of Greedy; did you mean max_length\?$"
    ):
        settings_of(saved, {"decoding": {"max_lenght": 3}})


def test_a_list_in_the_place_of_a_group_is_a_mistake(finished):
    saved = read_checkpoint(finished / "checkpoints" / "best.ckpt")
    with pytest.raises(UserError, match=r"^corpus\.files \(\[1\]\) must be a group of settings"):
        settings_of(saved, {"corpus": {"files": [1]}})


def test_the_only_task_of_a_run_may_be_named_and_no_other(finished):
    saved = read_checkpoint(finished / "checkpoints" / "best.ckpt")
    settings = settings_of(saved, {"batch_size": 3}, "translation")
    assert settings.batch_size == 3
    assert chosen_task(settings, None) == chosen_task(settings, "translation") == "translation"
    for refuse in (lambda: settings_of(saved, {}, "dialogue"), lambda: chosen_task(settings, "dialogue")):
        with pytest.raises(UserError, match=r"^task_name=dialogue: the tasks of this run are translation\.$"):
            refuse()


def test_a_change_may_be_made_of_what_the_run_has(finished):
    saved = read_checkpoint(finished / "checkpoints" / "best.ckpt")
    assert list(settings_of(saved, {"metric": lambda own: {"chrf": own["chrf"]}}).metric) == ["chrf"]
