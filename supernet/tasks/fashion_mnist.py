"""Fashion-MNIST: 70,000 grey images of clothes, 28x28 pixels padded to 32x32, ten classes.

Train is 11/12 of the official training images (55,000) and validation the rest (5,000), stratified by class under a
fixed seed; test is the official one (10,000).

Paper: Xiao et al. 2017, Fashion-MNIST: a Novel Image Dataset for Benchmarking Machine Learning Algorithms.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from search_space.errors import DataError
from search_space.spec import Scalar
from supernet.readers.files import data_folder, read_gzip
from supernet.tasks._base import Task, TaskData
from supernet.tasks._images import PATCH_SIZE, Labelled, image_data, split_off
from supernet.tasks._options import Option

_SIDE = 28
_CLASSES = 10
_REMEDY = "copy the original idx .gz files again"


class FashionMNIST(Task):
    """The four idx files in ``<data_root>/fashion_mnist``; 8x8 tokens of 4x4 pixels by default."""

    licence = "mit"
    source = "Fashion-MNIST (Xiao et al. 2017), Zalando SE"

    options: ClassVar[Mapping[str, Option]] = {"patch_size": PATCH_SIZE}

    @classmethod
    def read(cls, data_root: Path, *, options: Mapping[str, Scalar]) -> TaskData:
        """Read and check the four files."""
        folder = data_folder(data_root, task="fashion_mnist")
        official, test = _labelled(folder, "train"), _labelled(folder, "t10k")
        train, validation = split_off(official, size=len(official[1]) // 12)
        return image_data(
            train,
            validation=validation,
            test=test,
            num_classes=_CLASSES,
            patch_size=int(options["patch_size"]),
            padding=2,
            shift=2,
            flip=True,
            splits_made="the official test; a twelfth of the official training pictures for validation, seed 0",
        )


def _labelled(folder: Path, name: str) -> Labelled:
    images = _read_idx(folder / f"{name}-images-idx3-ubyte.gz", ndim=3)
    path = folder / f"{name}-labels-idx1-ubyte.gz"
    labels = _read_idx(path, ndim=1)
    if images.shape[1:] != (_SIDE, _SIDE) or len(images) != len(labels):
        raise DataError(
            str(path),
            expected=f"images of {_SIDE}x{_SIDE} and a label each",
            got=f"images {images.shape} and labels {labels.shape}",
            remedy=_REMEDY,
        )
    if np.bincount(labels, minlength=_CLASSES)[:_CLASSES].min() < 2 or labels.max() >= _CLASSES:
        raise DataError(
            str(path), expected=f"labels 0 to {_CLASSES - 1}", got=f"{sorted(set(labels.tolist()))}", remedy=_REMEDY
        )
    return images[:, None], labels.astype(np.int64)


def _read_idx(path: Path, *, ndim: int) -> NDArray[np.uint8]:
    """Return the unsigned bytes of a gzipped idx file, whose header is ``0, 0, 8, ndim`` and big-endian sizes."""
    raw = read_gzip(path, remedy=_REMEDY)
    header = 4 + 4 * ndim
    if len(raw) < header or raw[:4] != bytes([0, 0, 8, ndim]):
        raise DataError(
            str(path), expected=f"an idx file of bytes in {ndim} dimensions", got=repr(raw[:4]), remedy=_REMEDY
        )
    shape = tuple(int.from_bytes(raw[4 + 4 * i : 8 + 4 * i], "big") for i in range(ndim))
    values = np.frombuffer(raw, np.uint8, offset=header)
    if values.size != np.prod(shape, dtype=np.int64):
        raise DataError(
            str(path), expected=f"{shape} bytes as its header says", got=f"{values.size} bytes", remedy=_REMEDY
        )
    return values.reshape(shape)


TASK = FashionMNIST
