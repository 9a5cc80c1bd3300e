"""PyTorch eager on the processor: exists everywhere, float only; the yardstick for the others."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from hardware_profiles.device import Device
from hardware_profiles.runtime import Predict, Prepared, Runtime, Settings
from hardware_profiles.torch_executable import TorchPrepared


def open_program(model: str | bytes, settings: Settings, threads: int) -> Predict:
    """Open a ``torch.export`` archive, whose content is checked first."""
    from pathlib import Path

    import torch

    from hardware_profiles.portable.pt2_archive import load_program

    assert isinstance(model, str), "an archive is opened as a file"
    torch.set_num_threads(threads)
    program: Any = load_program(Path(model))

    def predict(batch: Any) -> Any:
        with torch.inference_mode():
            return program(torch.from_numpy(batch)).numpy()

    return predict


class TorchRuntime(Runtime):
    """PyTorch eager."""

    name = "torch"
    precisions = frozenset({"float"})
    float_precisions = frozenset({"fp32", "bf16"})
    file_suffix = ".pt2"
    package = "torch"
    open_model = staticmethod(open_program)
    carries = ("hardware_profiles.portable.pt2_graph", "hardware_profiles.portable.pt2_archive")

    def library_version(self) -> str:
        """Return the version of the package, its build included."""
        return str(torch.__version__)

    def warnings(self, device: Device) -> tuple[str, ...]:
        """Warn where bfloat16 is emulated."""
        if {"avx512_bf16", "amx_bf16", "bf16"} & set(device.isa):
            return ()
        return ("bf16 is emulated on this CPU, which has no bfloat16 products: slower than fp32",)

    def unavailable(self) -> str | None:
        """Return ``None``: nasweave itself needs torch."""
        return None

    def prepare(self, module: nn.Module, example: Tensor) -> Prepared:
        """Copy the module."""
        return TorchPrepared(self, module, example, device="cpu", compiled=False)


RUNTIME = TorchRuntime()
