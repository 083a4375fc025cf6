from __future__ import annotations

import csv
import json
import math
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hydra.types import RunMode
from omegaconf import OmegaConf

from seq2seq_pl.sweep_table import SweepTable, read_jobs, settings

SWEPT = ["task=translation", "++model.dropout={dropout}", "+seed={seed}"]


def job(
    directory: Path, name: str, dropout: float, seed: int, best: float | None, test: float | None, monitor: str = "bleu"
) -> None:
    """What a run leaves behind; one that failed has neither scores nor a finished record."""
    hydra = directory / name / ".hydra"
    hydra.mkdir(parents=True)
    OmegaConf.save([text.format(dropout=dropout, seed=seed) for text in SWEPT], hydra / "overrides.yaml")
    record: dict[str, object] = {"seed": seed}
    if best is not None:
        record |= {"wall_seconds": 90.0, "best": {f"val/translation/{monitor}": best}}
    (directory / name / "record.json").write_text(json.dumps(record))
    if test is not None:
        (directory / name / "test").mkdir()
        scores = {f"test/translation/{monitor}": {"value": test, "signature": "tok:13a"}}
        (directory / name / "test" / "scores.json").write_text(json.dumps(scores))


def config(directory: Path, monitor: str = "bleu", **job_settings: object) -> object:
    hydra = {
        "mode": "MULTIRUN",
        "sweep": {"dir": str(directory), "subdir": str(job_settings.get("num", "???"))},
        "overrides": {"task": job_settings.get("overrides", [])},
    }
    made = OmegaConf.create({"task_name": "translation", "monitor": monitor, "hydra": hydra})
    made.hydra.mode = RunMode.MULTIRUN
    return made


def rows(directory: Path) -> list[dict[str, str]]:
    with (directory / "results.csv").open() as file:
        return list(csv.DictReader(file))


