"""A session of ONNX Runtime: needs nothing but numpy and the runtime, so that a bundle carries it to other devices."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hardware_profiles.atomic import write_atomically

__all__ = ["OnnxSession"]


class OnnxSession:
    """An ONNX Runtime session and the bytes it was made from."""

    def __init__(self, content: bytes, *, threads: int, float_precision: str) -> None:
        import onnxruntime

        assert float_precision == "fp32", "the policy was checked"

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
