from __future__ import annotations

import re
from collections.abc import Callable

import lightning as L
import pytest

from seq2seq_pl.callback.progress import Progress, in_words
from seq2seq_pl.errors import UserError
from seq2seq_pl.values import Score

NUMBER = r"[\d.,]+"
SCORES = rf"loss {NUMBER}  perplexity {NUMBER}  accuracy {NUMBER}  bleu {NUMBER}  chrf {NUMBER}"


class Stop(L.Callback):
    """Presses Control-C, or fails, after the first batch."""

    def __init__(self, error: BaseException) -> None:
        self.error = error

    def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx):  # type: ignore[no-untyped-def]
        raise self.error


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes rich take stderr for a terminal that understands escape sequences."""
    monkeypatch.setenv("TTY_COMPATIBLE", "1")
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setattr("seq2seq_pl.callback.progress.LIVE_EVERY_SECONDS", 0.0)


def test_each_validation_leaves_a_line_and_the_best_is_marked(fit: Callable, capfd: pytest.CaptureFixture[str]) -> None:
    run = fit(Progress(), max_epochs=4)
    captured = capfd.readouterr()
    lines = captured.err.splitlines()
    lines = [line for line in lines if line.startswith("epoch")]
    assert len(lines) == 4
    for epoch, line in enumerate(lines, start=1):
        pattern = rf"epoch {epoch}  step {3 * epoch}  {NUMBER} min  train loss {NUMBER}  val {SCORES}(  best)?"
        assert re.fullmatch(pattern, line), line
    assert lines[0].endswith("  best")
    values = [float(line.split("chrf ")[1].split()[0]) for line in lines]
    assert [line.endswith("best") for line in lines] == [i == 0 or values[i] > max(values[:i]) for i in range(4)]
    assert captured.out == ""
    assert run.trainer.global_step == 12


def test_less_is_better_where_the_monitor_is_the_loss(fit: Callable, tiny: Callable, capfd) -> None:  # type: ignore[no-untyped-def]
    fit(Progress(), module=tiny(monitor="loss"), max_epochs=2)
    lines = [line for line in capfd.readouterr().err.splitlines() if line.startswith("epoch")]
    losses = [float(re.search(rf"val loss ({NUMBER})", line).group(1)) for line in lines]  # type: ignore[union-attr]
    assert losses[1] < losses[0]
    assert all(line.endswith("best") for line in lines)


def test_the_train_loss_is_the_mean_over_the_tokens_since_the_last_validation(fit: Callable, capfd) -> None:  # type: ignore[no-untyped-def]
    sums: list[tuple[float, float]] = []

    class Sums(L.Callback):
        def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx):  # type: ignore[no-untyped-def]
            sums.append((float(outputs["loss"] * outputs["tokens"]), float(outputs["tokens"])))

    fit(Progress(), Sums())
    shown = re.findall(rf"train loss ({NUMBER})", capfd.readouterr().err)
    for epoch, text in enumerate(shown):
        part = sums[3 * epoch : 3 * epoch + 3]
        assert text == f"{sum(loss for loss, _ in part) / sum(tokens for _, tokens in part):.3f}"


def test_without_a_terminal_plain_lines_say_how_far_it_is(fit: Callable, capfd) -> None:  # type: ignore[no-untyped-def]
    fit(Progress(plain_every_seconds=1e-9))
    captured = capfd.readouterr()
    lines = captured.err.splitlines()
    assert "\x1b" not in captured.err
    training = [line for line in lines if re.fullmatch(r"epoch \d/2  \d/3  loss .* tokens/s  \d:\d\d:\d\d left", line)]
    assert [line.split("  ")[1] for line in training] == ["1/3", "2/3", "3/3"] * 2
    assert [line for line in lines if line.startswith("scoring")] == ["scoring valid  1/2", "scoring valid  2/2"] * 2


def test_without_a_terminal_a_quick_run_prints_nothing_in_between(fit: Callable, capfd) -> None:  # type: ignore[no-untyped-def]
    fit(Progress())
    assert not re.search(r"tokens/s|scoring", capfd.readouterr().err)


@pytest.mark.usefixtures("terminal")
def test_on_a_terminal_the_bars_show_and_go_away(fit: Callable, capfd) -> None:  # type: ignore[no-untyped-def]
    progress = Progress()
    fit(progress)
    captured = capfd.readouterr()
    assert captured.out == ""
    assert re.search(r"epoch 2/2 .*3/3.*loss", captured.err)
    assert "scoring valid" in captured.err
    assert "\x1b[?25l" in captured.err
    assert captured.err.rindex("\x1b[?25h") > captured.err.rindex("\x1b[?25l")  # the cursor is back
    assert captured.err.count("train loss") == 2
    assert progress.live is None


@pytest.mark.usefixtures("terminal")
@pytest.mark.parametrize("error", [KeyboardInterrupt(), ValueError("broken")])
def test_the_terminal_is_given_back_when_training_stops_early(fit: Callable, capfd, error: BaseException) -> None:  # type: ignore[no-untyped-def]
    progress = Progress()
    with pytest.raises((type(error), SystemExit)):
        fit(progress, Stop(error))
    written = capfd.readouterr().err
    assert written.rindex("\x1b[?25h") > written.rindex("\x1b[?25l")
    assert progress.live is None


@pytest.mark.usefixtures("terminal")
@pytest.mark.parametrize(("how", "name"), [("test", "scoring test"), ("validate", "scoring valid")])
def test_scoring_alone_shows_its_line(score: Callable, capfd, how: str, name: str) -> None:  # type: ignore[no-untyped-def]
    progress = Progress()
    score(progress, how=how)
    written = capfd.readouterr().err
    assert name in written
    assert "train loss" not in written
    assert progress.live is None


def test_several_tasks_have_a_line_each_and_their_mean_decides(
    fit: Callable, tiny: Callable, make_batch: Callable, capfd: pytest.CaptureFixture[str]
) -> None:
    batches = [make_batch([(2, 3), (4, 2)], task=task) for task in ("g2p", "translation")]
    fit(Progress(), module=tiny(tasks=("translation", "g2p")), validation=batches, max_epochs=1)
    written = capfd.readouterr().err
    assert re.search(rf"val combined [\d.]+\n  translation  {SCORES}\n  g2p  {SCORES}  best$", written, re.MULTILINE)


def test_the_best_score_survives_a_checkpoint() -> None:
    before, after = Progress(), Progress()
    before.best = 31.5
    after.load_state_dict(before.state_dict())
    assert after.best == 31.5


def test_time_left_is_that_of_the_whole_training(monkeypatch: pytest.MonkeyPatch) -> None:
    progress = Progress()
    progress.started, progress.started_step, progress.total_steps = 100.0, 10, 110
    monkeypatch.setattr("seq2seq_pl.callback.progress.time.monotonic", lambda: 200.0)
    assert progress._left(60) == "0:01:40 left"  # 50 steps in 100 s, 50 to go
    assert progress._left(10) == ""
    progress.total_steps = float("inf")
    assert progress._left(60) == ""


def test_scores_keep_a_readable_width() -> None:
    scores = {"loss": 2.1, "perplexity": 1e9, "bleu": 31.256}
    assert in_words({k: Score(v, "") for k, v in scores.items()}) == "loss 2.100  perplexity 1e+09  bleu 31.26"


def test_an_interval_of_zero_is_refused() -> None:
    with pytest.raises(UserError, match=r"callback\.progress\.plain_every_seconds \(0\) must be above 0\."):
        Progress(plain_every_seconds=0)
