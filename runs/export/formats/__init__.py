"""The export formats: one a file, found by its file name."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from hardware_profiles import RUNTIMES
from hardware_profiles.onnx.prepared import OnnxPrepared
from search_space.errors import RuntimeUnavailableError
from search_space.precision import FORMATS as PRECISIONS
from search_space.registry import Registry
from supernet import Network

__all__ = ["FORMATS", "ExportFormat", "Predict", "Served", "Subject"]

Predict = Callable[[NDArray[np.float32]], NDArray[np.float32]]
Reference = tuple[Callable[[Tensor], Tensor], str]


@dataclass(frozen=True, kw_only=True)
class Subject:
    """A network to export, twice: as the integer runtime computes it, and in float for exporters that rewrite it."""

    simulated: Network
    in_float: Network
    example: Tensor

    @cached_property
    def policy(self) -> Mapping[str, str]:
        """Precision of each linear layer that is not float, by module path."""
        return self.in_float.precision_policy()

    @cached_property
    def needs_openvino(self) -> bool:
        """Whether its integers are those of OpenVINO; ONNX Runtime would compute them in float."""
        return any(PRECISIONS[p].activation_group or PRECISIONS[p].calibrated for p in self.policy.values())

    @cached_property
    def float_precision(self) -> str:
        """What everything but the integers is computed in."""
        return self.in_float.architecture.float_precision

    @cached_property
    def program(self) -> torch.export.ExportedProgram:
        """The simulated network as ``torch.export`` sees it, with a dynamic batch."""
        example = torch.cat([self.example, self.example])  # a batch of one would be specialised
        batch = torch.export.Dim("batch", min=1)
        with torch.no_grad():
            return torch.export.export(self.simulated, (example,), dynamic_shapes=({0: batch},))

    def onnx(self, *, integers: bool = True, packed: bool = True) -> bytes:
        """Return the ONNX file that is profiled, or that of the same network in float, or with no weights packed.

        Raises
        ------
        RuntimeUnavailableError
            Where a package is missing, the weights are too large, or a node cannot have its precision.
        """
        return self._prepared.serialize(self.policy if integers else {}, packed=packed)

    @cached_property
    def _prepared(self) -> OnnxPrepared:
        runtime = RUNTIMES["openvino" if self.needs_openvino else "onnxruntime"]
        reason = runtime.unavailable()
        if reason is not None:
            raise RuntimeUnavailableError(
                "export.formats",
                expected=f"{runtime.name}, for the precisions of this network",
                got="none",
                remedy=reason,
            )
        prepared = runtime.prepare(self.in_float, self.example)
        assert isinstance(prepared, OnnxPrepared)
        return prepared


@dataclass(frozen=True, kw_only=True, slots=True)
class Served:
    """What runs a file: ``onnxruntime``, ``openvino``, ``torch`` or ``nasweave``, with the settings it needs."""

    file: str
    runtime: str
    settings: Mapping[str, Any] = field(default_factory=dict)


class ExportFormat(ABC):
    """One file format of a network."""

    files: ClassVar[tuple[str, ...]]
    """Names of the files it writes; the first is the one that is opened."""

    integer_kernels: ClassVar[bool]
    """Whether integer precisions run as integers; otherwise the file simulates them, at the same results."""

    in_float: ClassVar[bool] = False
    """Whether it holds the network in float, without its integers: it is then compared with that."""

    companions: ClassVar[tuple[str, ...]] = ()
    """Formats that are written with this one, of those that the network has."""

    steps: ClassVar[bool] = False
    """Whether its file is the step of a decoder, which is timed token by token."""

    examples: ClassVar[int | None] = None
    """How many examples it is compared on; all that there are when ``None``."""

    @classmethod
    def unfit(cls, subject: Subject) -> str | None:
        """Return what the network lacks for this format, or ``None``."""
        return None

    @abstractmethod
    def write(self, subject: Subject, folder: Path) -> None:
        """Write the network into an existing folder."""

    @abstractmethod
    def load(self, folder: Path) -> Predict:
        """Read the files back, as a function from ``(B, *input_shape)`` to the outputs."""

    def right(self, subject: Subject) -> Reference | None:
        """Return what its outputs are compared with, and its name; ``None`` for the supernet."""
        return (subject.in_float, "the network in float") if self.in_float else None

    @abstractmethod
    def served(self, subject: Subject) -> Served | None:
        """Return what runs its file on a batch of inputs; ``None`` where it has other inputs."""


FORMATS: Registry[type[ExportFormat]] = Registry("runs.export.formats", "FORMAT")
