"""Commands start without what is not needed, and with the same settings."""

import subprocess
import sys

import pytest
from hydra._internal.hydra import Hydra
from hydra.core.global_hydra import GlobalHydra
from lightning_utilities.core.imports import RequirementCache

from seq2seq_pl.launch import shipped
from seq2seq_pl.starting import composed_once, without_plots


def test_a_training_is_imported_without_matplotlib():
    code = (
        "import sys\nfrom seq2seq_pl.launch import importing\nwith importing():\n"
        "    import seq2seq_pl.processes, seq2seq_pl.callback.attention_maps, seq2seq_pl.callback.length_plot\n"
        "assert 'torchmetrics' in sys.modules and 'matplotlib' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_matplotlib_is_found_again_afterwards():
    before = RequirementCache("matplotlib")
    with without_plots():
        assert not RequirementCache("matplotlib")
        assert RequirementCache("numpy")
        assert not RequirementCache("matplotlib>=99")
    assert before
    assert RequirementCache("matplotlib")


def test_nothing_that_ships_sets_the_mode():
    looked_up = Hydra.get_mode
    with composed_once(["task=g2p", "-m"], shipped("conf")):
        assert Hydra.get_mode is not looked_up
    assert Hydra.get_mode is looked_up


@pytest.mark.parametrize(
    "arguments",
    [["hydra.mode=MULTIRUN"], ["++hydra.mode=RUN"], ["--config-dir", "mine"], ["--config-dir=mine"], ["-cd", "mine"]],
)
def test_the_mode_is_looked_up_where_the_command_line_may_set_it(arguments):
    looked_up = Hydra.get_mode
    with composed_once(arguments, shipped("conf")):
        assert Hydra.get_mode is looked_up


@pytest.mark.parametrize("text", ["hydra:\n  mode: MULTIRUN\n", "hydra: {mode: 'RUN'}\n"])
def test_the_mode_is_looked_up_where_a_yaml_may_set_it(tmp_path, text):
    (tmp_path / "experiment").mkdir()
    (tmp_path / "experiment" / "sweep.yaml").write_text(text, encoding="utf-8")
    looked_up = Hydra.get_mode
    with composed_once([], tmp_path):
        assert Hydra.get_mode is looked_up


def test_hydra_finds_the_same_mode_where_it_looks():
    hydra = Hydra.create_main_hydra_file_or_module(None, "seq2seq_pl.train", str(shipped("conf")), "train")
    try:
        found = hydra.get_mode("train", [])
        with composed_once([], shipped("conf")):
            assert hydra.get_mode("train", []) is found
    finally:
        GlobalHydra.instance().clear()
