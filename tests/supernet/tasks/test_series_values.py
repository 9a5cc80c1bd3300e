"""What is odd in a series is done right and told: gaps, constant columns, columns of time, values that explode."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from search_space.errors import ConfigError, DataError
from supernet.tasks import TASKS
from tests.supernet.tasks.samples import series, write_series

OPTIONS = {"lookback": 12, "horizon": 6, "patch": 4}


def load(path, **options):
    return TASKS["csv"].load(options={"path": str(path), **OPTIONS, **options})


def written(path, values, names=None):
    """Write a table whose gaps are empty cells."""
    rows = [",".join("" if np.isnan(v) else repr(v) for v in row) for row in values.tolist()]
    path.write_text("\n".join([",".join(names or [f"v{i}" for i in range(values.shape[1])]), *rows]) + "\n")
    return path


def test_a_column_that_is_constant_in_training_is_left_out_and_named(tmp_path):
    values = series(200)
    values[:, 0] = 0.1  # whose deviation comes out as 1e-17
    values[:, 1] = 7
    values[190:, 1] = 9
    data = load(written(tmp_path / "a.csv", values))
    assert data.shape.input_shape == (12, 1) and data.train.inputs.std() < 2
    assert data.summary.notes == (
        "columns that are constant in training are left out: v0, v1; "
        "of these move later, where they cannot be forecast: v1",
    )
    assert data.preprocessing()["steps"][0]["variates"] == ["v2"]
    with pytest.raises(
        DataError, match=r"expected a column to forecast that is not constant, got 1 .*140 training steps"
    ):
        load(tmp_path / "a.csv", target="v0", covariates="v2")


@pytest.mark.parametrize("size", [1e-250, 1e-20, 1e-3, 1e20])
def test_values_of_any_size_are_standardised(tmp_path, size):
    data = load(written(tmp_path / "a.csv", series(200, variates=1) * size))
    expected = load(written(tmp_path / "b.csv", series(200, variates=1)))
    torch.testing.assert_close(data.train.inputs, expected.train.inputs)


def test_values_that_explode_are_named_and_refused(tmp_path):
    values = series(200)
    values[195, 1] = 1e6
    data = load(written(tmp_path / "a.csv", values))
    assert [note for note in data.summary.notes if "v1 goes" in note and "test steps" in note]
    values[195, 1] = 1e20
    with pytest.raises(
        DataError, match=r"a\.csv: v1: expected values within 1e\+12 training deviations.*in the test steps"
    ):
        load(written(tmp_path / "a.csv", values))
    values[195, 1] = 3e38
    with pytest.raises(DataError, match=r"a\.csv: line 197, column v1: expected a number of at most 1e\+30"):
        load(written(tmp_path / "a.csv", values))


@pytest.mark.parametrize("fill", ["previous", "linear", "mean"])
def test_gaps_are_filled_as_one_chooses(tmp_path, fill):
    values = series(200, variates=2)
    gaps = values.copy()
    gaps[[0, 50, 51, 150], 0] = np.nan
    path = written(tmp_path / "a.csv", gaps)
    with pytest.raises(
        DataError, match=r"got 4 missing ones \(v0 4\); set task\.options\.fill to previous, linear or mean"
    ):
        load(path)
    data = load(path, fill=fill)
    told = f"filled, task.options.fill={fill}: 4 missing values (v0 4)"
    assert told in data.summary.notes
    step = next(step for step in data.preprocessing()["steps"] if step["do"] == "fill")
    assert step["missing values"] == fill and ("mean" in step) == (fill == "mean")
    raw = data.train.batch(slice(None))[0][:, 0, 0].double() / torch.tensor(scale(data)[0]) + offset(data)[0]
    expected = {
        "previous": (values[1, 0], values[49, 0], values[49, 0]),
        "linear": (values[1, 0], *np.interp([50, 51], [49, 52], values[[49, 52], 0])),
        "mean": (np.nanmean(gaps[:140, 0]),) * 3,
    }[fill]
    np.testing.assert_allclose(raw[[0, 50, 51]], expected, rtol=1e-4, atol=1e-4)


def offset(data):
    return next(s for s in data.preprocessing()["steps"] if s["do"] == "standardise")["offset"]


def scale(data):
    return next(s for s in data.preprocessing()["steps"] if s["do"] == "standardise")["scale"]


def test_a_column_without_a_value_in_training_cannot_be_filled(tmp_path):
    values = series(200, variates=2)
    values[:150, 1] = np.nan
    with pytest.raises(DataError, match=r"a\.csv: v1: expected values among the training steps"):
        load(written(tmp_path / "a.csv", values), fill="previous")
    with pytest.raises(
        ConfigError, match=r"^task\.options\.fill: expected one of none, previous, linear, mean, got 'zero'"
    ):
        load(tmp_path / "a.csv", fill="zero")


def test_covariates_are_seen_and_not_scored(tmp_path):
    values = series(200)
    path = written(tmp_path / "a.csv", values, names=["demand", "wind", "sun"])
    data = load(path, target="demand", covariates="sun")
    assert data.shape.input_shape == (12, 2) and data.scored == (0,)
    alone = load(path, target="demand")
    assert alone.shape.input_shape == (12, 1) and alone.scored == ()
    torch.testing.assert_close(data.train.inputs[..., :1], alone.train.inputs)
    outputs, (_, targets) = torch.randn(5, 6, 2, generator=torch.Generator().manual_seed(0)), data.train.batch(slice(5))
    changed = outputs.clone()
    changed[..., 1] += 100
    assert data.loss(outputs, targets) == data.loss(changed, targets)
    assert data.error(outputs, targets) == data.error(changed, targets)
    assert data.error(outputs, targets) == pytest.approx(alone.error(outputs[..., :1], targets[..., :1]))
    assert data.preprocessing()["output"]["forecast"] == ["demand"]
    assert data.summary.facts["covariates"].startswith("1: sun (")
    assert data.data_hash != load(path, target="demand,sun").data_hash


def test_the_time_is_told_and_not_forecast(tmp_path):
    data = load(write_series(tmp_path / "a.csv", series(200)))
    assert data.summary.facts["time, not forecast"] == "date (2020-01-01 0 to 2020-01-01 199)"
    assert data.summary.facts["steps"].startswith(
        "140 for training, 20 for validation, 40 for the test (the first 70 %"
    )
    assert data.summary.notes == ()
