"""A number to predict: trained on standardised, judged in its own unit, and refused in one line where it is none."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn import metrics as truth

from search_space.errors import DataError
from supernet.metrics import METRICS
from supernet.tasks import TASKS, Aim, aimed
from supernet.tasks._answers import number_answers
from tests.supernet.tasks.samples import arrays, texts, write_npz, write_texts

VALUES = np.random.default_rng(0).normal(2000, 30, 60)


def number_texts(path: Path, values=VALUES) -> Path:
    return write_texts(path, [(text, f"{v}") for (text, _), v in zip(texts(len(values)), values, strict=True)])


def load_texts(path: Path, **options):
    return TASKS["text"].load(options={"path": str(path), "vocabulary": 280, "predict": "number", **options})


def load_pictures(path: Path, **changes):
    y = {"y_train": VALUES, "y_test": VALUES[:20].astype(np.float32)}
    return TASKS["npz"].load(options={"path": str(write_npz(path, **{**y, **changes})), "predict": "number"})


def test_a_regression_is_judged_in_the_unit_of_its_numbers(tmp_path):
    data = load_texts(number_texts(tmp_path / "a.csv"))
    told = data.meaning
    right = data.test.targets.double().numpy() * told["scale"] + told["offset"]
    assert {f"{v:.6g}" for v in right.ravel()} <= {f"{v:.6g}" for v in VALUES}
    outputs = torch.randn(len(data.test), 1, generator=torch.Generator().manual_seed(0))
    said = outputs.double().numpy() * told["scale"] + told["offset"]
    expected = {
        "root_mean_squared_error": truth.root_mean_squared_error(right, said),
        "mean_squared_error": truth.mean_squared_error(right, said),
        "mean_absolute_error": truth.mean_absolute_error(right, said),
        "r2": truth.r2_score(right, said),
        "quantile_loss": truth.mean_pinball_loss(right, said, alpha=0.9),
        "huber_loss": np.where(abs(said - right) < 1, (said - right) ** 2 / 2, abs(said - right) - 0.5).mean(),
    }
    assert expected.keys() == {name for name, m in METRICS.items() if "numbers" in m.kinds}
    for name, value in expected.items():
        chosen = aimed(data, Aim(metric=name))
        assert chosen.metric.value(chosen.error(outputs, data.test.targets)) == pytest.approx(value, rel=1e-4), name
    assert data.metric.key == "root_mean_squared_error" and data.metric.best is None


def test_training_does_not_depend_on_the_unit(tmp_path):
    one = load_texts(number_texts(tmp_path / "a.csv"))
    other = load_texts(number_texts(tmp_path / "b.csv", VALUES * 1000 - 7))
    outputs = torch.randn(len(one.train), 1, generator=torch.Generator().manual_seed(0))
    for metric in (None, "mean_absolute_error"):
        a, b = (aimed(data, Aim(metric=metric)) for data in (one, other))
        torch.testing.assert_close(a.loss(outputs, a.train.targets), b.loss(outputs, b.train.targets))
        assert b.error(outputs, b.train.targets) == pytest.approx(1000 * a.error(outputs, a.train.targets), rel=1e-4)
    squares = (outputs - one.train.targets).square()[:, 0]
    torch.testing.assert_close(one.loss(outputs, one.train.targets, reduction="none"), squares)
    assert one.data_hash != other.data_hash
    robust = aimed(one, Aim(loss="huber_loss"))  # quadratic within a training deviation
    expected = torch.nn.functional.huber_loss(outputs, one.train.targets)
    torch.testing.assert_close(robust.loss(outputs, one.train.targets), expected)
    assert robust.data_hash != one.data_hash and robust.metric == one.metric


def test_pictures_have_numbers_too(tmp_path):
    data = load_pictures(tmp_path / "a.npz")
    sizes = [len(split) for split in (data.train, data.validation, data.test)]
    assert data.shape.num_outputs == 1 and sizes == [54, 6, 20]
    np.testing.assert_allclose(
        data.test.targets[:, 0] * data.meaning["scale"] + data.meaning["offset"], VALUES[:20], rtol=1e-5
    )
    assert data.summary.facts["examples"].endswith(
        "(a tenth of the training examples set aside for validation, seed 0)"
    )
    assert data.summary.facts["number to predict"].startswith(f"{data_min(data):.6g} to ")
    anew = aimed(data, Aim(folds=3, fold=1))
    assert len(anew.validation) == 20 and anew.train.targets.shape == (40, 1)


def data_min(data) -> float:
    return float(data.train.targets.min()) * data.meaning["scale"] + data.meaning["offset"]


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"y_train": np.zeros(60)}, "expected numbers that differ, got 0 in every example"),
        ({"y_train": np.r_[np.nan, VALUES[1:]]}, "y_train: expected finite numbers, got 1 NaN"),
        ({"y_test": np.r_[1e25, VALUES[:19]]}, "test: expected numbers within 1e.12 training deviations"),
        ({"y_test": np.array(["a"] * 20)}, "y_test: expected numbers, got <U1"),
        ({"x_train": arrays()["x_train"][:6], "y_train": VALUES[:6]}, "y_train: expected 10 examples or more"),
    ],
)
def test_numbers_that_cannot_be_predicted_are_refused(tmp_path, changes, message):
    with pytest.raises(DataError, match=message) as caught:
        load_pictures(tmp_path / "a.npz", **changes)
    assert "\n" not in str(caught.value)


def test_labels_that_are_no_numbers_name_the_option(tmp_path):
    with pytest.raises(DataError, match=r"got 'intent_0' and \d+ more; .*task\.options\.predict=class"):
        load_texts(write_texts(tmp_path / "a.csv"))
    with pytest.raises(DataError, match=r"two classes or more"):
        load_texts(number_texts(tmp_path / "a.csv"), predict="class")


def test_a_number_far_from_those_of_training_is_told():
    values = {"train": VALUES, "validation": VALUES, "test": np.r_[VALUES, 1e6]}
    (note,) = number_answers(values, where="mine").notes
    assert re.fullmatch(r"a number to predict lies \d\d,\d{3} training deviations from the mean, in test", note)
