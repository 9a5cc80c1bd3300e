"""What every predictor checks of its arguments, so that all say the same of the same mistake."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from search_space.errors import ProfileError, reason_of

__all__ = ["checked_coverage", "checked_matrix", "checked_targets"]

Floats = NDArray[np.float64]


def checked_matrix(name: str, rows: ArrayLike, *, columns: int | None = None) -> Floats:
    """Return finite numbers ``(n, columns)``.

    Raises
    ------
    ProfileError
        For another shape, or numbers that are NaN or infinite.
    """
    matrix = _numbers(name, rows)
    width = "d" if columns is None else columns
    if matrix.ndim != 2 or (columns is not None and matrix.shape[1] != columns):
        raise ProfileError(
            name, expected=f"shape (n, {width})", got=str(matrix.shape), remedy="pass one row a network, as in the fit"
        )
    return _finite(name, matrix)


def checked_targets(name: str, values: ArrayLike, *, rows: int, positive: bool = False) -> Floats:
    """Return finite numbers ``(rows,)``, above zero where ``positive``; raises ``ProfileError`` for others."""
    targets = _numbers(name, values)
    if targets.shape != (rows,) or rows == 0:
        raise ProfileError(
            name, expected=f"shape ({max(rows, 1)},)", got=str(targets.shape), remedy="pass one number a network"
        )
    targets = _finite(name, targets)
    if positive and not (targets > 0).all():
        raise ProfileError(
            name, expected="positive numbers", got=f"{targets.min():g}", remedy="measure that network again"
        )
    return targets


def checked_coverage(coverage: float) -> float:
    """Return a probability strictly between 0 and 1; raises ``ProfileError`` for others."""
    if not 0.0 < coverage < 1.0:
        raise ProfileError("coverage", expected="a number between 0 and 1", got=str(coverage), remedy="0.9 is usual")
    return coverage


def _numbers(name: str, values: ArrayLike) -> Floats:
    try:
        return np.asarray(values, dtype=float)
    except (TypeError, ValueError) as error:
        raise ProfileError(
            name, expected="numbers in rows of one length", got=reason_of(error), remedy="correct them"
        ) from error


def _finite(name: str, values: Floats) -> Floats:
    wrong = int((~np.isfinite(values)).sum())
    if wrong:
        raise ProfileError(
            name, expected="finite numbers", got=f"{wrong} that are NaN or infinite", remedy="leave those rows out"
        )
    return values
