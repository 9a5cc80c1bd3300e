"""Pictures with a class or a number each: what every task of them shares."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from search_space.errors import ConfigError, DataError
from search_space.spec import TaskShape
from search_space.summary import DataSummary
from supernet.readers import LARGEST
from supernet.tasks._answers import Answers, class_answers, label_answers, number_answers
from supernet.tasks._base import Split, TaskData, data_hash
from supernet.tasks._classification import stratified
from supernet.tasks._options import Option
from supernet.tasks._summary import picture_examples, sizes_text

__all__ = ["FLIP", "PATCH_SIZE", "SHIFT", "Labelled", "ShiftAndFlip", "image_data", "parted", "split_off"]

_SIDE = 2048
_FAR, _TOO_FAR = 1e4, 1e15  # deviations from the mean of the training pictures
_PICTURES = 1024  # that are looked at together

PATCH_SIZE = Option(
    default=4,
    meaning="side of the square of pixels that is one token; it divides both sides of the picture",
    low=1,
    high=_SIDE,
    why="no picture is larger",
)
SHIFT = Option(
    default=0,
    meaning="largest random shift of a training picture in pixels, in every direction",
    high=_SIDE,
    why="no picture is larger",
)
FLIP = Option(default=False, meaning="whether half of the training pictures are mirrored, left for right")


Labelled = tuple[NDArray[np.uint8] | NDArray[np.float32], NDArray[Any]]
"""Images ``(n, C, H, W)`` and labels: class numbers ``(n,)``, int64, the numbers to predict ``(n,)``, float64, or which
of several labels each has, ``(n, K)``."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ShiftAndFlip:
    """Shifts and mirrors each picture on its own.

    Parameters
    ----------
    shift
        Largest random shift in pixels, in either direction; the border is repeated.
    flip
        Whether to mirror half of the images.
    """

    shift: int = 0
    flip: bool = False

    def __call__(self, inputs: Tensor, generator: torch.Generator) -> Tensor:
        """Shift and mirror each image of ``(B, C, H, W)``."""
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


def parted(data: Labelled, *rows: NDArray[np.int64]) -> tuple[Labelled, ...]:
    """Return the examples of each of some arrays of row numbers."""
    images, labels = data
    return tuple((images[part], labels[part]) for part in rows)


def split_off(data: Labelled, *, size: int) -> tuple[Labelled, ...]:
    """Return the data without ``size`` examples, and those, stratified by class under a fixed seed."""
    return parted(data, *stratified(data[1], size=size))


