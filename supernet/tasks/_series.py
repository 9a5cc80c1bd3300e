"""Forecasting: windows of a multivariate series, and the steps that follow each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from search_space.errors import ConfigError, DataError
from search_space.metric import MEAN_SQUARED_ERROR
from search_space.spec import TaskShape
from supernet.tasks._base import Split, TaskData, data_hash

__all__ = ["ForecastData", "series_data"]


@dataclass(frozen=True, kw_only=True, slots=True, eq=False, repr=False)
class ForecastData(TaskData):
    """Windows of ``(lookback, C)`` with targets ``(horizon, C)``, standardised with the training steps."""

    def loss(
        self,
        outputs: Tensor,
        targets: Tensor,
        *,
        reduction: Literal["mean", "none"] = "mean",
        label_smoothing: float = 0.0,
    ) -> Tensor:
        """Squared error, the mean over steps and variates; raises ``ConfigError`` for label smoothing."""
        if label_smoothing:
            raise ConfigError(
                "training.label_smoothing",
                expected="0, for a forecast has no labels",
                got=f"{label_smoothing:g}",
                remedy="set it to 0",
            )
        error_B = self.error(outputs, targets)
        return error_B.mean() if reduction == "mean" else error_B

    def soft_loss(self, outputs: Tensor, teacher_outputs: Tensor) -> Tensor:
        """Mean squared difference from the teacher's forecast."""
        return self.error(outputs, teacher_outputs).mean()

    def error(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Squared error of each window, the mean over steps and variates."""
        return (outputs - targets).square().flatten(1).mean(1)


def series_data(
    values: NDArray[np.float64],
    *,
    ends: tuple[int, int, int],
    lookback: int,
    horizon: int,
    patch: int,
    where: str,
    names: Sequence[str] = (),
) -> ForecastData:
    """Return the forecasting task of a series.

    Parameters
    ----------
    values
        ``(T, C)``, one row a step.
    ends
        Where train, validation and test end. A window belongs to the split that holds all of its targets; its inputs
        may reach back into the split before, as is the custom of the field.
    lookback, horizon
        Steps that are seen, and forecast.
    patch
        Steps of a token; ``lookback`` makes each variate one token.
    names
        Of the variates.

    Raises
    ------
    ConfigError
        For a patch that does not divide the lookback, or sizes below 1.
    DataError
        For missing values or a split without a single window; ``where`` names the source.
    """
    sizes = {"lookback": lookback, "horizon": horizon, "patch": patch}
    for name, size in sizes.items():
        if size < 1 or (name == "lookback" and size % max(patch, 1)):
            raise ConfigError(
                f"task.options.{name}",
                expected="1 or more" if size < 1 else f"a multiple of task.options.patch={patch}",
                got=str(size),
                remedy="correct it",
            )
    if not np.isfinite(values).all():
        raise DataError(
            where,
            expected="a number in every cell",
            got=f"{int((~np.isfinite(values)).sum())} missing or infinite ones",
            remedy="fill or remove these rows",
        )
    mean, deviation = values[: ends[0]].mean(0), values[: ends[0]].std(0)
    deviation = np.where(deviation > 0, deviation, 1.0)
    scaled = torch.from_numpy(((values - mean) / deviation).astype(np.float32))
    zero, one = torch.zeros(()), torch.ones(())
    splits = {}
    for name, first, last in (
        ("train", 0, ends[0]),
        ("validation", ends[0] - lookback, ends[1]),
        ("test", ends[1] - lookback, ends[2]),
    ):
        part = scaled[max(first, 0) : last]
        if len(part) < lookback + horizon:
            raise DataError(
                f"{where}: {name}",
                expected=f"a window of {lookback} steps and {horizon} more",
                got=f"{len(part)} steps",
                remedy="add rows, or lower task.options.lookback and task.options.horizon",
            )
        windows = part.unfold(0, lookback + horizon, 1).mT  # (n, lookback + horizon, C), a view
        splits[name] = Split(stored=windows[:, :lookback], targets=windows[:, lookback:], offset=zero, scale=one)
    variates = values.shape[1]
    shape = TaskShape(
        input_shape=(lookback, variates),
        num_outputs=horizon,
        seq_len=variates * (lookback // patch),
        grid=(variates, lookback // patch),
        stem="series",
        head="forecast",
    )
    content = data_hash(shape, ends, scaled)
    return ForecastData(
        shape=shape,
        train=splits["train"],
        validation=splits["validation"],
        test=splits["test"],
        metric=MEAN_SQUARED_ERROR,
        data_hash=content,
        preparation=(
            {
                "do": "arrange",
                "axes": ["step", "variate"],
                "variates": list(names),
                "values": f"the last {lookback} steps",
            },
            {
                "do": "standardise",
                "formula": "(x - offset) * scale",
                "axis": "variate",
                "offset": mean.tolist(),
                "scale": (1 / deviation).tolist(),
            },
        ),
        meaning={
            "kind": "forecast",
            "shape": ["batch", horizon, variates],
            "decision": "the next steps, standardised: y / scale + offset is in the units of the data",
        },
    )
