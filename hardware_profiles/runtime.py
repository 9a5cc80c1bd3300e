"""The contract of a runtime: one code path compiles what is profiled and what ships.

A runtime's one file in ``hardware_profiles/runtimes/`` holds its class and ends with ``RUNTIME = TheClass()``.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from hardware_profiles.model_file import ModelFile
from search_space.errors import RuntimeUnavailableError
from search_space.precision import FLOAT
from search_space.registry import Registry

if TYPE_CHECKING:  # a profile is read without torch
    from torch import Tensor, nn

    from hardware_profiles.device import Device

__all__ = [
    "RUNTIMES",
    "Executable",
    "OpenModel",
    "Predict",
    "Prepared",
    "Runtime",
    "Settings",
    "check_policy",
    "open_content",
]

Settings = Mapping[str, str | int | bool]
"""What a runtime is told beside the model and the number of threads."""

Predict = Callable[[Any], Any]
"""From a batch ``(B, ...)`` of any B to the outputs, ``(B, ...)``."""


class OpenModel(Protocol):
    """Opens a saved model where nasweave is not installed.

    Its source is copied into programs for other machines, so it imports what it needs within: numpy, the runtime's
    package, and modules that the runtime names in ``carries``.
    """

    __name__: str

    def __call__(self, model: str | bytes, settings: Settings, threads: int) -> Predict:
        """Return the function that a file, or its content, computes."""


class Executable(Protocol):
    """A compiled model. Not safe for concurrent calls."""

    @property
    def size_bytes(self) -> int:
        """Bytes of the serialised model."""

    def run(self, batch: Any) -> Any:
        """Run on an array ``(B, ...)`` of any B, or arrays by name; returns the outputs, ``(B, ...)``, or all."""

    def save(self, path: Path) -> None:
        """Write the serialised model, whole or not at all."""


class Prepared(Protocol):
    """A module in the runtime's own form, in float: the slow step, shared by all precision policies."""

    def compile(self, *, policy: Mapping[str, str], threads: int, float_precision: str = "fp32") -> Executable:
        """Return the executable of one policy; raises ``RuntimeUnavailableError`` naming a node it cannot execute."""


