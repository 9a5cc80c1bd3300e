"""Of tables, gradient boosting of trees: what a network for them has to beat.

Papers: Friedman 2001, Greedy Function Approximation; Ke et al. 2017, LightGBM (histograms).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

from supernet.tasks import Split, TaskData, is_balanced

__all__ = ["BOOSTING", "boosting", "codes", "size_of"]

BOOSTING = "gradient boosting of trees"


def boosting(data: TaskData) -> Any:
    """Return the model of a table as scikit-learn sets it, not fitted; categories are told from numbers."""
    categories = [n > 0 for n in data.shape.categories]
    options: dict[str, Any] = {"random_state": 0, "categorical_features": categories if any(categories) else None}
    if data.kind == "numbers":
        return HistGradientBoostingRegressor(**options)
    return HistGradientBoostingClassifier(**options, class_weight="balanced" if is_balanced(data) else None)


def codes(data: TaskData, split: Split, rows: torch.Tensor) -> NDArray[np.float32]:
    """Return the inputs of some examples as they are: numbers, and codes of categories."""
    inputs: NDArray[np.float32] = split.batch(rows)[0].numpy()
    return inputs


def size_of(model: Any) -> int:
    """Return the numbers that a fitted model keeps: of each node of a tree a column and a threshold, or a value."""
    return sum(2 * len(tree.nodes) for trees in model._predictors for tree in trees)
