"""Commands start without what is not needed, and with the same settings."""

import subprocess
import sys

from lightning_utilities.core.imports import RequirementCache

from seq2seq_pl.starting import without_plots


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
