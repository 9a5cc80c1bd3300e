"""What examples are answered with, whatever they are: one class each, or one number.

A task reads labels; here they become targets, and the task's data is made with the loss and the metrics of their kind.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from search_space.errors import DataError
from supernet.readers import LARGEST
from supernet.readers.numbers import as_numbers
from supernet.readers.words import shown
from supernet.tasks._base import TaskData
from supernet.tasks._classification import ClassificationData, class_scores
from supernet.tasks._numbers import RegressionData
from supernet.tasks._options import Option
from supernet.tasks._summary import class_facts, class_notes

__all__ = ["CLASS", "NUMBER", "PREDICT", "Answers", "answers_of", "class_answers", "number_answers"]

CLASS, NUMBER = "class", "number"
PREDICT = Option(
    default=CLASS,
    meaning="what a label is: one of some classes, or a number, which is predicted in its own unit",
    choices=(CLASS, NUMBER),
)

_FAR, _TOO_FAR = 1e3, 1e12  # training deviations from the mean


@dataclass(frozen=True, kw_only=True, slots=True)
class Answers:
    """The answers of a task, as targets and in words.

    Parameters
    ----------
    outputs
        How many numbers a network gives.
    targets
        ``(n, ...)`` by split.
    make
        Makes the task's data, from all that is not named here.
    meaning
        As of ``TaskData.meaning``.
    facts, notes
        For the summary.
    files
        That the user of an exported network needs.
    told
        The answer of a training example in words, by its row.
    kind
        What makes the same targets another problem; empty for classes.
    """

    outputs: int
    targets: Mapping[str, Tensor]
    make: Callable[..., TaskData]
    meaning: Mapping[str, Any]
    told: Callable[[int], str]
    facts: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    files: Mapping[str, str] = field(default_factory=dict)
    kind: tuple[object, ...] = ()


def answers_of(labels: Mapping[str, Sequence[str]], *, predict: str, where: str) -> Answers:
    """Return what labels as they are written mean, by split, of which ``train`` is one.

    Raises
    ------
    DataError
        For a split without labels, a single class, a class that training lacks, a label that is no number where
        numbers are predicted, or a number that is the same in all of training.
    """
    for name, part in labels.items():
        if not part:
            raise DataError(f"{where}: {name}", expected="examples with labels", got="none", remedy="add some")
    if predict == NUMBER:
        values = {name: as_numbers(part, where=f"{where}: {name}") for name, part in labels.items()}
        return number_answers(values, where=where)
    names = sorted(set(labels["train"]))
    if len(names) < 2:
        raise DataError(
            f"{where}: train", expected="labels of two kinds or more", got=f"{names}", remedy="add examples of others"
        )
    known = {name: number for number, name in enumerate(names)}
    for name, part in labels.items():
        if unseen := sorted(set(part) - set(known)):
            raise DataError(
                f"{where}: {name}",
                expected="labels that the training examples have too",
                got=f"{', '.join(repr(shown(label)) for label in unseen[:5])}, which they have not",
                remedy="add training examples of these labels or remove them; of numbers, set task.options.predict",
            )
    return class_answers({name: np.array([known[y] for y in part]) for name, part in labels.items()}, names, named=True)


def class_answers(classes: Mapping[str, NDArray[np.int64]], names: Sequence[str], *, named: bool) -> Answers:
    """Return answers of one class each, ``(n,)`` numbers by split; ``named`` says whether the names are a user's."""
    targets = {name: torch.from_numpy(part.astype(np.int64, copy=False)) for name, part in classes.items()}
    return Answers(
        outputs=len(names),
        targets=targets,
        make=ClassificationData,
        meaning=class_scores(len(names), labels=names if named else ()),
        told=lambda row: names[int(classes["train"][row])],
        facts=class_facts(targets["train"], names, evaluated=targets["validation"]),
        notes=class_notes(targets, names),
        files={"labels.txt": "\n".join(names) + "\n"} if named else {},
    )


def number_answers(values: Mapping[str, NDArray[np.float64]], *, where: str) -> Answers:
    """Return answers of one number each, ``(n,)`` by split, which networks give standardised with those of training.

    Raises
    ------
    DataError
        For numbers that are all the same in training, not finite, or too far from their mean.
    """
    train = values["train"]
    mean, spread = float(train.mean()), float(train.std())
    if not spread > 1e-9 * np.abs(train).max():
        raise DataError(
            f"{where}: train", expected="numbers that differ", got=f"{train[0]:g} in every example", remedy="add others"
        )
    notes = []
    for name, part in values.items():
        far = float(np.abs((part - mean) / spread).max())
        if not far <= _TOO_FAR or np.abs(part).max() > LARGEST:
            raise DataError(
                f"{where}: {name}",
                expected=f"numbers within {_TOO_FAR:g} training deviations of their mean, at most {LARGEST:g} in size",
                got=f"one that is {far:.1e} away",
                remedy="correct or remove it",
            )
        if far > _FAR:
            notes.append(f"a number to predict lies {far:,.0f} training deviations from the mean, in {name}")
    middle = float(np.median(train))
    return Answers(
        outputs=1,
        targets={n: torch.from_numpy(((v - mean) / spread).astype(np.float32))[:, None] for n, v in values.items()},
        make=partial(RegressionData, spread=spread),
        meaning={
            "kind": "number",
            "shape": ["batch", 1],
            "decision": "y * scale + offset is the number that is predicted",
            "offset": mean,
            "scale": spread,
        },
        told=lambda row: f"{train[row]:.6g}",
        facts={
            "number to predict": f"{train.min():.6g} to {train.max():.6g} in training, {middle:.6g} in the middle, "
            f"mean {mean:.6g}, standard deviation {spread:.4g}",
        },
        notes=tuple(notes),
        kind=(NUMBER, mean, spread),
    )
