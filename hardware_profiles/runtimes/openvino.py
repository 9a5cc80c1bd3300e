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
from collections.abc import Mapping
from typing import Any, ClassVar

from torch import Tensor, nn

from hardware_profiles.device import VNNI, X86, Device
from hardware_profiles.onnx.prepared import OnnxPrepared
from hardware_profiles.runtime import Predict, Prepared, Runtime, Settings
from search_space.precision import FLOAT, FORMATS

__all__ = ["RUNTIME", "settings_of"]

_HINTS = {"fp32": "f32", "bf16": "bf16"}
_BF16 = frozenset({"avx512_bf16", "amx_bf16"})


def settings_of(float_precision: str, *, quantise_inputs: bool = True) -> dict[str, str | int | bool]:
    """Return how OpenVINO is told to compute, but for the number of threads.

    Parameters
    ----------
    float_precision
        What everything outside the policy is computed in.
    quantise_inputs
        Whether inputs of integer weights get integers while running; weights alone have integers otherwise.
    """
    group = FORMATS["w4a8"].activation_group
    assert group is not None
    return {
        "INFERENCE_PRECISION_HINT": _HINTS[float_precision],
        "NUM_STREAMS": 1,
        "PERFORMANCE_HINT": "LATENCY",
        "ENABLE_CPU_PINNING": False,  # a core that something else uses would stall the run
        "DYNAMIC_QUANTIZATION_GROUP_SIZE": group if quantise_inputs else 0,
    }


def open_openvino(model: str | bytes, settings: Settings, threads: int) -> Predict:
    """Open an ONNX or OpenVINO file, or the content of the former."""
    import openvino

    state = open_openvino.__dict__
    if "core" not in state:
        state["core"] = openvino.Core()  # one a process, for its plug-ins take a moment to load
    core: Any = state["core"]
    compiled = core.compile_model(core.read_model(model), "CPU", {**settings, "INFERENCE_NUM_THREADS": threads})
    request = compiled.create_infer_request()

    def predict(batch: Any) -> Any:
        return request.infer([batch], share_inputs=True)[0]

    return predict


class OpenVino(Runtime):
    """OpenVINO's CPU plug-in."""

    name = "openvino"
    precisions = frozenset({"float", "w8a8s", "w8a8g32", "w4a8"})
    float_precisions = frozenset({"fp32", "bf16"})
    file_suffix = ".onnx"
    package = "openvino"
    open_model = staticmethod(open_openvino)
    setting_names = frozenset(settings_of("fp32"))
    beside: ClassVar[Mapping[str, str]] = {".xml": ".bin"}
    portable = True
    reads_onnx = True

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

    def settings(self, float_precision: str) -> Settings:
        """Return the settings under which integer weights have integer inputs."""
        return settings_of(float_precision)

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
        return OnnxPrepared(self, module, example)


RUNTIME = OpenVino()
