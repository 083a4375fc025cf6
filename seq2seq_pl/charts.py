"""Charts of systems side by side: figure <- numbers. They are drawn like the pictures, and for the same pages."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import cycle, islice

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from seq2seq_pl.picture import DOTS_PER_INCH, font_families, literally

COLORS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#404040")
"""Colours that people who do not see all colours can tell apart, https://jfly.uni-koeln.de/color/."""

MARKERS = ("o", "s", "^", "D", "v", "P")
PANELS = 3  # side by side


def points(
    labels: Sequence[str], panels: Mapping[str, Sequence[tuple[float, float, float]]], *, means: int = 0
) -> Figure:
    """A row for each label, a panel for each score: its value as a point within its interval.

    Args:
        labels: of the rows; a dashed line goes through the point of the first.
        panels: name of a score -> value, lower and upper end in each row; a value that is both ends has no interval.
        means: how many rows at the end are means of others, set apart; their intervals may go beyond the frame.
    """
    columns = min(PANELS, len(panels))
    lines = math.ceil(len(panels) / columns)
    width = 1.2 + 0.075 * max(map(len, labels)) + 3.0 * columns
    figure = Figure(figsize=(min(width, 30), min(lines * (1.1 + 0.3 * len(labels)), 30)), dpi=DOTS_PER_INCH)
    figure.set_layout_engine("constrained", h_pad=0.12, w_pad=0.1)
    places = np.arange(len(labels))
    several = len(labels) - means
    grid = figure.subplots(lines, columns, squeeze=False, sharey=True)
    for axes, (name, rows) in zip(grid.flat, panels.items(), strict=False):
        axes.axvline(rows[0][0], color="0.75", linestyle=(0, (4, 3)), linewidth=1, zorder=0)
        for place, (value, low, high) in enumerate(rows):
            mean = place >= several
            color = "0.15" if mean else COLORS[place % len(COLORS)]
            if low < high:
                axes.plot([low, high], [place, place], color=color, linewidth=2, solid_capstyle="butt", zorder=1)
                axes.plot([low, high], [place, place], "|", color=color, markersize=8, markeredgewidth=2, zorder=1)
            axes.plot([value], [place], "D" if mean else "o", color=color, markersize=6.5, zorder=2)
        if means:
            axes.axhline(several - 0.5, color="0.85", linewidth=1)
        axes.set_title(name, fontsize=11)
        axes.set_yticks(places, labels=labels)
        axes.set_ylim(len(labels) - 0.4, -0.6)
        least, most = min(map(min, rows[:several])), max(map(max, rows[:several]))
        margin = 0.1 * (most - least) or 0.5
        axes.set_xlim(least - margin, most + margin)
        axes.xaxis.set_major_locator(MaxNLocator(5))
        axes.grid(axis="x", color="0.92")
        axes.set_axisbelow(True)
        axes.tick_params(axis="y", length=0)
        axes.spines[["top", "right", "left"]].set_visible(False)
    for axes in grid.flat[len(panels) :]:
        axes.set_visible(False)
    literally(figure, font_families([*labels, *panels]))
    return figure


def curves(
    labels: Sequence[str], counts: Sequence[int], series: Mapping[str, Sequence[float]], *, x: str, y: str
) -> Figure:
    """A line for each of the series over labels in their order, with how many sentences stand behind each label."""
    legend = max(map(len, series))
    width = max(5.5, 1.6 + 0.95 * len(labels)) + 0.6 + 0.075 * legend
    figure = Figure(
        figsize=(min(width, 30), max(4.0, 0.5 + 0.23 * len(series))), dpi=DOTS_PER_INCH, layout="constrained"
    )
    axes = figure.add_subplot()
    places = range(len(labels))
    styles = zip(series.items(), islice(cycle(COLORS), len(series)), islice(cycle(MARKERS), len(series)), strict=True)
    for (name, values), color, marker in styles:
        axes.plot(places, values, color=color, marker=marker, markersize=6, linewidth=1.8, label=name, alpha=0.9)
    axes.set_xticks(places, labels=[f"{label}\n(n={count:,})" for label, count in zip(labels, counts, strict=True)])
    axes.set_xlim(-0.3, len(labels) - 0.7)
    axes.yaxis.set_major_locator(MaxNLocator(6))
    axes.grid(axis="y", color="0.9")
    axes.set_axisbelow(True)
    axes.tick_params(axis="x", length=0)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    figure.legend(loc="outside right upper", frameon=False, fontsize=9)
    literally(figure, font_families([x, y, *labels, *series]))
    return figure


def changes(values: Sequence[float], *, x: str, y: str) -> Figure:
    """How many values are how far below zero and above it; zeros are left out."""
    figure = Figure(figsize=(6.5, 2.6), dpi=DOTS_PER_INCH, layout="constrained")
    axes = figure.add_subplot()
    moved = [value for value in values if value != 0]
    far = max(map(abs, moved), default=1.0)
    edges = np.linspace(0, far, 11)
    for sign, color in ((-1, COLORS[1]), (1, COLORS[0])):
        counts, _ = np.histogram([sign * value for value in moved if sign * value > 0], bins=edges)
        axes.bar(sign * (edges[:-1] + edges[1:]) / 2, counts, width=0.92 * (edges[1] - edges[0]), color=color)
    axes.axvline(0, color="0.3", linewidth=1)
    axes.set_xlim(-far, far)
    axes.yaxis.set_major_locator(MaxNLocator(4, integer=True))
    axes.grid(axis="y", color="0.9")
    axes.set_axisbelow(True)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    literally(figure, font_families([x, y]))
    return figure
