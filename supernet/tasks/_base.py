"""The contract of a task: where its data comes from, how it is split, and what a loss and an error are.

A task's one file holds a subclass of :class:`Task` and ends with ``TASK = TheClass``. ``train`` is for the weights,
``validation`` for the search, ``test`` for the final report alone.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal

import torch
from torch import Tensor

from search_space.errors import ConfigError, DataError
from search_space.spec import Scalar, TaskShape

__all__ = ["Split", "Task", "TaskData", "data_folder"]


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Split:
    """Examples and their targets.

    Parameters
    ----------
    stored
        ``(n, ...)`` as kept in memory; bytes stay bytes, a quarter of the size.
    targets
        ``(n,)`` or ``(n, ...)``.
    offset, scale
        An example is ``(stored - offset) * scale``; both broadcast against one example.
    padding
        Zeros added around the last axes before that, in the order of ``torch.nn.functional.pad``.
    """

    stored: Tensor
    targets: Tensor
    offset: Tensor
    scale: Tensor
    padding: tuple[int, ...] = ()

    def __len__(self) -> int:
        return len(self.targets)

    @property
    def inputs(self) -> Tensor:
        """All examples as the stem reads them, ``(n, *input_shape)`` float32; large: prefer :meth:`batch`."""
        return self._ready(self.stored)

    def batch(self, rows: Tensor | slice) -> tuple[Tensor, Tensor]:
        """Return the inputs ``(B, *input_shape)`` in float32 and the targets of some examples."""
        return self._ready(self.stored[rows]), self.targets[rows]

    def _ready(self, stored: Tensor) -> Tensor:
        if self.padding:
            stored = torch.nn.functional.pad(stored, self.padding)
        return (stored.float() - self.offset) * self.scale


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class TaskData:
    """A task's data with what its kind of problem decides: loss, distillation, error, augmentation.

    Parameters
    ----------
    shape
        What a network reads and writes.
    train, validation, test
        The three splits.
    metric
        Name of what ``100 - error`` means, such as ``accuracy``.
    data_hash
        Twelve hexadecimal digits of everything that decides what is trained on.
    """

    shape: TaskShape
    train: Split
    validation: Split
    test: Split
    metric: str
    data_hash: str

    def loss(
        self,
        outputs: Tensor,
        targets: Tensor,
        *,
        reduction: Literal["mean", "none"] = "mean",
        label_smoothing: float = 0.0,
    ) -> Tensor:
        """Return the training loss of outputs ``(B, ...)``: a scalar, or ``(B,)`` without reduction."""
        raise NotImplementedError

    def soft_loss(self, outputs: Tensor, teacher_outputs: Tensor) -> Tensor:
        """Return the mean divergence from a teacher's outputs, both ``(B, ...)``; zero when they agree."""
        raise NotImplementedError

    def error(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Return the error of each example, ``(B,)`` in [0, 1]; validation_error is 100 times its mean."""
        raise NotImplementedError

    def augment(self, inputs: Tensor, generator: torch.Generator) -> Tensor:
        """Return a random variation of each example of ``(B, *input_shape)``."""
        raise NotImplementedError


class Task:
    """Loads one data set; ``options`` holds the names and defaults of what a user may set."""

    options: ClassVar[Mapping[str, Scalar]] = {}

    @classmethod
    def load(cls, *, data_root: Path | None = None, options: Mapping[str, Scalar] | None = None) -> TaskData:
        """Read the data.

        Parameters
        ----------
        data_root
            Folder of the data sets; ``None`` means the environment's ``NASWEAVE_DATA``, else ``data``.
        options
            Overrides of ``cls.options``.

        Raises
        ------
        ConfigError
            For an unknown option or one of the wrong type.
        DataError
            For data that is missing, malformed or does not fit the options.
        """
        chosen = {**cls.options}
        for key, value in (options or {}).items():
            if key not in cls.options:
                raise ConfigError(
                    f"task.options.{key}",
                    expected=f"one of {', '.join(sorted(cls.options))}",
                    got=repr(key),
                    remedy="remove or correct it",
                )
            kind = type(cls.options[key])
            if type(value) is not kind and not (kind is float and type(value) is int):
                raise ConfigError(
                    f"task.options.{key}",
                    expected=f"a value of type {kind.__name__}",
                    got=repr(value),
                    remedy="correct it",
                )
            chosen[key] = value
        root = data_root if data_root is not None else Path(os.environ.get("NASWEAVE_DATA", "data"))
        return cls.read(root, options=chosen)

    @classmethod
    def read(cls, data_root: Path, *, options: Mapping[str, Scalar]) -> TaskData:
        """Read the data under checked, complete options; what a task implements."""
        raise NotImplementedError


def data_folder(data_root: Path, *, task: str) -> Path:
    """Return the folder of a task's files; raises ``DataError`` where there is none."""
    folder = data_root / task
    if not folder.is_dir():
        raise DataError(
            "data_root",
            expected=f"a folder {task} with the data of task {task}",
            got=f"none in {data_root}",
            remedy="set data_root (or the environment variable NASWEAVE_DATA) to the folder that holds it",
        )
    return folder
