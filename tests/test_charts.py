"""Charts of systems side by side."""

import numpy as np
import pytest
from matplotlib.colors import to_hex

from seq2seq_pl import charts
from seq2seq_pl.picture import DOTS_PER_INCH, pixels

ROWS = [(30.0, 28.5, 31.0), (32.0, 32.0, 32.0), (31.0, 18.0, 44.0)]


def marked(axes) -> list[tuple[float, float]]:
    """Where points are drawn, as (value, row)."""
    lines = [line for line in axes.get_lines() if line.get_marker() in ("o", "D")]
    return [(float(line.get_xdata()[0]), float(line.get_ydata()[0])) for line in lines]


def test_points_are_rows_from_the_top_with_their_intervals():
    axes = charts.points(["a", "b", "mean of c"], {"bleu": ROWS}, means=1).axes[0]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["a", "b", "mean of c"]
    assert axes.yaxis_inverted()
    assert marked(axes) == [(30, 0), (32, 1), (31, 2)]
    drawn = [tuple(line.get_xdata()) for line in axes.get_lines() if line.get_solid_capstyle() == "butt"]
    assert drawn == [(28.5, 31), (18, 44)]  # b has no interval


def test_the_interval_of_a_mean_does_not_widen_the_frame():
    axes = charts.points(["a", "b", "mean of c"], {"bleu": ROWS}, means=1).axes[0]
    low, high = axes.get_xlim()
    assert 28 < low < 28.5
    assert 32 < high < 33


def test_every_score_has_a_panel_of_its_own_scale():
    figure = charts.points(["a", "b"], dict.fromkeys(("bleu", "chrf", "ter", "wer"), ROWS[:2]))
    shown = [axes for axes in figure.axes if axes.get_visible()]
    assert [axes.get_title() for axes in shown] == ["bleu", "chrf", "ter", "wer"]
    assert max(pixels(figure).shape) <= 30 * DOTS_PER_INCH


@pytest.mark.parametrize("value", [0.0, -3.0, 1e6])
def test_equal_values_can_be_drawn(value):
    pixels(charts.points(["$a^{$", "狗"], {"x": [(value, value, value)] * 2}))


def test_curves_are_one_line_a_system_and_count_the_sentences():
    series = {f"system {i}": [1.0 * i, float("nan"), 2.0] for i in range(9)}
    figure = charts.curves(["1-5", "6-10", "11+"], [1200, 3, 1], series, x="source length (words)", y="bleu")
    axes = figure.axes[0]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["1-5\n(n=1,200)", "6-10\n(n=3)", "11+\n(n=1)"]
    assert [line.get_label() for line in axes.get_lines()] == list(series)
    np.testing.assert_array_equal(axes.get_lines()[4].get_ydata(), series["system 4"])
    looks = {(to_hex(line.get_color()), line.get_marker()) for line in axes.get_lines()}
    assert len(looks) == 9
    assert pixels(figure).any()


def test_one_bin_can_be_drawn():
    pixels(charts.curves(["1+"], [1], {"a": [1.0]}, x="x", y="y"))


def test_changes_count_losses_left_and_gains_right_and_no_zeros():
    axes = charts.changes([-10.0, -9.9, 0, 0, 0, 0.5, 3.0, 20.0], x="x", y="y").axes[0]
    left = sum(bar.get_height() for bar in axes.patches if bar.get_center()[0] < 0)
    right = sum(bar.get_height() for bar in axes.patches if bar.get_center()[0] > 0)
    assert (left, right) == (2, 3)
    assert axes.get_xlim() == (-20, 20)


def test_no_change_can_be_drawn():
    pixels(charts.changes([0.0, 0.0], x="x", y="y"))
