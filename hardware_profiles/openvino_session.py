"""A compiled model of OpenVINO: needs numpy and the runtime alone, so that a bundle carries it to other devices."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hardware_profiles.atomic import write_atomically
from search_space.precision import FORMATS

__all__ = ["OpenVinoSession", "settings_of"]

_HINTS = {"fp32": "f32", "bf16": "bf16"}


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


@cache
def _core() -> Any:
    import openvino

    return openvino.Core()


class OpenVinoSession:
    """A compiled model with one request, and the ONNX file it was made from."""

    def __init__(self, content: bytes, *, threads: int, float_precision: str) -> None:
        core = _core()
        settings = {**settings_of(float_precision), "INFERENCE_NUM_THREADS": threads}
        self._content = content
        self._request = core.compile_model(core.read_model(content), "CPU", settings).create_infer_request()

    @property
    def size_bytes(self) -> int:
        """Bytes of the ONNX file."""
        return len(self._content)

    def run(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        """Run on ``(B, ...)``."""
        output: NDArray[np.float32] = self._request.infer([batch], share_inputs=True)[0]
        return output

    def save(self, path: Path) -> None:
        """Write the ONNX file."""
        write_atomically(path, self._content)
