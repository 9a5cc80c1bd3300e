"""Forecasting: windows of a multivariate series, and the steps that follow each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from search_space.errors import ConfigError, DataError
from search_space.spec import TaskShape
from search_space.summary import DataSummary, Example
from supernet.readers.series.steps import Series
from supernet.readers.words import shown
from supernet.tasks._base import Split, data_hash
from supernet.tasks._numbers import NumbersData
from supernet.tasks._options import Option
from supernet.tasks._series.values import deviation, filled, range_notes, without_constant
from supernet.tasks._summary import rows_shown, sizes_text

__all__ = ["SERIES_OPTIONS", "ForecastData", "series_data"]


def _steps(default: int, meaning: str, *, why: str = "the models of longer windows take gigabytes") -> Option:
    return Option(default=default, meaning=meaning, low=1, high=10_000, why=why)


SERIES_OPTIONS: Mapping[str, Option] = {
    "lookback": _steps(96, "steps that a forecast sees"),
    "horizon": _steps(96, "steps that are forecast"),
    "patch": _steps(
        24,
        "steps of one token, which divide `lookback`; `patch` = `lookback` makes each series one token",
        why="a patch is no longer than the lookback",
    ),
}

_LISTED = 8


@dataclass(frozen=True, kw_only=True, slots=True, eq=False, repr=False)
class ForecastData(NumbersData):
    """Windows of ``(lookback, C)`` with targets ``(horizon, C)``, standardised with the training steps.

    Parameters
    ----------
    scored
        The variates that count; the forecasts of the others, which are covariates, are not looked at. Empty for all.
    """

    in_order: bool = True

    scored: tuple[int, ...] = ()

    def judged(self, outputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        """Return the variates that count of forecasts ``(B, horizon, C)``."""
        if not self.scored:
            return outputs, targets
        kept = list(self.scored)
        return outputs[..., kept], targets[..., kept]


def series_data(
    series: Series,
    *,
    ends: tuple[int, int, int],
    lookback: int,
    horizon: int,
    patch: int,
    where: str,
    splits_made: str,
    fill: str = "none",
) -> ForecastData:
    """Return the forecasting task of a series.

    Parameters
    ----------
    series
        One row a step.
    ends
        Where train, validation and test end. A window belongs to the split that holds all of its targets; its inputs
        may reach back into the split before, as is the custom of the field.
    lookback, horizon
        Steps that are seen, and forecast.
    patch
        Steps of a token; ``lookback`` makes each variate one token.
    where, splits_made
        Names the source in errors; says for the summary how the splits came about.
    fill
        What stands for missing values: nothing, the value before, a line between neighbours, the mean of training.

    Raises
    ------
    ConfigError
        For a patch that does not divide the lookback.
    DataError
        For missing values that are not filled, values beyond what can be trained on, a target that is constant in
        training, or a split without a single window.
    """
    if lookback % patch:
        raise ConfigError(
            "task.options.lookback",
            expected=f"a multiple of task.options.patch={patch}",
            got=str(lookback),
            remedy="correct it",
        )
    sizes = dict(zip(("train", "validation", "test"), np.diff((0, *ends)).tolist(), strict=True))
    for name, first, last in zip(sizes, (0, ends[0] - lookback, ends[1] - lookback), ends, strict=True):
        if last - max(first, 0) < lookback + horizon:
            raise DataError(
                f"{where}: {name}",
                expected=f"a window of {lookback} steps and {horizon} more",
                got=f"{last - max(first, 0)} steps",
                remedy="add rows, or lower task.options.lookback and task.options.horizon",
            )
    series, gaps = filled(series, fill, train=ends[0], where=where)
    series, constant = without_constant(series, train=ends[0], where=where)
    values, names = series.values, series.names
    mean, spread = values[: ends[0]].mean(0), deviation(values[: ends[0]])
    standardised = (values - mean) / spread
    far = range_notes(standardised, names, ends, where=where)
    scaled = torch.from_numpy(standardised.astype(np.float32))
    zero, one = torch.zeros(()), torch.ones(())
    splits = {}
    for name, first, last in zip(sizes, (0, ends[0] - lookback, ends[1] - lookback), ends, strict=True):
        windows = scaled[max(first, 0) : last].unfold(0, lookback + horizon, 1).mT  # (n, lookback + horizon, C), a view
        splits[name] = Split(stored=windows[:, :lookback], targets=windows[:, lookback:], offset=zero, scale=one)
    variates = len(names)
    scored = () if len(series.targets) == variates else series.targets
    shape = TaskShape(
        input_shape=(lookback, variates),
        num_outputs=horizon,
        seq_len=variates * (lookback // patch),
        grid=(variates, lookback // patch),
        stem="series",
        head="forecast",
    )
    fills: list[Mapping[str, object]] = []
    if fill != "none":
        fills = [{"do": "fill", "missing values": fill, **({"mean": mean.tolist()} if fill == "mean" else {})}]
    return ForecastData(
        shape=shape,
        train=splits["train"],
        validation=splits["validation"],
        test=splits["test"],
        data_hash=data_hash(shape, ends, scaled, *([scored] if scored else [])),
        scored=scored,
        preparation=(
            {
                "do": "arrange",
                "axes": ["step", "variate"],
                "variates": list(names),
                "values": f"the last {lookback} steps",
            },
            *fills,
            {
                "do": "standardise",
                "formula": "(x - offset) * scale",
                "axis": "variate",
                "offset": mean.tolist(),
                "scale": (1 / spread).tolist(),
            },
        ),
        meaning={
            "kind": "forecast",
            "shape": ["batch", horizon, variates],
            "decision": "the next steps, standardised: y / scale + offset is in the units of the data",
            **({"forecast": [names[i] for i in scored]} if scored else {}),
        },
        summary=DataSummary(
            facts={
                "steps": sizes_text(sizes, what=splits_made),
                "windows": f"{', '.join(f'{len(part):,}' for part in splits.values())}, of {lookback:,} steps and "
                f"{horizon:,} to forecast",
                **_variate_facts(series),
            },
            notes=(*series.notes, *gaps, *constant, *far),
            examples=_examples(series, ends[0], lookback, horizon),
        ),
    )


def _variate_facts(series: Series) -> dict[str, str]:
    """Return the series by role with their ranges."""
    covariates = [i for i in range(len(series.names)) if i not in series.targets]
    facts = {"forecast": _ranges(series, series.targets)}
    if covariates:
        facts["covariates"] = _ranges(series, covariates)
    if series.time:
        facts["time, not forecast"] = series.time
    return facts


def _ranges(series: Series, columns: Sequence[int]) -> str:
    low, high = series.values.min(0), series.values.max(0)
    some = ", ".join(f"{shown(series.names[i], most=30)} ({low[i]:.4g} to {high[i]:.4g})" for i in columns[:_LISTED])
    return f"{len(columns)}: {some}" + (" ..." if len(columns) > _LISTED else "")


def _examples(series: Series, train: int, lookback: int, horizon: int) -> tuple[Example, ...]:
    """Return the last steps of a few windows and the first to forecast, of the first target."""
    column, most = series.targets[0], 6
    found = []
    for start in rows_shown(train - lookback - horizon + 1):
        at = start + lookback
        past = series.values[max(start, at - most) : at, column]
        future = series.values[at : at + min(horizon, most), column]
        found.append(
            Example(
                text=f"{shown(series.names[column], most=30)}: ... {', '.join(f'{v:.4g}' for v in past)}",
                target=", ".join(f"{v:.4g}" for v in future) + (" ..." if horizon > most else ""),
            )
        )
    return tuple(found)
