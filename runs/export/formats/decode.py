"""The decode step of a causal network as ONNX: one token in, its outputs and the new states out.

The states of all layers, caches of keys and values or recurrent sums, are inputs ``state.<layer>.<i>`` and outputs
``next.<layer>.<i>``; before the first token they are zeros. ``generate.py`` beside it writes text with numpy and ONNX
Runtime alone.
"""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from hardware_profiles import RUNTIMES, this_device
from hardware_profiles.onnx.library import graph_library
from hardware_profiles.onnx.policy import apply_policy
from runs.export import generate
from runs.export.formats import ExportFormat, Predict, Reference, Served, Subject
from supernet import Network
from supernet.composing.steps import NetworkStep


class DecodeFormat(ExportFormat):
    """``decode.onnx``, with the integer kernels of ``model.onnx``, and ``generate.py``."""

    files = ("decode.onnx", "generate.py")
    integer_kernels = True
    steps = True
    examples: ClassVar[int | None] = 16  # each is as many runs as it has tokens

    @classmethod
    def unfit(cls, subject: Subject) -> str | None:
        """Only a causal network decodes, and the step is written for ONNX Runtime."""
        if not subject.in_float.geometry.task.causal:
            return "causal mixers"
        return "precisions of ONNX Runtime" if subject.needs_openvino else None

    def write(self, subject: Subject, folder: Path) -> None:
        """Put the step together from the graphs of blocks, as it is profiled; quantise node by node, save."""
        step = NetworkStep(subject.in_float).eval()
        model = graph_library().graph(step, step.example(2))
        unsigned = RUNTIMES["onnxruntime"].unsigned_weights(this_device())
        model = apply_policy(model, step.precision_policy(), unsigned=unsigned)
        model.metadata_props.add(key=generate.LENGTH_KEY, value=str(subject.in_float.geometry.task.seq_len))
        (folder / self.files[0]).write_bytes(model.SerializeToString())
        (folder / self.files[1]).write_bytes(Path(generate.__file__).read_bytes())

    def load(self, folder: Path) -> Predict:
        """Return a function that feeds ``(B, L)`` ids token by token and returns the outputs of all."""
        decoder = generate.Decoder(folder / self.files[0])

        def predict(batch: NDArray[np.float32]) -> NDArray[np.float32]:
            decoder.reset(len(batch))
            return np.concatenate([decoder(ids[:, None]) for ids in batch.T], axis=1)

        return predict

    def right(self, subject: Subject) -> Reference:
        """Return the simulated network, token by token: integer activations have the range of one token there."""
        return (lambda ids: _token_by_token(subject.simulated, ids)), "the network token by token"

    def served(self, subject: Subject) -> Served | None:
        """A step is no function of a batch of inputs."""
        return None


def _token_by_token(network: Network, ids_BL: Tensor) -> Tensor:
    outputs, states = [], network.initial_state(len(ids_BL))
    for position, ids_B1 in enumerate(torch.split(ids_BL, 1, dim=1)):
        y_B1O, states = network.step(ids_B1, states, position=torch.tensor(position))
        outputs.append(y_B1O)
    return torch.cat(outputs, dim=1)


FORMAT = DecodeFormat
