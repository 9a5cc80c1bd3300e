"""Where an example has any of several labels: logistic regression of each label against the rest, and their shares."""

from __future__ import annotations

import time
import warnings
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MaxAbsScaler

from runs.evaluation.references.inputs import chosen_rows, examples_of, features_of, parts
from runs.reports import SimpleModel
from supernet.tasks import Split, TaskData, is_balanced

__all__ = ["each_label"]

_ITERATIONS = 100
_LEAST = 1e-12  # probability, so that its logarithm is finite


def each_label(data: TaskData) -> tuple[SimpleModel, ...]:
    """Return scikit-learn's one-vs-rest logistic regression, and what answering the share of each label reaches."""
    examples, features, balanced = examples_of(data), features_of(data), is_balanced(data)
    rows = chosen_rows(data.train, examples)
    targets = data.train.targets[rows].numpy()
    logistic = LogisticRegression(max_iter=_ITERATIONS, tol=1e-3, class_weight="balanced" if balanced else None)
    model = make_pipeline(MaxAbsScaler(), OneVsRestClassifier(logistic))
    inputs = features(data, data.train, rows)
    begin = time.process_time()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # the passes are limited on purpose
        warnings.filterwarnings("ignore", "Label .* is present in all training examples|Label not", UserWarning)
        model.fit(inputs, targets)
    seconds = time.process_time() - begin
    shares = _log_odds(data.train.targets.double().mean(0).numpy())

    def fitted(split: Split) -> float:
        found = [_probabilities(model, features(data, split, some)) for some in parts(data, split)]
        return _error(data, split, _log_odds(np.concatenate(found)))

    def constant(split: Split) -> float:
        return _error(data, split, np.tile(shares, (len(split), 1)))

    name = "logistic regression of each label" + (" on counts" if data.shape.vocab_size else "")
    params = sum(e.coef_.size + e.intercept_.size for e in model[-1].estimators_ if hasattr(e, "coef_"))
    return (
        SimpleModel(
            name=f"{name}, labels balanced" if balanced else name,
            validation_error=fitted(data.validation),
            test_error=fitted(data.test),
            params=params,
            seconds=seconds,
            examples=examples,
        ),
        SimpleModel(
            name="share of each label",
            validation_error=constant(data.validation),
            test_error=constant(data.test),
            params=len(shares),
            seconds=0.0,
            examples=len(data.train),
        ),
    )


def _probabilities(model: Any, inputs: Any) -> NDArray[np.float64]:
    """Return the probability of each label, ``(n, K)``; of a single one scikit-learn gives that of its absence, too."""
    found: NDArray[np.float64] = model.predict_proba(inputs)
    return found[:, 1:] if len(model[-1].estimators_) == 1 else found


def _log_odds(shares: NDArray[np.float64]) -> NDArray[np.float64]:
    clipped = shares.clip(_LEAST, 1 - _LEAST)
    odds: NDArray[np.float64] = np.log(clipped / (1 - clipped))
    return odds


def _error(data: TaskData, split: Split, scores: NDArray[np.float64]) -> float:
    return data.error(torch.from_numpy(scores), split.targets.long())
