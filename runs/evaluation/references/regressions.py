"""Where a number is predicted: ridge regression, of texts on TF-IDF, trees of tables, and the mean of training."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from sklearn.dummy import DummyRegressor
from sklearn.feature_extraction.text import TfidfTransformer
from sklearn.linear_model import Ridge, RidgeCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from runs.evaluation.references.boosting import BOOSTING, boosting, codes, size_of
from runs.evaluation.references.inputs import Features, chosen_rows, examples_of, features_of, parts
from runs.reports import SimpleModel
from supernet.tasks import Split, TaskData

__all__ = ["regressions"]

_STRENGTHS = np.logspace(-2, 4, 7)  # of the ridge, of which the one with the least error of leaving one out is taken


def regressions(data: TaskData) -> tuple[SimpleModel, ...]:
    """Return the models, fitted to standardised targets as networks are."""
    examples = examples_of(data)
    rows = chosen_rows(data.train, examples)
    targets = data.train.targets[rows].double().numpy()
    is_text = bool(data.shape.vocab_size)

    def found(name: str, model: Any, features: Features, size: Callable[[Any], int]) -> SimpleModel:
        inputs = features(data, data.train, rows)
        begin = time.process_time()
        model.fit(inputs, targets[:, 0])
        seconds = time.process_time() - begin

        def error(split: Split) -> float:
            tally = data.tally()
            for some in parts(data, split):
                predicted = model.predict(features(data, split, some)).reshape(len(some), 1)
                tally.add(torch.from_numpy(predicted).float(), split.targets[some])
            return tally.error

        return SimpleModel(
            name=name,
            validation_error=error(data.validation),
            test_error=error(data.test),
            params=size(model),
            seconds=seconds,
            examples=examples,
        )

    ridge = make_pipeline(*((TfidfTransformer(), Ridge()) if is_text else (StandardScaler(), RidgeCV(_STRENGTHS))))
    name = "ridge regression on TF-IDF" if is_text else "ridge regression"
    return (
        found(name, ridge, features_of(data), lambda m: m[-1].coef_.size + 1),
        *((found(BOOSTING, boosting(data), codes, size_of),) if data.shape.categories else ()),
        found("mean of training", DummyRegressor(), features_of(data), lambda m: 1),
    )
