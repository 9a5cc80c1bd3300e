"""PyTorch as a runtime: eager or compiled, on the processor or on a CUDA device, in one float precision."""

from __future__ import annotations

import copy
import io
import logging
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from hardware_profiles.atomic import write_atomically
from hardware_profiles.runtime import Executable, Runtime, check_policy

__all__ = ["TorchPrepared"]

_DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}
_NOISY = ("torch._dynamo", "torch._inductor", "torch._functorch")


class TorchPrepared:
    """A copy of a module, which the caller may go on changing.

    Parameters
    ----------
    runtime
        Whose precisions are checked.
    module, example
        As for :meth:`hardware_profiles.runtime.Runtime.prepare`.
    device
        ``cpu`` or ``cuda``.
    compiled
        Whether the exported program goes through the inductor.
    """

    def __init__(self, runtime: Runtime, module: nn.Module, example: Tensor, *, device: str, compiled: bool) -> None:
        if module.training:
            raise ValueError("a module is compiled in evaluation mode")
        self._runtime, self._module, self._example = runtime, copy.deepcopy(module), example.detach().clone()
        self._device, self._compiled = device, compiled

    def compile(self, *, policy: Mapping[str, str], threads: int, float_precision: str = "fp32") -> Executable:
        """Return the module on its device; any integer precision is refused."""
        check_policy(self._runtime, policy, float_precision=float_precision)
        dtype = _DTYPES[float_precision]
        module = copy.deepcopy(self._module).to(device=self._device, dtype=dtype)
        example = _cast(self._example, self._device, dtype)
        return _Model(module, example, threads=threads, compiled=self._compiled)


class _Model:
    """A module under ``inference_mode`` with a number of threads of its own; on CUDA a run includes both copies."""

    def __init__(self, module: nn.Module, example: Tensor, *, threads: int, compiled: bool) -> None:
        self._module, self._example, self._threads = module, example, threads
        self._call: Callable[[Tensor], Tensor] = module
        if compiled:
            # Each exported program has code of its own. Modules of one class share theirs, and dynamo gives up
            # compiling one piece of code after a few times.
            self._call = torch.compile(self._program.module(), fullgraph=True)
            with _silent(), _threads(threads):
                self._run(example)

    @cached_property
    def _program(self) -> torch.export.ExportedProgram:
        # torch.export takes a size of one for a constant.
        traced = self._example if len(self._example) > 1 else torch.cat([self._example, self._example])
        program = torch.export.export(self._module, (traced,), dynamic_shapes=({0: torch.export.Dim.DYNAMIC},))
        for part in program.graph_module.modules():
            for node in part.graph.nodes if isinstance(part, torch.fx.GraphModule) else ():
                node.meta.pop("stack_trace", None)  # it holds this machine's paths
        return program

    @cached_property
    def _content(self) -> bytes:
        buffer = io.BytesIO()
        torch.export.save(self._program, buffer)
        return buffer.getvalue()

    @property
    def size_bytes(self) -> int:
        """Bytes of the ``torch.export`` archive; the first call makes it."""
        return len(self._content)

    def run(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        """Run on ``(B, ...)``; the process's number of threads is as before afterwards."""
        with _threads(self._threads):
            moved = _cast(torch.from_numpy(batch), self._example.device.type, self._example.dtype)
            output: NDArray[np.float32] = self._run(moved).to("cpu", torch.float32).numpy()
        return output

    def _run(self, batch: Tensor) -> Tensor:
        with torch.inference_mode():
            return self._call(batch)

    def save(self, path: Path) -> None:
        """Write the ``torch.export`` archive."""
        write_atomically(path, self._content)


def _cast(batch: Tensor, device: str, dtype: torch.dtype) -> Tensor:
    """Move a batch; integer inputs (tokens) keep their type."""
    return batch.to(device, dtype if batch.is_floating_point() else None)


@contextmanager
def _threads(count: int) -> Iterator[None]:
    before = torch.get_num_threads()
    if before != count:
        torch.set_num_threads(count)
    try:
        yield
    finally:
        if before != count:
            torch.set_num_threads(before)


@contextmanager
def _silent() -> Iterator[None]:
    """Keep the compiler's warnings and log records to ourselves, and its work in this process."""
    import torch._inductor.config as inductor

    levels = {name: logging.getLogger(name).level for name in _NOISY}
    with warnings.catch_warnings(), inductor.patch(compile_threads=1):
        warnings.simplefilter("ignore")
        try:
            for name in _NOISY:
                logging.getLogger(name).setLevel(logging.ERROR)
            yield
        finally:
            for name, level in levels.items():
                logging.getLogger(name).setLevel(level)
