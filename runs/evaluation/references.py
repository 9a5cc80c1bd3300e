"""Honest references: what simple models reach in seconds on the task's own split, without a search.

Logistic regression and a small perceptron on examples of numbers, logistic regression on the counts of tokens,
a linear map and the last value for a forecast, interpolated trigrams where every token is predicted. They are judged by
the task's metric, and where training weighs rare classes more, so do they.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MaxAbsScaler

from runs.evaluation.trigrams import Trigrams
from runs.reports import SimpleModel
from supernet.tasks import Split, TaskData, balanced_rows, is_balanced

__all__ = ["simple_models"]

_EXAMPLES = 20_000  # of training that a model is fitted to, at most
_NUMBERS = 8_000_000  # in them, at most: some seconds of fitting
_AT_ONCE = 8_000_000  # numbers that a model is given together, to predict
_HIDDEN = 32
_ITERATIONS = 100  # of logistic regression
_STEPS, _BATCH = 1500, 200  # of the perceptron
_NEVER = float(np.log(np.finfo(np.float64).tiny))


def simple_models(data: TaskData) -> tuple[SimpleModel, ...]:
    """Return the simple models of a task, fitted now; the same data gives the same errors."""
    if data.kind == "tokens":
        return (_trigrams(data),)
    if data.kind == "numbers":
        return _forecasts(data)
    if len(torch.unique(data.train.targets)) < 2:
        return ()  # nothing to tell apart
    if data.shape.vocab_size:
        return (_classifier(data, "logistic regression on counts", _logistic(data), _counts),)
    passes = max(1, round(_STEPS * _BATCH / _examples(data)))
    perceptron = MLPClassifier(
        (_HIDDEN,), batch_size=min(_BATCH, _examples(data)), learning_rate_init=3e-3, max_iter=passes, random_state=0
    )
    return (
        _classifier(data, "logistic regression", _logistic(data), _numbers),
        _classifier(data, f"perceptron of {_HIDDEN}", make_pipeline(MaxAbsScaler(), perceptron), _numbers),
    )


def _logistic(data: TaskData) -> Any:
    weights = "balanced" if is_balanced(data) else None
    return make_pipeline(MaxAbsScaler(), LogisticRegression(max_iter=_ITERATIONS, tol=1e-3, class_weight=weights))


def _examples(data: TaskData) -> int:
    """Return how many examples of training a classifier is fitted to."""
    examples = min(len(data.train), _EXAMPLES)
    if data.shape.vocab_size:
        return examples  # few of the counts are not zero
    return min(examples, max(1, _NUMBERS // int(np.prod(data.shape.input_shape))))


def _classifier(
    data: TaskData, name: str, model: Any, features: Callable[[TaskData, Split, torch.Tensor], Any]
) -> SimpleModel:
    examples = _examples(data)
    chosen = _rows(data.train, examples)
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
        for rows in _parts(data, split):
            with np.errstate(divide="ignore"):
                scores[np.ix_(rows.numpy(), model.classes_)] = np.log(model.predict_proba(features(data, split, rows)))
        return data.error(torch.from_numpy(scores.clip(_NEVER)), split.targets.long())

    last = model[-1]
    weights = [*last.coefs_, *last.intercepts_] if hasattr(last, "coefs_") else [last.coef_, last.intercept_]
    return SimpleModel(
        name=f"{name}, classes balanced" if is_balanced(data) else name,
        validation_error=error(data.validation),
        test_error=error(data.test),
        params=sum(weight.size for weight in weights),
        seconds=seconds,
        examples=examples,
    )


def _rows(split: Split, examples: int) -> torch.Tensor:
    """Return examples spread evenly over a split, which may be sorted."""
    return torch.linspace(0, len(split) - 1, examples, dtype=torch.float64).round().long()


def _parts(data: TaskData, split: Split) -> list[torch.Tensor]:
    """Return the rows of a split in parts that memory holds: windows of a series overlap, and pictures are bytes."""
    size = max(1, _AT_ONCE // int(np.prod(data.shape.input_shape)))
    return [torch.arange(first, min(first + size, len(split))) for first in range(0, len(split), size)]


def _numbers(data: TaskData, split: Split, rows: torch.Tensor) -> NDArray[np.float32]:
    numbers: NDArray[np.float32] = split.batch(rows)[0].flatten(1).numpy()
    return numbers


def _counts(data: TaskData, split: Split, rows: torch.Tensor) -> csr_matrix:
    """Return how often each token stands in each example; 0 is padding."""
    ids = split.batch(rows)[0].flatten(1).numpy()
    texts, tokens = np.repeat(np.arange(len(ids)), ids.shape[1])[ids.ravel() != 0], ids.ravel()[ids.ravel() != 0]
    return csr_matrix((np.ones(len(texts)), (texts, tokens)), shape=(len(ids), data.shape.vocab_size))


def _forecasts(data: TaskData) -> tuple[SimpleModel, ...]:
    """Return the least-squares map from a variate's past to its future, shared by the variates, and its last value."""
    (lookback, variates), horizon = data.train.batch(slice(0, 1))[0].shape[1:], data.train.targets.shape[1]
    examples = min(len(data.train), max(1, _NUMBERS // (lookback * variates)))
    # Fitted to those variates that count: the future of a covariate is not scored.
    inputs, targets = data.judged(*data.train.batch(_rows(data.train, examples)))
    begin = time.process_time()
    past, future = _with_one(inputs), targets.double().mT.reshape(-1, horizon)
    weights = torch.linalg.lstsq(past.T @ past + 1e-6 * torch.eye(lookback + 1), past.T @ future).solution
    seconds = time.process_time() - begin

    def linear(x: torch.Tensor) -> torch.Tensor:
        future: torch.Tensor = (_with_one(x) @ weights).reshape(len(x), variates, horizon).mT.float()
        return future

    def last(x: torch.Tensor) -> torch.Tensor:
        return x[:, -1:].expand(-1, horizon, -1)

    found = []
    for name, forecast, params in (("linear map", linear, weights.numel()), ("last value", last, 0)):
        errors = []
        for split in (data.validation, data.test):
            tally = data.tally()
            for rows in _parts(data, split):
                x, y = split.batch(rows)
                tally.add(forecast(x), y)
            errors.append(tally.error)
        found.append(
            SimpleModel(
                name=name,
                validation_error=errors[0],
                test_error=errors[1],
                params=params,
                seconds=seconds if params else 0.0,
                examples=examples if params else 0,
            )
        )
    return tuple(found)


def _with_one(inputs: torch.Tensor) -> torch.Tensor:
    """Return the past of each variate of each window, and a one for the constant: ``(n * variates, lookback + 1)``."""
    past = inputs.double().mT.reshape(-1, inputs.shape[1])
    return torch.cat([past, torch.ones(len(past), 1, dtype=torch.float64)], dim=1)


def _trigrams(data: TaskData) -> SimpleModel:
    begin = time.process_time()
    model = Trigrams.fit(data.train, size=data.shape.vocab_size)
    return SimpleModel(
        name="interpolated trigrams",
        validation_error=model.bits(data.validation),
        test_error=model.bits(data.test),
        params=model.params,
        seconds=time.process_time() - begin,
        examples=len(data.train),
    )
