"""ONNX, with integer precisions as the integer kernels of ONNX Runtime or OpenVINO, of any batch size."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from hardware_profiles.onnx.policy import RUNTIME_KEY
from hardware_profiles.runtime import RUNTIMES, open_content
from runs.export.formats import ExportFormat, Predict, Served, Subject


class OnnxFormat(ExportFormat):
    """``model.onnx``: the very graph whose latency is profiled on the onnxruntime or openvino runtime."""

    files = ("model.onnx",)
    integer_kernels = True
    companions: ClassVar[tuple[str, ...]] = ("onnx_fp32", "decode")

    def write(self, subject: Subject, folder: Path) -> None:
        """Export, quantise node by node, save."""
        (folder / self.files[0]).write_bytes(subject.onnx(integers=not self.in_float))

    def load(self, folder: Path) -> Predict:
        """Open it on one thread, with the runtime whose integers it holds."""
        import onnx

        content = (folder / self.files[0]).read_bytes()
        told = {p.key: p.value for p in onnx.load_from_string(content).metadata_props}
        return open_content(RUNTIMES[told.get(RUNTIME_KEY, "onnxruntime")], content, threads=1).run

    def served(self, subject: Subject) -> Served:
        """Return the runtime whose integers it holds."""
        if subject.needs_openvino and not self.in_float:
            settings = RUNTIMES["openvino"].settings(subject.float_precision)
            return Served(file=self.files[0], runtime="openvino", settings=settings)
        return Served(file=self.files[0], runtime="onnxruntime")


FORMAT = OnnxFormat
