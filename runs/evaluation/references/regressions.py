"""Where a number is predicted: ridge regression, of texts on TF-IDF, and the mean of training, which says nothing."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.feature_extraction.text import TfidfTransformer
from sklearn.linear_model import Ridge, RidgeCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from runs.evaluation.references.inputs import chosen_rows, examples_of, features_of, parts
from runs.reports import SimpleModel
from supernet.tasks import Split, TaskData

__all__ = ["regressions"]

_STRENGTHS = np.logspace(-2, 4, 7)  # of the ridge, of which the one with the least error of leaving one out is taken


def regressions(data: TaskData) -> tuple[SimpleModel, ...]:
    """Return ridge regression and the mean, both fitted to standardised targets as networks are."""
    features, examples = features_of(data), examples_of(data)
    rows = chosen_rows(data.train, examples)
    inputs, targets = features(data, data.train, rows), data.train.targets[rows].double().numpy()
    is_text = bool(data.shape.vocab_size)
    model = make_pipeline(*((TfidfTransformer(), Ridge()) if is_text else (StandardScaler(), RidgeCV(_STRENGTHS))))
    begin = time.process_time()
    model.fit(inputs, targets)
    seconds = time.process_time() - begin
    mean = targets.mean(0)

    def found(name: str, predict: Callable[[Any], NDArray[Any]], *, params: int, seconds: float) -> SimpleModel:
        def error(split: Split) -> float:
            tally = data.tally()
            for some in parts(data, split):
                predicted = predict(features(data, split, some)).reshape(len(some), -1)
                tally.add(torch.from_numpy(predicted).float(), split.targets[some])
            return tally.error

        return SimpleModel(
            name=name,
            validation_error=error(data.validation),
            test_error=error(data.test),
            params=params,
            seconds=seconds,
            examples=examples,
        )

    weights = model[-1].coef_.size + np.size(model[-1].intercept_)
    name = "ridge regression on TF-IDF" if is_text else "ridge regression"
    return (
        found(name, model.predict, params=weights, seconds=seconds),
        found("mean of training", lambda x: np.tile(mean, (x.shape[0], 1)), params=mean.size, seconds=0.0),
    )
