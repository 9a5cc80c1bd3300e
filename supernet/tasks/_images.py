"""Image classification: what every task of labelled images shares."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from search_space.errors import ConfigError, DataError
from search_space.metric import ACCURACY
from search_space.spec import TaskShape
from supernet.tasks._base import Split, data_hash
from supernet.tasks._classification import ClassificationData, class_scores, stratified

__all__ = ["ImageData", "Labelled", "image_data", "split_off"]

Labelled = tuple[NDArray[np.uint8] | NDArray[np.float32], NDArray[np.int64]]
"""Images ``(n, C, H, W)`` and labels ``(n,)``."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False, repr=False)
class ImageData(ClassificationData):
    """Labelled images with one class each.

    Parameters
    ----------
    shift
        Largest random shift in pixels, in either direction; the border is repeated.
    flip
        Whether to mirror half of the images.
    """

    shift: int = 0
    flip: bool = False

    def augment(self, inputs: Tensor, generator: torch.Generator) -> Tensor:
        """Shift and mirror each image of ``(B, C, H, W)`` on its own."""
        if not self.shift and not self.flip:
            return inputs
        batch, _, height, width = inputs.shape
        low, high = -self.shift, self.shift + 1
        down = torch.randint(low, high, (batch, 1), generator=generator)
        right = torch.randint(low, high, (batch, 1), generator=generator)
        rows = (torch.arange(height) + down).clamp(0, height - 1)
        columns = (torch.arange(width) + right).clamp(0, width - 1)
        if self.flip:
            mirrored = torch.rand((batch, 1), generator=generator) < 0.5
            columns = torch.where(mirrored, width - 1 - columns, columns)
        examples = torch.arange(batch)[:, None, None]
        picked = inputs.permute(0, 2, 3, 1)[examples, rows[:, :, None], columns[:, None, :]]
        return picked.permute(0, 3, 1, 2)


def split_off(data: Labelled, *, size: int) -> tuple[Labelled, Labelled]:
    """Return the data without ``size`` examples, and those, stratified by class under a fixed seed."""
    images, labels = data
    rest, taken = stratified(labels, size=size)
    return (images[rest], labels[rest]), (images[taken], labels[taken])


def image_data(
    train: Labelled,
    *,
    validation: Labelled,
    test: Labelled,
    num_classes: int,
    patch_size: int,
    padding: int = 0,
    shift: int = 0,
    flip: bool = False,
    before: Sequence[Mapping[str, Any]] = (),
    labels: Sequence[str] = (),
) -> ImageData:
    """Assemble a task from checked arrays, normalised per channel with the mean and spread of ``train``.

    Parameters
    ----------
    padding
        Pixels of zeros (before normalisation) added on all four sides.
    patch_size, shift, flip
        Side of a token's patch; augmentation as in :class:`ImageData`.
    before
        Steps that made the arrays from what a user has, as in ``TaskData.preparation``.
    labels
        Names of the classes.
    """
    channels, height, width = (int(n) for n in train[0].shape[1:])
    height, width = height + 2 * padding, width + 2 * padding
    _check_patch(patch_size, height, width)
    if not 0 <= shift < min(height, width):
        raise ConfigError(
            "task.shift", expected=f"0 to {min(height, width) - 1} pixels", got=str(shift), remedy="correct it"
        )
    offset, scale = _statistics(train[0], area=height * width)

    def split(data: Labelled) -> Split:
        images, labels = (torch.from_numpy(np.require(a, requirements=["C", "W"])) for a in data)
        pads = (padding,) * 4 if padding else ()
        return Split(stored=images, targets=labels, offset=offset, scale=scale, padding=pads)

    splits = {"train": split(train), "validation": split(validation), "test": split(test)}
    grid = (height // patch_size, width // patch_size)
    shape = TaskShape(
        input_shape=(channels, height, width),
        num_outputs=num_classes,
        seq_len=grid[0] * grid[1],
        grid=grid,
        stem="patch",
        head="pooled",
    )
    pad: list[Mapping[str, Any]] = []
    if padding:
        pad = [{"do": "pad", "axes": ["height", "width"], "before": padding, "after": padding, "value": 0}]
    standardise = {
        "do": "standardise",
        "formula": "(x - offset) * scale",
        "axis": "channel",
        "offset": offset.flatten().tolist(),
        "scale": scale.flatten().tolist(),
    }
    order: Mapping[str, Any] = {
        "do": "arrange",
        "axes": ["channel", "height", "width"],
        "values": f"{splits['train'].stored.numpy().dtype} as in the training data",
    }
    tensors = [tensor for part in splits.values() for tensor in (part.stored, part.targets)]
    return ImageData(
        shape=shape,
        train=splits["train"],
        validation=splits["validation"],
        test=splits["test"],
        metric=ACCURACY,
        data_hash=data_hash((shape, padding, shift, flip), *tensors),
        shift=shift,
        flip=flip,
        preparation=(*before, order, *pad, standardise),
        meaning=class_scores(num_classes, labels=labels),
    )


def _check_patch(patch_size: int, height: int, width: int) -> None:
    fitting = [p for p in range(1, min(height, width) + 1) if height % p == 0 and width % p == 0]
    if patch_size not in fitting:
        raise DataError(
            "task.options.patch_size",
            expected=f"a side that tiles {height}x{width} images",
            got=str(patch_size),
            remedy=f"set it to one of {', '.join(map(str, fitting))}",
        )


def _statistics(images: NDArray[np.uint8] | NDArray[np.float32], *, area: int) -> tuple[Tensor, Tensor]:
    """Return mean and inverse deviation per channel, ``(C, 1, 1)``, over images zero-padded to ``area`` pixels."""
    pixels = len(images) * area
    mean = images.sum((0, 2, 3), dtype=np.float64) / pixels
    square = np.array([np.square(images[:, c], dtype=np.float64).sum() / pixels for c in range(images.shape[1])])
    deviation = np.sqrt(np.maximum(square - mean**2, 0.0))
    inverse = np.where(deviation > 1e-6 * (np.abs(mean) + 1e-6), 1.0 / np.maximum(deviation, 1e-30), 1.0)
    offset, scale = (torch.from_numpy(v.astype(np.float32))[:, None, None] for v in (mean, inverse))
    return offset, scale