class Runtime:
    """A way to execute networks.

    Attributes
    ----------
    name
        Registry key and file name.
    precisions
        Sub-block precisions that it really executes.
    float_precisions
        Whole-network float precisions that it executes.
    file_suffix
        Suffix of a saved model.
    graph_version
        To be raised when the same network comes out as another graph, so with another latency.
    family
        What a block's ``runtimes`` call it; runtimes of one family compute with the same operators. Default: its name.
    accelerated
        Whether a CUDA device does the work.
    package
        What is installed and imported to run a saved model; empty where none can be run elsewhere.
    open_model
        Opens a saved model with numpy and the package alone, as a static method; ``None`` where that is not possible.
    setting_names
        What ``settings`` may tell it. Of a folder from elsewhere nothing else is taken, so none of them names a file.
    beside
        The suffix of the file that it opens beside a model's, by the suffix of the latter.
    carries
        The modules of nasweave that ``open_model`` imports, each importing no others of nasweave than the like.
    portable
        Whether ``open_model`` runs the file as it is profiled: bundles for other devices then carry it, and its peak
        memory is measured in a process of its own.
    reads_onnx
        Whether it prepares a module as an ONNX graph, for which graphs of blocks are exported ahead.
    decodes
        Whether it prepares and runs a step of a decoder too: a module of several inputs and outputs.
    """

    name: ClassVar[str]
    precisions: ClassVar[frozenset[str]]
    float_precisions: ClassVar[frozenset[str]] = frozenset({"fp32"})
    file_suffix: ClassVar[str]
    graph_version: ClassVar[int] = 1
    family: ClassVar[str] = ""
    accelerated: ClassVar[bool] = False
    package: ClassVar[str] = ""
    open_model: ClassVar[OpenModel | None] = None
    setting_names: ClassVar[frozenset[str]] = frozenset()
    beside: ClassVar[Mapping[str, str]] = MappingProxyType({})
    carries: ClassVar[tuple[str, ...]] = ()
    portable: ClassVar[bool] = False
    reads_onnx: ClassVar[bool] = False
    decodes: ClassVar[bool] = False

    def __init_subclass__(cls) -> None:
        cls.family = cls.family or cls.__dict__.get("name", "")

    def version(self) -> str:
        """Return the library's version and ours of the graph, ``1.31.1+g1``; latencies of two are never mixed."""
        library = self.library_version()
        return f"{library}{'.' if '+' in library else '+'}g{self.graph_version}"

    def library_version(self) -> str:
        """Return the installed version of the library."""
        raise NotImplementedError

    def precisions_on(self, device: Device) -> frozenset[str]:
        """Return the sub-block precisions whose kernels on a device compute what is simulated."""
        return self.precisions

    def unsigned_weights(self, device: Device) -> bool:
        """Return whether 8-bit weights are stored as unsigned integers, for the kernels of a device to be exact."""
        return False

    def warnings(self, device: Device) -> tuple[str, ...]:
        """Return what a user should know about the integer precisions on a device, a sentence each."""
        return ()

    def settings(self, float_precision: str) -> Settings:
        """Return what ``open_model`` is told of a model in a float precision."""
        return {}

    @property
    def opener_name(self) -> str:
        """The name of the function whose source :meth:`opener_source` is."""
        assert self.open_model is not None, f"{self.name} opens no files"
        return self.open_model.__name__

    def opener_source(self) -> str:
        """Return the source of ``open_model``, a function under its own name, ready to be copied into a program."""
        assert self.open_model is not None, f"{self.name} opens no files"
        return inspect.getsource(self.open_model)

    def unavailable(self) -> str | None:
        """Return why it cannot be used and what to install, or ``None``."""
        raise NotImplementedError

    def prepare(self, module: nn.Module, example: Tensor) -> Prepared:
        """Bring a module in evaluation mode, in float, to the runtime's form; leaves no global state changed.

        Parameters
        ----------
        module
            Takes and returns one tensor whose first axis is the batch, of any size.
        example
            An input, ``(B, ...)``.
        """
        raise NotImplementedError

    def prepare_step(self, module: nn.Module, inputs: Mapping[str, Tensor]) -> Prepared:
        """Bring a step of a decoder to the runtime's form, whose executable takes and returns all that is remembered.

        Parameters
        ----------
        module
            In evaluation mode, in float; has ``outputs`` (:class:`hardware_profiles.onnx.parts.Stateful`).
        inputs
            By name, in the order of the module's arguments.

        Raises
        ------
        RuntimeUnavailableError
            It does not decode, which ``decodes`` says.
        """
        raise RuntimeUnavailableError(
            "hardware.runtime",
            expected="a runtime that runs the step of a decoder: onnxruntime",
            got=self.name,
            remedy="take hardware=onnxruntime, or search without decode_ms and tokens_per_s",
        )

    def compile(
        self,
        module: nn.Module,
        example: Tensor,
        *,
        policy: Mapping[str, str],
        threads: int,
        float_precision: str = "fp32",
    ) -> Executable:
        """Return the executable of a module.

        Parameters
        ----------
        module, example
            As for :meth:`prepare`.
        policy
            Precision (a key of ``search_space.precision.FORMATS``) by module path of a linear layer; others are float.
        threads
            Number of threads of one run.
        float_precision
            What everything outside the policy is computed in; inputs and outputs are float32 in any case.

        Raises
        ------
        RuntimeUnavailableError
            When a node cannot be executed at its precision, or a path names no linear layer of the module.
        """
        check_policy(self, policy, float_precision=float_precision)
        return self.prepare(module, example).compile(policy=policy, threads=threads, float_precision=float_precision)


RUNTIMES: Registry[Runtime] = Registry("hardware_profiles.runtimes", "RUNTIME")


def open_content(runtime: Runtime, content: bytes, *, threads: int, float_precision: str = "fp32") -> ModelFile:
    """Return the executable of a saved model's bytes, in the same way as a program for other machines opens them."""
    assert runtime.open_model is not None, f"{runtime.name} opens no files"
    return ModelFile(content, runtime.open_model(content, runtime.settings(float_precision), threads))


def check_policy(runtime: Runtime, policy: Mapping[str, str], *, float_precision: str = "fp32") -> None:
    """Raise ``RuntimeUnavailableError`` naming the first node whose precision the runtime does not execute."""
    if float_precision not in runtime.float_precisions:
        raise RuntimeUnavailableError(
            "float_precision",
            expected=f"one of {', '.join(sorted(runtime.float_precisions))} on {runtime.name}",
            got=float_precision,
            remedy="choose another float precision or runtime",
        )
    for path, precision in policy.items():
        if precision != FLOAT and precision not in runtime.precisions:
            raise RuntimeUnavailableError(
                f"precision of {path}",
                expected=f"one of {', '.join(sorted(runtime.precisions))} on {runtime.name}",
                got=precision,
                remedy="choose another precision or runtime",
            )
