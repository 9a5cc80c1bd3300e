"""The picture of ``benchmarks.deployment``: test quality over latency and over file size, for each task."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")

from matplotlib import pyplot as plt
from matplotlib.ticker import LogLocator, NullFormatter

from runs.reports.figures.palette import ACCENT, DIM, GRID, INK, WARN

__all__ = ["draw"]

_AXES = (("latency_ms", 1.0, "latency, ms"), ("onnx_bytes", 1e-6, "file, MB"))


def draw(rows: Sequence[dict[str, Any]], file: Path) -> None:
    """Write a row of two plots a task."""
    figure, grid = plt.subplots(len(rows), 2, figsize=(10, 3.5 * len(rows)), squeeze=False, layout="constrained")
    for row, pair in zip(rows, grid, strict=True):
        for axes, (key, factor, label) in zip(pair, _AXES, strict=True):
            _quality(axes, row, key=key, factor=factor)
            axes.set_xlabel(label)
        ratios = f"{row['latency_ratio']:.2f}x lower latency, {row['size_ratio']:.2f}x smaller"
        found = ratios if row["reached"] else "no finetuned network is as good"
        pair[0].set_title(f"{row['task']}: {found}", loc="left", fontsize=10.5, color=INK)
        pair[0].set_ylabel(f"test {row['metric']}")
    grid[0][1].legend(loc="best", frameon=False, fontsize=8.5)
    figure.savefig(file, dpi=110)
    plt.close(figure)


def _quality(axes: Any, row: dict[str, Any], *, key: str, factor: float) -> None:
    def at(facts: dict[str, Any]) -> tuple[float, float]:
        return facts[key] * factor, facts["test"]

    base, chosen = row["baseline"], row["chosen"]
    axes.axhline(base["test"], color=DIM, linewidth=0.8, linestyle=":")
    axes.scatter(*zip(*map(at, row["tried"]), strict=True), s=36, color=ACCENT, label="winner of successive halving")
    axes.scatter(*at(base), s=60, marker="s", color=WARN, label="largest network, all in 8 bits, finetuned")
    axes.scatter(*at(chosen), s=150, facecolor="none", edgecolor=INK, linewidth=1.4, label="chosen by validation")
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_major_formatter("{x:g}")
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.grid(True, which="both", color=GRID, linewidth=0.7)
    axes.set_axisbelow(True)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
