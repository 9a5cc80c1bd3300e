"""OpenVINO on the processor: bfloat16, and integer weights with integer inputs.

``w8a8s`` has input ranges that were calibrated beforehand, and the fastest kernels.
``w8a8g32`` and ``w4a8`` are its *dynamic quantisation*: weights stay integers in blocks of 32 inputs, and each 32
features of a token get one scale while running. It is one setting of a whole model, so the weight-only ``w8`` and
``w4`` cannot stand beside it and are not offered; nor is ``w8a8`` of ONNX Runtime, which gains no time here.

Documentation: https://docs.openvino.ai (CPU device: precisions; LLM inference: dynamic quantization).
"""

from __future__ import annotations

import importlib.metadata
import importlib.util

from torch import Tensor, nn

from hardware_profiles.device import VNNI, X86, Device
from hardware_profiles.onnx.prepared import OnnxPrepared
from hardware_profiles.openvino_session import OpenVinoSession
from hardware_profiles.runtime import Prepared, Runtime
from search_space.precision import FLOAT

_BF16 = frozenset({"avx512_bf16", "amx_bf16"})


class OpenVino(Runtime):
    """OpenVINO's CPU plug-in."""

    name = "openvino"
    precisions = frozenset({"float", "w8a8s", "w8a8g32", "w4a8"})
    float_precisions = frozenset({"fp32", "bf16"})
    file_suffix = ".onnx"

    def library_version(self) -> str:
        """Return the version of the package."""
        return importlib.metadata.version("openvino")

    def precisions_on(self, device: Device) -> frozenset[str]:
        """Return float alone for an x86 without VNNI, where static integers saturate and dynamic ones stay float."""
        exact = device.machine not in X86 or VNNI & set(device.isa)
        return self.precisions if exact else frozenset({FLOAT})

    def warnings(self, device: Device) -> tuple[str, ...]:
        """Warn where the processor lacks what the integer kernels or bfloat16 need."""
        found = []
        if not VNNI & set(device.isa):
            found.append(
                "integers are not exact on this CPU, which has no VNNI: products saturate (w8a8s), or inputs stay float"
            )
        if not _BF16 & set(device.isa):
            found.append("bf16 is computed in fp32 on this CPU, which has no bfloat16 products")
        return tuple(found)

    def unavailable(self) -> str | None:
        """Return ``None`` where the three packages are installed."""
        if importlib.util.find_spec("openvino") is None:
            return "openvino is not installed: pip install 'nasweave[openvino]'"
        for package in ("onnx", "onnxscript"):
            if importlib.util.find_spec(package) is None:
                return f"{package} is not installed: pip install {package}"
        return None

    def prepare(self, module: nn.Module, example: Tensor) -> Prepared:
        """Export to ONNX."""
        return OnnxPrepared(self, module, example, open_model=OpenVinoSession)


RUNTIME = OpenVino()