def image_data(
    train: Labelled,
    *,
    validation: Labelled,
    test: Labelled,
    num_classes: int = 0,
    answers: Answers | None = None,
    patch_size: int,
    padding: int = 0,
    shift: int = 0,
    flip: bool = False,
    before: Sequence[Mapping[str, Any]] = (),
    labels: Sequence[str] = (),
    splits_made: str = "",
    notes: Sequence[str] = (),
    where: str = "the pictures",
) -> TaskData:
    """Assemble a task from checked arrays, normalised per channel with the mean and spread of ``train``.

    Parameters
    ----------
    num_classes
        How many classes or labels there are; 0 where labels are the numbers to predict.
    answers
        What the labels mean, where they do not say it themselves.
    padding
        Pixels of zeros (before normalisation) added on all four sides.
    patch_size, shift, flip
        Side of a token's patch; augmentation as in :class:`ShiftAndFlip`.
    before
        Steps that made the arrays from what a user has, as in ``TaskData.preparation``.
    labels
        Names of the classes or labels.
    splits_made, notes
        How the splits came about, and what reading left out or changed, for the summary.
    where
        Names the source in errors.

    Raises
    ------
    ConfigError, DataError
        For sizes that do not fit the pictures, and for values that are beyond what networks can be trained on.
    """
    channels, height, width = (int(n) for n in train[0].shape[1:])
    height, width = height + 2 * padding, width + 2 * padding
    _check_patch(patch_size, height, width)
    if not 0 <= shift < min(height, width):
        raise ConfigError(
            "task.options.shift", expected=f"0 to {min(height, width) - 1} pixels", got=str(shift), remedy="correct it"
        )
    parts = {"train": train, "validation": validation, "test": test}
    offset, scale = _statistics(train[0], area=height * width)
    told = [*notes, *_range_notes(parts, offset, scale, where=where)]

    if answers is None:
        answers = _answers({name: y for name, (_, y) in parts.items()}, num_classes, labels, where=where)
    splits = {
        name: Split(
            stored=torch.from_numpy(np.require(images, requirements=["C", "W"])),
            targets=answers.targets[name],
            offset=offset,
            scale=scale,
            padding=(padding,) * 4 if padding else (),
        )
        for name, (images, _) in parts.items()
    }
    summary = DataSummary(
        facts={
            "examples": sizes_text({name: len(part) for name, part in splits.items()}, what=splits_made),
            **answers.facts,
            "pictures": f"{channels} x {train[0].shape[2]} x {train[0].shape[3]} (channels, height, width), "
            f"values from {train[0].min():g} to {train[0].max():g}",
        },
        notes=(*told, *answers.notes),
        examples=picture_examples(train[0], answers.told),
    )
    grid = (height // patch_size, width // patch_size)
    shape = TaskShape(
        input_shape=(channels, height, width),
        num_outputs=answers.outputs,
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
    return answers.make(
        shape=shape,
        train=splits["train"],
        validation=splits["validation"],
        test=splits["test"],
        data_hash=data_hash((shape, padding, shift, flip, *answers.kind), *tensors),
        augmentation=ShiftAndFlip(shift=shift, flip=flip) if shift or flip else None,
        preparation=(*before, order, *pad, standardise),
        meaning=answers.meaning,
        summary=summary,
    )


def _answers(targets: Mapping[str, NDArray[Any]], num_classes: int, labels: Sequence[str], *, where: str) -> Answers:
    """Return the answers of labels that are arrays."""
    if not num_classes:
        return number_answers(targets, where=where)
    names = list(labels) or [str(number) for number in range(num_classes)]
    if targets["train"].ndim == 2:
        return label_answers(targets, names, where=where)
    return class_answers(targets, names, named=bool(labels))


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
    pixels, total, square = len(images) * area, np.zeros(images.shape[1]), np.zeros(images.shape[1])
    for first in range(0, len(images), _PICTURES):  # whole squares would take eight times the memory of bytes
        part = images[first : first + _PICTURES].astype(np.float64)
        total += part.sum((0, 2, 3))
        square += np.square(part).sum((0, 2, 3))
    mean = total / pixels
    deviation = np.sqrt(np.maximum(square / pixels - mean**2, 0.0))
    varies = (deviation > 1e-6 * np.abs(mean)) & (deviation > 1 / LARGEST)
    inverse = np.where(varies, 1.0 / np.maximum(deviation, 1 / LARGEST), 1.0)
    offset, scale = (torch.from_numpy(v.astype(np.float32))[:, None, None] for v in (mean, inverse))
    return offset, scale


def _range_notes(parts: Mapping[str, Labelled], offset: Tensor, scale: Tensor, *, where: str) -> list[str]:
    """Return what is suspicious in the values; raises ``DataError`` where no network can be trained on them."""
    mean, factor = (v.flatten().numpy().astype(np.float64) for v in (offset, scale))
    notes = []
    for name, (images, _) in parts.items():
        low, high = (f(images, axis=(0, 2, 3)).astype(np.float64) for f in (np.min, np.max))
        largest = float(np.maximum(np.abs(low), np.abs(high)).max())
        far = float((np.maximum(np.abs(low - mean), np.abs(high - mean)) * factor).max())
        if largest > 1.001 * LARGEST or far > _TOO_FAR:
            raise DataError(
                f"{where}: {name}",
                expected=f"values of at most {LARGEST:g} in size and {_TOO_FAR:g} training deviations from the mean",
                got=f"one of {largest:g}, {far:.1e} deviations away",
                remedy="correct or remove these pictures",
            )
        if far > _FAR:
            notes.append(f"values of the {name} pictures go as far as {far:.1e} training deviations from the mean")
        if name == "train" and (constant := int((low == high).sum())):
            notes.append(f"{constant} of {len(low)} channels are constant in training, and are not scaled")
    return notes