def test_jobs_are_ranked_by_validation_and_failed_ones_come_last(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    job(tmp_path, "0", 0.1, 1, best=30.0, test=33.0)
    job(tmp_path, "1", 0.2, 1, best=32.5, test=31.0)
    job(tmp_path, "2", 0.3, 1, best=None, test=None)
    job(tmp_path, "10", 0.4, 1, best=31.0, test=32.0)
    SweepTable().on_multirun_end(config(tmp_path))
    found = rows(tmp_path)
    assert [row["job"] for row in found] == ["1", "10", "0", "2"]
    assert found[0] == {
        "job": "1",
        "model.dropout": "0.2",
        "val/translation/bleu": "32.50",
        "test/translation/bleu": "31.00",
        "minutes": "1.50",
    }
    assert found[-1]["test/translation/bleu"] == "failed"
    printed = capsys.readouterr().out
    assert "1 *" in printed
    assert "0.4" in printed
    assert f"written to {tmp_path / 'results.csv'}" in printed


def test_less_is_better_for_a_loss(tmp_path: Path) -> None:
    job(tmp_path, "0", 0.1, 1, best=2.0, test=2.0, monitor="loss")
    job(tmp_path, "1", 0.2, 2, best=1.5, test=2.5, monitor="loss")
    SweepTable().on_multirun_end(config(tmp_path, monitor="loss"))
    assert [(row["job"], row["seed"]) for row in rows(tmp_path)] == [("1", "2"), ("0", "1")]


def test_a_planned_job_that_left_nothing_is_shown_as_failed(tmp_path: Path) -> None:
    job(tmp_path, "0", 0.1, 1, best=2.0, test=3.0)
    table = SweepTable()
    table.on_job_start(config(tmp_path, num=1, overrides=["++model.dropout=0.9"]), task_function=print)
    table.on_multirun_end(config(tmp_path))
    assert [(row["job"], row["model.dropout"], row["test/translation/bleu"]) for row in rows(tmp_path)] == [
        ("0", "0.1", "3.00"),
        ("1", "0.9", "failed"),
    ]


def test_a_sweep_in_which_every_job_failed_still_has_a_table(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    job(tmp_path, "0", 0.1, 1, best=None, test=None)
    job(tmp_path, "1", 0.2, 1, best=math.nan, test=None)
    SweepTable().on_multirun_end(config(tmp_path))
    assert [row["test"] for row in rows(tmp_path)] == ["failed", "failed"]
    assert "*" not in capsys.readouterr().out


def test_a_job_without_a_validation_score_is_not_the_best(tmp_path: Path) -> None:
    job(tmp_path, "0", 0.1, 1, best=math.nan, test=50.0)
    job(tmp_path, "1", 0.2, 1, best=2.0, test=3.0)
    SweepTable().on_multirun_end(config(tmp_path))
    assert [row["job"] for row in rows(tmp_path)] == ["1", "0"]


def test_half_written_files_count_as_missing(tmp_path: Path) -> None:
    job(tmp_path, "0", 0.1, 1, best=2.0, test=3.0)
    (tmp_path / "0" / "record.json").write_text('{"wall_seconds": 1')
    (tmp_path / "0" / "test" / "scores.json").write_text("[]")
    assert read_jobs(tmp_path, {}, "val/translation/bleu")[0].failed


def test_jobs_may_lie_in_directories_of_any_name(tmp_path: Path) -> None:
    job(tmp_path, "model.dropout=0.1/seed=1", 0.1, 1, best=2.0, test=3.0)
    assert [found.name for found in read_jobs(tmp_path, {}, "val/translation/bleu")] == ["model.dropout=0.1/seed=1"]


def test_jobs_of_several_tasks_are_shown_in_their_order(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    job(tmp_path, "0", 0.1, 1, best=30.0, test=33.0)
    job(tmp_path, "1", 0.2, 1, best=40.0, test=41.0)
    record = json.loads((tmp_path / "1" / "record.json").read_text())
    (tmp_path / "1" / "record.json").write_text(json.dumps({**record, "best": {"val/g2p/wer": 40.0}}))
    SweepTable().on_multirun_end(config(tmp_path))
    assert [row["best on validation"] for row in rows(tmp_path)] == ["30.00", "40.00"]
    assert "*" not in capsys.readouterr().out


def test_the_means_of_the_finished_jobs_stand_below(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    job(tmp_path, "0", 0.1, 1, best=30.0, test=33.0)
    job(tmp_path, "1", 0.2, 1, best=31.0, test=38.0)
    job(tmp_path, "2", 0.3, 1, best=None, test=None)
    SweepTable().on_multirun_end(config(tmp_path))
    assert re.search(r"mean +30\.50 +35\.50", capsys.readouterr().out)


def test_a_sweep_that_leaves_the_tests_alone_shows_validation_scores(tmp_path: Path) -> None:
    job(tmp_path, "0", 0.1, 1, best=30.0, test=29.5)
    (tmp_path / "0" / "test").rename(tmp_path / "0" / "valid")
    scores = {"val/translation/bleu": {"value": 30.0}, "val/translation/lead-3/bleu": {"value": 1.0}}
    (tmp_path / "0" / "valid" / "scores.json").write_text(json.dumps(scores))
    SweepTable().on_multirun_end(config(tmp_path))
    (row,) = rows(tmp_path)
    assert row["val/translation/bleu"] == "30.00"
    assert "val/translation/lead-3/bleu" not in row
    assert "failed" not in row.values()


def test_an_empty_sweep_prints_and_writes_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    SweepTable().on_multirun_end(config(tmp_path))
    assert capsys.readouterr().out == ""
    assert not (tmp_path / "results.csv").exists()


def test_plus_signs_are_no_part_of_a_setting() -> None:
    assert settings(["++a.b=1", "+c=x=y", "d=[1,2]"]) == {"a.b": "1", "c": "x=y", "d": "[1,2]"}


def test_torch_is_not_imported() -> None:
    code = "import sys, seq2seq_pl.sweep_table; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parents[1]).returncode == 0


APPLICATION = """
import json, pathlib
import hydra
from hydra.core.hydra_config import HydraConfig

@hydra.main(version_base="1.3", config_path=None, config_name="sweep")
def main(config):
    if config.x == 4:
        raise ValueError("broken")
    if config.x == 5:
        raise SystemExit(2)
    run = pathlib.Path(HydraConfig.get().runtime.output_dir)
    (run / "test").mkdir()
    score = {"value": 10 * config.x, "signature": ""}
    (run / "test" / "scores.json").write_text(json.dumps({"test/translation/bleu": score}))
    (run / "record.json").write_text(json.dumps({"wall_seconds": 60, "best": {"val/translation/bleu": config.x}}))
    return config.x

main()
"""

CONFIG = """
task_name: translation
monitor: bleu
x: 0
hydra:
  sweep: {dir: "swept/${now:%f}", subdir: "${hydra.job.num}"}
  callbacks:
    sweep_table: {_target_: seq2seq_pl.sweep_table.SweepTable}
"""


@pytest.fixture
def application(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs a program of this configuration; its sweep's directory is named after the time of its start."""
    (tmp_path / "app.py").write_text(APPLICATION)
    (tmp_path / "conf").mkdir()
    (tmp_path / "conf" / "sweep.yaml").write_text(CONFIG)

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "app.py", "--config-dir", "conf", *arguments]
        environment = {"PYTHONPATH": str(Path(__file__).parents[1]), "PATH": "/usr/bin"}
        return subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)

    return run


def swept(tmp_path: Path) -> list[tuple[str, str, str]]:
    (directory,) = (tmp_path / "swept").iterdir()
    return [(row["job"], row["x"], row["test/translation/bleu"]) for row in rows(directory)]


def test_a_real_sweep_ends_with_one_table(application: Callable, tmp_path: Path) -> None:
    done = application("-m", "++x=1,3,2")
    assert done.returncode == 0, done.stderr
    assert swept(tmp_path) == [("1", "3", "30.00"), ("2", "2", "20.00"), ("0", "1", "10.00")]
    assert done.stdout.count("sweep, best first") == 1


@pytest.mark.parametrize("failing", ["4", "5"])
def test_a_sweep_that_a_job_broke_off_has_its_table_too(application: Callable, tmp_path: Path, failing: str) -> None:
    done = application("-m", f"++x=1,{failing}")
    assert done.returncode != 0
    assert swept(tmp_path) == [("0", "1", "10.00"), ("1", failing, "failed")]
    assert done.stdout.count("sweep, best first") == 1


def test_a_single_run_has_no_table(application: Callable) -> None:
    done = application("++x=1")
    assert done.returncode == 0, done.stderr
    assert "sweep" not in done.stdout + done.stderr
