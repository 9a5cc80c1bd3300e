"""Fitted predictors as JSON: plain coefficients, a type, a version and the space they belong to. Never pickle."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
from numpy.typing import NDArray

from search_space import SearchSpace
from search_space.errors import ProfileError
from search_space.schema import MalformedError, parse_json, shown

__all__ = ["dump_predictor", "finite_array", "load_predictor", "require_fitted"]

_REMEDY = "fit the predictor again from its profile or candidates"


def dump_predictor(kind: str, *, version: int, space: SearchSpace, state: dict[str, Any]) -> str:
    """Return the JSON text of a predictor's learned state."""
    content = {"_type": kind, "_version": version, "space": space.fingerprint, **state}
    return json.dumps(content, sort_keys=True, allow_nan=False)


def load_predictor(kind: str, *, version: int, space: SearchSpace, text: str) -> dict[str, Any]:
    """Return the state that :func:`dump_predictor` wrote; raises ``ProfileError`` for any other text or space."""
    try:
        data = parse_json(text)
    except MalformedError as error:
        raise ProfileError(kind, expected="JSON", got=shown(text), remedy=_REMEDY) from error
    if not isinstance(data, dict) or data.get("_type") != kind:
        raise ProfileError(kind, expected=f"JSON of a {kind}", got=shown(text), remedy=_REMEDY)
    if data.get("_version") != version:
        raise ProfileError(f"{kind}._version", expected=str(version), got=shown(data.get("_version")), remedy=_REMEDY)
    if data.get("space") != space.fingerprint:
        raise ProfileError(
            f"{kind}.space", expected=f"space {space.fingerprint}", got=shown(data.get("space")), remedy=_REMEDY
        )
    return data


def finite_array(values: Any, *, length: int | None = None) -> NDArray[np.float64]:
    """Return a one-dimensional float array; raises ``ValueError`` for another length or values that are not finite."""
    array = np.array(values, dtype=float)
    if array.ndim != 1 or (length is not None and len(array) != length) or not np.isfinite(array).all():
        raise ValueError(f"expected {length if length is not None else 'a list of'} finite numbers")
    return array


def require_fitted(predictor: object, attribute: str) -> None:
    """Raise scikit-learn's ``NotFittedError`` when a learned attribute does not exist yet."""
    if not hasattr(predictor, attribute):
        from sklearn.exceptions import NotFittedError

        raise NotFittedError(f"{type(predictor).__name__} is not fitted yet: call fit first")
