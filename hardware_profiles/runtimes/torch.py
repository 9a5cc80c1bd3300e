"""PyTorch eager on the processor: exists everywhere, float only; the yardstick for the others."""

from __future__ import annotations

import copy
import io
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from hardware_profiles.atomic import write_atomically
from hardware_profiles.runtime import Executable, Prepared, Runtime, check_policy


class _Eager:
    """A module under ``inference_mode`` with a number of threads of its own."""

    def __init__(self, module: nn.Module, example: Tensor, threads: int) -> None:
        self._module, self._example, self._threads = module, example, threads

    @cached_property
    def _content(self) -> bytes:
        # torch.export takes a size of one for a constant.
        traced = self._example if len(self._example) > 1 else torch.cat([self._example, self._example])
        program = torch.export.export(self._module, (traced,), dynamic_shapes=({0: torch.export.Dim.DYNAMIC},))
        for part in program.graph_module.modules():
            for node in part.graph.nodes if isinstance(part, torch.fx.GraphModule) else ():
                node.meta.pop("stack_trace", None)  # it holds this machine's paths
        buffer = io.BytesIO()
        torch.export.save(program, buffer)
        return buffer.getvalue()

    @property
    def size_bytes(self) -> int:
        """Bytes of the ``torch.export`` archive; the first call makes it."""
        return len(self._content)

    def run(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        """Run on ``(B, ...)``; the process's number of threads is as before afterwards."""
        threads = torch.get_num_threads()
        if threads != self._threads:
            torch.set_num_threads(self._threads)
        try:
            with torch.inference_mode():
                output: NDArray[np.float32] = self._module(torch.from_numpy(batch)).numpy()
            return output
        finally:
            if threads != self._threads:
                torch.set_num_threads(threads)

    def save(self, path: Path) -> None:
        """Write the ``torch.export`` archive."""
        write_atomically(path, self._content)


class _Copy:
    """A copy of the module, which the caller may go on changing."""

    def __init__(self, runtime: Runtime, module: nn.Module, example: Tensor) -> None:
        assert not module.training, "a module is compiled in evaluation mode"
        self._runtime, self._module, self._example = runtime, copy.deepcopy(module), example.detach().clone()

    def compile(self, *, policy: Mapping[str, str], threads: int) -> Executable:
        """Return the module itself; any integer precision is refused."""
        check_policy(self._runtime, policy)
        return _Eager(self._module, self._example, threads)


class TorchRuntime(Runtime):
    """PyTorch eager."""

    name = "torch"
    precisions = frozenset({"float"})
    float_precisions = frozenset({"fp32"})
    file_suffix = ".pt2"

    def library_version(self) -> str:
        """Return the version of the package, its build included."""
        return str(torch.__version__)

    def unavailable(self) -> str | None:
        """Return ``None``: nasweave itself needs torch."""
        return None

    def prepare(self, module: nn.Module, example: Tensor) -> Prepared:
        """Copy the module."""
        return _Copy(self, module, example)


RUNTIME = TorchRuntime()
