"""The contract of a task: where its data comes from, how it is split, what networks are judged by and trained for.

A task's one file holds a subclass of :class:`Task` and ends with ``TASK = TheClass``. ``train`` is for the weights,
``validation`` for the search, ``test`` for the final report alone.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from search_space.errors import DataError, reason_of
from search_space.metric import Metric
from search_space.spec import Scalar, TaskShape
from search_space.summary import DataSummary
from supernet.metrics import Kind, Measure, Tally
from supernet.tasks._options import Option, complete

__all__ = ["Augmentation", "Origin", "Split", "Task", "TaskData", "data_hash"]


Augmentation = Callable[[Tensor, torch.Generator], Tensor]
"""From inputs ``(B, *input_shape)`` to a random variation of each, which the generator decides."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Split:
    """Examples and their targets.

    Parameters
    ----------
    stored
        ``(n, ...)`` as kept in memory; bytes stay bytes, a quarter of the size. Overlapping windows are one view.
    targets
        ``(n,)`` or ``(n, ...)``; integers of any size are given out as int64.
    offset, scale
        An example is ``(stored - offset) * scale``; both broadcast against one example. ``None`` for ids.
    padding
        Zeros added around the last axes before that, in the order of ``torch.nn.functional.pad``.
    groups
        ``(n,)``, the number of the group that each example belongs to, which stays in one split; ``None`` without.
    """

    stored: Tensor
    targets: Tensor
    offset: Tensor | None = None
    scale: Tensor | None = None
    padding: tuple[int, ...] = ()
    groups: NDArray[np.int64] | None = None

    def __len__(self) -> int:
        return len(self.targets)

    def __repr__(self) -> str:
        return f"Split({len(self)} examples of {tuple(self.stored.shape[1:])}, stored as {self.stored.dtype})"

    @property
    def inputs(self) -> Tensor:
        """All examples as the stem reads them, ``(n, *input_shape)``; large: prefer :meth:`batch`."""
        return self._ready(self.stored)

    def batch(self, rows: Tensor | slice) -> tuple[Tensor, Tensor]:
        """Return the inputs ``(B, *input_shape)`` of some examples, float32 or int64 ids, and their targets."""
        targets = self.targets[rows]
        return self._ready(self.stored[rows]), targets if targets.is_floating_point() else targets.long()

    def _ready(self, stored: Tensor) -> Tensor:
        if self.offset is None or self.scale is None:
            return stored.long()
        if self.padding:
            stored = torch.nn.functional.pad(stored, self.padding)
        return (stored.float() - self.offset) * self.scale


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Origin:
    """Where a task's data was read, so that a run can read it again.

    Parameters
    ----------
    task
        Name of the task.
    keys
        The keys of a configuration that say the rest, but for ``files``.
    files
        By the name of an option, files of examples that a program held, which a run takes into its folder.
    kept
        What the files lie in, which goes with this.
    """

    task: str
    keys: Mapping[str, object] = field(default_factory=dict)
    files: Mapping[str, Path] = field(default_factory=dict)
    kept: object = None


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class TaskData:
    """A task's data with what its kind of problem decides: metric, loss, distillation, augmentation.

    Parameters
    ----------
    shape
        What a network reads and writes.
    train, validation, test
        The three splits.
    measure
        What networks are judged by: the metric, and the error that stands for it.
    order
        The rows of ``train`` that a pass of training goes through, ``(m,)``, some of them several times; ``None`` for
        each one once.
    data_hash
        Twelve hexadecimal digits of everything that decides what is trained on.
    files
        Text files by name that the user of an exported network needs beside it, such as a vocabulary.
    augmentation
        Returns a random variation of each example of ``(B, *input_shape)``; ``None`` leaves them as they are.
    preparation
        Steps from raw data to an example of ``shape.input_shape``, in order: ``do`` names the step, the rest is JSON.
    meaning
        What the outputs are, as JSON.
    token_rows
        For each id, its row in the embedding of the checkpoint whose vocabulary it is, -1 where that has none; ``None``
        for ids that are no checkpoint's.
    origin
        Where it was read, if that is known.
    in_order
        Whether examples follow each other in time or text, so that they cannot be dealt to splits as one likes.
    summary
        What was read: counts, ranges, what was left out or changed, and a few examples.
    """

    kind: ClassVar[Kind]
    """What outputs and targets are."""

    shape: TaskShape
    train: Split
    validation: Split
    test: Split
    measure: Measure
    order: Tensor | None = None
    data_hash: str
    files: Mapping[str, str] = field(default_factory=dict)
    augmentation: Augmentation | None = None
    preparation: tuple[Mapping[str, Any], ...] = ()
    meaning: Mapping[str, Any] = field(default_factory=dict)
    token_rows: tuple[int, ...] | None = None
    origin: Origin | None = None
    in_order: bool = False
    summary: DataSummary = field(default_factory=DataSummary)

    def __repr__(self) -> str:
        splits = ", ".join(f"{name}={len(getattr(self, name))}" for name in ("train", "validation", "test"))
        return f"{type(self).__name__}(input_shape={self.shape.input_shape}, {splits}, metric={self.metric.name!r})"

    @property
    def metric(self) -> Metric:
        """What people call the result, and how the error that is minimised stands for it."""
        return self.measure.metric

    @property
    def labels(self) -> tuple[str, ...]:
        """Names of the classes, for a task that has some: their numbers where they have none."""
        return tuple(self.meaning.get("labels") or map(str, range(self.shape.num_outputs)))

    def preprocessing(self) -> dict[str, Any]:
        """Return what a user needs to make inputs and to read outputs, as JSON: ``preprocessing.json`` of an export."""
        kind = "int64" if self.shape.vocab_size else "float32"
        return {
            "schema": 1,
            "input": {"dtype": kind, "shape": ["batch", *self.shape.input_shape]},
            "steps": [dict(step) for step in self.preparation],
            "output": dict(self.meaning),
        }

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

    def soft_loss(self, outputs: Tensor, teacher_outputs: Tensor, targets: Tensor) -> Tensor:
        """Return the mean divergence from a teacher's outputs ``(B, ...)``, of those that targets say something of."""
        raise NotImplementedError

    def judged(self, outputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        """Return what the metric looks at of outputs and targets, both ``(B, ...)``: by default all."""
        return outputs, targets

    def judged_targets(self, split: Split) -> Tensor:
        """Return the targets of a split that the metric looks at: by default all."""
        return split.targets

    def answer_facts(self) -> Mapping[str, str]:
        """Return what the summary says of the targets of the splits."""
        return {}

    def tally(self) -> Tally:
        """Return what adds up the error of outputs by the task's metric, which looks at :meth:`judged`."""
        return Tally(self.measure, looks_at=self.judged)

    def error(self, outputs: Tensor, targets: Tensor) -> float:
        """Return the error of outputs ``(n, ...)`` on targets ``(n, ...)`` by the task's metric, in its unit."""
        tally = self.tally()
        tally.add(outputs, targets)
        return tally.error

    def augment(self, inputs: Tensor, generator: torch.Generator) -> Tensor:
        """Return a random variation of each example of ``(B, *input_shape)``, or the examples as they are."""
        return inputs if self.augmentation is None else self.augmentation(inputs, generator)


class Task:
    """Loads one data set; ``options`` declares what a user may set, by name."""

    options: ClassVar[Mapping[str, Option]] = {}

    licence: ClassVar[str] = "other"
    """Of the data, as the Hugging Face hub names licences; ``other`` is the user's own data or an unknown licence."""

    source: ClassVar[str] = "the user's own data"
    """Where the data comes from, for the licence notice of trained weights."""

    @classmethod
    def load(cls, *, data_root: Path | None = None, options: Mapping[str, Scalar | None] | None = None) -> TaskData:
        """Read the data.

        Parameters
        ----------
        data_root
            Folder of the data sets; ``None`` means the environment's ``NASWEAVE_DATA``, else ``data``.
        options
            Overrides of ``cls.options``; ``None`` stands for a default.

        Raises
        ------
        ConfigError
            For an unknown option, one of the wrong type, or one out of its bounds.
        DataError
            For data that is missing, malformed or does not fit the options.
        """
        root = data_root if data_root is not None else Path(os.environ.get("NASWEAVE_DATA", "data"))
        chosen = cls.complete(options or {})
        try:
            return cls.read(root, options=chosen)
        except (OSError, MemoryError) as error:  # as of a file that vanishes, or a folder that nobody may list
            raise DataError(
                str(getattr(error, "filename", None) or chosen.get("path") or root),
                expected="data that can be read, and fits the memory",
                got=getattr(error, "strerror", None) or reason_of(error),
                remedy="correct the path, its permissions or its disk, or use less data",
            ) from error

    @classmethod
    def complete(cls, options: Mapping[str, Scalar | None]) -> dict[str, Scalar]:
        """Return all options, those that are given and the defaults of the others, which ``None`` means too.

        Raises
        ------
        ConfigError
            For an unknown option, one of the wrong type, or one out of its bounds.
        """
        return complete(cls.options, options)

    @classmethod
    def beside_checkpoint(cls, options: Mapping[str, Scalar | None], folder: Path) -> Mapping[str, Scalar | None]:
        """Return the options as they are meant where networks start from the checkpoint in a folder: the same here."""
        return options

    @classmethod
    def read(cls, data_root: Path, *, options: Mapping[str, Scalar]) -> TaskData:
        """Read the data under checked, complete options; what a task implements."""
        raise NotImplementedError


def data_hash(*parts: object) -> str:
    """Return twelve hexadecimal digits of texts and tensors."""
    digest = hashlib.sha256()
    for part in parts:
        if isinstance(part, Tensor):
            digest.update(repr((tuple(part.shape), part.dtype)).encode())
            digest.update(part.contiguous().numpy().reshape(-1).data)
        else:
            digest.update(repr(part).encode())
    return digest.hexdigest()[:12]
