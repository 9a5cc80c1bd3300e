"""Scanned handwritten digits, 1,797 of 8x8 pixels: real data that needs no download.

Split 60 / 20 / 20 in train, validation and test, stratified by class under a fixed seed.

Source: Alpaydin & Kaynak 1998, Optical Recognition of Handwritten Digits, through ``sklearn.datasets.load_digits``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import numpy as np
from sklearn.datasets import load_digits

from search_space.spec import Scalar
from supernet.tasks._base import Task, TaskData
from supernet.tasks._images import PATCH_SIZE, image_data, split_off
from supernet.tasks._options import Option


class Digits(Task):
    """Ten classes; 4x4 tokens of 2x2 pixels by default."""

    licence = "cc-by-4.0"
    source = "Optical Recognition of Handwritten Digits (Alpaydin & Kaynak 1998), UCI Machine Learning Repository"

    options: ClassVar[Mapping[str, Option]] = {"patch_size": replace(PATCH_SIZE, default=2)}

    @classmethod
    def read(cls, data_root: Path, *, options: Mapping[str, Scalar]) -> TaskData:
        """Read what scikit-learn carries; ``data_root`` is not needed."""
        pixels, labels = load_digits(return_X_y=True)
        images = pixels.astype(np.uint8).reshape(-1, 1, 8, 8)
        rest, test = split_off((images, labels.astype(np.int64)), size=len(labels) // 5)
        train, validation = split_off(rest, size=len(labels) // 5)
        return image_data(
            train,
            validation=validation,
            test=test,
            num_classes=10,
            patch_size=int(options["patch_size"]),
            shift=1,
            splits_made="stratified by class, seed 0",
        )


TASK = Digits
