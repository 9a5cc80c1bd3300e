"""The picture of ``benchmarks.length_scaling``: time over softmax's, against the length, a plot a phase."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")

from matplotlib import pyplot as plt

from runs.reports.figures.palette import DIM, GRID, INK, mixer_colours

__all__ = ["draw"]


def draw(result: dict[str, Any], file: Path) -> None:
    """Write the picture."""
    kinds = list(dict.fromkeys((row["phase"], row["causal"]) for row in result["rows"]))
    mixers = list(dict.fromkeys(row["mixer"] for row in result["rows"]))
    colours = mixer_colours(mixers)
    figure, plots = plt.subplots(
        1, len(kinds), figsize=(4.1 * len(kinds) + 1, 4), sharey=True, squeeze=False, layout="constrained"
    )
    for (phase, causal), axes in zip(kinds, plots[0], strict=True):
        for mixer in mixers:
            points = [
                (row["length"], row["ratio_to_softmax"])
                for row in result["rows"]
                if (row["mixer"], row["phase"], row["causal"]) == (mixer, phase, causal)
            ]
            if points:
                axes.plot(*zip(*points, strict=True), marker="o", markersize=4, color=colours[mixer], label=mixer)
        axes.axhline(1.0, color=DIM, linewidth=1, linestyle=":")
        axes.set_xscale("log", base=2)
        axes.set_yscale("log", base=2)
        axes.set_xticks(sorted({row["length"] for row in result["rows"]}))
        axes.xaxis.set_major_formatter("{x:g}")
        axes.yaxis.set_major_formatter("{x:g}")
        axes.set_title(f"{phase}, {'causal' if causal else 'all tokens'}", loc="left", color=INK, fontsize=10.5)
        axes.set_xlabel("tokens")
        axes.grid(color=GRID, linewidth=0.7)
        axes.set_axisbelow(True)
    plots[0][0].set_ylabel("time over that of softmax")
    handles = {label: h for axes in plots[0] for h, label in zip(*axes.get_legend_handles_labels(), strict=True)}
    figure.legend(handles.values(), handles.keys(), loc="outside right center", frameon=False, fontsize=8.5)
    figure.savefig(file, dpi=110)
    plt.close(figure)
