"""ONNX, with integer precisions as the integer kernels of ONNX Runtime, of any batch size."""

from __future__ import annotations

from pathlib import Path

from hardware_profiles import RUNTIMES
from runs.export.formats import ExportFormat, Predict, Subject


class OnnxFormat(ExportFormat):
    """``model.onnx``: the very graph whose latency is profiled on the onnxruntime runtime."""

    files = ("model.onnx",)
    integer_kernels = True

    def write(self, subject: Subject, folder: Path) -> None:
        """Export, quantise node by node, save."""
        policy = subject.in_float.precision_policy()
        executable = RUNTIMES["onnxruntime"].compile(subject.in_float, subject.example, policy=policy, threads=1)
        executable.save(folder / self.files[0])

    def load(self, folder: Path) -> Predict:
        """Open a session on one thread."""
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        session = onnxruntime.InferenceSession(str(folder / self.files[0]), options, providers=["CPUExecutionProvider"])
        name = session.get_inputs()[0].name
        return lambda batch: session.run(None, {name: batch})[0]


FORMAT = OnnxFormat
