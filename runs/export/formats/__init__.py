"""The export formats: one a file, found by its file name."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from search_space.registry import Registry
from supernet import Network

__all__ = ["FORMATS", "ExportFormat", "Predict", "Subject"]

Predict = Callable[[NDArray[np.float32]], NDArray[np.float32]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Subject:
    """A network to export, twice: as the integer runtime computes it, and in float for exporters that rewrite it."""

    simulated: Network
    in_float: Network
    example: Tensor


class ExportFormat(ABC):
    """One file format of a network."""

    files: ClassVar[tuple[str, ...]]
    """Names of the files it writes."""

    integer_kernels: ClassVar[bool]
    """Whether integer precisions run as integers; otherwise the file simulates them, at the same results."""

    @abstractmethod
    def write(self, subject: Subject, folder: Path) -> None:
        """Write the network into an existing folder."""

    @abstractmethod
    def load(self, folder: Path) -> Predict:
        """Read the files back, as a function from ``(B, *input_shape)`` to the outputs."""


FORMATS: Registry[type[ExportFormat]] = Registry("runs.export.formats", "FORMAT")
