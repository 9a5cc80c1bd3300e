"""Forecasting tasks: windows against indexing, the published naive figure, bad input."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import torch

from search_space.errors import ConfigError, DataError
from supernet.tasks import TASKS
from tests.supernet.tasks.samples import series, write_series

OPTIONS = {"lookback": 12, "horizon": 6, "patch": 4}


def load(path, **options):
    return TASKS["csv"].load(options={"path": str(path), **OPTIONS, **options})


def test_windows_are_rows_of_the_table(tmp_path):
    values = series(200)
    data = load(write_series(tmp_path / "a.csv", values))
    scaled = (values - values[:140].mean(0)) / values[:140].std(0)
    firsts = {"train": 0, "validation": 140 - 12, "test": 160 - 12}
    ends = {"train": 140, "validation": 160, "test": 200}
    for name, first in firsts.items():
        inputs, targets = getattr(data, name).batch(slice(None))
        assert len(inputs) == ends[name] - first - 12 - 6 + 1
        for i in (0, len(inputs) - 1):
            start = first + i
            np.testing.assert_allclose(inputs[i], scaled[start : start + 12], atol=1e-5)
            np.testing.assert_allclose(targets[i], scaled[start + 12 : start + 18], atol=1e-5)
    assert data.shape.grid == (3, 3) and data.shape.seq_len == 9 and data.shape.num_outputs == 6


def test_dates_may_be_there_or_not_and_a_constant_column_too(tmp_path):
    values = series(200)
    values[:, 1] = 7.0
    with_dates, without = (
        write_series(tmp_path / "a.csv", values),
        write_series(tmp_path / "b.csv", values, dates=False),
    )
    assert load(with_dates).data_hash == load(without).data_hash
    assert load(without).train.inputs.isfinite().all()


def test_error_and_losses_are_mean_squares(tmp_path):
    data = load(write_series(tmp_path / "a.csv", series(200)))
    generator = torch.Generator().manual_seed(0)
    outputs, targets, teacher = (torch.randn(4, 6, 3, generator=generator, dtype=torch.float64) for _ in range(3))
    squares = ((outputs - targets) ** 2).mean((1, 2))
    torch.testing.assert_close(data.measure.errors(outputs, targets), squares)
    torch.testing.assert_close(data.loss(outputs, targets, reduction="none"), squares)
    torch.testing.assert_close(data.loss(outputs, targets), squares.mean())
    torch.testing.assert_close(data.soft_loss(outputs, teacher, targets), ((outputs - teacher) ** 2).mean())
    assert data.soft_loss(outputs, outputs, targets) == 0
    with pytest.raises(ConfigError, match=r"^training\.label_smoothing: expected 0"):
        data.loss(outputs, targets, label_smoothing=0.1)


@pytest.mark.parametrize(
    "content, message",
    [
        ("", r"a\.csv: expected text, got an empty file"),
        ("date,a\n", r"a\.csv: expected a header and rows of numbers"),
        ("date,a,b\n1,2,3\n4,5\n", r"a\.csv: line 3: expected 3 cells, as in the header, got 2"),
        ("date,a\nx,1\ny,high\n", r"a\.csv: line 3, column a: expected a number, got 'high'"),
        (
            "date,a\n" + "x,1\ny,2\n" * 60 + "y,\nz,nan\n",
            r"a\.csv: expected a number in every cell, got 2 missing ones \(a 2\); set task\.options\.fill",
        ),
        ("date,a\nx,1\ny,2\n", r"a\.csv: train: expected a window of 12 steps and 6 more, got 1 steps"),
    ],
)
def test_bad_tables_are_named(tmp_path, content, message):
    (tmp_path / "a.csv").write_text(content)
    with pytest.raises(DataError, match=message):
        load(tmp_path / "a.csv")


@pytest.mark.parametrize("name, value", [("patch", 5), ("horizon", 0), ("lookback", -4), ("patch", 0)])
def test_bad_sizes_are_named(tmp_path, name, value):
    path = write_series(tmp_path / "a.csv", series(200))
    with pytest.raises(ConfigError, match=r"^task\.options\.(lookback|patch|horizon): expected"):
        load(path, **{name: value})


def test_the_standard_split_gives_the_published_naive_figure():
    root = Path(os.environ.get("NASWEAVE_DATA", Path(__file__).parents[4] / "shared" / "data"))
    if not (root / "ett" / "ETTh1.csv").exists():
        pytest.skip("needs ett/ETTh1.csv under NASWEAVE_DATA")
    data = TASKS["ett"].load(data_root=root)
    assert [len(s) for s in (data.train, data.validation, data.test)] == [8449, 2785, 2785]
    inputs, targets = data.test.batch(slice(None))
    last = inputs[:, -1:].expand_as(targets)
    assert data.measure.errors(last, targets).mean().item() == pytest.approx(1.2944, abs=5e-4)


def test_an_unknown_file_and_a_short_one_are_named(tmp_path):
    with pytest.raises(ConfigError, match=r"^task\.options\.file: expected one of ETTh1, ETTh2, got 'ETTm1'"):
        TASKS["ett"].load(data_root=tmp_path, options={"file": "ETTm1"})
    (tmp_path / "ett").mkdir()
    write_series(tmp_path / "ett" / "ETTh1.csv", series(100))
    with pytest.raises(DataError, match=r"ETTh1\.csv: expected 14400 hours, got 100"):
        TASKS["ett"].load(data_root=tmp_path)
