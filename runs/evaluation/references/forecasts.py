"""Where series are forecast: a linear map that all variates share, and the last value."""

from __future__ import annotations

import time

import torch

from runs.evaluation.references.inputs import NUMBERS, chosen_rows, parts
from runs.reports import SimpleModel
from supernet.tasks import TaskData

__all__ = ["forecasts"]


def forecasts(data: TaskData) -> tuple[SimpleModel, ...]:
    """Return the least-squares map from a variate's past to its future, shared by the variates, and its last value."""
    (lookback, variates), horizon = data.train.batch(slice(0, 1))[0].shape[1:], data.train.targets.shape[1]
    examples = min(len(data.train), max(1, NUMBERS // (lookback * variates)))
    # Fitted to those variates that count: the future of a covariate is not scored.
    inputs, targets = data.judged(*data.train.batch(chosen_rows(data.train, examples)))
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
            for rows in parts(data, split):
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
