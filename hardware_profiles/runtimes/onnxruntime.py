"""ONNX Runtime on the processor: the default, with integer kernels and mixed precision policies.

Its 8-bit integer product is exact where the processor has VNNI, AMX or ARM's dot product; before those (AVX2 alone),
sums of pairs can saturate, which no simulation covers.

Documentation: https://onnxruntime.ai/docs/performance/model-optimizations/quantization.html
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import logging
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from hardware_profiles.atomic import write_atomically
from hardware_profiles.device import Device, this_device
from hardware_profiles.runtime import Executable, Prepared, Runtime, check_policy
from search_space.precision import FLOAT, FORMATS

log = logging.getLogger("nasweave.hardware_profiles")

_X86 = ("x86_64", "amd64", "i686", "i386")
_EXACT = frozenset({"avx_vnni", "avx512_vnni", "amx_int8"})


class _Session:
    """An ONNX Runtime session and the bytes it was made from."""

    def __init__(self, content: bytes, threads: int) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
        options.log_severity_level = 3
        self._content = content
        self._session: Any = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
        self._input = self._session.get_inputs()[0].name
        self._outputs = [self._session.get_outputs()[0].name]

    @property
    def size_bytes(self) -> int:
        """Bytes of the ONNX file."""
        return len(self._content)

    def run(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        """Run on ``(B, ...)``."""
        outputs: list[NDArray[np.float32]] = self._session.run(self._outputs, {self._input: batch})
        return outputs[0]

    def save(self, path: Path) -> None:
        """Write the ONNX file."""
        write_atomically(path, self._content)


class _Exported:
    """A module exported in float."""

    def __init__(self, runtime: Runtime, module: nn.Module, example: Tensor) -> None:
        from hardware_profiles.onnx_export import export_onnx

        self._runtime, self._model = runtime, export_onnx(module, example)

    def compile(self, *, policy: Mapping[str, str], threads: int) -> Executable:
        """Rewrite the graph and open a session on it."""
        from hardware_profiles.onnx_policy import apply_policy

        check_policy(self._runtime, policy)
        if any(precision != FLOAT and FORMATS[precision].activation_bits for precision in policy.values()):
            for text in self._runtime.warnings(this_device()):
                _warn_once(text)
        return _Session(apply_policy(self._model, policy).SerializeToString(), threads)


@cache
def _warn_once(text: str) -> None:
    log.warning(text)


class OnnxRuntime(Runtime):
    """ONNX Runtime's CPU execution provider."""

    name = "onnxruntime"
    precisions = frozenset({"float", "w8a8", "w8", "w4"})
    float_precisions = frozenset({"fp32"})
    file_suffix = ".onnx"

    def library_version(self) -> str:
        """Return the version of the package."""
        return importlib.metadata.version("onnxruntime")

    def warnings(self, device: Device) -> tuple[str, ...]:
        """Warn of 8-bit products on x86 without VNNI."""
        if device.machine in _X86 and not _EXACT & set(device.isa):
            return ("8-bit products (w8a8) may saturate on this CPU, which has no VNNI: check parity.json",)
        return ()

    def unavailable(self) -> str | None:
        """Return ``None`` where the three packages are installed."""
        for package in ("onnxruntime", "onnx", "onnxscript"):
            if importlib.util.find_spec(package) is None:
                return f"{package} is not installed: pip install {package}"
        return None

    def prepare(self, module: nn.Module, example: Tensor) -> Prepared:
        """Export to ONNX."""
        return _Exported(self, module, example)


RUNTIME = OnnxRuntime()
