"""The picture of ``benchmarks.supernet_quality``: each network's error in the supernet over its error alone."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")

from matplotlib import pyplot as plt

from runs.reports.figures.palette import GRID, INK, MUTED, mixer_colours

__all__ = ["draw"]


def draw(rows: Sequence[dict[str, Any]], file: Path) -> None:
    """Write a plot for each task and rule; a point has the colour of its first mixer."""
    tasks = list(dict.fromkeys(row["task"] for row in rows))
    rules = list(dict.fromkeys(row["rule"] for row in rows))
    figure, grid = plt.subplots(
        len(tasks), len(rules), figsize=(3.3 * len(rules) + 1.6, 3.4 * len(tasks)), squeeze=False, layout="constrained"
    )
    mixers = sorted({network["mixers"][0] for row in rows for network in row["networks"]})
    colours = mixer_colours(mixers)
    for axes in grid.flat:
        axes.set_visible(False)
    for row in rows:
        axes = grid[tasks.index(row["task"]), rules.index(row["rule"])]
        axes.set_visible(True)
        _scatter(axes, row, colours)
    handles = [
        plt.Line2D([], [], linestyle="", marker="o", color=colours[m], markeredgecolor=INK, label=m) for m in mixers
    ]
    figure.legend(handles=handles, loc="outside right center", frameon=False, fontsize=8, title="first mixer")
    figure.savefig(file, dpi=110)
    plt.close(figure)


def _scatter(axes: Any, row: dict[str, Any], colours: dict[str, str]) -> None:
    for network in row["networks"]:
        mixer = network["mixers"][0]
        axes.scatter(
            network["alone"], network["supernet"], s=34, color=colours[mixer], edgecolor=INK, linewidth=0.6, zorder=3
        )
    if (best := row["best"]) is not None:
        axes.scatter(best["alone"], best["inherited"], s=130, marker="*", color=INK, zorder=4)
    ends = [min(axes.get_xlim()[0], axes.get_ylim()[0]), max(axes.get_xlim()[1], axes.get_ylim()[1])]
    axes.plot(ends, ends, color=MUTED, linewidth=0.8, linestyle=":")
    axes.set_title(f"{row['task']}, {row['rule']}\nKendall tau {row['kendall_tau']:.2f}", fontsize=9.5, color=INK)
    unit = "error, %" if "accuracy" in row["gap_unit"] else row["metric"]
    axes.set_xlabel(f"alone: {unit}", fontsize=8.5)
    axes.set_ylabel(f"in the supernet: {unit}", fontsize=8.5)
    axes.tick_params(labelsize=8)
    axes.grid(color=GRID, linewidth=0.7)
    axes.set_axisbelow(True)
