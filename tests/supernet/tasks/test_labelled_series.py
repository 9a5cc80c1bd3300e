"""The task of whole series: normalised by training alone, padded and masked, cut and filled as it says."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from search_space.errors import DataError
from supernet.tasks import TASKS
from tests.supernet.tasks.samples import labelled_series, write_ts


def load(path, **options):
    return TASKS["labelled_series"].load(options={"path": str(path), **options})


def with_splits(tmp_path, rows, **options):
    """Load the first 20 series as training, the next 10 as validation, the rest as the test."""
    parts = {"train": rows[:20], "validation": rows[20:30], "test": rows[30:]}
    train, validation, test = (write_ts(tmp_path / f"{name}.ts", part) for name, part in parts.items())
    return load(train, validation_path=str(validation), test_path=str(test), **options)


@pytest.mark.parametrize("uneven", [False, True])
def test_inputs_are_the_series_normalised_with_those_of_training(tmp_path, uneven):
    rows = labelled_series(40, uneven=uneven)
    data = with_splits(tmp_path, rows)
    train = np.concatenate([values for values, _ in rows[:20]])
    longest = max(len(values) for values, _ in rows[:20])
    assert data.shape.input_shape == (longest, 3 if uneven else 2) and data.shape.seq_len == longest
    assert data.shape.padded == uneven and data.labels == ("wave 0", "wave 1")
    inputs, targets = data.test.batch(slice(None))
    for (values, label), x, target in zip(rows[30:], inputs, targets, strict=True):
        expected = ((values - train.mean(0)) / train.std(0))[:longest]
        n = len(expected)
        torch.testing.assert_close(x[:n, :2], torch.from_numpy(expected).float())
        assert not x[n:].any() and (not uneven or x[:n, 2].tolist() == [1.0] * n)
        assert data.labels[target] == label
    told = data.preprocessing()["steps"]
    assert [step["do"] for step in told] == ["arrange", "standardise", *(["append"] if uneven else []), "pad"]


def test_a_patch_that_does_not_divide_a_series_ends_in_zeros(tmp_path):
    data = with_splits(tmp_path, labelled_series(40), patch=5)
    assert data.shape.input_shape == (25, 2) and data.shape.seq_len == 5 and not data.shape.padded
    assert not data.train.inputs[:, 24].any()
    assert with_splits(tmp_path, labelled_series(40, steps=200)).shape.seq_len == 50, "4 steps a token"


def test_longer_series_are_cut_and_counted(tmp_path):
    rows = [*labelled_series(38), *labelled_series(2, steps=30, seed=1)]
    data = with_splits(tmp_path, rows)
    assert "2 of 40 series are cut to 24 steps, the longest of 30" in data.summary.notes
    shorter = with_splits(tmp_path, rows, steps=8)
    assert shorter.shape.input_shape == (8, 2)
    torch.testing.assert_close(shorter.test.inputs, data.test.inputs[:, :8])


@pytest.mark.parametrize("fill, expected", [("previous", 1.0), ("linear", 2.0), ("mean", 3.6)])
def test_missing_values_are_refused_or_filled(tmp_path, fill, expected):
    rows = [(np.array([[1.0], [np.nan], [3.0], [7.0 if i % 2 else 5.0]]), f"{i % 2}") for i in range(40)]
    rows[0][0][3, 0] = 6.0 if fill == "mean" else 5.0
    with pytest.raises(DataError, match=r"a number at every step, got 40 missing.*task\.options\.fill"):
        with_splits(tmp_path, rows)
    data = with_splits(tmp_path, rows, fill=fill)
    offset, scale = (data.preprocessing()["steps"][2][name][0] for name in ("offset", "scale"))
    known = [v for values, _ in rows[:20] for v in values[[0, 2, 3], 0]]
    expected = float(np.mean(known)) if fill == "mean" else expected
    assert float(data.test.inputs[0, 1, 0]) / scale + offset == pytest.approx(expected, rel=1e-4)
    assert f"filled, task.options.fill={fill}: 40 missing values" in data.summary.notes


def test_constant_channels_are_left_out_and_others_must_agree(tmp_path):
    rows = [(np.c_[values, np.full(len(values), 7.0)], label) for values, label in labelled_series(40)]
    data = with_splits(tmp_path, rows)
    assert "channels that are constant in training are left out: channel 3" in data.summary.notes
    assert data.data_hash == with_splits(tmp_path, labelled_series(40)).data_hash
    with pytest.raises(DataError, match="expected a channel that varies"):
        with_splits(tmp_path, [(np.ones((4, 1)), f"{i % 2}") for i in range(40)])
    with pytest.raises(DataError, match="test: expected 3 channels, as in training, got 2"):
        with_splits(tmp_path, [*rows[:30], *labelled_series(10)])
    far = [*rows[:-1], (rows[-1][0] * 1e20, "wave 0")]
    with pytest.raises(DataError, match=r"channel 1: expected values within 1e\+12 training deviations"):
        with_splits(tmp_path, far)


def test_arrays_and_numbers(tmp_path):
    rows = labelled_series(40)
    x, y = np.stack([values for values, _ in rows]), np.arange(40.0)
    np.savez(tmp_path / "a.npz", x_train=x[:30], y_train=y[:30], x_test=x[30:], y_test=y[30:])
    data = load(tmp_path / "a.npz", predict="number")
    assert [len(split) for split in (data.train, data.validation, data.test)] == [27, 3, 10]
    told = data.meaning
    np.testing.assert_allclose(data.test.targets[:, 0] * told["scale"] + told["offset"], y[30:], rtol=1e-5)
    np.savez(tmp_path / "b.npz", x_train=x, x_test=x, y_test=y)
    with pytest.raises(DataError, match=r"expected arrays x_train, y_train, x_test, y_test.*add y_train"):
        load(tmp_path / "b.npz")
