"""The picture of ``benchmarks.anytime``: hypervolume over processor seconds, with bands of a standard deviation."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")

import numpy as np
from matplotlib import pyplot as plt

from runs.reports.figures.palette import GRID, INK

__all__ = ["draw"]

_COLOURS = {
    "nasweave": "#0b5fa5",
    "random_halving": "#c8553d",
    "evolution": "#588157",
    "uniform": "#8a6fae",
    "inherited": "#8d99ae",
}
_LABELS = {
    "nasweave": "nasweave",
    "random_halving": "random, successive halving",
    "evolution": "regularised evolution",
    "uniform": "uniform networks",
    "inherited": "inherited weights",
}


def draw(result: Mapping[str, Any], file: Path) -> None:
    """Write the curves of one task."""
    figure, axes = plt.subplots(figsize=(7.2, 4.4), layout="constrained")
    times = np.array(result["times_s"])
    for name, found in result["methods"].items():
        mean, deviation = np.array(found["curve"]), np.array(found["curve_std"])
        colour = _COLOURS.get(name, INK)
        axes.plot(
            times, mean, color=colour, linewidth=2.2 if name == "nasweave" else 1.4, label=_LABELS.get(name, name)
        )
        axes.fill_between(times, mean - deviation, mean + deviation, color=colour, alpha=0.15, linewidth=0)
    for budget in result["budgets_s"]:
        axes.axvline(budget, color=GRID, linewidth=1.0, zorder=0)
    axes.set_xlabel("processor seconds of training and evaluation", color=INK)
    corner = result["reference"]
    axes.set_ylabel("hypervolume, test split", color=INK)
    axes.set_title(
        f"{result['task']}: below an error of {corner['test_error']:.3g} and {corner['latency_ms']:.3g} ms, "
        f"{result['seeds']} seed{'s' * (result['seeds'] > 1)}",
        fontsize=10,
        color=INK,
    )
    axes.set_xlim(0, float(times[-1]))
    axes.set_ylim(bottom=0)
    axes.grid(color=GRID, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.legend(frameon=False, fontsize=9, loc="upper left")
    figure.savefig(file, dpi=120)
    plt.close(figure)
