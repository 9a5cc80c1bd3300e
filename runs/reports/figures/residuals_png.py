"""How far held-out predictions of latency are off: against size, and in the order in which they were measured."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from predictors.latency_evaluation import SplitResult
from runs.reports.figures.palette import ACCENT, FAINT, MUTED, WARN
from runs.reports.figures.stills import STYLE, png

__all__ = ["residuals_png"]

_TITLES = {"random": "held out at random", "time": "held out by time", "front": "on the front"}


def residuals_png(results: Sequence[SplitResult], *, noise_floor: float) -> bytes:
    """Return one row of two pictures a split; the band is the noise floor, twice on either side."""
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(11.0, 4.2 * len(results)), dpi=160, layout="constrained", facecolor="white")
        for row, result in enumerate(results):
            by_size, by_order = (figure.add_subplot(len(results), 2, 2 * row + i) for i in (1, 2))
            title = _TITLES.get(result.split, result.split)
            _residuals(by_size, result, x=result.measured_ms, noise_floor=noise_floor)
            by_size.set_xscale("log")
            by_size.set(title=f"Networks {title}", xlabel="measured latency, ms", ylabel="predicted over measured, %")
            _residuals(by_order, result, x=np.arange(len(result.fold)), noise_floor=noise_floor)
            by_order.set(
                title=f"median error {100 * result.median_error:.1f} %, {100 * result.coverage:.0f} % intervals hold "
                f"{100 * result.covered:.0f} %",
                xlabel="order of measurement",
            )
        return png(figure)


def _residuals(axes: Axes, result: SplitResult, *, x: NDArray[np.generic], noise_floor: float) -> None:
    off = 100.0 * result.relative_errors
    axes.axhspan(-200.0 * noise_floor, 200.0 * noise_floor, color=FAINT, alpha=0.4, linewidth=0)
    axes.axhline(0.0, color=MUTED, linewidth=0.8)
    axes.scatter(x[result.inside], off[result.inside], s=16, color=ACCENT, label="within its interval")
    axes.scatter(x[~result.inside], off[~result.inside], s=22, color=WARN, marker="x", label="outside")
    axes.legend(loc="best")
