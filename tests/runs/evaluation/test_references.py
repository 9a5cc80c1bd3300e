"""Simple models: right on data whose answer is known, the same twice, and in the task's own metric."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch

from runs.evaluation.references import simple_models
from runs.evaluation.references.trigrams import Trigrams
from supernet.readers.series.steps import Series
from supernet.tasks import TASKS, Aim, Split, aimed
from supernet.tasks._language import byte_data
from supernet.tasks._series.forecast import series_data
from tests.supernet.tasks.samples import sample, table_rows, write_table


def test_models_of_pictures_are_far_better_than_chance_and_the_same_twice() -> None:
    data = TASKS["digits"].load()
    first, second = simple_models(data), simple_models(data)
    assert [m.name for m in first] == ["logistic regression", "perceptron of 32"]
    assert all(0 < m.test_error < 8 and 0 < m.validation_error < 8 for m in first)
    assert [dataclasses.replace(m, seconds=0) for m in first] == [dataclasses.replace(m, seconds=0) for m in second]
    assert first[0].params == 64 * 10 + 10 and first[0].size_bytes == 4 * 650


def test_models_are_judged_by_the_chosen_metric_and_weigh_rare_classes_as_training_does() -> None:
    data = TASKS["digits"].load()
    rare = torch.where(data.train.targets == 0)[0]
    kept = torch.cat([torch.where(data.train.targets != 0)[0], rare[:6]])
    few = dataclasses.replace(data.train, stored=data.train.stored[kept], targets=data.train.targets[kept])
    data = dataclasses.replace(data, train=few)
    plain, _ = simple_models(aimed(data, Aim(metric="balanced_accuracy")))
    logistic, perceptron = simple_models(aimed(data, Aim(metric="balanced_accuracy", class_weights="balanced")))
    assert (logistic.name, perceptron.name[-16:]) == ("logistic regression, classes balanced", "classes balanced")
    assert logistic.test_error < plain.test_error and perceptron.test_error < 8
    area, _ = simple_models(aimed(data, Aim(metric="auroc")))
    assert area.test_error < 0.5


def test_a_single_class_has_no_simple_model() -> None:
    data = TASKS["digits"].load()
    one = dataclasses.replace(data.train, targets=torch.zeros_like(data.train.targets))
    assert simple_models(dataclasses.replace(data, train=one)) == ()


def test_a_linear_map_continues_a_wave_which_the_last_value_does_not() -> None:
    steps = np.arange(600.0)
    values = np.stack([np.sin(steps / 5), np.cos(steps / 7)], axis=1)
    series = Series(names=("sine", "cosine"), values=values, targets=(0, 1))
    sizes = {"lookback": 16, "horizon": 4, "patch": 4}
    data = series_data(series, ends=(400, 500, 600), **sizes, where="test", splits_made="here")
    linear, last = simple_models(data)
    assert (linear.name, last.name) == ("linear map", "last value")
    assert linear.test_error < 1e-4 < last.test_error
    inputs, targets = data.test.batch(slice(0, len(data.test)))
    by_hand = float((inputs[:, -1:] - targets).square().mean())
    assert last.test_error == pytest.approx(by_hand, rel=1e-5) and last.params == 0


def test_a_linear_map_is_not_fitted_to_covariates() -> None:
    steps, noise = np.arange(600.0), np.random.default_rng(0).normal(size=600)
    values = np.stack([np.sin(steps / 5), np.cos(steps / 7) + noise, 100 * noise], axis=1)
    sizes = {"ends": (400, 500, 600), "lookback": 16, "horizon": 4, "patch": 4, "where": "test", "splits_made": "here"}
    alone, beside = (
        simple_models(series_data(Series(names=names, values=values[:, : len(names)], targets=(0, 1)), **sizes))
        for names in (("sine", "cosine"), ("sine", "cosine", "covariate"))
    )
    for one, other in zip(alone, beside, strict=True):
        assert other.test_error == pytest.approx(one.test_error, rel=1e-5)


@pytest.mark.parametrize("name", ["digits", "csv"])
def test_a_split_is_judged_in_parts_that_memory_holds(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = TASKS[name].load(data_root=tmp_path, options=sample(name, tmp_path))
    whole = simple_models(data)
    at_once = 10 * data.train.batch(torch.arange(1))[0].numel()
    monkeypatch.setattr("runs.evaluation.references.inputs._AT_ONCE", at_once)
    taken: list[int] = []

    def batch(split: Split, rows: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        if split is not data.train:
            taken.append(len(rows))
        return original(split, rows)

    original = Split.batch
    monkeypatch.setattr(Split, "batch", batch)
    for a, b in zip(whole, simple_models(data), strict=True):
        assert (a.validation_error, a.test_error) == pytest.approx((b.validation_error, b.test_error))
    assert max(taken) == 10 and sum(taken) == 2 * (len(data.validation) + len(data.test))


def test_trigrams_learn_a_text_that_repeats() -> None:
    text = b"abcabd" * 200
    (model,) = simple_models(byte_data(text, validation=text, test=text, context=32, where="test", splits_made="here"))
    # After a and b stands c or d: one bit a third of the time; nothing else is open.
    assert model.name == "interpolated trigrams" and 1 / 3 < model.test_error < 1.5


def test_trigrams_give_probabilities() -> None:
    ids = torch.randint(0, 4, (20, 12), generator=torch.Generator().manual_seed(0))
    model = Trigrams.fit(Split(stored=ids, targets=ids), size=4)
    total = 0.0
    for last in range(4):
        row = torch.tensor([[1, 2, last]])
        total += 2 ** -model.bits(Split(stored=row, targets=row))
    assert total == pytest.approx(1.0)


def test_ridge_finds_a_linear_map_and_the_mean_explains_nothing(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    x = rng.random((200, 4, 4)).astype(np.float32)
    y = 100 * x[:, 0, 0] - 40 * x[:, 2, 3] + 7
    path = tmp_path / "a.npz"
    np.savez(path, x_train=x[:160], y_train=y[:160], x_test=x[160:], y_test=y[160:])
    data = TASKS["npz"].load(options={"path": str(path), "patch_size": 2, "predict": "number"})
    ridge, mean = simple_models(data)
    assert (ridge.name, ridge.params, mean.name, mean.params) == ("ridge regression", 17, "mean of training", 1)
    assert ridge.test_error < 0.1 and ridge.examples == 144
    assert mean.test_error == pytest.approx(np.sqrt(np.square(y[160:] - y[:160].mean()).mean()), rel=0.02)
    explained = [m.test_error for m in simple_models(aimed(data, Aim(metric="r2")))]
    assert explained[0] < 1e-4 and explained[1] == pytest.approx(1.0, abs=0.05)


def test_ridge_on_words_finds_what_they_are_worth(tmp_path: Path) -> None:
    rng, worth = np.random.default_rng(0), {"poor": -2.0, "fair": 0.0, "good": 1.0, "great": 3.0}
    lines = ["text,label"]
    for _ in range(300):
        words = rng.choice(list(worth), 6)
        lines.append(f"{' '.join(words)},{sum(worth[word] for word in words)}")
    (tmp_path / "a.csv").write_text("\n".join(lines))
    data = TASKS["text"].load(options={"path": str(tmp_path / "a.csv"), "vocabulary": 280, "predict": "number"})
    ridge, mean = simple_models(data)
    assert ridge.name == "ridge regression on TF-IDF" and ridge.test_error < 0.4 * mean.test_error


MEAN = "mean of training"


@pytest.mark.parametrize("predict, label", [("class", "label"), ("number", "age")])
def test_trees_stand_beside_the_models_of_a_table(predict: str, label: str, tmp_path: Path) -> None:
    path = write_table(tmp_path / "a.csv", table_rows(600, gaps=True))
    data = TASKS["table"].load(options={"path": str(path), "label": label, "predict": predict})
    models = {m.name: m for m in simple_models(data)}
    trees, linear = models["gradient boosting of trees"], next(iter(models.values()))
    assert trees.params > linear.params and trees.examples == len(data.train)
    plain = 100 * float(1 - data.test.targets.float().mean()) if predict == "class" else models[MEAN].test_error
    assert trees.test_error < 0.9 * plain and linear.test_error < 0.9 * plain
    assert linear.params == 1 + sum(n or 1 for n in data.shape.categories)
