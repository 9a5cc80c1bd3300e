"""A runtime in one file of another package: all that a user writes to bring one."""

from __future__ import annotations

import importlib.metadata
from typing import Any

from torch import Tensor, nn

from hardware_profiles.onnx.prepared import OnnxPrepared
from hardware_profiles.runtime import Predict, Prepared, Runtime, Settings


def open_made_up(model: str | bytes, settings: Settings, threads: int) -> Predict:
    """Open an ONNX file, and say so in the sign of the outputs."""
    import onnxruntime

    options: Any = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session: Any = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name

    def predict(batch: Any) -> Any:
        return settings.get("sign", 1) * session.run(None, {name: batch})[0]

    return predict


class MadeUp(Runtime):
    """ONNX Runtime under another name, with settings."""

    name = "made_up"
    family = "onnxruntime"
    precisions = frozenset({"float", "w8a8"})
    file_suffix = ".onnx"
    package = "onnxruntime"
    open_model = staticmethod(open_made_up)
    setting_names = frozenset({"sign"})
    portable = True

    def library_version(self) -> str:
        """Return a version."""
        return importlib.metadata.version("onnxruntime")

    def settings(self, float_precision: str) -> Settings:
        """Return the sign of the outputs."""
        return {"sign": -1}

    def unavailable(self) -> str | None:
        """Return ``None``: the test skips where ONNX Runtime is missing."""
        return None

    def prepare(self, module: nn.Module, example: Tensor) -> Prepared:
        """Export to ONNX."""
        return OnnxPrepared(self, module, example)


RUNTIME = MadeUp()
