"""ONNX Runtime on the processor: the default, with integer kernels and mixed precision policies.

Its product of signed 8-bit weights is exact where the processor has VNNI, AMX or ARM's dot product. Before those (AVX2
alone) sums of pairs saturate, so weights are unsigned there, for which the kernel is exact on every processor.

Documentation: https://onnxruntime.ai/docs/performance/model-optimizations/quantization.html
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

from hardware_profiles.device import VNNI, X86, Device, this_device
from hardware_profiles.onnx.prepared import OnnxPrepared
from hardware_profiles.runtime import Predict, Prepared, Runtime, Settings


def open_onnxruntime(model: str | bytes, settings: Settings, threads: int) -> Predict:
    """Open an ONNX file, or its content."""
    import onnxruntime

    options: Any = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    options.log_severity_level = 3
    session: Any = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    name, outputs = session.get_inputs()[0].name, [session.get_outputs()[0].name]

    def predict(batch: Any) -> Any:
        if isinstance(batch, dict):  # a step, which returns all that it remembers
            return session.run(None, batch)
        return session.run(outputs, {name: batch})[0]

    return predict


class OnnxRuntime(Runtime):
    """ONNX Runtime's CPU execution provider."""

    name = "onnxruntime"
    precisions = frozenset({"float", "w8a8", "w8a8_2of4", "w4a8c", "w8", "w4"})
    float_precisions = frozenset({"fp32"})
    file_suffix = ".onnx"
    package = "onnxruntime"
    open_model = staticmethod(open_onnxruntime)
    portable = True
    reads_onnx = True
    decodes = True

    def library_version(self) -> str:
        """Return the version of the package."""
        return importlib.metadata.version("onnxruntime")

    def version(self) -> str:
        """Return the versions of library and graph; graphs with unsigned weights have another latency."""
        return super().version() + ("u" if self.unsigned_weights(this_device()) else "")

    def unsigned_weights(self, device: Device) -> bool:
        """Return whether the device is an x86 without VNNI, whose kernel for signed 8-bit weights saturates."""
        return device.machine in X86 and not VNNI & set(device.isa)

    def unavailable(self) -> str | None:
        """Return ``None`` where the three packages are installed."""
        for package in ("onnxruntime", "onnx", "onnxscript"):
            if importlib.util.find_spec(package) is None:
                return f"{package} is not installed: pip install {package}"
        return None

    def prepare(self, module: nn.Module, example: Tensor) -> Prepared:
        """Export to ONNX."""
        return OnnxPrepared(self, module, example)

    def prepare_step(self, module: nn.Module, inputs: Mapping[str, Tensor]) -> Prepared:
        """Export to ONNX."""
        return OnnxPrepared(self, module, inputs)


RUNTIME = OnnxRuntime()
