"""The user's own pictures in one ``.npz`` file, with a class, labels or a number each.

It holds ``x_train, y_train`` and, where the user wants to choose them, ``x_validation, y_validation`` and ``x_test,
y_test``; otherwise a tenth of the training examples is set aside for each, stratified by class under a fixed seed, and
by ``groups_train`` or ``times_train`` where there are some. Images are ``(n, H, W)`` or ``(n, C, H, W)``, bytes or
floats; labels are integers ``0 .. classes - 1``, with ``predict=number`` any numbers, and with ``predict=labels`` 0 and
1 in ``(n, labels)``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from search_space.errors import DataError
from search_space.spec import Scalar
from supernet.readers.arrays import read_arrays
from supernet.readers.files import find_file
from supernet.readers.labels import check_labels
from supernet.readers.numbers import numbers_of
from supernet.readers.ties import ARRAYS, SPLITS, UNTIED, Ties, ties_of_arrays
from supernet.readers.words import shown
from supernet.tasks._answers import CLASS, LABELS, PREDICT
from supernet.tasks._base import Task, TaskData
from supernet.tasks._images import FLIP, PATCH_SIZE, SHIFT, Labelled, image_data
from supernet.tasks._options import Option
from supernet.tasks._setting_aside import ASIDE_VALIDATION, all_splits, aside_text

_MOST_CLASSES = 1_000_000
_NAMES = "labels"  # the array of the names of the classes


class Npz(Task):
    """What the images in ``path`` are labelled with, relative to the working directory or to ``data_root``."""

    options: ClassVar[Mapping[str, Option]] = {
        "path": Option(default="", meaning="the file"),
        "predict": PREDICT,
        "patch_size": PATCH_SIZE,
        "shift": SHIFT,
        "flip": FLIP,
    }

    @classmethod
    def read(cls, data_root: Path, *, options: Mapping[str, Scalar]) -> TaskData:
        """Read and check every array."""
        path = find_file(str(options["path"]), data_root, kind="an .npz file")
        arrays, others = _known_arrays(path)
        predict = str(options["predict"])
        given = {name: _examples(arrays, name, path, predict=predict) for name in SPLITS if f"x_{name}" in arrays}
        classes = 0
        if predict == CLASS:
            classes = _num_classes(given["train"].labels, path)
        elif predict == LABELS:
            classes = given["train"].labels.shape[1]
        for name, part in given.items():
            if part.images.shape[1:] != given["train"].images.shape[1:]:
                raise DataError(
                    f"{path}: x_{name}",
                    expected=f"images of shape {given['train'].images.shape[1:]} as in x_train",
                    got=str(part.images.shape[1:]),
                    remedy="give all splits one image size",
                )
            if predict == LABELS and part.labels.shape[1] != classes:
                raise DataError(
                    f"{path}: y_{name}",
                    expected=f"{classes} labels as in y_train",
                    got=str(part.labels.shape[1]),
                    remedy="give all splits the same labels",
                )
            unseen = sorted(set(part.labels.tolist()) - set(range(classes))) if predict == CLASS else []
            if unseen:
                raise DataError(
                    f"{path}: y_{name}",
                    expected="labels that y_train has too",
                    got=f"{unseen[:10]}, which it has not",
                    remedy="add training examples of them or remove them",
                )
        splits, splits_made = all_splits(
            given,
            predict=predict,
            where=f"{path}: y_train",
            remedy="add examples, or x_validation and y_validation, x_test and y_test of your own",
        )
        ties = splits["train"].ties
        train, validation, test = ((splits[name].images, splits[name].labels) for name in SPLITS)
        if len({split[0].dtype for split in (train, validation, test)}) > 1:
            train, validation, test = ((x.astype(np.float32), y) for x, y in (train, validation, test))
        data = image_data(
            train,
            validation=validation,
            test=test,
            num_classes=classes,
            labels=_names(arrays, classes, path),
            patch_size=int(options["patch_size"]),
            shift=int(options["shift"]),
            flip=bool(options["flip"]),
            splits_made=_splits_made(given, splits_made, predict=predict),
            notes=[f"arrays that are not known are left out: {', '.join(map(shown, others[:8]))}"] if others else [],
            where=str(path),
        )
        grouped = {name: replace(getattr(data, name), groups=splits[name].ties.numbers) for name in SPLITS}
        return replace(data, in_order=bool(ties.times), **grouped) if ties != UNTIED else data


def _splits_made(given: Mapping[str, _Examples], made: str, *, predict: str) -> str:
    if given["train"].ties != UNTIED or "test" not in given:
        return made
    return "as in the file" if "validation" in given else aside_text(predict, text=ASIDE_VALIDATION)


def _known_arrays(path: Path) -> tuple[dict[str, NDArray[Any]], tuple[str, ...]]:
    """Return the known arrays of the file, and the names of the others."""
    arrays, others = read_arrays(path, (*ARRAYS, _NAMES))
    required = [
        f"{axis}_{name}"
        for name in SPLITS
        for axis in "xy"
        if name == "train" or {f"x_{name}", f"y_{name}"} & set(arrays)
    ]
    missing = [key for key in required if key not in arrays]
    if missing:
        raise DataError(
            str(path),
            expected=f"arrays {', '.join(required)}",
            got=", ".join(map(shown, [*arrays, *others][:12])) or "none",
            remedy=f"add {', '.join(missing)}",
        )
    return arrays, others


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class _Examples:
    """Images ``(n, C, H, W)``, their class numbers, numbers or labels, and what ties them together."""

    images: NDArray[Any]
    labels: NDArray[Any]
    ties: Ties = UNTIED

    def rows(self, rows: NDArray[np.int64]) -> _Examples:
        """Return some of them."""
        return _Examples(images=self.images[rows], labels=self.labels[rows], ties=self.ties.rows(rows))


def _examples(arrays: Mapping[str, NDArray[Any]], name: str, path: Path, *, predict: str) -> _Examples:
    """Return one split, after checking it."""
    images, labels = _labelled(arrays, name, path, predict=predict)
    return _Examples(
        images=images, labels=labels, ties=ties_of_arrays(arrays, name, count=len(labels), where=str(path))
    )


def _labelled(arrays: Mapping[str, NDArray[Any]], name: str, path: Path, *, predict: str) -> Labelled:
    """Return one split, images as ``(n, C, H, W)`` in uint8 or float32, after checking it."""
    images, labels = arrays[f"x_{name}"], arrays[f"y_{name}"]
    x, y = f"{path}: x_{name}", f"{path}: y_{name}"
    shape = str(images.shape)
    if images.ndim not in (3, 4) or images.size == 0:
        expected = "images (n, H, W) or (n, C, H, W), one or more"
        raise DataError(x, expected=expected, got=shape, remedy="reshape them" if images.size else "add some")
    is_square = images.ndim == 4 and images.shape[2] == images.shape[3]  # as (n, 30, 1, 1), 30 channels of one pixel
    if images.ndim == 4 and images.shape[3] in (1, 3, 4) and images.shape[1] > 4 and not is_square:
        raise DataError(
            x, expected="channels first, (n, C, H, W)", got=shape, remedy=f"save x_{name}.transpose(0, 3, 1, 2)"
        )
    if images.dtype != np.uint8 and not np.issubdtype(images.dtype, np.floating):
        raise DataError(x, expected="uint8 or floats", got=str(images.dtype), remedy=f"save x_{name}.astype('float32')")
    if images.dtype != np.uint8:
        # Halves overflow when summed, doubles become infinite when they leave float32's range: both end as float32.
        with np.errstate(over="ignore"):
            images = images.astype(np.float32)
        finite = np.isfinite(images)
        if not finite.all():
            raise DataError(
                x,
                expected="finite values",
                got=f"{int((~finite).sum())} NaN or infinite values in "
                f"{int((~finite.reshape(len(images), -1).all(1)).sum())} images",
                remedy="remove or mend these images",
            )
    if predict == LABELS:
        if labels.ndim != 2 or not labels.shape[1]:
            remedy = "save a column a label"
            raise DataError(y, expected="0 and 1, of shape (n, labels)", got=str(labels.shape), remedy=remedy)
    elif labels.ndim != 1:
        remedy = "flatten it, or set task.options.predict=labels for a column of 0 and 1 a label"
        raise DataError(y, expected="one label an image, shape (n,)", got=str(labels.shape), remedy=remedy)
    if len(labels) != len(images):
        raise DataError(
            y, expected=f"{len(images)} labels, one an image", got=str(len(labels)), remedy="save both of one length"
        )
    pictures = images.reshape(len(images), -1, *images.shape[-2:])
    if predict == LABELS:
        if labels.dtype.kind not in "biuf" or not np.isin(labels, (0, 1)).all():
            raise DataError(y, expected="0 and 1 alone", got=f"other {labels.dtype}", remedy="save zeros and ones")
        return pictures, labels > 0
    if predict != CLASS:
        return pictures, numbers_of(labels, where=y)
    if not np.issubdtype(labels.dtype, np.integer):
        raise DataError(
            y,
            expected="integer labels",
            got=str(labels.dtype),
            remedy=f"save y_{name}.astype('int64') of class numbers, or set task.options.predict=number",
        )
    if labels.min() < 0 or labels.max() >= _MOST_CLASSES:
        raise DataError(
            y,
            expected=f"labels from 0 to {_MOST_CLASSES - 1:,}",
            got=str(labels.min() if labels.min() < 0 else labels.max()),
            remedy="number the classes 0, 1, 2, ... instead",
        )
    return pictures, labels.astype(np.int64)


def _num_classes(labels: NDArray[np.int64], path: Path) -> int:
    present = np.unique(labels)
    if len(present) < 2 or present[-1] != len(present) - 1:
        raise DataError(
            f"{path}: y_train",
            expected="labels 0, 1, 2, ... of two classes or more, each present",
            got=f"{present[:10].tolist()}{' ...' if len(present) > 10 else ''}",
            remedy="renumber all labels alike, by numpy.unique(y_train, return_inverse=True)",
        )
    return len(present)


def _names(arrays: Mapping[str, NDArray[Any]], classes: int, path: Path) -> list[str]:
    """Return the names of the classes, if there are some."""
    names = arrays.get(_NAMES)
    if names is None or not classes:
        return []
    if names.dtype.kind != "U" or names.shape != (classes,):
        raise DataError(
            f"{path}: {_NAMES}",
            expected=f"{classes} texts, the names of the classes or labels",
            got=f"{names.dtype} {names.shape}",
            remedy="save one of each class, in their order",
        )
    check_labels(dict.fromkeys(names.tolist()), where=f"{path}: {_NAMES}")
    return [str(name) for name in names]


TASK = Npz
