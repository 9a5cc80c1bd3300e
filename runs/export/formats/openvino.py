"""OpenVINO IR, converted from ``model.onnx`` with its weights unpacked: integers stay integers, of any batch size.

Documentation: https://docs.openvino.ai (OpenVINO IR format).
"""

from __future__ import annotations

import errno
import importlib.util
import re
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hardware_profiles.runtimes.openvino import settings_of
from runs.export.formats import ExportFormat, Predict, Served, Subject
from search_space.errors import RuntimeUnavailableError, reason_of

# Stored in the file: to quantise inputs that the policy keeps in float would change a w8 or w4 layer.
_QUANTISE_INPUTS = ("nasweave", "quantise_inputs")


class OpenVinoFormat(ExportFormat):
    """``model.xml``, the graph, and ``model.bin``, its weights."""

    files = ("model.xml", "model.bin")
    integer_kernels = True

    def write(self, subject: Subject, folder: Path) -> None:
        """Convert and save, without the rounding of weights to half precision that is OpenVINO's default."""
        openvino: Any = _openvino()
        content = subject.onnx(packed=False)  # its converter knows no functions of a model
        try:
            model = openvino.Core().read_model(content)
        except RuntimeError as error:
            raise RuntimeUnavailableError(
                "export.formats",
                expected="nodes that OpenVINO can convert",
                got=_refused(content, str(error)),
                remedy="leave openvino out of export.formats, or search blocks and precisions that it executes",
            ) from error
        model.set_rt_info(str(subject.needs_openvino), list(_QUANTISE_INPUTS))
        try:
            openvino.save_model(model, folder / self.files[0], compress_to_fp16=False)
        except RuntimeError as error:  # what OpenVINO makes of a full disk
            raise OSError(
                errno.EIO, f"OpenVINO cannot write it: {reason_of(error)}", str(folder / self.files[0])
            ) from error

    def load(self, folder: Path) -> Predict:
        """Compile it on one thread."""
        openvino: Any = _openvino()
        core = openvino.Core()
        model = core.read_model(folder / self.files[0])
        quantise = str(model.get_rt_info(list(_QUANTISE_INPUTS)).value) == "True"
        settings = {**settings_of("fp32", quantise_inputs=quantise), "INFERENCE_NUM_THREADS": 1}
        request = core.compile_model(model, "CPU", settings).create_infer_request()

        def predict(batch: NDArray[np.float32]) -> NDArray[np.float32]:
            return request.infer([batch], share_inputs=True)[0].copy()  # type: ignore[no-any-return]

        return predict

    def served(self, subject: Subject) -> Served:
        """Return OpenVINO with the settings under which the file computes what was trained."""
        settings = settings_of(subject.float_precision, quantise_inputs=subject.needs_openvino)
        return Served(file=self.files[0], runtime="openvino", settings=settings)


def _openvino() -> Any:
    if importlib.util.find_spec("openvino") is None:
        raise RuntimeUnavailableError(
            "export.formats",
            expected="openvino, to write and read its format",
            got="none",
            remedy="pip install 'nasweave[openvino]'",
        )
    import openvino

    return openvino


def _refused(content: bytes, message: str) -> str:
    """Return the first node whose operator a message of the converter names, else the message's first line."""
    import onnx

    nodes = onnx.load_from_string(content).graph.node
    found = next((n for n in nodes if re.search(rf"\b{n.op_type}\b", message)), None)
    return reason_of(RuntimeError(message)) if found is None else f"{found.op_type} in node {found.name!r}"


FORMAT = OpenVinoFormat
