"""What networks are judged by and trained for, as a user chooses it for a task whose data is read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.model_selection import StratifiedKFold
from torch import Tensor

from search_space.errors import ConfigError, DataError
from search_space.summary import DataSummary
from supernet.metrics import METRICS, Measure
from supernet.tasks._base import Split, TaskData, data_hash
from supernet.tasks._classification import SPLIT_SEED, ClassificationData, stratified
from supernet.tasks._multi_label import MultiLabelData
from supernet.tasks._numbers import NumbersData
from supernet.tasks._setting_aside import group_folds, groups_aside
from supernet.tasks._stratifying import labels_aside, stratified_parts
from supernet.tasks._summary import sizes_text
from supernet.tasks._token_labels import NO_WORD, TokenLabelData

__all__ = ["Aim", "aimed", "balanced_rows", "is_balanced"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Aim:
    """What a user chooses; ``None`` leaves each to the task.

    Parameters
    ----------
    metric
        What networks are judged by.
    loss
        What training minimises: a metric that can be a loss.
    quantile
        Of the metric and loss ``quantile_loss``.
    class_weights
        ``balanced``: an example weighs in the loss as much as its class is rare; of labels, those that have one weigh
        as much together as those that have not.
    sampling
        ``balanced``: training sees each class equally often, rare examples again and again.
    validation_share
        Of the examples of train and validation together, that validation gets.
    folds, fold
        Into how many parts these are cut, and which one is validation.
    """

    metric: str | None = None
    loss: str | None = None
    quantile: float | None = None
    class_weights: str | None = None
    sampling: str | None = None
    validation_share: float | None = None
    folds: int | None = None
    fold: int = 0


def aimed(data: TaskData, aim: Aim) -> TaskData:
    """Return the data of a task with what is chosen; its hash changes with all that changes trained weights.

    Raises
    ------
    ConfigError
        A choice does not fit the task.
    DataError
        The data has too few examples for it.
    """
    data = _split_anew(data, aim)
    if aim.class_weights is not None or aim.sampling is not None:
        data = _balanced(data, aim)
    if aim.metric is not None:
        measure = _measure(data, aim.metric, aim.quantile, key="task.metric")
        data = replace(data, measure=measure)
        for name, split in (("validation", data.validation), ("test", data.test)):
            _check_says_something(measure, data.judged_targets(split), name, outputs=data.shape.num_outputs)
    return _trained_for(data, aim)


def _measure(data: TaskData, name: str, quantile: float | None, *, key: str, loss: bool = False) -> Measure:
    """Return a metric that fits the task, at a quantile where it is one of those."""
    outputs = data.shape.num_outputs
    fitting = {
        known: m if m.named is None else m.named(data.labels)
        for known, m in METRICS.items()
        if data.kind in m.kinds and (m.is_loss or not loss)
    }
    if name not in fitting:
        seen = {known: replace(data, measure=m).judged_targets(data.validation) for known, m in fitting.items()}
        telling = (known for known, m in fitting.items() if m.unfit(seen[known], outputs) is None)
        raise ConfigError(
            key,
            expected=f"one of {', '.join(telling)}, which fit this task",
            got=repr(name),
            remedy=f"write one of them, or leave {key} out for the task's own",
        )
    measure = fitting[name]
    return measure if quantile is None or measure.at is None else measure.at(quantile)


def _check_says_something(measure: Measure, targets: Tensor, name: str, *, outputs: int) -> None:
    reason = measure.unfit(targets, outputs)
    if reason is not None:
        raise DataError(
            "task.metric",
            expected=f"data that {measure.metric} says something of",
            got=f"a {name} split that {reason}",
            remedy="choose another metric, or add examples",
        )


def _trained_for(data: TaskData, aim: Aim) -> TaskData:
    """Return a task of numbers with what it is trained for: the loss, or the metric where that can be one."""
    if aim.loss is not None:
        loss = _measure(data, aim.loss, aim.quantile, key="task.loss", loss=True)
    elif data.measure.is_loss:
        loss = data.measure
    else:
        return data
    if not isinstance(data, NumbersData) or loss.metric == data.trained_for.metric:
        return data
    return replace(data, trained_for=loss, data_hash=data_hash(data.data_hash, loss.metric.name))


# ------------------------------------------------------------------ rare classes


def _balanced(data: TaskData, aim: Aim) -> TaskData:
    key = "task.sampling" if aim.class_weights is None else "task.class_weights"
    if isinstance(data, MultiLabelData) and aim.sampling is None:
        has = data.train.targets.float().mean(0).clamp(1 / len(data.train), 1 - 1 / len(data.train))
        return replace(data, label_weights=(1 - has) / has, data_hash=data_hash(data.data_hash, key))
    if isinstance(data, TokenLabelData) and aim.sampling is None:
        counts = data.train.targets[data.train.targets != NO_WORD].long().bincount(minlength=data.shape.num_outputs)
        return replace(data, class_weights=_class_weights(counts), data_hash=data_hash(data.data_hash, key))
    if not isinstance(data, ClassificationData):
        kinds = {"labels": "has several labels", "token_labels": "has a class of each word"}
        what = kinds.get(data.kind, "has no classes")
        raise ConfigError(key, expected=f"null, for this task {what}", got="'balanced'", remedy="leave it out")
    if aim.class_weights is not None and aim.sampling is not None:
        raise ConfigError(
            "task.sampling",
            expected="null beside task.class_weights=balanced, for both would count a rare class twice",
            got="'balanced'",
            remedy="leave one of them out",
        )
    counts = data.train.targets.bincount(minlength=data.shape.num_outputs)
    content = data_hash(data.data_hash, key)
    if aim.class_weights is not None:
        return replace(data, class_weights=_class_weights(counts), data_hash=content)
    return replace(data, order=torch.from_numpy(balanced_rows(data.train.targets.numpy())), data_hash=content)


def _class_weights(counts: Tensor) -> Tensor:
    """Return what an example of each class weighs so that all classes together weigh the same, ``(K,)``."""
    return (counts.sum() / (counts.clamp(min=1) * (counts > 0).sum())).float()


def balanced_rows(classes: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return rows in which each class of ``(n,)`` stands as often as the most frequent one, class after class."""
    present, counts = np.unique(classes, return_counts=True)
    return np.concatenate([np.resize(np.flatnonzero(classes == c), int(counts.max())) for c in present])


