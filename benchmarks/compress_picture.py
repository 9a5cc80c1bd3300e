"""The picture of ``benchmarks.compress``: test error over latency, each point as large as its file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")

from matplotlib import pyplot as plt

from runs.reports.figures.palette import GRID, INK

__all__ = ["draw"]


def draw(result: Mapping[str, Any], file: Path) -> None:
    """Write error over latency, each point as large as its file."""
    figure, axes = plt.subplots(figsize=(7.2, 4.4), layout="constrained")
    largest = max(row["bytes"] for row in result["rows"])
    for group, colour, label in (
        ("fp32", "#8d99ae", "by hand, fp32"),
        ("int8", "#c8553d", "by hand, ONNX Runtime's dynamic int8"),
        ("nasweave", "#0b5fa5", "nasweave compress"),
    ):
        rows = [row for row in result["rows"] if row["group"] == group]
        x, y = [row["latency_ms"] for row in rows], [row["test_error"] for row in rows]
        areas = [20 + 400 * row["bytes"] / largest for row in rows]
        axes.scatter(x, y, s=areas, color=colour, alpha=0.75, linewidth=0, label=label)
        for row in rows if group == "fp32" else ():
            text = row["name"].removesuffix(", fp32")
            axes.annotate(text, (row["latency_ms"], row["test_error"]), (6, 6), textcoords="offset points", fontsize=8)
    axes.set_xscale("log")
    axes.set_xlabel("latency in ms, one example, one thread", color=INK)
    axes.set_ylabel("test error", color=INK)
    axes.set_title(f"{result['checkpoint']} on {result['task']}; areas are bytes", fontsize=10, color=INK)
    axes.grid(color=GRID, linewidth=0.6)
    axes.legend(frameon=False, fontsize=8, markerscale=0.6)
    figure.savefig(file, dpi=150)
    plt.close(figure)
