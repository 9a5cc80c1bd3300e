"""Where classes are told apart: logistic regression (of texts on counts of tokens), a perceptron, trees of tables."""

from __future__ import annotations

import time
import warnings
from typing import Any

import numpy as np
import torch
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MaxAbsScaler

from runs.evaluation.references.boosting import BOOSTING, boosting, codes, size_of
from runs.evaluation.references.inputs import Features, chosen_rows, examples_of, features_of, parts
from runs.reports import SimpleModel
from supernet.tasks import Split, TaskData, balanced_rows, is_balanced

__all__ = ["classifiers"]

_HIDDEN = 32
_ITERATIONS = 100  # of logistic regression
_STEPS, _BATCH = 1500, 200  # of the perceptron
_NEVER = float(np.log(np.finfo(np.float64).tiny))


def classifiers(data: TaskData) -> tuple[SimpleModel, ...]:
    """Return the models of a task whose training examples are of two classes or more."""
    if data.shape.vocab_size:
        return (_classifier(data, "logistic regression on counts", _logistic(data)),)
    examples = examples_of(data)
    passes = max(1, round(_STEPS * _BATCH / examples))
    perceptron = MLPClassifier(
        (_HIDDEN,), batch_size=min(_BATCH, examples), learning_rate_init=3e-3, max_iter=passes, random_state=0
    )
    trees = [_classifier(data, BOOSTING, make_pipeline(boosting(data)), codes)] if data.shape.categories else []
    return (
        _classifier(data, "logistic regression", _logistic(data)),
        _classifier(data, f"perceptron of {_HIDDEN}", make_pipeline(MaxAbsScaler(), perceptron)),
        *trees,
    )


def _logistic(data: TaskData) -> Any:
    weights = "balanced" if is_balanced(data) else None
    return make_pipeline(MaxAbsScaler(), LogisticRegression(max_iter=_ITERATIONS, tol=1e-3, class_weight=weights))


def _classifier(data: TaskData, name: str, model: Any, features: Features | None = None) -> SimpleModel:
    features, examples = features or features_of(data), examples_of(data)
    chosen = chosen_rows(data.train, examples)
    inputs, targets = features(data, data.train, chosen), data.train.targets[chosen].numpy()
    begin = time.process_time()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # the passes are limited on purpose
        if is_balanced(data) and isinstance(model[-1], MLPClassifier):  # which knows no weights of classes
            rows = balanced_rows(targets)  # class after class: what is spread evenly over them is balanced, too
            rows = rows[np.linspace(0, len(rows) - 1, min(len(rows), 2 * examples)).round().astype(int)]
            model.fit(inputs[rows], targets[rows])
        else:
            model.fit(inputs, targets)
    seconds = time.process_time() - begin

    def error(split: Split) -> float:
        # A class that no example was fitted to has no probability; the smallest stands for the logarithm of none.
        scores = np.full((len(split), data.shape.num_outputs), _NEVER)
        for rows in parts(data, split):
            with np.errstate(divide="ignore"):
                scores[np.ix_(rows.numpy(), model.classes_)] = np.log(model.predict_proba(features(data, split, rows)))
        return data.error(torch.from_numpy(scores.clip(_NEVER)), split.targets.long())

    last = model[-1]
    if name == BOOSTING:
        params = size_of(last)
    else:
        weights = [*last.coefs_, *last.intercepts_] if hasattr(last, "coefs_") else [last.coef_, last.intercept_]
        params = sum(weight.size for weight in weights)
    return SimpleModel(
        name=f"{name}, classes balanced" if is_balanced(data) else name,
        validation_error=error(data.validation),
        test_error=error(data.test),
        params=params,
        seconds=seconds,
        examples=examples,
    )