def is_balanced(data: TaskData) -> bool:
    """Return whether training counts each class of a task the same, by weights or by sampling."""
    if isinstance(data, MultiLabelData):
        return data.label_weights is not None
    with_weights = isinstance(data, ClassificationData | TokenLabelData) and data.class_weights is not None
    return data.order is not None or with_weights


# ------------------------------------------------------------------ another validation split


def _split_anew(data: TaskData, aim: Aim) -> TaskData:
    """Return the examples of train and validation, dealt out again; the test split stays."""
    if aim.validation_share is None and aim.folds is None:
        return data
    key = "task.validation_share" if aim.folds is None else "task.folds"
    given = f"{aim.validation_share if aim.folds is None else aim.folds}"
    if data.in_order:
        raise ConfigError(
            key,
            expected="null, for this task's splits follow each other in time or text",
            got=given,
            remedy="leave it out",
        )
    if aim.validation_share is not None and aim.folds is not None:
        raise ConfigError(
            key, expected="folds or a share", got="both", remedy="leave task.validation_share or task.folds out"
        )
    train, validation = data.train, data.validation
    stored = torch.cat([train.stored, validation.stored])
    targets = torch.cat([train.targets, validation.targets])
    classes = (targets if data.kind == "classes" else torch.zeros(len(targets))).numpy().astype(np.int64)
    size = round(len(targets) * (aim.validation_share if aim.validation_share is not None else 1 / (aim.folds or 1)))
    counts = np.unique(classes, return_counts=True)[1]
    if min(size, len(targets) - size) < len(counts) or counts.min() < (aim.folds or 2):
        raise DataError(
            key,
            expected=f"enough examples to give each of {len(counts)} classes one or more in train and in validation",
            got=f"{len(targets)} of both, the rarest class with {counts.min()}, and {given}",
            remedy="choose another number, or add examples",
        )
    groups = None
    if train.groups is not None:
        groups = np.concatenate([train.groups, _groups(validation)])
    if data.kind == "labels" and groups is None:
        rest, taken = _labels_dealt(targets.numpy() > 0, aim)
    else:
        rest, taken = _dealt(classes, size, aim, groups=groups, names=data.labels)

    def split(rows: NDArray[np.int64]) -> Split:
        return replace(
            train, stored=stored[rows], targets=targets[rows], groups=None if groups is None else groups[rows]
        )

    choice = (key, given, aim.fold if aim.folds else 0, *(() if groups is None else (groups.tolist(),)))
    anew = replace(data, train=split(rest), validation=split(taken), data_hash=data_hash(data.data_hash, *choice))
    return replace(anew, summary=_told_anew(anew, f"{key}={given}"))


def _groups(split: Split) -> NDArray[np.int64]:
    """Return the numbers of a split's groups; examples of which none is told are tied to no other."""
    return -1 - np.arange(len(split)) if split.groups is None else split.groups


def _told_anew(data: TaskData, choice: str) -> DataSummary:
    """Return the summary of a task whose examples were dealt out again, by a choice in words."""
    sizes = {name: len(part) for name, part in (("train", data.train), ("validation", data.validation))}
    examples = sizes_text({**sizes, "test": len(data.test)}, what=choice)
    return replace(data.summary, facts={**data.summary.facts, "examples": examples, **data.answer_facts()})


def _labels_dealt(has: NDArray[np.bool_], aim: Aim) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the rows of train and of validation, each with its share of every label ``(n, K)``."""
    if aim.folds is None:
        return labels_aside(has, share=aim.validation_share or 0.0)
    part = stratified_parts(has, [1 / aim.folds] * aim.folds)
    return np.flatnonzero(part != aim.fold), np.flatnonzero(part == aim.fold)


def _dealt(
    classes: NDArray[np.int64], size: int, aim: Aim, *, groups: NDArray[np.int64] | None, names: Sequence[str]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the rows of train and of validation, in order, stratified by class under a fixed seed, groups whole."""
    if groups is not None:
        present = [names[number] for number in np.unique(classes)]
        numbers = np.unique(classes, return_inverse=True)[1]
        if aim.folds is None:
            return groups_aside(
                numbers, groups, share=size / len(classes), where="task.validation_share", names=present
            )
        if len(np.unique(groups)) < aim.folds:
            raise DataError(
                "task.folds",
                expected=f"at most as many as there are groups, {len(np.unique(groups))}",
                got=str(aim.folds),
                remedy="choose fewer",
            )
        return group_folds(numbers, groups, folds=aim.folds)[aim.fold]
    if aim.folds is None:
        return stratified(classes, size=size)
    folds = StratifiedKFold(n_splits=aim.folds, shuffle=True, random_state=SPLIT_SEED)
    rest, taken = list(folds.split(classes, classes))[aim.fold]
    return np.sort(rest), np.sort(taken)
