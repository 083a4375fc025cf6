from __future__ import annotations

import inspect
from pathlib import Path

import lightning as L
import pytest
from hydra.utils import get_object, instantiate
from omegaconf import OmegaConf

CONF = Path(__file__).parents[2] / "conf" / "callback"


@pytest.mark.parametrize("path", sorted(CONF.glob("*.yaml")), ids=lambda path: path.stem)
def test_every_callback_can_be_chosen_beside_others_and_be_made(path: Path, tmp_path: Path) -> None:
    lines = path.read_text(encoding="utf-8").splitlines()
    assert lines[0] == f"# @package callback.{path.stem}"
    assert any(line.startswith("# python -m seq2seq_pl.train ") for line in lines)
    run = {"run_dir": str(tmp_path), "task_name": "translation", "monitor": "bleu"}
    node = OmegaConf.create({**run, "callback": OmegaConf.load(path)}).callback
    watches = "monitor" in inspect.signature(get_object(node._target_)).parameters
    watched = {"monitor": "val/translation/bleu", "mode": "max"} if watches else {}
    assert isinstance(instantiate(node, **watched), L.Callback)
