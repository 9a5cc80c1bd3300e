"""The values of a series made fit for training: no gaps, nothing constant, nothing that explodes; changes are told."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from search_space.errors import DataError
from supernet.readers.series.steps import Series
from supernet.readers.words import counted, shown

__all__ = ["FILLS", "deviation", "filled", "range_notes", "without_constant"]

FILLS = ("none", "previous", "linear", "mean")
"""What may stand for a missing value."""

_FAR, _TOO_FAR = 1e3, 1e12  # training deviations from the mean
_SMALLEST = 1e-300
_LISTED = 8


def filled(series: Series, fill: str, *, train: int, where: str) -> tuple[Series, list[str]]:
    """Return a series without missing values, and how many there were."""
    values, missing = series.values.copy(), np.isnan(series.values)
    if not missing.any():
        return series, []
    counts = ", ".join(
        f"{shown(series.names[c])} {int(missing[:, c].sum()):,}" for c in np.flatnonzero(missing.any(0))[:_LISTED]
    )
    if fill == "none":
        raise DataError(
            where,
            expected="a number in every cell",
            got=f"{int(missing.sum()):,} missing ones ({counts})",
            remedy=f"set task.options.fill to {', '.join(FILLS[1:-1])} or {FILLS[-1]}, or fill or remove these rows",
        )
    unknown = np.flatnonzero(missing[:train].all(0))
    if len(unknown):
        raise DataError(
            f"{where}: {shown(series.names[unknown[0]])}",
            expected="values among the training steps",
            got="missing ones alone",
            remedy="remove the column, or name those to use in task.options.target",
        )
    steps = np.arange(len(values))
    for c in np.flatnonzero(missing.any(0)):
        gaps, known = missing[:, c], np.flatnonzero(~missing[:, c])
        if fill == "mean":
            values[gaps, c] = values[:train, c][~gaps[:train]].mean()
        elif fill == "linear":
            values[gaps, c] = np.interp(steps[gaps], known, values[known, c])
        else:  # where none is before, the first that comes
            before = np.maximum(np.searchsorted(known, steps[gaps], side="right") - 1, 0)
            values[gaps, c] = values[known[before], c]
    note = f"filled, task.options.fill={fill}: {counted(int(missing.sum()), 'missing value')} ({counts})"
    return _with(series, values, range(len(series.names))), [note]


def deviation(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the standard deviation of each column of ``(T, C)``, also where squares are too small for floats."""
    unit = np.exp2(np.floor(np.log2(np.maximum(np.abs(values).max(0), _SMALLEST))))  # dividing by it is exact
    found: NDArray[np.float64] = (values / unit).std(0) * unit
    return found


def without_constant(series: Series, *, train: int, where: str) -> tuple[Series, list[str]]:
    """Return a series without variates that are constant in training: there is nothing to learn of them."""
    part = series.values[:train]
    largest = np.abs(part).max(0)
    spread = deviation(part)
    varies = (spread > 1e-9 * largest) & (spread > _SMALLEST)
    kept = np.flatnonzero(varies).tolist()
    if len(kept) == len(series.names):
        return series, []
    if not set(kept) & set(series.targets):
        raise DataError(
            where,
            expected="a column to forecast that is not constant",
            got=f"{len(series.targets)} that are constant in the {train:,} training steps",
            remedy="choose other columns in task.options.target",
        )
    left = [shown(series.names[i]) for i in np.flatnonzero(~varies)]
    moves = [shown(series.names[i]) for i in np.flatnonzero(~varies) if np.ptp(series.values[:, i]) > 0]
    listed = ", ".join(left[:_LISTED]) + (" ..." if len(left) > _LISTED else "")
    note = f"columns that are constant in training are left out: {listed}"
    if moves:
        note += f"; of these move later, where they cannot be forecast: {', '.join(moves[:_LISTED])}"
    return _with(series, series.values[:, kept], kept), [note]


def _with(series: Series, values: NDArray[np.float64], kept: Sequence[int]) -> Series:
    """Return a series with other values, and those of its columns that are kept."""
    columns = list(kept)
    return Series(
        names=tuple(series.names[i] for i in columns),
        values=values,
        targets=tuple(columns.index(i) for i in series.targets if i in columns),
        time=series.time,
        notes=series.notes,
    )


def range_notes(values: NDArray[np.float64], names: Sequence[str], ends: Sequence[int], *, where: str) -> list[str]:
    """Return which standardised variates go far; raises ``DataError`` where none could be trained on them."""
    notes = []
    for split, first, last in zip(("training", "validation", "test"), (0, *ends), ends, strict=False):
        far = np.abs(values[first:last]).max(0, initial=0.0)
        c = int(far.argmax())
        if not far[c] <= _TOO_FAR:
            raise DataError(
                f"{where}: {shown(names[c])}",
                expected=f"values within {_TOO_FAR:g} training deviations of the mean",
                got=f"one that is {far[c]:.1e} away, in the {split} steps",
                remedy="correct these values or remove the column",
            )
        if far[c] > _FAR:
            notes.append(f"{shown(names[c])} goes {far[c]:,.0f} training deviations from its mean in the {split} steps")
    return notes
