"""What the runtimes that read ONNX share: one export in float, from which each precision policy is rewritten."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING

from hardware_profiles.device import this_device
from hardware_profiles.example import Example
from hardware_profiles.runtime import Executable, Runtime, check_policy, open_content
from search_space.precision import FLOAT, FORMATS

if TYPE_CHECKING:
    from torch import nn

__all__ = ["OnnxPrepared"]

log = logging.getLogger("nasweave.hardware_profiles")


class OnnxPrepared:
    """A module as an ONNX graph in float.

    Parameters
    ----------
    runtime
        Whose precisions are checked, and which opens a rewritten graph.
    module, example
        As for :meth:`hardware_profiles.runtime.Runtime.prepare`.
    """

    def __init__(self, runtime: Runtime, module: nn.Module, example: Example) -> None:
        from hardware_profiles.input_limits import input_limits
        from hardware_profiles.onnx.library import graph_library

        self._runtime, self._model = runtime, graph_library().graph(module, example)
        calibrated = any(form.calibrated for name, form in FORMATS.items() if name in runtime.precisions)
        self._input_limits = {}
        if calibrated:
            assert not isinstance(example, Mapping), "a runtime that calibrates has no steps"
            self._input_limits = input_limits(module, example)

    def compile(self, *, policy: Mapping[str, str], threads: int, float_precision: str = "fp32") -> Executable:
        """Rewrite the graph and open it."""
        content = self.serialize(policy, float_precision=float_precision)
        return open_content(self._runtime, content, threads=threads, float_precision=float_precision)

    def serialize(self, policy: Mapping[str, str], *, float_precision: str = "fp32", packed: bool = True) -> bytes:
        """Return the ONNX file of a policy, which is what :meth:`compile` opens, or the same without packed weights."""
        from hardware_profiles.onnx.policy import apply_policy

        check_policy(self._runtime, policy, float_precision=float_precision)
        if any(precision != FLOAT and FORMATS[precision].activation_bits for precision in policy.values()):
            for text in self._runtime.warnings(this_device()):
                _warn_once(text)
        unsigned = self._runtime.unsigned_weights(this_device())
        model = apply_policy(self._model, policy, input_limits=self._input_limits, packed=packed, unsigned=unsigned)
        content: bytes = model.SerializeToString()
        return content


@cache
def _warn_once(text: str) -> None:
    log.warning(text)
