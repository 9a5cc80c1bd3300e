"""What examples are answered with, whatever they are: one class each, any of several labels, or one number.

A task reads labels; here they become targets, and the task's data is made with the loss and the metrics of their kind.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from search_space.errors import ConfigError, DataError
from search_space.spec import Scalar
from supernet.readers import LARGEST
from supernet.readers.labels import Label
from supernet.readers.numbers import as_numbers
from supernet.readers.words import shown
from supernet.tasks._base import TaskData
from supernet.tasks._classification import ClassificationData, class_scores
from supernet.tasks._multi_label import MultiLabelData, label_scores
from supernet.tasks._numbers import RegressionData
from supernet.tasks._options import Option
from supernet.tasks._stratifying import label_matrix
from supernet.tasks._summary import class_facts, class_notes, label_facts, label_notes

__all__ = [
    "CLASS",
    "LABELS",
    "NUMBER",
    "PREDICT",
    "SEPARATOR",
    "Answers",
    "answers_of",
    "class_answers",
    "label_answers",
    "number_answers",
    "separator_of",
]

CLASS, LABELS, NUMBER = "class", "labels", "number"
PREDICT = Option(
    default=CLASS,
    meaning="what a label is: one of some classes, any of several labels, or a number, which is predicted in its own "
    "unit",
    choices=(CLASS, LABELS, NUMBER),
)
SEPARATOR = Option(
    default="|",
    meaning="with `predict=labels`, what parts the labels of a cell; an empty cell is an example with none of them",
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


def separator_of(options: Mapping[str, Scalar]) -> str:
    """Return what parts the labels of a cell under a task's options, nothing where each example has one.

    Raises
    ------
    ConfigError
        Labels would be parted by nothing.
    """
    separator = str(options["label_separator"])
    if options["predict"] != LABELS:
        return ""
    if not separator.strip(" "):
        raise ConfigError(
            "task.options.label_separator",
            expected="a sign that is no space, such as | or ;",
            got=repr(separator),
            remedy="set it to what parts the labels of a cell",
        )
    return separator


def answers_of(labels: Mapping[str, Sequence[Label]], *, predict: str, where: str) -> Answers:
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
        values = {name: as_numbers(list(map(str, part)), where=f"{where}: {name}") for name, part in labels.items()}
        return number_answers(values, where=where)
    if predict == LABELS:
        return _label_answers_of({name: list(map(tuple, part)) for name, part in labels.items()}, where=where)
    names = sorted(set(map(str, labels["train"])))
    if len(names) < 2:
        raise DataError(
            f"{where}: train", expected="labels of two kinds or more", got=f"{names}", remedy="add examples of others"
        )
    known = {name: number for number, name in enumerate(names)}
    for name, part in labels.items():
        _check_known(map(str, part), known, where=f"{where}: {name}")
    classes = {name: np.array([known[str(y)] for y in part]) for name, part in labels.items()}
    return class_answers(classes, names, named=True)


def _check_known(labels: Iterable[str], known: Container[str], *, where: str) -> None:
    if unseen := sorted(label for label in set(labels) if label not in known):
        raise DataError(
            where,
            expected="labels that the training examples have too",
            got=f"{', '.join(repr(shown(label)) for label in unseen[:5])}, which they have not",
            remedy="add training examples of these labels or remove them; of numbers, set task.options.predict",
        )


def _label_answers_of(labels: Mapping[str, Sequence[tuple[str, ...]]], *, where: str) -> Answers:
    names = sorted({label for some in labels["train"] for label in some})
    known = {name: number for number, name in enumerate(names)}
    for name, part in labels.items():
        _check_known((label for some in part for label in some), known, where=f"{where}: {name}")
    has = {name: label_matrix(part, names) for name, part in labels.items()}
    answers = label_answers(has, names, where=where)
    return replace(answers, notes=(*answers.notes, *_unparted(labels["train"], names)))


def _unparted(labels: Sequence[Sequence[str]], names: Sequence[str]) -> tuple[str, ...]:
    """Return a note where no example has two labels, and another sign than the separator may part some."""
    sign = next((sign for sign in ";,|" if any(sign in name for name in names)), None)
    if sign is None or any(len(some) > 1 for some in labels):
        return ()
    return (
        f"no example has two labels, but some labels hold {sign!r}: task.options.label_separator is what parts them",
    )


def label_answers(has: Mapping[str, NDArray[np.bool_]], names: Sequence[str], *, where: str) -> Answers:
    """Return answers of any of several labels, ``(n, K)`` by split.

    Raises
    ------
    DataError
        For a label that no training example has or that all have, and where there is none.
    """
    counts, examples = has["train"].sum(0), len(has["train"])
    fixed = [name for name, count in zip(names, counts.tolist(), strict=True) if count in (0, examples)]
    if fixed or not names:
        got = f"all or none with {shown(fixed[0])!r}" if fixed else "none with a label"
        raise DataError(
            f"{where}: train",
            expected="of each label, training examples that have it and others that have not",
            got=got,
            remedy="add examples, or leave the label out",
        )
    targets = {name: torch.from_numpy(part.astype(np.uint8)) for name, part in has.items()}
    return Answers(
        outputs=len(names),
        targets=targets,
        make=MultiLabelData,
        meaning=label_scores(names),
        told=lambda row: ", ".join(names[i] for i in np.flatnonzero(has["train"][row]).tolist()) or "no label",
        facts=label_facts(targets["train"], names),
        notes=label_notes(targets, names),
        files={"labels.txt": "\n".join(names) + "\n"},
        kind=(LABELS,),
    )


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
