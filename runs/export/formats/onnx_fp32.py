"""ONNX in float: the network without its integers, for runtimes and devices that lack their kernels."""

from __future__ import annotations

from runs.export.formats import Subject
from runs.export.formats.onnx import OnnxFormat


class OnnxFloatFormat(OnnxFormat):
    """``model_fp32.onnx``, written beside ``model.onnx`` wherever that holds integers."""

    files = ("model_fp32.onnx",)
    integer_kernels = False
    in_float = True
    companions = ()

    @classmethod
    def unfit(cls, subject: Subject) -> str | None:
        """It would be ``model.onnx`` again where that is in float."""
        return None if subject.policy else "integers, without which model.onnx is in float itself"


FORMAT = OnnxFloatFormat
