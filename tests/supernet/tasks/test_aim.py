"""What a user chooses to be judged by and trained for: what fits a task is taken, anything else is one line."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from search_space.errors import ConfigError, DataError
from supernet.readers.series.steps import Series
from supernet.tasks import TASKS, Aim, TaskData, aimed
from supernet.tasks._series.forecast import series_data
from supernet.training import TrainingConfig
from supernet.training.sampling import training_rows


@pytest.fixture(scope="module")
def digits() -> TaskData:
    return TASKS["digits"].load()


@pytest.fixture(scope="module")
def waves() -> TaskData:
    steps = np.arange(400.0)
    series = Series(names=("a", "b"), values=np.stack([np.sin(steps / 5), np.cos(steps / 7)], 1), targets=(0, 1))
    sizes = {"lookback": 16, "horizon": 4, "patch": 4}
    return series_data(series, ends=(200, 300, 400), **sizes, where="waves", splits_made="here")


@pytest.fixture(scope="module")
def rare(digits: TaskData) -> TaskData:
    """The digits of two classes, 3 and 8, of which the latter is rare in training."""
    rows = torch.cat([torch.where(digits.train.targets == c)[0][:n] for c, n in ((3, 100), (8, 4))])
    targets = (digits.train.targets[rows] == 8).long()
    train = replace(digits.train, stored=digits.train.stored[rows], targets=targets)
    return replace(digits, train=train, shape=replace(digits.shape, num_outputs=2))


def test_the_chosen_metric_judges_and_changes_no_weights(digits, waves) -> None:
    assert aimed(digits, Aim()) is digits
    judged = aimed(digits, Aim(metric="macro_f1"))
    assert (judged.metric.name, judged.data_hash) == ("macro F1", digits.data_hash)
    explained = aimed(waves, Aim(metric="r2"))
    outputs, targets = torch.zeros(5, 4, 2), torch.randn(5, 4, 2)
    assert explained.metric.name == "R2" and explained.data_hash == waves.data_hash
    assert torch.equal(explained.loss(outputs, targets), waves.loss(outputs, targets))


def test_a_metric_of_numbers_is_trained_for_where_it_can_be(waves) -> None:
    outputs, targets = torch.zeros(5, 4, 2), torch.randn(5, 4, 2)
    absolute = aimed(waves, Aim(metric="mean_absolute_error"))
    torch.testing.assert_close(absolute.loss(outputs, targets), targets.abs().mean())
    quantile = aimed(waves, Aim(loss="quantile_loss", quantile=0.8))
    pinball = torch.where(targets > 0, 0.8 * targets, -0.2 * targets).mean()
    torch.testing.assert_close(quantile.loss(outputs, targets), pinball)
    assert quantile.metric.key == "mean_squared_error"
    upper = aimed(waves, Aim(metric="quantile_loss", quantile=0.8))
    assert upper.metric.name == "quantile loss at 0.8"
    assert upper.error(outputs, targets) == pytest.approx(pinball.item(), rel=1e-5)
    hashes = [data.data_hash for data in (waves, absolute, quantile, aimed(waves, Aim(loss="quantile_loss")))]
    assert len(set(hashes)) == 4, "weights of another loss are other weights"


@pytest.mark.parametrize(
    ("aim", "expected"),
    [
        (
            Aim(metric="r2"),
            r"^task\.metric: expected one of accuracy, auroc, balanced_accuracy, log_loss, macro_f1, top_5",
        ),
        (Aim(metric="macro-f1"), r"got 'macro-f1'; write one of them, or leave task\.metric out"),
        (Aim(loss="mean_absolute_error"), r"^task\.loss: expected one of log_loss, which fit this task"),
        (Aim(class_weights="balanced", sampling="balanced"), "would count a rare class twice"),
        (Aim(validation_share=0.001), "enough examples to give each of 10 classes one or more"),
    ],
)
def test_what_does_not_fit_classes_is_one_line(digits, aim, expected) -> None:
    with pytest.raises((ConfigError, DataError), match=expected) as caught:
        aimed(digits, aim)
    assert "\n" not in str(caught.value)


def test_what_does_not_fit_a_series_is_one_line(waves) -> None:
    with pytest.raises(
        ConfigError,
        match=r"mean_absolute_error, .*, r2, root_mean_squared_error, which fit",
    ):
        aimed(waves, Aim(metric="accuracy"))
    with pytest.raises(ConfigError, match="this task has no classes"):
        aimed(waves, Aim(class_weights="balanced"))
    for choice in (Aim(validation_share=0.2), Aim(folds=3)):
        with pytest.raises(ConfigError, match="follow each other in time or text"):
            aimed(waves, choice)


def test_a_metric_that_says_nothing_of_the_split_is_refused(digits, rare) -> None:
    one = replace(digits.test, targets=torch.zeros_like(digits.test.targets))
    with pytest.raises(DataError, match="got a test split that has examples of one class alone"):
        aimed(replace(digits, test=one), Aim(metric="auroc"))
    with pytest.raises(DataError, match="has 2 classes, of which five are named"):
        aimed(replace(rare, validation=rare.train, test=rare.train), Aim(metric="top_5"))


def test_balanced_weights_make_classes_count_the_same(rare) -> None:
    weighed = aimed(rare, Aim(class_weights="balanced"))
    assert weighed.class_weights.tolist() == pytest.approx([104 / 200, 104 / 8]) and weighed.data_hash != rare.data_hash
    outputs, targets = torch.randn(104, 2, generator=torch.Generator().manual_seed(0)), rare.train.targets
    losses = rare.loss(outputs, targets, reduction="none")
    by_class = (losses[targets == 0].mean() + losses[targets == 1].mean()) / 2
    torch.testing.assert_close(weighed.loss(outputs, targets), by_class)
    torch.testing.assert_close(weighed.loss(outputs, targets, reduction="none").mean(), by_class)


def test_balanced_sampling_shows_classes_equally_often_and_leaves_no_example_out(rare) -> None:
    sampled, config = aimed(rare, Aim(sampling="balanced")), TrainingConfig(steps=10, batch_size=20)
    rows = torch.cat([training_rows(sampled, config, step=step) for step in range(10)])
    assert rare.train.targets[rows].bincount().tolist() == [100, 100], "a pass of two hundred examples"
    assert sorted(set(rows.tolist())) == list(range(104)) and sampled.data_hash != rare.data_hash


def test_another_validation_split_keeps_every_example_once(digits) -> None:
    half = aimed(digits, Aim(validation_share=0.5))
    assert (len(half.train), len(half.validation)) == (719, 719) and half.test is digits.test
    parts = [aimed(digits, Aim(folds=3, fold=fold)) for fold in range(3)]
    assert {len(part.validation) for part in parts} == {479, 480}
    assert half.summary.facts["examples"].startswith(
        "719 for training, 719 for validation, 359 for the test (task.validation"
    )
    assert len({data.data_hash for data in (digits, half, *parts)}) == 5

    def pictures(*splits: TaskData) -> list[bytes]:
        return sorted(image.numpy().tobytes() for split in splits for image in split.stored)

    every = pictures(digits.train, digits.validation)
    assert pictures(half.train, half.validation) == pictures(*(part.validation for part in parts)) == every
    shares = torch.stack([part.validation.targets.bincount() for part in parts]).float()
    assert (shares.max(0).values - shares.min(0).values).max() <= 1, "each part has its share of each class"
